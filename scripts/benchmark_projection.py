"""Measure docs/results/projection.jsonl: projected entities, students of them, and the speed.

Encoder, teacher, vectors, and what stands of soft labels and students (`own-text`) of the main
benchmark are taken from --main; what stands in --work is not made again, so that a run that was
stopped goes on. Rows are replaced by the same command only.
"""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import projection_data as data
import typer
from benchmark_scores import STUDENT, Bench
from projection_quality import Setting, measure
from projection_scores import (
    TEACHES,
    Projection,
    Student,
    compare,
    plan,
    score_student,
    write,
)
from wasabi import msg

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.distill import distill
from spacy_xner.cli.project_labels import project_labels
from spacy_xner.evaluation.results import ResultRows, file_sha
from spacy_xner.teacher.sources import load_source


def main(
    data_root: Annotated[Path, typer.Option(help="Folder of the data")] = Path("../shared/data"),
    main_work: Annotated[Path, typer.Option("--main", help="Work folder of benchmark_main.py")] = (
        Path("training/main")
    ),
    work: Annotated[Path, typer.Option(help="What is made on the way")] = Path(
        "training/projection"
    ),
    results: Path = Path("docs/results/projection.jsonl"),
    target: Annotated[str, typer.Option(help="Languages")] = "hau ibo swa yor zul si am",
    parts: Annotated[str, typer.Option(help="What to measure")] = "speed quality students",
    recipes: Annotated[str, typer.Option(help="What students learn from")] = " ".join(TEACHES),
    seeds: Annotated[int, typer.Option(help="Students a recipe and language")] = 3,
    workers: Annotated[int, typer.Option(help="Students that are trained at once")] = 2,
    limit: Annotated[int, typer.Option(help="Sentence pairs a language; 0: all")] = 0,
    quality_pairs: Annotated[int, typer.Option(help="Pairs a language, of the quality")] = 1000,
    speed_pairs: Annotated[str, typer.Option(help="Pairs of the speed")] = "5000 50000",
    max_steps: Annotated[int, typer.Option(help="Steps of a student; 0: all, for tries")] = 0,
) -> None:
    """Measure annotation projection."""
    run = Projection(Bench(work, ResultRows(results)), main_work, data_root, limit, max_steps)
    targets = target.split()
    planned = plan(targets, seeds, recipes.split())
    if "students" in parts:
        n = len(planned)
        msg.info(f"{n} students, 2 to 6 minutes each on a core; what stands is not made again.")
    if "speed" in parts:
        speed(run, [int(n) for n in speed_pairs.split()])
    if "quality" in parts:
        quality(run, targets, quality_pairs)
    if "students" in parts:
        students(run, planned, workers)


def speed(run: Projection, sizes: list[int]) -> None:
    """Project pairs, each size in a process of its own, which has its own peak of memory."""
    for size in sizes:
        script = Path(__file__).with_name("projection_speed.py")
        arguments = [str(size), str(run.main / "encoder"), "--data-root", str(run.root)]
        done = subprocess.run(
            [sys.executable, str(script), *arguments], check=True, stdout=subprocess.PIPE
        )
        found = json.loads(done.stdout.splitlines()[-1])
        common = {"recipe": "projection", "text": "raw", "n": found["pairs"], "pairs": size}
        values = {
            "pairs_per_second": found["pairs"] / found["seconds"],
            "pairs_per_cpu_second": found["pairs"] / found["cpu_seconds"],
            "seconds": found["seconds"],
            "peak_mb": found["peak_mb"],
            "growth_mb": found["peak_mb"] - found["loaded_mb"],
            "limit_pairs_per_second": found["limit_pairs_per_second"],
        }
        for metric, value in values.items():
            write(run, metric=metric, value=value, **common)
        told = ", ".join(f"{key} {value:,.1f}" for key, value in values.items())
        msg.info(f"{size:,} pairs: {told}; load average {found['load_average']:.1f}")


