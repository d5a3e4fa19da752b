"""Measure docs/results/supervision.jsonl: recipes of supervision, by language and seed.

A recipe is a short config under configs/recipes, on top of configs/student.cfg; its
`[distillation.teachers]` name soft labels by `${paths.TEACHER}`, and this command puts there what
that teacher says of the target's raw text. No teacher saw gold of a language that it labels. What
stands in --work is not made again, so that a run that was stopped goes on.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from benchmark_main import keep
from benchmark_scores import FORMS, TEACHER, Bench, score
from corpus import LAYOUTS, corpus, write_gold
from student_config import student_config
from supervision_scores import summarise_recipes
from thinc.api import Config
from train_teacher import train_teacher
from wasabi import msg

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.distill import distill
from spacy_xner.cli.encoder import encoder
from spacy_xner.cli.vectors import vectors
from spacy_xner.evaluation.results import ResultRows

COMMAND = "python scripts/benchmark_supervision.py"
FOLDER = Path("configs/recipes")
DEFAULT = "multi-source"
TARGETS = "hau ibo swa yor zul am si"
# Source languages by teacher, and the teacher that serves a target: the one of the most languages
# that saw no gold of it. Four teachers for seven targets, because each takes a quarter of an hour.
SOURCES = {
    "english": ["en"],
    "without-hau-ibo": ["en", "swa", "yor", "zul", "pcm"],
    "without-yor-zul": ["en", "hau", "ibo", "swa", "pcm"],
    "without-swa": ["en", "hau", "ibo", "yor", "zul", "pcm"],
    "all": ["en", "hau", "ibo", "swa", "yor", "zul", "pcm"],
}
SERVES = {
    **dict.fromkeys(["hau", "ibo"], "without-hau-ibo"),
    **dict.fromkeys(["yor", "zul"], "without-yor-zul"),
    "swa": "without-swa",
    **dict.fromkeys(["am", "si"], "all"),
}
TEMPERATURE, SENTENCES, STEPS = 2.0, 15_000, 640


@dataclass(frozen=True)
class Run:
    """One student to train.

    recipe (str): Name of a config under configs/recipes.
    lang (str): Its target.
    seed (int): Its seed.
    """

    recipe: str
    lang: str
    seed: int

    @property
    def name(self) -> str:
        return f"students/{self.recipe}/{self.lang}-{self.seed}"


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
    train: Annotated[bool, typer.Option(help="Train what is missing; else score what stands")] = (
        True
    ),
) -> None:
    """Measure recipes of supervision."""
    bench = Bench(work, ResultRows(results))
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
    configs = {name: student_config(FOLDER / f"{name}.cfg") for name in names}
    runs = [Run(name, lang, seed) for seed in range(seeds) for name in names for lang in targets]
    if train:
        msg.info("A teacher takes 15 minutes, a student 2; what stands is not made again.")
        prepare(bench, data_root, targets, configs)
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        if train:
            for done in [pool.submit(prepare_vectors, bench, lang) for lang in targets]:
                done.result()
            for done in [pool.submit(make, bench, run, configs[run.recipe]) for run in runs]:
                done.result()
        standing = [run for run in runs if (work / run.name).exists()]
        for done in [pool.submit(score_student, bench, run, configs) for run in standing]:
            done.result()
        for lang in targets:
            for name in ("english", SERVES[lang]):
                score_teacher(bench, name, lang)
    summarise_recipes(bench, names, targets, seeds, DEFAULT, COMMAND)


def prepare(bench: Bench, data_root: Path, targets: list[str], configs: dict[str, Config]) -> None:
    """Make corpus, encoder, teachers, and the soft labels that the recipes read."""
    made, work = bench.made, bench.work
    langs = sorted({lang for sources in SOURCES.values() for lang in sources})

    def corpora(out: Path) -> None:
        corpus("masakhaner", out, data_root, ["en"], TARGETS.split())
        write_gold(out / "gold", LAYOUTS["masakhaner"](data_root), langs)

    made("corpus", corpora, TARGETS)
    text = [*(work / f"corpus/gold/{lang}.conll" for lang in langs), work / "corpus/raw"]
    made("encoder", lambda out: encoder(out, keep_vocab_of=text))
    for lang in targets:
        for teacher in sorted({name for c in configs.values() for name in teachers_of(c, lang)}):
            model = prepare_teacher(bench, data_root, teacher)
            raw = work / f"corpus/raw/{lang}.txt"
            made(
                f"soft/{teacher}/{lang}",
                lambda out, model=model, raw=raw, lang=lang: annotate(model, raw, out, lang=lang),
            )


def teachers_of(config: Config, lang: str) -> dict[str, str]:
    """Give, by teacher's folder, the key under `[paths]` that a recipe reads it from."""
    known = {"english": "english", "multi_source": SERVES[lang]}
    return {known[key]: key for key in known if key in config["paths"]}


