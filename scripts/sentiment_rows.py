"""The rows of scripts/sentiment.py: weighted F1, words per second, and shares of the teacher."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from benchmark_scores import Bench
from sentiment_scores import classify, majority, weighted_f1
from spacy.language import Language
from wasabi import msg

from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.corpora.tsv import LabelledText, categories_of, read_tsv
from spacy_xner.distillation.weightings import balancing_factors
from spacy_xner.evaluation.results import ResultRows, config_sha, file_sha, make_row
from spacy_xner.evaluation.speed import compare_speed

TEACHER = Path("configs/sentiment_teacher.cfg")
STUDENT = Path("configs/sentiment_student.cfg")
BALANCED = Path("configs/sentiment_student_balanced.cfg")
# `power` of the balanced students: for each language the best of 0, 0.5 and 1 on the mean of the
# dev sets of the other three (docs/experiments.md); the config's own for all other languages.
POWERS = {"hau": 0.5, "yor": 0.5, "amh": 1.0, "swa": 1.0}
COMMAND = "python scripts/sentiment.py"
DISTILLATION, DEFAULT = "distillation", "balanced"
SPEED_TEXTS, SPEED_ROUNDS = 500, 5


@dataclass(frozen=True)
class Run:
    """What is measured.

    bench (Bench): Where things stand.
    data_root (Path): LANG/{train,dev,test}.tsv.
    languages (list[str]): All languages; those that are not the target teach.
    seeds (int): Students a target.
    student (Path): Their config.
    """

    bench: Bench
    data_root: Path
    languages: list[str]
    seeds: int
    student: Path = BALANCED

    @property
    def recipe(self) -> str:
        """RETURNS (str): What the rows call the students; those of another config by its name."""
        shipped = {STUDENT: DISTILLATION, BALANCED: DEFAULT}
        return shipped.get(self.student, self.student.stem)

    def overrides(self, target: str) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What is set in the students' config for this target."""
        if self.recipe != DEFAULT or target not in POWERS:
            return {}
        return {"distillation.weighting.power": POWERS[target]}

    def sources(self, target: str) -> list[str]:
        return [lang for lang in self.languages if lang != target]

    def teacher(self, target: str) -> Path:
        return self.bench.work / f"teacher/{target}"

    def folder(self, target: str, seed: int) -> Path:
        name = "student" if self.recipe == DISTILLATION else self.recipe
        return self.bench.work / name / f"{target}-{seed}"

    def supervised(self, target: str, seed: int) -> Path:
        return self.bench.work / f"supervised/{target}-{seed}"

    def corpus(self, target: str) -> Path:
        return self.bench.work / f"corpus/{target}"

    def raw(self, target: str) -> Path:
        return self.corpus(target) / f"raw/{target}.txt"


