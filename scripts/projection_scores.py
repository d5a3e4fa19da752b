"""What scripts/benchmark_projection.py trains and how that is scored."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import projection_data as data
from benchmark_scores import Bench, paired_tests, score

from spacy_xner.evaluation.results import make_row

COMMAND = "python scripts/benchmark_projection.py"
RIVAL = ("hau", "ibo", "swa", "yor", "zul")  # languages of the rival's data
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

    @property
    def limits(self) -> dict[str, list[int]]:
        """What a row of a limited run says of it."""
        return {"limit": [self.limit, self.max_steps]} if self.limit or self.max_steps else {}

    def have(self, name: str) -> Path:
        """Give what the main benchmark made, or what this one did."""
        theirs = self.main / name
        return theirs if theirs.exists() else self.bench.work / name

    def theirs(self, student: "Student") -> Path | None:
        """Give the same student of the main benchmark, if there is one."""
        path = self.main / f"own-text/{student.lang}-{student.seed}"
        same = student.recipe == "distillation" and not self.max_steps
        return path if same and path.exists() else None

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


def score_student(run: Projection, student: Student) -> None:
    """Write the row of a student, and keep its counts for paired tests."""
    keys = {
        "benchmark": "projection",
        "recipe": student.recipe,
        "default": student.recipe == "both",
        "role": "student",
        "pipe": "ner",
        "seed": student.seed,
        "command": COMMAND,
        **run.limits,
    }
    model = run.theirs(student) or run.bench.work / student.name
    gold = data.gold(run.root, student.lang, "test")
    score(run.bench, student.lang, model, keys, forms=("tokens",), gold=gold)


def compare(run: Projection, targets: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """Test the recipes of `PAIRS` against each other."""
    for found in paired_tests(run.bench, PAIRS, targets, seeds):
        yield make_row(
            benchmark="projection", sources=["en"], command=COMMAND, **run.limits, **found
        )


def write(run: Projection, **keys: Any) -> None:
    """Write one row; one of a limited run says so."""
    row = make_row(benchmark="projection", command=COMMAND, **keys, **run.limits)
    run.bench.rows.upsert([row])
