"""Measure docs/results/main.jsonl: an English teacher, and its students, on real test sets.

One teacher, one set of soft labels a language; students by distillation and, on the same text and
with the same config, by `nlp.update` on hard pseudo-labels. What stands in --work is not made
again, so that a run that was stopped goes on; rows are replaced by the same command only.
"""

import itertools
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from benchmark_scores import (
    ABLATED,
    ALL,
    FORMS,
    RECIPES,
    STUDENT,
    TEACHER,
    TEACHER_ROW,
    Bench,
    Student,
    compare,
    gaps,
    ratios,
    score,
    score_student,
)
from spacy.cli.train import train as spacy_train
from wasabi import msg

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.distill import distill
from spacy_xner.cli.encoder import encoder
from spacy_xner.cli.vectors import vectors
from spacy_xner.evaluation.results import ResultRows


def main(
    data_root: Annotated[Path, typer.Option(help="Laid out as MasakhaNER")] = Path(
        "../shared/data"
    ),
    work: Annotated[Path, typer.Option(help="What is made on the way")] = Path("training/main"),
    results: Path = Path("docs/results/main.jsonl"),
    target: Annotated[str, typer.Option(help="Target languages")] = "swa hau ibo yor si am",
    seeds: Annotated[int, typer.Option(help="Students a language")] = 3,
    workers: Annotated[int, typer.Option(help="Students that are trained at once")] = 2,
    train: Annotated[bool, typer.Option(help="Train what is missing; else score what stands")] = (
        True
    ),
) -> None:
    """Measure an English teacher and its students."""
    bench = Bench(work, ResultRows(results))
    targets = target.split()
    if train:
        msg.info("About 2 hours on 2 cores from nothing; what stands in --work is not made again.")
    prepare_teacher(bench, data_root, targets)
    # Scored together at the end: nothing that a test set says can change what is trained.
    students = plan(targets, seeds)
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        if train:
            prepare_vectors(bench, targets)
            for wave in students:
                for done in [pool.submit(make, bench, student, targets) for student in wave]:
                    done.result()
        planned = itertools.chain(*students)
        standing = [student for student in planned if (work / student.name).exists()]
        scored = [pool.submit(score_student, bench, student, targets) for student in standing]
        for lang in ["en", *targets]:
            score(bench, lang, work / "teacher", TEACHER_ROW, forms=FORMS[:2])
        for done in scored:
            done.result()
    rows = bench.rows
    for row in (*ratios(rows, targets), *gaps(rows, targets), *compare(bench, targets, seeds)):
        rows.upsert([row])
        p = f", p {row['p']:.4f}" if "p" in row else ""
        msg.info(
            f"{row['recipe']} {row['target']}: {row['metric']} {row['value']:.3f} against "
            f"{row['against']}{p}"
        )


def plan(targets: list[str], seeds: int) -> list[list[Student]]:
    """Order the students so that a run which is stopped has measured the most.

    RETURNS (list[list[Student]]): Those of the second list go on from the first of the first.
    """

    def each(recipe: str, seed: int) -> list[Student]:
        return [Student(recipe, lang, seed) for lang in targets]

    soft = [student for seed in range(seeds) for student in each("distillation", seed)]
    own = [student for seed in range(seeds) for student in each("own-text", seed)]
    hard = [student for seed in range(seeds) for student in each("hard-labels", seed)]
    ablations = [
        Student(recipe, lang, 0)
        for recipe in RECIPES
        if recipe not in ("distillation", "own-text", "hard-labels", ALL)
        for lang in targets
        if lang in ABLATED
    ]
    n = len(targets)
    alone = [*hard[:n], *ablations, *own[n:], *hard[n:]]
    return [[Student(ALL, ALL, 0), *own[:n]], [*soft, *alone]]


def prepare_teacher(bench: Bench, data_root: Path, targets: list[str]) -> None:
    """Make corpus, encoder, teacher, and soft labels of every language."""
    from corpus import corpus
    from train_teacher import train_teacher

    made, work = bench.made, bench.work
    made("corpus", lambda out: corpus("masakhaner", out, data_root, ["en"], targets))
    shutil.copy(data_root / "transfer_corpus/en/test.txt", bench.gold("en"))
    text = [work / "corpus/train.conll", work / "corpus/raw"]
    made("encoder", lambda out: encoder(out, keep_vocab_of=text))
    made(
        "teacher",
        lambda out: keep(
            "model-best",
            out,
            lambda to: train_teacher(TEACHER, to, work / "encoder", work / "corpus"),
        ),
        TEACHER.read_text("utf8"),
    )
    for lang in targets:
        raw = work / "corpus/raw" / f"{lang}.txt"
        made(
            f"soft/{lang}",
            lambda out, raw=raw, lang=lang: annotate(work / "teacher", raw, out, lang=lang),
        )


def prepare_vectors(bench: Bench, targets: list[str]) -> None:
    """Make the word vectors that all students have."""
    corpus = bench.work / "corpus"
    texts = [*(corpus / f"raw/{lang}.txt" for lang in targets), corpus / "train.conll"]
    bench.made("vectors", lambda out: vectors(bench.work / "teacher", out, texts))


def keep(model: str, out: Path, run: Callable[[Path], Any]) -> None:
    """Train into a folder and keep one model of it.

    Of a student the last one: a few hundred held-out sentences choose worse than no choice.
    """
    folder = out.with_name(out.name + ".run")
    run(folder)
    (folder / model).rename(out)
    shutil.rmtree(folder)


def make(bench: Bench, student: Student, targets: list[str]) -> None:
    """Train a student unless it stands there."""
    langs = targets if student.lang == ALL else [student.lang]
    goes_on, start = student.recipe == "distillation", Student(ALL, ALL, 0).name
    overrides: dict[str, Any] = {
        "paths.vectors": str(bench.work / "vectors"),
        "paths.raw": [str(bench.work / f"corpus/raw/{lang}.txt") for lang in langs],
        "system.seed": student.seed,
        **RECIPES[student.recipe],
    }
    if goes_on:
        overrides["distillation.start"] = str(bench.work / start)
    soft = [str(bench.work / f"soft/{lang}") for lang in langs]

    def run(folder: Path) -> None:
        if student.recipe == "hard-labels":
            spacy_train(STUDENT, folder, overrides={**overrides, "paths.soft_labels": soft})
        else:
            distill(STUDENT, soft, folder, overrides=overrides)

    settings = STUDENT.read_text("utf8") + repr(sorted(RECIPES[student.recipe].items()))
    made_of = [start] if goes_on else []
    bench.made(student.name, lambda out: keep("model-last", out, run), settings, made_of)


if __name__ == "__main__":
    typer.run(main)
