"""Measure docs/results/supervision.jsonl: recipes of supervision, by language and seed.

A recipe is a short config under configs/recipes, on top of configs/student.cfg; its `[paths]` name
what it reads, and this command makes that: soft labels of a teacher, encoder, source texts, gold.
No teacher saw gold of a language that it labels. What stands in --work is not made again, so that a
run that was stopped goes on.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from benchmark_scores import FORMS, TEACHER, Bench, score
from corpus import LAYOUTS
from supervision_scores import TEACHER_RECIPE, mark_default, summarise_recipes
from supervision_students import (
    FOLDER,
    KS,
    Run,
    gold_labels,
    make,
    recipe_config,
    taught_by,
    vectors_of,
)
from supervision_teachers import (
    SERVES,
    SOURCES,
    TARGETS,
    prepare,
    prepare_vectors,
    teacher_of,
)
from thinc.api import Config
from wasabi import msg

from spacy_xner.errors import XnerError
from spacy_xner.evaluation.gold import read_gold
from spacy_xner.evaluation.predict import predict, summarise
from spacy_xner.evaluation.results import ResultRows, config_sha, file_sha, make_row

COMMAND = "python scripts/benchmark_supervision.py"
DEFAULT = "projected"


def main(
    data_root: Annotated[Path, typer.Option(help="Laid out as MasakhaNER")] = Path(
        "../shared/data"
    ),
    work: Annotated[Path, typer.Option(help="What is made on the way")] = Path(
        "training/supervision"
    ),
    results: Path = Path("docs/results/supervision.jsonl"),
    recipes: Annotated[str, typer.Option(help="Names under configs/recipes; all if empty")] = "",
    target: Annotated[str, typer.Option(help="Target languages")] = TARGETS,
    seeds: Annotated[int, typer.Option(help="Students a recipe and language")] = 3,
    workers: Annotated[int, typer.Option(help="Students that are trained at once")] = 2,
    minutes: Annotated[int, typer.Option(help="After which no student is begun")] = 110,
    train: Annotated[bool, typer.Option(help="Train what is missing; else score what stands")] = (
        True
    ),
) -> None:
    """Measure recipes of supervision."""
    timed = {"benchmark": "supervision", "command": COMMAND}
    bench = Bench(work, ResultRows(results), timed)
    targets, names = target.split(), recipes.split() or sorted(p.stem for p in FOLDER.glob("*.cfg"))
    unknown = [
        *(name for name in names if not (FOLDER / f"{name}.cfg").is_file()),
        *(lang for lang in targets if lang not in SERVES),
    ]
    if unknown:
        msg.fail(
            f"Unknown: {', '.join(unknown)}",
            f"Recipes are the configs in {FOLDER}, targets {', '.join(SERVES)}.",
            exits=1,
        )
    configs = {name: recipe_config(name) for name in names}
    runs = [
        Run(name, lang, seed, k)
        for seed in range(seeds)
        for name in names
        for lang in targets
        for k in KS.get(name, (0,))
    ]
    until = time.monotonic() + 60 * minutes
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers
    try:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            if train:
                prepare_all(bench, data_root, runs, configs, pool)
                make_all(bench, runs, configs, pool, until)
            score_all(bench, data_root, runs, configs, pool)
    except XnerError as error:
        msg.fail("The recipes were not measured to the end", str(error), exits=1)
    mark_default(bench, DEFAULT)
    summarise_recipes(bench, DEFAULT, COMMAND)


def prepare_all(
    bench: Bench, data_root: Path, runs: list[Run], configs: dict[str, Config], pool: Executor
) -> None:
    """Make what students learn from."""
    msg.info(f"{len(runs)} students of some 3 minutes, each teacher 15; what stands stays.")
    wanted = {key for name, config in configs.items() for key in taught_by(name, config)}
    wanted.add("multi_source")  # tells the tags of gold sentences, and begins transformer students
    prepare(bench, data_root, sorted({run.lang for run in runs}), wanted)
    words = {vectors_of(run, configs[run.recipe]) for run in runs}
    for done in [pool.submit(prepare_vectors, bench, name) for name in sorted(words)]:
        done.result()
    for run in runs:
        if "gold_labels" in configs[run.recipe].get("paths", {}):
            gold_labels(bench, run)


def make_all(
    bench: Bench, runs: list[Run], configs: dict[str, Config], pool: Executor, until: float
) -> None:
    """Train the students while there is time: first those of raw text, which others begin with."""
    few = [run for run in runs if run.recipe in KS]
    for part in ([run for run in runs if run not in few], few):
        jobs = [pool.submit(make_in_time, bench, run, configs[run.recipe], until) for run in part]
        left = [run for run, job in zip(part, jobs, strict=True) if not job.result()]
        if left:
            msg.warn(
                f"{len(left)} students are left for another run of this command (--minutes)",
                ", ".join(run.name for run in left),
            )


def make_in_time(bench: Bench, run: Run, config: Config, until: float) -> bool:
    """Train a student unless it stands or the time is over; tell whether it stands."""
    if time.monotonic() < until:
        make(bench, run, config)
    return (bench.work / run.name).exists()


def score_all(
    bench: Bench, data_root: Path, runs: list[Run], configs: dict[str, Config], pool: Executor
) -> None:
    """Score the students that stand, and the teachers of their languages."""
    standing = [run for run in runs if (bench.work / run.name).exists()]
    zero_shot = [run for run in standing if run.recipe not in KS]
    for done in [pool.submit(score_dev, bench, data_root, run) for run in zero_shot]:
        done.result()
    for done in [pool.submit(score_student, bench, run, configs) for run in standing]:
        done.result()
    for lang in sorted({run.lang for run in runs}):
        for name in ("english", SERVES[lang]):
            score_teacher(bench, name, lang)


def score_student(bench: Bench, run: Run, configs: dict[str, Config]) -> None:
    """Score a student on its test set, and the transformer student of its rounds."""
    teachers = [teacher_of(key, run.lang) for key in taught_by(run.recipe, configs[run.recipe])]
    sources = sorted({source for name in teachers for source in SOURCES[name]})
    path = FOLDER / f"{run.recipe}.cfg"
    keys = {"recipe": run.label, "role": "student", "pipe": "ner", "seed": run.seed, "k": run.k}
    shared = _keys(sources, path)
    score(bench, run.lang, bench.work / run.name, keys | shared, forms=FORMS[:2])
    if run.transformer is not None and (bench.work / run.transformer).exists():
        keys |= {"recipe": f"{run.label}-transformer", "pipe": "token_classifier"}
        score(bench, run.lang, bench.work / run.transformer, keys | shared, forms=FORMS[:1])


def score_dev(bench: Bench, data_root: Path, run: Run) -> None:
    """Score a student on the dev set of its language, for the choice on the other languages."""
    path = LAYOUTS["masakhaner"](data_root).gold(run.lang, "dev")
    model = bench.work / run.name
    sha = config_sha("", {"gold": file_sha(path), "model": file_sha(model)})
    keys = {"recipe": run.label, "target": run.lang, "seed": run.seed, "metric": "f1_dev"}
    if not bench.rows.find(**keys, config_sha=sha):
        sentences = read_gold(path)
        f1 = summarise(predict(spacy.load(model), sentences, "tokens"))["f1"]
        keys |= {"benchmark": "supervision", "role": "student", "config_sha": sha}
        keys |= {"value": f1, "n": len(sentences), "command": COMMAND}
        bench.rows.upsert([make_row(**keys)])


def score_teacher(bench: Bench, name: str, lang: str) -> None:
    """Score a teacher on the test set of a language that it serves, if it stands there."""
    model = bench.work / f"teacher/{name}"
    if model.exists():
        recipe = "english" if name == "english" else TEACHER_RECIPE
        keys = {"recipe": recipe, "role": "teacher", "pipe": "token_classifier", "seed": 0}
        keys |= _keys(SOURCES[name], TEACHER)
        score(bench, lang, model, keys, forms=FORMS[:1])


def _keys(sources: Sequence[str], config: Path) -> dict[str, Any]:
    return {
        "benchmark": "supervision",
        "sources": list(sources),
        "default": False,  # see mark_default
        "config": str(config),
        "command": COMMAND,
    }


if __name__ == "__main__":
    typer.run(main)
