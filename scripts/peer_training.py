"""Ways to train one and the same student, and who is ahead after how many seconds.

Every way starts the clock with nothing but a teacher and raw text. What it needs beforehand counts:
the student's word vectors, the setting up, and the teacher's labels for every text that it reads
for the first time; TextBrewer's teacher runs inside its loop.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from peer_spacy4 import spacy4_update
from spacy.language import Language
from spacy.training import Example

from spacy_xner.distillation.checkpoint import keep_averages
from spacy_xner.distillation.config import (
    Distillation,
    load_student_config,
    resolve_corpora,
    resolve_distillation,
    settle_entity_weight,
    with_teachers,
)
from spacy_xner.distillation.reader import SoftLabelReader
from spacy_xner.distillation.student import init_student, with_start
from spacy_xner.evaluation.gold import TaggedSentence
from spacy_xner.evaluation.predict import Prediction, predict

__all__ = [
    "Distil",
    "HardLabels",
    "Point",
    "Prepared",
    "Spacy4Loop",
    "Way",
    "prepare",
    "race",
]

TUTORING = 1 / 3  # of the time, in which the teacher of spaCy 4's loop learns


class Way(Protocol):
    """A way to train.

    words (int): Words that the student has read.
    labelled (int): Words that a teacher had to label beforehand.
    """

    @property
    def words(self) -> int: ...

    @property
    def labelled(self) -> int: ...

    def learn(self, share: float) -> None:
        """Learn from one batch; `share` of the time has gone by."""
        ...

    def predict(self, gold: Sequence[TaggedSentence]) -> Prediction:
        """Tag gold tokens with the student as it is now."""
        ...


@dataclass(frozen=True)
class Point:
    """How far a way has come.

    way (str): Its name.
    seconds (float): Time on the clock: the sum of the following three, up to one batch.
    set_up (float): Seconds of what it needs before it reads text.
    labelling (float): Seconds that the teacher took for its labels, outside of the loop.
    training (float): Seconds of the loop.
    words (int): Words that the student has read.
    prediction (Prediction): On the test set; its time does not count.
    """

    way: str
    seconds: float
    set_up: float
    labelling: float
    training: float
    words: int
    prediction: Prediction


@dataclass
class Prepared:
    """A student before training, and what trains it."""

    nlp: Language
    reader: SoftLabelReader
    block: Distillation
    seed: int

    def batches(self) -> Iterator[tuple[bool, list[Example]]]:
        """Give batches without end, in another order each pass; whether it is the first pass."""
        epoch = 0
        while True:
            seed = self.seed * 1000 + epoch
            for batch in self.block.batcher(self.reader.shuffled(self.nlp, seed)):
                yield not epoch, sorted(batch, key=lambda eg: -len(eg.predicted))
            epoch += 1

    def finish(self) -> None:
        """Move the weights, as the loop does after every batch."""
        for _, pipe in self.nlp.pipeline:
            if hasattr(pipe, "finish_update"):
                pipe.finish_update(self.block.optimizer)
        self.block.optimizer.step_schedules()


def prepare(soft: Path, student: Path, overrides: dict[str, Any]) -> Prepared:
    """Initialise a student from soft labels, as `distill` does.

    soft (Path): Soft labels.
    student (Path): The student's config.
    overrides (Dict[str, Any]): Config values by dotted key.
    RETURNS (Prepared): The student.
    """
    config = with_teachers(load_student_config(student, overrides), [soft])
    plain = config.interpolate()
    block = resolve_distillation(plain)
    reader, _ = resolve_corpora(plain, block)
    settle_entity_weight(block, reader)
    config, _ = with_start(config)
    seed = plain.get("training", {}).get("seed") or 0
    return Prepared(init_student(config, reader), reader, block, seed)


class SpacyWay(ABC):
    """A spaCy pipeline that learns from batches of soft-label examples.

    prepared (Prepared): The student.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.prepared = prepared
        self.words = self.labelled = 0
        self._batches = prepared.batches()

    def learn(self, share: float) -> None:
        is_first, batch = next(self._batches)
        self.step(batch)
        n = sum(len(eg.predicted) for eg in batch)
        self.words += n
        self.labelled += n if is_first else 0

    @abstractmethod
    def step(self, batch: list[Example]) -> None:
        """Learn from a batch, the longest document first."""

    def predict(self, gold: Sequence[TaggedSentence]) -> Prediction:
        with self.prepared.nlp.use_params(self.prepared.block.optimizer.averages or {}):
            return predict(self.prepared.nlp, gold)


