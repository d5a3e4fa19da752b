"""Rounds: a transformer student as the teacher's assistant, then the small student from it.

After the teacher-assistant of Mirzadeh et al. (2020) and the rounds of RIKD (Liang et al. 2021): of
each round, the transformer student learns from the labels of the round before and labels the text
anew. What a folder holds already is not made again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.training.loop import DIR_MODEL_LAST
from thinc.api import Config

from ..corpora.files import atomic_write
from ..corpora.soft_labels import SoftLabelCorpus
from ..errors import XnerError
from ..teacher.annotate import annotate_documents, text_fingerprint
from ..teacher.loading import load_pipeline
from ..teacher.sources import folder_fingerprint, load_source
from .checkpoint import clear_checkpoints, has_checkpoint
from .config import config_digest, resolve_corpora, resolve_distillation, with_teachers
from .loop import distill
from .recipe import Recipe
from .teachers import Teacher, resolve_teachers

__all__ = ["run_rounds"]

LABELS = "labels"
METRICS = "metrics.json"

Metrics = dict[str, Any]


def run_rounds(
    recipe: Recipe,
    soft_labels: Sequence[str | Path],
    text: str | Path,
    output: str | Path,
    *,
    use_gpu: int = -1,
    report: Callable[[str], None] = lambda message: None,
) -> Path:
    """Train transformer students round by round, and the small student from the last good one.

    `round-N/metrics.json` keeps the agreement of round N: the score of its transformer student on
    the held-out soft labels of the first teachers, whoever taught it, so that rounds compare. Once
    that no longer rises, the labels of the round before are the student's. Killed at any moment,
    the same call goes on where it stopped.

    recipe (Recipe): Both configs, and the number of rounds.
    soft_labels (Sequence[Union[str, Path]]): Soft-label folders of the first teachers; none leaves
        `[distillation.teachers]` of the transformer student in charge. Those of other texts, such
        as gold sentences, teach in all rounds.
    text (Union[str, Path]): The text that the first teachers labelled.
    output (Union[str, Path]): Folder for rounds and student.
    use_gpu (int): GPU, or -1; call `require_gpu` first.
    report (Callable[[str], None]): Told what was reached.
    RETURNS (Path): Folder of the small student's last model.
    RAISES: XnerError: No folder labels `text`, or `output` holds what another recipe made.
    """
    output = Path(output)
    first, lang = _split(_first_teachers(recipe, soft_labels), Path(text))
    judge = _taught(recipe.assistant, [*first.of_text, *first.of_others])
    labels, agreement = first.of_text, float("-inf")
    for number in range(1, recipe.rounds + 1):
        folder = output / f"round-{number}"
        config = _taught(recipe.assistant, [*labels, *first.of_others])
        metrics = _round(config, judge, Path(text), lang, folder, use_gpu)
        report(
            f"Round {number}: agreement with held-out labels of the first teachers "
            f"{metrics['agreement']:.2f}"
        )
        if metrics["agreement"] <= agreement:
            report(f"It no longer rises: the labels of round {number - 1} teach the student")
            break
        agreement = metrics["agreement"]
        labels = [Teacher("assistant", folder / LABELS)]
    student = _taught(recipe.student, [*labels, *first.of_others])
    judge = _taught(recipe.student, [*first.of_text, *first.of_others])
    _distil(student, judge, output / "student", use_gpu)
    return output / "student" / DIR_MODEL_LAST


@dataclass
class _Teachers:
    """Teachers of the text, and those of other texts."""

    of_text: list[Teacher]
    of_others: list[Teacher]


def _first_teachers(recipe: Recipe, soft_labels: Sequence[str | Path]) -> list[Teacher]:
    # By numbers: a path is no name of a section.
    given = [Teacher(f"teacher-{i}", Path(path)) for i, path in enumerate(soft_labels)]
    block = recipe.assistant.interpolate()["distillation"]["teachers"]
    teachers = given or resolve_teachers(block)
    if not teachers:
        raise XnerError(
            "Nobody teaches: name a soft-label folder or a pipeline with --teacher, or teachers in "
            "[assistant.distillation.teachers] of the recipe."
        )
    return teachers


def _split(teachers: list[Teacher], text: Path) -> tuple[_Teachers, str | None]:
    split = _Teachers([], [])
    lang: str | None = None
    for teacher in teachers:
        corpus = SoftLabelCorpus(teacher.path)
        docs = corpus.meta.get("shard_docs")
        same = corpus.source == text_fingerprint(text, *([docs] if docs else []))
        (split.of_text if same else split.of_others).append(teacher)
        lang = lang or (corpus.lang if same else None)
    if not split.of_text:
        raise XnerError(
            f"None of the soft-label folders {', '.join(str(one.path) for one in teachers)} is of "
            f"the text {text}, which each round labels anew. Name the text that the teachers "
            "labelled, or annotate this one."
        )
    return split, None if text.is_dir() else lang


def _taught(config: Config, teachers: Sequence[Teacher]) -> Config:
    config = config.copy()
    config["distillation"]["teachers"] = {
        one.name: {"path": str(one.path), "weight": one.weight, "labels": dict(one.labels)}
        for one in teachers
    }
    return config


def _round(
    config: Config, judge: Config, text: Path, lang: str | None, folder: Path, use_gpu: int
) -> Metrics:
    trained = _distil(config, judge, folder / "assistant", use_gpu)

    def label() -> Metrics:
        source = load_source(folder / "assistant" / DIR_MODEL_LAST)
        done = annotate_documents(source, text, folder / LABELS, lang=lang)
        return {
            **trained,
            "labelled_docs": done.docs,
            "labelling_seconds": round(done.seconds, 1),
            "words_per_second": round(done.words_per_second),
        }

    return _once(folder / METRICS, trained["fingerprint"], label)


def _distil(config: Config, judge: Config, folder: Path, use_gpu: int) -> Metrics:
    """Train a student, or go on with it; tell how well it agrees with the judge's teachers."""
    config = with_teachers(config, [])

    def train() -> Metrics:
        began = time.perf_counter()
        resume = has_checkpoint(folder)
        distill([], config, folder, use_gpu=use_gpu, resume=resume)
        clear_checkpoints(folder)
        return {
            "agreement": _score(judge, folder),
            "training_seconds": round(time.perf_counter() - began, 1),
            "resumed": resume,
        }

    return _once(folder.with_suffix(".json"), _fingerprint(config), train)


