"""Measure docs/results/sentiment.jsonl: teachers that never saw a language, and its students.

For each target: a teacher trained on the other languages labels the target's raw tweets, three
students learn from that, and a majority class and supervised students stand beside them. Nothing is
scored before everything is trained. What stands in --work is not made again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from benchmark_scores import Bench
from sentiment_corpus import corpus
from sentiment_package import package_sentiment, student_row
from sentiment_rows import BALANCED, STUDENT, TEACHER, Run, measure, summarise
from spacy.cli.train import train as spacy_train
from spacy.util import load_config
from train_classifier import train_classifier
from wasabi import msg

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.distill import distill
from spacy_xner.cli.encoder import encoder
from spacy_xner.cli.vectors import vectors
from spacy_xner.errors import XnerError
from spacy_xner.evaluation.results import ResultRows, file_sha

LANGUAGES = "hau amh yor swa"


def main(
    data_root: Annotated[Path, typer.Option(help="LANG/{train,dev,test}.tsv")] = Path(
        "assets/afrisenti"
    ),
    work: Annotated[Path, typer.Option(help="What is made on the way")] = Path(
        "training/sentiment"
    ),
    results: Path = Path("docs/results/sentiment.jsonl"),
    languages: str = LANGUAGES,
    target: Annotated[
        str, typer.Option(help="Some of the languages, each unseen in turn; all if left out")
    ] = "",
    seeds: Annotated[int, typer.Option(help="Students a target")] = 3,
    limit: Annotated[int, typer.Option(help="Most texts of a source language; 0 for all")] = 2000,
    student: Annotated[
        Path, typer.Option(help="Config of the students; rows of another have its name as recipe")
    ] = BALANCED,
    package: Annotated[Path | None, typer.Option(help="Folder for a wheel of a student")] = None,
    package_target: str = "hau",
) -> None:
    """Measure sentiment through the loop of the entities."""
    run = Run(Bench(work, ResultRows(results)), data_root, languages.split(), seeds, student)
    try:
        targets = check(run, target.split())
        if package is not None and package_target not in targets:
            student_row(run, package_target)
        msg.info("About 1 hour on 2 cores from nothing; what stands in --work is not made again.")
        prepare_all(run, targets, limit)
        for lang in targets:
            measure(run, lang)
        summarise(run)
        if package is not None:
            package_sentiment(run, package_target, package)
    except XnerError as error:
        msg.fail("Sentiment was not measured to the end", str(error), exits=1)


def check(run: Run, targets: list[str]) -> list[str]:
    """Give the targets, all languages if none is named, or say what is wrong before hours pass."""
    missing = [lang for lang in run.languages if not (run.data_root / lang).is_dir()]
    if missing:
        raise XnerError(
            f"{run.data_root} has no folder {', '.join(missing)}. Expected "
            "LANG/{train,dev,test}.tsv: run `spacy project assets --extra` for AfriSenti, or name "
            "a folder by --vars.sentiment_root (--data-root of this script)."
        )
    strange = [lang for lang in targets if lang not in run.languages]
    if strange or len(run.languages) < 2:
        raise XnerError(
            f"--target is {' '.join(targets)!r} and --languages {' '.join(run.languages)!r}; "
            "expected at least two languages, and targets that are some of them."
        )
    if run.seeds < 1:
        raise XnerError(f"--seeds is {run.seeds}; expected a student or more.")
    if not run.student.is_file():
        raise XnerError(f"--student {run.student}: no such file. Expected a config like {STUDENT}.")
    return targets or run.languages


def prepare_all(run: Run, targets: list[str], limit: int) -> None:
    """Make the corpora and the encoder of all languages, then what each target needs."""
    for lang in run.languages:
        run.bench.made(
            f"corpus/{lang}",
            lambda out, lang=lang: corpus(run.data_root, out, run.sources(lang), lang, limit=limit),
            f"{limit} shuffled, from {' '.join(run.sources(lang))}",
        )
    # Of all languages, whatever the targets: a teacher reads its sources too.
    raw = [run.raw(lang) for lang in run.languages]
    run.bench.made(
        "encoder",
        lambda out: encoder(out, keep_vocab_of=raw),
        " ".join(file_sha(path) for path in sorted(raw)),
    )
    for lang in targets:
        prepare(run, lang)


def prepare(run: Run, lang: str) -> None:
    """Train what is for one target: teacher, soft labels, students, supervised students."""
    folder, raw, made = run.corpus(lang), run.raw(lang), run.bench.made
    base = run.bench.work / "encoder"
    teacher = made(
        f"teacher/{lang}",
        lambda out: train_classifier(TEACHER, out, base, folder),
        TEACHER.read_text("utf8") + file_sha(base) + file_sha(folder / "train.tsv"),
    )
    soft = made(
        f"soft/{lang}",
        lambda out: annotate(teacher, raw, out, lang=lang),
        file_sha(raw) + file_sha(teacher),
    )
    words = made(
        f"vectors/{lang}",
        lambda out: vectors(teacher, out, [raw]),
        file_sha(raw) + file_sha(teacher),
    )
    paths = {"paths.raw": [str(raw)], "paths.vectors": str(words)}
    for seed in range(run.seeds):
        settings, own = {"system.seed": seed, **paths}, run.overrides(lang)
        made(
            str(run.folder(lang, seed).relative_to(run.bench.work)),
            lambda out, settings=settings | own: _last(
                out, lambda to: distill(run.student, [soft], to, overrides=settings)
            ),
            run.student.read_text("utf8") + str(own or "") + file_sha(soft) + file_sha(words),
        )
        made(
            f"supervised/{lang}-{seed}",
            lambda out, settings=settings: _last(out, lambda to: supervise(folder, to, settings)),
            STUDENT.read_text("utf8") + file_sha(folder / "gold.tsv") + file_sha(words),
        )


def supervise(folder: Path, output: Path, settings: dict[str, Any]) -> None:
    """Train the student's architecture on the target's gold, as an upper neighbour."""
    config = load_config(STUDENT)
    reader = "spacy-xner.CategoryCorpus.v1"
    config["corpora"] = {
        "train": {"@readers": reader, "path": str(folder / "gold.tsv")},
        "dev": {"@readers": reader, "path": str(folder / "dev.tsv")},
    }
    config.pop("distillation")
    output.mkdir(parents=True)
    config.to_disk(output / "supervised.cfg")
    spacy_train(output / "supervised.cfg", output, overrides=settings)


def _last(out: Path, run: Callable[[Path], Any]) -> None:
    folder = out.with_name(out.name + ".run")
    shutil.rmtree(folder, ignore_errors=True)
    run(folder)
    (folder / "model-last").rename(out)
    shutil.rmtree(folder)


if __name__ == "__main__":
    typer.run(main)