class Distil(SpacyWay):
    """Ours: the steps of `spacy_xner.distillation.loop`."""

    def step(self, batch: list[Example]) -> None:
        nlp, task, block = self.prepared.nlp, self.prepared.reader.task, self.prepared.block
        for name, pipe in nlp.pipeline:
            if nlp.get_pipe_meta(name).factory == task.factory:
                task.update(
                    pipe,
                    batch,
                    drop=block.dropout,
                    temperature=block.temperature,
                    alpha=block.alpha,
                    entity_weight=block.entity_weight or 1.0,
                )
        self.prepared.finish()


class HardLabels(SpacyWay):
    """Stock `spacy train`: `nlp.update` on the hard labels of the same examples."""

    def step(self, batch: list[Example]) -> None:
        # As in spaCy's own loop: False, where None would make an optimizer.
        no_step: Any = False
        self.prepared.nlp.update(batch, drop=self.prepared.block.dropout, sgd=no_step)
        self.prepared.finish()


class Spacy4Loop(SpacyWay):
    """The loop of spaCy 4, whose teacher must be a `ner` itself.

    That one learns from hard labels for a third of the time; then it teaches the student on raw
    text, for which no other teacher is needed.

    prepared (Prepared): The student.
    tutor (Prepared): Its teacher, a pipeline of the same labels.
    """

    def __init__(self, prepared: Prepared, tutor: Prepared) -> None:
        super().__init__(prepared)
        self.tutor, self.teaches = HardLabels(tutor), False

    def learn(self, share: float) -> None:
        if share < TUTORING and not self.teaches:
            self.tutor.learn(share)
            self.labelled = self.tutor.labelled
            return
        if not self.teaches:
            keep_averages(self.tutor.prepared.nlp, self.tutor.prepared.block.optimizer)
            self.teaches = True
        _, batch = next(self._batches)
        self.step(batch)
        self.words += sum(len(eg.predicted) for eg in batch)

    def step(self, batch: list[Example]) -> None:
        student, teacher = (
            each.nlp.get_pipe("ner") for each in (self.prepared, self.tutor.prepared)
        )
        docs = [eg.predicted for eg in batch]
        spacy4_update(student, teacher, docs, drop=self.prepared.block.dropout)
        self.prepared.finish()


def race(
    ways: Mapping[str, Way],
    set_up: Mapping[str, float],
    gold: Sequence[TaggedSentence],
    *,
    labelling_rate: float,
    seconds: float,
    points: int,
    turn: float = 5.0,
) -> Iterator[Point]:
    """Train all ways by turns, so that noise of the machine hits all of them, and score in between.

    ways (Mapping[str, Way]): Way by its name.
    set_up (Mapping[str, float]): Seconds that each needed before.
    gold (Sequence[TaggedSentence]): The test set.
    labelling_rate (float): Words a second that the teacher labels outside of a loop.
    seconds (float): Time on the clock of each way.
    points (int): Scores, in equal steps of time.
    turn (float): Seconds that a way trains before it is another's turn.
    YIELDS (Point): Each way at each step of time.
    """
    training = dict.fromkeys(ways, 0.0)

    def clock(name: str) -> float:
        return set_up[name] + ways[name].labelled / labelling_rate + training[name]

    for i in range(1, points + 1):
        until = seconds * i / points
        while late := [name for name in ways if clock(name) < until]:
            for name in late:
                ends = training[name] + turn
                while clock(name) < until and training[name] < ends:
                    began = time.perf_counter()
                    ways[name].learn(clock(name) / seconds)
                    training[name] += time.perf_counter() - began
        for name, way in ways.items():
            labelling = way.labelled / labelling_rate
            found = way.predict(gold)
            yield Point(name, until, set_up[name], labelling, training[name], way.words, found)