def quality(run: Projection, targets: list[str], pairs: int) -> None:
    """Write how well entities are projected, see projection_quality.py."""
    source = load_source(run.main / "teacher")
    found = measure(source, run.main / "encoder", run.root, targets, default=Setting(), limit=pairs)
    for row in found:
        keys = {"role": "baseline", "sources": ["en"], "k": 0, "seed": 0}
        write(run, **keys, **row)
        how = " ".join(str(row[key]) for key in ("layer", "method", "unit", "matching"))
        msg.info(f"{row['target']} {row['test_set']} {how}: {row['metric']} {row['value']:.1f}")


def students(run: Projection, planned: list[Student], workers: int) -> None:
    """Make what is learned from, train what is missing, then score all."""
    targets = list(dict.fromkeys(student.lang for student in planned))
    for lang in targets:
        recipes = [student.recipe for student in planned if student.lang == lang]
        prepare(run, lang, {kind for recipe in recipes for kind in TEACHES[recipe]})
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for done in [pool.submit(train, run, student) for student in planned]:
            done.result()
        # Together at the end: nothing that a test set says can change what is trained.
        for done in [pool.submit(score_student, run, student) for student in planned]:
            done.result()
    for row in compare(run, targets, 1 + max(student.seed for student in planned)):
        run.bench.rows.upsert([row])
        msg.info(f"{row['recipe']} against {row['against']}: {row['value']:.2f} p {row['p']:.4f}")


def prepare(run: Projection, lang: str, kinds: set[str]) -> None:
    """Make raw text, parallel text and some kinds of soft labels of a language."""
    made, root = run.bench.made, run.root
    teacher, encoder = run.main / "teacher", run.main / "encoder"
    raw = raw_text(run, lang)
    if not raw.exists():
        made(f"raw/{lang}.txt", lambda out: data.write_raw(root, lang, out))
    if "soft" in kinds and not run.have(f"soft/{lang}").exists():
        made(f"soft/{lang}", lambda out: annotate(teacher, raw, out, lang=lang))
    size = f"limit {run.limit}"
    folder = made(
        f"parallel/{lang}", lambda out: data.write_parallel(root, lang, out, run.limit), size
    )
    english, target = folder / f"{lang}.en", folder / f"{lang}.parallel.txt"
    projected = made(
        f"projected/{lang}",
        lambda out: project_labels(teacher, english, target, out, encoder=encoder, lang=lang),
        size,
    )
    if "soft-parallel" in kinds:
        made(f"soft-parallel/{lang}", lambda out: annotate(teacher, target, out, lang=lang), size)
    for kind, ours in (("rival", projected), ("rival-full", None)):
        if kind in kinds:
            made(
                f"{kind}/{lang}",
                lambda out, ours=ours: data.write_rival(root, lang, out, ours, seed=0),
                size,
            )


def raw_text(run: Projection, lang: str) -> Path:
    """Give the raw text of a language: of the main benchmark, or of this one."""
    theirs = run.main / f"corpus/raw/{lang}.txt"
    return theirs if theirs.exists() else run.bench.work / f"raw/{lang}.txt"


def train(run: Projection, student: Student) -> None:
    """Train a student unless it, or the same one of the main benchmark, stands there."""
    if run.theirs(student):
        return
    lang = student.lang
    labels = [run.labels(kind, lang) for kind in TEACHES[student.recipe]]
    texts = [raw_text(run, lang), run.bench.work / f"parallel/{lang}/{lang}.parallel.txt"]
    overrides: dict[str, Any] = {
        "paths.vectors": str(run.main / "vectors"),
        "paths.raw": [str(path) for path in texts],
        "system.seed": student.seed,
    }
    if run.max_steps:
        overrides["distillation.max_steps"] = run.max_steps

    def make(out: Path) -> None:
        folder = out.with_name(out.name + ".run")
        distill(STUDENT, labels, folder, overrides=overrides)
        (folder / "model-last").rename(out)
        shutil.rmtree(folder)

    settings = STUDENT.read_text("utf8") + repr([file_sha(path) for path in labels])
    run.bench.made(student.name, make, f"{settings} {run.max_steps}")


if __name__ == "__main__":
    typer.run(main)
