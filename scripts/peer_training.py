"""Ways to train one and the same student, and how good each is after how many seconds."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline import EntityRecognizer
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import set_dropout_rate

from spacy_xner.distillation.config import (
    Distillation,
    init_student,
    load_student_config,
    resolve_corpora,
    resolve_distillation,
    settle_entity_weight,
    with_teachers,
)
from spacy_xner.distillation.reader import SoftLabelReader

__all__ = ["Point", "curve", "prepare", "spacy4_update", "trainers"]

Step = Callable[[list[Example]], None]


@dataclass(frozen=True)
class Point:
    """How far a training has come.

    seconds (float): Time that it took, without the evaluations.
    words (int): Words that it has seen.
    f1 (float): F1 on the test set, per cent.
    """

    seconds: float
    words: int
    f1: float


@dataclass
class Prepared:
    """A student before training, and what trains it."""

    nlp: Language
    reader: SoftLabelReader
    block: Distillation

    def batches(self) -> Iterator[list[Example]]:
        """Give batches without end, in another order each pass."""
        epoch = 0
        while True:
            for batch in self.block.batcher(self.reader.shuffled(self.nlp, epoch)):
                yield sorted(batch, key=lambda eg: -len(eg.predicted))
            epoch += 1


def prepare(soft: Path, student: Path, overrides: dict[str, Any]) -> Prepared:
    """Initialise a student from soft labels, as `distill` does."""
    config = with_teachers(load_student_config(student, overrides), [soft])
    plain = config.interpolate()
    block = resolve_distillation(plain)
    reader, _ = resolve_corpora(plain, block)
    settle_entity_weight(block, reader)
    return Prepared(init_student(config, reader), reader, block)


def trainers(made: Callable[[], Prepared]) -> dict[str, tuple[Prepared, Step]]:
    """Set up each way to train; all read the same soft labels in the same order.

    `spacy-v4-loop` needs a teacher that is a `ner`, too: it learns from hard labels for a third of
    the time, then teaches.

    made (Callable[[], Prepared]): Makes a fresh student.
    RETURNS (Dict[str, Tuple[Prepared, Callable]]): Student and step by the way's name.
    """
    ours, hard, fourth = made(), made(), made()
    teacher = made()
    learning = [0.0]  # seconds that the `ner` which teaches has learned

    def distil(batch: list[Example]) -> None:
        ner: Any = ours.nlp.get_pipe("ner")
        ours.reader.task.update(
            ner,
            batch,
            drop=ours.block.dropout,
            temperature=ours.block.temperature,
            alpha=ours.block.alpha,
            entity_weight=ours.block.entity_weight or 1.0,
        )
        finish(ours)

    def update(batch: list[Example], prepared: Prepared = hard) -> None:
        drop, sgd = prepared.block.dropout, prepared.block.optimizer
        prepared.nlp.update(batch, drop=drop, sgd=sgd)
        sgd.step_schedules()

    def fourth_step(batch: list[Example]) -> None:
        if learning[0] < fourth_step.budget / 3:
            began = time.perf_counter()
            update(batch, teacher)
            learning[0] += time.perf_counter() - began
            return
        student, tutor = (each.nlp.get_pipe("ner") for each in (fourth, teacher))
        spacy4_update(student, tutor, [eg.predicted for eg in batch], drop=fourth.block.dropout)
        finish(fourth)

    fourth_step.budget = 0.0  # type: ignore[attr-defined]
    return {
        "spacy-xner": (ours, distil),
        "spacy-update": (hard, update),
        "spacy-v4-loop": (fourth, fourth_step),
    }


def finish(prepared: Prepared) -> None:
    for _, pipe in prepared.nlp.pipeline:
        if hasattr(pipe, "finish_update"):
            pipe.finish_update(prepared.block.optimizer)
    prepared.block.optimizer.step_schedules()


def spacy4_update(
    student: EntityRecognizer, teacher: EntityRecognizer, docs: Sequence[Doc], *, drop: float = 0.0
) -> float:
    """Move a student towards a teacher of the same transitions; `Parser.distill` of spaCy 4.

    Both score the states that the student's own moves lead to; the gradient is the difference of
    their distributions over the valid moves (`TransitionSystem.get_teacher_student_loss`).

    student (EntityRecognizer): Learns.
    teacher (EntityRecognizer): Teaches; has the same labels, in the same order.
    docs (Sequence[Doc]): Documents without entities, the longest first.
    drop (float): Dropout rate.
    RETURNS (float): Cross-entropy summed over the states.
    """
    set_dropout_rate(student.model, drop)
    states = student.moves.init_batch(docs)
    tutor_model = teacher.model.predict(docs)
    model, finish_tok2vec = student.model.begin_update(docs)
    loss = 0.0
    while states:
        wanted = softmax(tutor_model.predict(states))
        scores, backprop = model.begin_update(states)
        predicted = softmax(scores)
        loss -= float((wanted * np.log(predicted + 1e-9)).sum())
        backprop((predicted - wanted).astype(np.float32))
        student.transition_states(states, scores)
        states = [state for state in states if not state.is_final()]
    finish_tok2vec(docs)
    return loss


def softmax(scores: np.ndarray) -> np.ndarray:
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def curve(
    prepared: Prepared,
    step: Step,
    score: Callable[[Language], float],
    *,
    seconds: float,
    points: int,
) -> list[Point]:
    """Train for some time and score in between.

    prepared (Prepared): The student.
    step (Callable): Learns from a batch.
    score (Callable[[Language], float]): F1 of the student; its time does not count.
    seconds (float): Time to train.
    points (int): Scores, in equal steps of time.
    RETURNS (List[Point]): One a score.
    """
    if hasattr(step, "budget"):
        step.budget = seconds
    found: list[Point] = []
    spent, words = 0.0, 0
    batches = prepared.batches()
    while len(found) < points:
        began = time.perf_counter()
        batch = next(batches)
        step(batch)
        words += sum(len(eg.predicted) for eg in batch)
        spent += time.perf_counter() - began
        if spent >= seconds * (len(found) + 1) / points:
            averages = prepared.block.optimizer.averages or {}
            with prepared.nlp.use_params(averages):
                found.append(Point(spent, words, score(prepared.nlp)))
    return found
