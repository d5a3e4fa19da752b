"""Measure docs/results/sentiment.jsonl: teachers that never saw a language, and its students.

For each target: a teacher trained on the other languages labels the target's raw tweets, three
students learn from that, and a majority class and supervised students stand beside them. Nothing is
scored before everything is trained. What stands in --work is not made again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import spacy
import typer
from benchmark_scores import Bench
from sentiment_corpus import corpus
from sentiment_package import package_sentiment
from sentiment_scores import classify, majority, weighted_f1
from spacy.cli.train import train as spacy_train
from spacy.util import load_config
from train_classifier import train_classifier
from wasabi import msg

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.distill import distill
from spacy_xner.cli.encoder import encoder
from spacy_xner.cli.vectors import vectors
from spacy_xner.corpora.tsv import read_tsv
from spacy_xner.evaluation.results import ResultRows, config_sha, file_sha, make_row
from spacy_xner.evaluation.speed import words_per_second

TEACHER = Path("configs/sentiment_teacher.cfg")
STUDENT = Path("configs/sentiment_student.cfg")
LANGUAGES = "hau amh yor swa"
COMMAND = "python scripts/sentiment.py"
SPEED_TEXTS = 200


def main(
    data_root: Annotated[Path, typer.Option(help="LANG/{train,dev,test}.tsv")] = Path(
        "assets/afrisenti"
    ),
    work: Annotated[Path, typer.Option(help="What is made on the way")] = Path(
        "training/sentiment"
    ),
    results: Path = Path("docs/results/sentiment.jsonl"),
    languages: str = LANGUAGES,
    target: Annotated[str, typer.Option(help="Some of the languages; each is unseen in turn")] = (
        LANGUAGES
    ),
    seeds: Annotated[int, typer.Option(help="Students a target")] = 3,
    limit: Annotated[int, typer.Option(help="Most texts of a source language; 0 for all")] = 2000,
    package: Annotated[Path | None, typer.Option(help="Folder for a wheel of a student")] = None,
    package_target: str = "hau",
) -> None:
    """Measure sentiment through the loop of the entities."""
    bench = Bench(work, ResultRows(results))
    missing = [lang for lang in languages.split() if not (data_root / lang).is_dir()]
    if missing:
        msg.fail(
            f"{data_root} has no folder {', '.join(missing)}",
            "Expected LANG/{train,dev,test}.tsv: run `spacy project assets --extra` for AfriSenti, "
            "or name a folder by --vars.sentiment_root (--data-root of this script).",
            exits=1,
        )
    msg.info("About 1 hour on 2 cores from nothing; what stands in --work is not made again.")
    langs, targets = languages.split(), target.split()
    strange = [lang for lang in targets if lang not in langs]
    if strange:
        msg.fail(f"--target {' '.join(strange)}", f"Expected some of {languages}.", exits=1)
    for lang in targets:
        sources = [one for one in langs if one != lang]
        bench.made(
            f"corpus/{lang}",
            lambda out, sources=sources, lang=lang: corpus(
                data_root, out, sources, lang, limit=limit
            ),
            f"{limit} shuffled",
        )
    raw = [work / f"corpus/{lang}/raw/{lang}.txt" for lang in targets]
    bench.made("encoder", lambda out: encoder(out, keep_vocab_of=raw))
    for lang in targets:
        prepare(bench, lang, seeds)
    for lang in targets:
        measure(bench, data_root, lang, [one for one in langs if one != lang], seeds)
    summarise(bench.rows, targets)
    if package is not None:
        package_sentiment(bench, package_target, package)


def prepare(bench: Bench, lang: str, seeds: int) -> None:
    """Train what is for one target: teacher, soft labels, students, supervised students."""
    folder, made = bench.work / f"corpus/{lang}", bench.made
    raw = folder / f"raw/{lang}.txt"
    teacher = made(
        f"teacher/{lang}",
        lambda out: train_classifier(TEACHER, out, bench.work / "encoder", folder),
        TEACHER.read_text("utf8"),
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
    for seed in range(seeds):
        settings = {"system.seed": seed, **paths}
        made(
            f"student/{lang}-{seed}",
            lambda out, settings=settings: _last(
                out, lambda to: distill(STUDENT, [soft], to, overrides=settings)
            ),
            STUDENT.read_text("utf8") + file_sha(soft),
        )
        made(
            f"supervised/{lang}-{seed}",
            lambda out, settings=settings: _last(out, lambda to: supervise(folder, to, settings)),
            STUDENT.read_text("utf8") + file_sha(folder / "gold.tsv"),
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


def measure(bench: Bench, data_root: Path, lang: str, sources: list[str], seeds: int) -> None:
    """Write the rows of one target."""
    path = data_root / lang / "test.tsv"
    texts = read_tsv(path)
    gold = [one.label for one in texts]
    work = bench.work
    systems = [("teacher", "distillation", 0, work / f"teacher/{lang}", sources, 0)]
    for seed in range(seeds):
        folder = work / f"student/{lang}-{seed}"
        systems.append(("student", "distillation", seed, folder, sources, 0))
        folder, n_gold = (
            work / f"supervised/{lang}-{seed}",
            len(read_tsv(work / f"corpus/{lang}/gold.tsv")),
        )
        systems.append(("baseline", "supervised", seed, folder, [lang], n_gold))
    for role, recipe, seed, folder, learned_from, k in systems:
        config = TEACHER if role == "teacher" else STUDENT
        sha = config_sha(
            config.read_text("utf8"), {"gold": file_sha(path), "model": file_sha(folder)}
        )
        keys = {"role": role, "recipe": recipe, "seed": seed, "target": lang}
        if bench.rows.find(**keys, config_sha=sha):
            continue
        nlp = spacy.load(folder)
        common = {
            **keys,
            "benchmark": "sentiment",
            "default": recipe == "distillation",
            "system": "spacy-xner",
            "pipe": "textcat",
            "sources": learned_from,
            "test_set": "afrisenti",
            "k": k,
            "views": [],
            "text": "raw",
            "config": str(config),
            "config_sha": sha,
            "command": COMMAND,
        }
        scores = weighted_f1(gold, classify(nlp, texts))
        rows = [make_row(**common, metric="weighted_f1", n=len(texts), **scores)]
        if seed == 0 and role != "baseline":
            some = [one.text for one in texts[:SPEED_TEXTS]]
            speed = words_per_second(nlp, some)
            rows.append(
                make_row(
                    **common,
                    metric="words_per_second",
                    value=speed["median"],
                    low=speed["min"],
                    high=speed["max"],
                    n=speed["n"],
                )
            )
        bench.rows.upsert(rows)
        msg.info(f"{lang} {recipe} {role} {seed}: {scores['value']:.1f}")
    train = read_tsv(work / f"corpus/{lang}/train.tsv")
    scores = weighted_f1(gold, [majority(train)] * len(gold))
    bench.rows.upsert(
        [
            make_row(
                benchmark="sentiment",
                role="baseline",
                recipe="majority",
                system="majority class of the sources",
                sources=sources,
                target=lang,
                test_set="afrisenti",
                k=0,
                seed=0,
                metric="weighted_f1",
                n=len(texts),
                command=COMMAND,
                **scores,
            )
        ]
    )


def summarise(rows: ResultRows, targets: list[str]) -> None:
    """Write what share of its teacher's weighted F1 the students reach, and on the average."""
    ratios = []
    for lang in targets:
        keys = {"metric": "weighted_f1", "target": lang, "recipe": "distillation"}
        students = [row["value"] for row in rows.find(**keys, role="student")]
        teachers = [row["value"] for row in rows.find(**keys, role="teacher")]
        ratios.append((lang, float(np.mean(students)) / teachers[0], len(students)))
    mean = float(np.mean([value for _, value, _ in ratios]))
    for lang, value, n in [*ratios, ("mean", mean, len(ratios))]:
        row = make_row(
            benchmark="sentiment",
            recipe="distillation",
            role="student",
            target=lang,
            metric="ratio",
            against="teacher",
            value=value,
            n=n,
            command=COMMAND,
        )
        rows.upsert([row])
        msg.info(f"{lang}: {value:.3f} of the teacher")


if __name__ == "__main__":
    typer.run(main)