def _score(judge: Config, folder: Path) -> float:
    """Give the score of a student on the held-out labels of the teachers of a config, per cent."""
    plain = with_teachers(judge, []).interpolate()
    _, held_out = resolve_corpora(plain, resolve_distillation(plain))
    nlp = load_pipeline(folder / DIR_MODEL_LAST)
    scores = nlp.evaluate(list(held_out(nlp)))
    weights = plain["training"]["score_weights"]
    return round(100 * sum((scores.get(key) or 0.0) * (w or 0.0) for key, w in weights.items()), 4)


def _fingerprint(config: Config) -> str:
    """Digest of a student's config and of all that it learns from."""
    plain = config.interpolate()
    block = plain["distillation"]
    corpora = [SoftLabelCorpus(one.path) for one in resolve_teachers(block["teachers"])]
    start = block["start"]
    parts = [
        config_digest(plain),
        *(f"{corpus.teacher}:{corpus.source}" for corpus in corpora),
        folder_fingerprint(Path(start)) if start and Path(start).is_dir() else str(start),
    ]
    return hashlib.sha256("\n".join(parts).encode("utf8")).hexdigest()[:32]


def _once(path: Path, fingerprint: str, make: Callable[[], Metrics]) -> Metrics:
    """Read what a finished stage has written, or go through it and write that."""
    if path.is_file():
        found: Metrics = json.loads(path.read_text("utf8"))
        if found["fingerprint"] != fingerprint:
            raise XnerError(
                f"{path} is of another run: its configs or its soft labels differ. Name another "
                f"output folder, or delete {path.parent}."
            )
        return found
    made = {**make(), "fingerprint": fingerprint}
    with atomic_write(path) as file:
        file.write(json.dumps(made, indent=1).encode("utf8"))
    return made
