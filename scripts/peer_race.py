"""F1 against wall time of ways to train a student from the same teacher: part `train`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from peer_bench import Bench
from peer_systems import annotation
from peer_training import Distil, HardLabels, Point, Prepared, Spacy4Loop, Way, prepare, race
from wasabi import msg

from spacy_xner.evaluation.gold import read_gold
from spacy_xner.evaluation.predict import summarise
from spacy_xner.evaluation.scores import paired_bootstrap
from spacy_xner.teacher.sources import load_source

__all__ = ["Material", "train"]

OURS = "spacy-xner"


@dataclass(frozen=True)
class Material:
    """What every way to train is given.

    work (Path): Folder of benchmark_main.py.
    lang (str): Language of the text.
    student (Path): Config of the student.
    scratch (Path): Folder for what is made on the way.
    classifier (Path): The teacher, of `peers.export_classifier`.
    """

    work: Path
    lang: str
    student: Path
    scratch: Path
    classifier: Path

    @classmethod
    def of(cls, bench: Bench) -> "Material":
        classifier = bench.systems["hf-pipeline"]
        return cls(bench.work, bench.lang, bench.configs[0], bench.scratch, classifier)

    @property
    def raw(self) -> Path:
        return self.work / f"corpus/raw/{self.lang}.txt"

    def prepare(self) -> Prepared:
        """Make a student that knows nothing yet."""
        overrides: dict[str, Any] = {"paths.raw": [str(self.raw)]} if self.has("raw") else {}
        if self.has("vectors"):
            own = self.scratch / "vectors"
            overrides["paths.vectors"] = str(own if own.exists() else self.work / "vectors")
        return prepare(self.work / f"soft/{self.lang}", self.student, overrides)

    def has(self, path: str) -> bool:
        """Tell whether the student's config has such a path."""
        from spacy.util import load_config

        return path in load_config(self.student)["paths"]

    def ways(self) -> dict[str, Callable[[], Way]]:
        """Give what makes each way to train; all read the same text."""
        return {
            OURS: lambda: Distil(self.prepare()),
            "spacy-update": lambda: HardLabels(self.prepare()),
            "spacy-v4-loop": lambda: Spacy4Loop(self.prepare(), self.prepare()),
            "textbrewer": self.textbrewer,
        }

    def textbrewer(self) -> Way:
        """Set TextBrewer up; raises ImportError where it, or what it needs, is not installed."""
        from peer_textbrewer import TextBrewer

        return TextBrewer(self.classifier, self.raw.read_text("utf8").splitlines(), self.scratch)


def train(bench: Bench, seconds: float, points: int = 6, only: Sequence[str] = ()) -> None:
    """Let ways to train take turns, and write how good each is after how long.

    bench (Bench): The run.
    seconds (float): Time on the clock of each way.
    points (int): Scores on the way there.
    only (Sequence[str]): Ways beside ours that are compared; all if there are none.
    """
    material = Material.of(bench)
    rate, vectors = labelling_rate(bench), vectors_seconds(material)
    msg.info(f"The teacher labels {rate:,.0f} words/s; word vectors take {vectors:.0f} s")
    bench.write("train", "teacher", "words_per_second", rate)
    bench.write("train", "word-vectors", "seconds", vectors)
    ways, set_up = made_ways(material, vectors, only)
    gold = read_gold(bench.work / f"corpus/test/{bench.lang}.conll")
    last: dict[str, Point] = {}
    for point in race(ways, set_up, gold, labelling_rate=rate, seconds=seconds, points=points):
        write_f1(bench, point)
        last[point.way] = point
    for point in last.values():
        write_times(bench, point)
        if point.way != OURS:
            write_difference(bench, last[OURS], point)


def made_ways(
    material: Material, vectors: float, only: Sequence[str] = ()
) -> tuple[dict[str, Way], dict[str, float]]:
    """Set up each way that is wanted and installed, and give the seconds that it took."""
    ways: dict[str, Way] = {}
    set_up: dict[str, float] = {}
    for name, make in material.ways().items():
        if only and name not in (OURS, *only):
            continue
        began = time.perf_counter()
        try:
            ways[name] = make()
        except ImportError as error:
            msg.warn(f"{name} is left out: {error}", "pip install 'spacy-xner[peers]'")
            continue
        # TextBrewer's student has no vectors.
        needs = vectors if isinstance(getattr(ways[name], "prepared", None), Prepared) else 0.0
        set_up[name] = needs + time.perf_counter() - began
    return ways, set_up


def labelling_rate(bench: Bench) -> float:
    """Words a second of the teacher in the precision that it labels in, after a warm-up."""
    run = annotation(load_source(bench.work / "teacher"), bench.scratch)
    run(bench.texts[:32])
    return float(run(bench.texts[:2000]).words_per_second)


def vectors_seconds(material: Material) -> float:
    """Make word vectors of this language alone, which the students get; 0 for one without."""
    from spacy_xner.cli.vectors import vectors

    if not material.has("vectors"):
        return 0.0
    texts = [material.raw, material.work / "corpus/train.conll"]
    began = time.perf_counter()
    vectors(material.work / "teacher", material.scratch / "vectors", texts)
    return time.perf_counter() - began


def write_f1(bench: Bench, point: Point) -> None:
    scores = summarise(point.prediction)
    bench.write(
        "train",
        point.way,
        "f1",
        scores["f1"],
        role="student",
        pipe="token_classifier" if point.way == "textbrewer" else "ner",
        k=0,
        seed=0,
        test_set="ananya" if bench.lang == "si" else "transfer_corpus",
        text="tokens",
        seconds=point.seconds,
        low=scores["low"],
        high=scores["high"],
        n=len(point.prediction.gold),
    )
    msg.info(f"{point.way}: F1 {scores['f1']:.1f} at {point.seconds:.0f} s")


def write_times(bench: Bench, point: Point) -> None:
    """Write what the time on the clock was spent on."""
    write = partial(bench.write, "train", point.way)
    for metric, value in (
        ("set_up_seconds", point.set_up),
        ("labelling_seconds", point.labelling),
        ("training_seconds", point.training),
        ("words", float(point.words)),
    ):
        write(metric, value, seconds=point.seconds)
    rate = point.words / point.training if point.training else 0.0
    write("words_per_second", rate)
    msg.info(
        f"{point.way}: {point.set_up:.0f} s set up, {point.labelling:.0f} s of labels, "
        f"{point.training:.0f} s of training, {rate:,.0f} words/s"
    )


def write_difference(bench: Bench, ours: Point, other: Point) -> None:
    """Write by how much ours is ahead at equal time on the clock."""
    found = paired_bootstrap(ours.prediction.counts(), other.prediction.counts())
    bench.write(
        "train",
        ours.way,
        "f1_difference",
        found["delta"],
        against=other.way,
        seconds=ours.seconds,
        n=len(ours.prediction.gold),
        **{key: found[key] for key in ("low", "high", "p")},
    )
    msg.info(f"{ours.way} is {found['delta']:+.1f} F1 from {other.way}, p {found['p']:.4f}")