@dataclass(frozen=True)
class System:
    """A pipeline, and the keys of its rows.

    role (str): "teacher", "student" or "baseline".
    recipe (str): How it was made.
    seed (int): Its seed.
    folder (Path): The pipeline.
    config (Path): What it was trained with.
    sources (list[str]): The languages that it learned from.
    k (int): Labels of the target that it saw.
    power (float): How much of the categories' prior is corrected when it predicts.
    soft (Path | None): Soft labels that tell this prior, if any is corrected.
    """

    role: str
    recipe: str
    seed: int
    folder: Path
    config: Path
    sources: list[str]
    k: int = 0
    power: float = 0.0
    soft: Path | None = None

    def factors(self) -> np.ndarray | None:
        """RETURNS (Optional[np.ndarray]): Of a teacher, what its categories are multiplied with."""
        if self.soft is None:
            return None
        rows = np.concatenate([one.probs for one in SoftLabelCorpus(self.soft)])
        return balancing_factors(rows.astype(np.float64).mean(axis=0), self.power)

    def keys(self, target: str) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What its rows share."""
        return {
            "benchmark": "sentiment",
            "role": self.role,
            "recipe": self.recipe,
            "seed": self.seed,
            "target": target,
            "sources": self.sources,
            "default": self.recipe == DEFAULT,
            "system": "spacy-xner",
            "pipe": "textcat",
            "test_set": "afrisenti",
            "k": self.k,
            "views": [],
            "text": "raw",
            "config": str(self.config),
            "command": COMMAND,
        }

    def sha(self, gold: Path) -> str:
        """RETURNS (str): Digest of what decides its scores."""
        data = {"gold": file_sha(gold), "model": file_sha(self.folder)}
        return config_sha(self.config.read_text("utf8"), data)


def systems(run: Run, target: str) -> list[System]:
    """Give what stands beside each other on one target; its teacher first, then its students."""
    sources = run.sources(target)
    n_gold = len(read_tsv(run.corpus(target) / "gold.tsv"))
    teacher = System("teacher", DISTILLATION, 0, run.teacher(target), TEACHER, sources)
    students = [
        System("student", run.recipe, seed, run.folder(target, seed), run.student, sources)
        for seed in range(run.seeds)
    ]
    supervised = [
        System(
            "baseline", "supervised", seed, run.supervised(target, seed), STUDENT, [target], n_gold
        )
        for seed in range(run.seeds)
    ]
    if run.recipe != DEFAULT:
        return [teacher, *students, *supervised]
    power, soft = POWERS.get(target, 0.5), run.bench.work / f"soft/{target}"
    balanced = System(
        "teacher", DEFAULT, 0, run.teacher(target), TEACHER, sources, power=power, soft=soft
    )
    return [teacher, *students, *supervised, balanced]


def measure(run: Run, target: str) -> None:
    """Write the rows of one target."""
    train = read_tsv(run.corpus(target) / "train.tsv")
    gold = run.data_root / target / "test.tsv"
    texts = read_tsv(gold, categories_of(train).tags)
    teacher, *others = systems(run, target)
    for system in (teacher, *others):
        score(run.bench.rows, system, target, gold, texts)
    if others:
        compare(run.bench.rows, teacher, others[0], target, gold, texts)
    scores = weighted_f1([one.label for one in texts], [majority(train)] * len(texts))
    row = make_row(
        benchmark="sentiment",
        role="baseline",
        recipe="majority",
        system="majority class of the sources",
        sources=run.sources(target),
        target=target,
        test_set="afrisenti",
        k=0,
        seed=0,
        metric="weighted_f1",
        n=len(texts),
        command=COMMAND,
        **scores,
    )
    run.bench.rows.upsert([row])


def score(
    rows: ResultRows, system: System, target: str, gold: Path, texts: list[LabelledText]
) -> None:
    """Write the weighted F1 of a system, unless its row stands."""
    keys, sha = {**system.keys(target), "metric": "weighted_f1"}, system.sha(gold)
    if rows.find(**keys, config_sha=sha):
        return
    predicted = classify(spacy.load(system.folder), texts, system.factors())
    scores = weighted_f1([one.label for one in texts], predicted)
    rows.upsert([make_row(**keys, config_sha=sha, n=len(texts), **scores)])
    msg.info(f"{target} {system.recipe} {system.role} {system.seed}: {scores['value']:.1f}")


def compare(
    rows: ResultRows,
    teacher: System,
    student: System,
    target: str,
    gold: Path,
    texts: list[LabelledText],
) -> None:
    """Time teacher and student in turn on texts that neither has read; write rates and ratio."""
    sha = config_sha(teacher.sha(gold), {"student": student.sha(gold)})
    keys = {**student.keys(target), "metric": "speed_ratio", "against": "teacher"}
    if rows.find(**keys, config_sha=sha):
        return
    drawn = random.Random(0).sample([one.text for one in texts], min(SPEED_TEXTS, len(texts)))
    pipelines = {one.role: _reader(spacy.load(one.folder)) for one in (teacher, student)}
    found = compare_speed(pipelines, drawn, repeats=min(SPEED_ROUNDS, len(drawn)), fresh=True)
    ratio = found["ratios"]["student"]["teacher"]
    new = [make_row(**keys, config_sha=sha, **{key: ratio[key] for key in _INTERVAL})]
    for one in (teacher, student):
        rate = found["systems"][one.role]
        new.append(
            make_row(
                **one.keys(target),
                metric="words_per_second",
                config_sha=sha,
                value=rate["median"],
                low=rate["min"],
                high=rate["max"],
                n=rate["n"],
            )
        )
    rows.upsert(new)
    msg.info(f"{target}: {ratio['value']:.1f} times as many words a second as the teacher")


_INTERVAL = ("value", "low", "high", "n")


def _reader(nlp: Language) -> Callable[[list[str]], None]:
    def read(texts: list[str]) -> None:
        for doc in nlp.pipe(texts, batch_size=256):
            _ = doc.cats

    return read


def summarise(run: Run) -> None:
    """Write what share of its teacher's weighted F1 the students reach, and on the average.

    Of every language whose rows stand; the mean only if those of all do.
    """
    rows = run.bench.rows
    ratios: dict[str, float] = {}
    for lang in run.languages:
        keys = {"metric": "weighted_f1", "target": lang, "sources": run.sources(lang)}
        found = rows.find(**keys, recipe=run.recipe, role="student", config=str(run.student))
        students = [row["value"] for row in found if row["seed"] < run.seeds]
        of = {"role": "teacher", "recipe": DISTILLATION, "config": str(TEACHER)}
        teachers = [row["value"] for row in rows.find(**keys, **of)]
        if teachers and len(students) == run.seeds:
            ratios[lang] = float(np.mean(students)) / teachers[0]
            rows.upsert([_ratio(run, lang, ratios[lang], run.seeds, sources=run.sources(lang))])
            msg.info(f"{lang}: {ratios[lang]:.3f} of the teacher")
    lacking = [lang for lang in run.languages if lang not in ratios]
    if lacking:
        msg.info(f"No mean: {', '.join(lacking)} not measured with {run.seeds} seeds")
        return
    mean = float(np.mean(list(ratios.values())))
    rows.upsert([_ratio(run, "mean", mean, len(ratios), targets=sorted(ratios))])
    msg.info(f"mean: {mean:.3f} of the teacher")


def _ratio(run: Run, target: str, value: float, n: int, **extra: Any) -> dict[str, Any]:
    return make_row(
        benchmark="sentiment",
        recipe=run.recipe,
        role="student",
        target=target,
        metric="ratio",
        against="teacher",
        value=value,
        n=n,
        seeds=run.seeds,
        command=COMMAND,
        **extra,
    )
