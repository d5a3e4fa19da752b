"""Measure the memory of annotation and distillation as the text grows: docs/results/faults.jsonl.

A raw text is repeated up to each number of words (every line is a document with an id of its own),
then labelled and learned from, each in a process of its own. Teacher and student are tiny: what is
measured is what the reading, cutting, storing and shuffling keep, not the arithmetic.
"""

import io
import itertools
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from tiny_teacher import STUDENT, make_text, make_tiny_teacher
from wasabi import msg

from spacy_xner.evaluation.results import ResultRows, config_sha, make_row
from spacy_xner.evaluation.speed import peak_mb

app = typer.Typer()


@app.command("measure")
def main(
    words: Annotated[str, typer.Option(help="Sizes of the text")] = "500000 5000000",
    raw: Annotated[Path | None, typer.Option(help="Text to repeat; else made-up words")] = None,
    results: Path = Path("docs/results/faults.jsonl"),
) -> None:
    """Measure peak memory at each size, their ratio, and the start of a distillation."""
    rows = ResultRows(results)
    lines = raw.read_text("utf8").splitlines() if raw else make_text(5000, words=25)
    peaks: dict[str, list[float]] = {"annotate": [], "distill": []}
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        make_tiny_teacher().to_disk(work / "teacher")
        (work / "student.cfg").write_text(STUDENT, "utf8")
        for size in map(int, words.split()):
            folder = work / f"{size}"
            folder.mkdir()
            n = repeat(lines, size, folder / "raw.txt")
            for step, found in peaks.items():
                began = time.monotonic()
                command = [sys.executable, __file__, step, str(work), str(folder)]
                found.append(peak_mb(command))
                seconds = time.monotonic() - began
                msg.info(f"{step} of {n:,} words: {found[-1]:.0f} MB, {seconds:.0f} s")
                write(rows, step, "peak_mb", found[-1], size)
            write(rows, "distill", "seconds", float((folder / "start").read_text("utf8")), size)
    for step, found in peaks.items():
        if len(found) > 1:
            write(rows, step, "ratio", found[-1] / found[0], size)
            msg.good(f"{step}: {found[-1] / found[0]:.2f} times the memory of the smallest text")


def repeat(lines: list[str], size: int, path: Path) -> int:
    """Write lines again and again until there are so many words."""
    n = 0
    with path.open("w", encoding="utf8") as file:
        for line in itertools.cycle(lines):
            n += len(line.split())
            file.write(line + "\n")
            if n >= size:
                return n
    return n


@app.command("annotate")
def run_annotate(work: Path, folder: Path) -> None:
    """Label the text; a process of its own."""
    from spacy_xner.teacher.annotate import annotate_documents
    from spacy_xner.teacher.sources import load_source

    annotate_documents(load_source(work / "teacher"), folder / "raw.txt", folder / "soft")


@app.command("distill")
def run_distill(work: Path, folder: Path) -> None:
    """Learn from the labels in one pass; a process of its own. Times the way to the first batch.

    Imports are not part of it: `spacy.blank` alone takes 4 s where spacy-transformers is installed.
    """
    import spacy

    from spacy_xner.distillation import loop

    spacy.blank("xx")  # imports every plugin of spaCy's that is installed, whoever asks first
    out, began = io.StringIO(), time.monotonic()
    step: Callable = loop._Run._update

    def first(run: loop._Run, batch: list) -> None:
        if not (folder / "start").exists():
            (folder / "start").write_text(str(time.monotonic() - began), "utf8")
        step(run, batch)

    loop._Run._update = first  # type: ignore[method-assign]
    overrides = {
        "distillation.max_epochs": 1,
        "distillation.batcher.size": 2000,
        "distillation.checkpoint_every": 100_000,
        "training.eval_frequency": 1000,
        "corpora.distillation.held_out": 0.02,
        "corpora.dev.held_out": 0.02,
    }
    learn = partial(loop.distill, folder / "soft", work / "student.cfg", folder / "out")
    learn(overrides=overrides, stdout=out, stderr=out)


def write(rows: ResultRows, recipe: str, metric: str, value: float, size: int) -> None:
    row = make_row(
        benchmark="faults",
        recipe=f"memory-{recipe}",
        system="spacy-xner",
        metric=metric,
        value=value,
        words=size,
        n=1,
        config_sha=config_sha(STUDENT, {}),
        command="python scripts/benchmark_memory.py",
    )
    rows.upsert([row])


if __name__ == "__main__":
    app()