def prepare_teacher(bench: Bench, data_root: Path, name: str) -> Path:
    """Train a teacher of several languages, balanced by temperature, unless it stands there."""
    corpora, layout = bench.work / "corpus", LAYOUTS["masakhaner"](data_root)
    overrides = {
        "paths.train": [str(corpora / f"gold/{lang}.conll") for lang in SOURCES[name]],
        "paths.dev": [str(layout.gold(lang, "dev")) for lang in SOURCES[name]],
        "corpora.train.temperature": TEMPERATURE,
        "corpora.train.limit": SENTENCES,
        "corpora.dev.temperature": 1000.0,
        "corpora.dev.limit": 1000,
    }
    several = name != "english"

    def run(folder: Path) -> None:
        train_teacher(
            TEACHER,
            folder,
            bench.work / "encoder",
            corpora,
            steps=STEPS if several else None,
            overrides=overrides if several else None,
        )

    settings = TEACHER.read_text("utf8") + (
        repr((TEMPERATURE, SENTENCES, STEPS)) if several else ""
    )
    return bench.made(f"teacher/{name}", lambda out: keep("model-last", out, run), settings)


def prepare_vectors(bench: Bench, lang: str) -> None:
    """Make the word vectors of one language from the teacher that serves it."""
    work = bench.work
    texts = [work / f"corpus/raw/{lang}.txt", work / "corpus/gold/en.conll"]
    bench.made(f"vectors/{lang}", lambda out: vectors(work / f"teacher/{SERVES[lang]}", out, texts))


def make(bench: Bench, run: Run, config: Config) -> None:
    """Train a student unless it stands there."""
    work = bench.work
    overrides: dict[str, Any] = {
        "paths.vectors": str(work / f"vectors/{run.lang}"),
        "paths.raw": [str(work / f"corpus/raw/{run.lang}.txt")],
        "system.seed": run.seed,
        **{
            f"paths.{key}": str(work / f"soft/{teacher}/{run.lang}")
            for teacher, key in teachers_of(config, run.lang).items()
        },
    }
    written = work / run.name.replace("students", "configs", 1)
    written.parent.mkdir(parents=True, exist_ok=True)
    config.to_disk(written.with_suffix(".cfg"), interpolate=False)
    bench.made(
        run.name,
        lambda out: keep(
            "model-last",
            out,
            lambda folder: distill(written.with_suffix(".cfg"), [], folder, overrides=overrides),
        ),
        config.to_str(interpolate=False),
    )


def score_student(bench: Bench, run: Run, configs: dict[str, Config]) -> None:
    """Score a student on the test set of its language."""
    sources = sorted(
        {s for name in teachers_of(configs[run.recipe], run.lang) for s in SOURCES[name]}
    )
    keys = {"recipe": run.recipe, "role": "student", "pipe": "ner", "seed": run.seed}
    keys |= _keys(sources, run.recipe, FOLDER / f"{run.recipe}.cfg")
    forms = FORMS[:2] if run.recipe == DEFAULT else FORMS[:1]
    score(bench, run.lang, bench.work / run.name, keys, forms=forms)


def score_teacher(bench: Bench, name: str, lang: str) -> None:
    """Score a teacher on the test set of a language that it serves, if it stands there."""
    model = bench.work / f"teacher/{name}"
    if model.exists():
        recipe = "english" if name == "english" else DEFAULT
        keys = {"recipe": recipe, "role": "teacher", "pipe": "token_classifier", "seed": 0}
        keys |= _keys(SOURCES[name], recipe, TEACHER)
        score(bench, lang, model, keys, forms=FORMS[:1])


def _keys(sources: Sequence[str], recipe: str, config: Path) -> dict[str, Any]:
    return {
        "benchmark": "supervision",
        "sources": list(sources),
        "default": recipe == DEFAULT,
        "config": str(config),
        "command": COMMAND,
    }


if __name__ == "__main__":
    typer.run(main)
