"""Measure docs/results/supervision.jsonl: recipes of supervision, by language and seed.

A recipe is a short config under configs/recipes, on top of configs/student.cfg; its `[paths]` name
what it reads, and this command makes that: soft labels of a teacher, encoder, source texts, gold.
No teacher saw gold of a language that it labels. What stands in --work is not made again, so that a
run that was stopped goes on.
"""

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from benchmark_main import keep
from benchmark_scores import FORMS, TEACHER, Bench, score
from corpus import LAYOUTS
from spacy.util import load_config
from student_config import student_config
from supervision_scores import TEACHER_RECIPE, summarise_recipes
from supervision_teachers import (
    SERVES,
    SOURCES,
    TARGETS,
    prepare,
    prepare_vectors,
    teacher_of,
    tune,
)
from thinc.api import Config
from wasabi import msg

from spacy_xner.cli.distill import distill
from spacy_xner.cli.few_shot import few_shot
from spacy_xner.cli.rounds import rounds
from spacy_xner.evaluation.gold import read_gold
from spacy_xner.evaluation.predict import predict, summarise
from spacy_xner.evaluation.results import ResultRows, config_sha, file_sha, make_row

COMMAND = "python scripts/benchmark_supervision.py"
FOLDER = Path("configs/recipes")
DEFAULT = "multi-source"
# Recipes of rounds, and what teaches their transformer student.
ROUNDS = {"rounds": ["multi_source"], "together": ["multi_source", "projection"]}
# The recipe whose transformer student `few-shot-tuned` trains further.
TUNED = "together"
# Recipes that see gold of the target, and how many sentences.
KS = {"few-shot": (10, 50, 100, 500), "few-shot-tuned": (100,), "rare": (100,)}


@dataclass(frozen=True)
class Run:
    """One student to train.

    recipe (str): Name of a config under configs/recipes.
    lang (str): Its target.
    seed (int): Its seed.
    k (int): Gold sentences of the target that it sees.
    """

    recipe: str
    lang: str
    seed: int
    k: int = 0

    @property
    def label(self) -> str:
        """Name of the recipe in rows."""
        return f"{self.recipe}-{self.k}" if self.recipe in KS else self.recipe

    @property
    def name(self) -> str:
        return f"students/{self.label}/{self.lang}-{self.seed}"


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
    if train:
        msg.info("A teacher takes 15 minutes, a student 2; what stands is not made again.")
        wanted = {key for name, config in configs.items() for key in taught_by(name, config)}
        wanted.add("multi_source")  # also what word vectors are made from
        prepare(bench, data_root, targets, wanted)
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        if train:
            for done in [pool.submit(prepare_vectors, bench, lang) for lang in targets]:
                done.result()
            for done in [pool.submit(make, bench, run, configs[run.recipe]) for run in runs]:
                done.result()
        standing = [run for run in runs if (work / run.name).exists()]
        zero_shot = [run for run in standing if run.recipe not in KS]
        for done in [pool.submit(score_dev, bench, data_root, run) for run in zero_shot]:
            done.result()
        for done in [pool.submit(score_student, bench, run, configs) for run in standing]:
            done.result()
        for lang in targets:
            for name in ("english", SERVES[lang]):
                score_teacher(bench, name, lang)
    labels = [run.label for run in runs]
    labels += [f"{run.label}-transformer" for run in runs if transformer_of(bench, run)]
    labels = list(dict.fromkeys(labels))
    summarise_recipes(bench, labels, targets, seeds, DEFAULT, COMMAND)


def recipe_config(name: str) -> Config:
    """Read a recipe: a student's whole config, or what `spacy xner rounds` reads."""
    path = FOLDER / f"{name}.cfg"
    return load_config(path, interpolate=False) if name in ROUNDS else student_config(path)


def taught_by(recipe: str, config: Config) -> list[str]:
    """Give the keys of `[paths]` that mean soft labels of a teacher."""
    if recipe in ROUNDS:
        return ROUNDS[recipe]
    known = ("english", "multi_source", "projection")
    return [key for key in known if key in config["paths"]] or ROUNDS[TUNED]


def paths_of(bench: Bench, run: Run, config: Config) -> dict[str, Any]:
    """Make what a recipe reads, and give it by the keys of `[paths]`."""
    work, lang = bench.work, run.lang
    gold = work / f"corpus/few-shot/{lang}.conll"
    teachers = {key: teacher_of(key, lang) for key in taught_by(run.recipe, config)}
    paths: dict[str, Any] = {
        "vectors": str(work / f"vectors/{lang}"),
        "raw": [str(work / f"corpus/raw/{lang}.txt")],
        **{key: str(work / f"soft/{name}/{lang}") for key, name in teachers.items()},
    }
    paths["encoder"], paths["gold"] = str(work / "encoder"), str(gold)
    paths["sources"] = {
        key: [str(work / f"corpus/gold/{source}.conll") for source in SOURCES[name]]
        for key, name in teachers.items()
    }
    if "tuned" in config["paths"]:
        start = make_in_rounds(bench, Run(TUNED, lang, run.seed))
        paths["tuned"] = str(tune(bench, start, lang, run.k, run.seed))
    if "gold_labels" in config["paths"]:
        like = work / f"soft/{SERVES[lang]}/{lang}"
        paths["gold_labels"] = str(
            bench.made(
                f"soft/few-shot/{lang}-{run.k}-{run.seed}",
                lambda out: few_shot(gold, out, k=run.k, seed=run.seed, lang=lang, like=like),
            )
        )
    return {key: path for key, path in paths.items() if key in config["paths"]}


def make(bench: Bench, run: Run, config: Config) -> None:
    """Train a student unless it stands there."""
    if run.recipe in ROUNDS:
        make_in_rounds(bench, run)
        return
    settings = paths_of(bench, run, config)
    sources = settings.pop("sources", None)
    whole = config.copy()
    if sources:
        whole["paths"]["sources"] = sources
    overrides = {"system.seed": run.seed, **{f"paths.{key}": v for key, v in settings.items()}}
    written = bench.work / run.name.replace("students", "configs", 1)
    written.parent.mkdir(parents=True, exist_ok=True)
    whole.to_disk(written.with_suffix(".cfg"), interpolate=False)
    bench.made(
        run.name,
        lambda out: keep(
            "model-last",
            out,
            lambda folder: distill(written.with_suffix(".cfg"), [], folder, overrides=overrides),
        ),
        config.to_str(interpolate=False),
    )


def make_in_rounds(bench: Bench, run: Run) -> Path:
    """Train a transformer student, whose folder is given, and a student from its labels."""
    work, lang = bench.work, run.lang
    teacher = work / f"teacher/{SERVES[lang]}"
    overrides = {
        "assistant.paths.start": str(teacher),
        "student.paths.vectors": str(work / f"vectors/{lang}"),
        "student.paths.raw": [str(work / f"corpus/raw/{lang}.txt")],
        "student.system.seed": run.seed,
        "assistant.system.seed": run.seed,
    }
    path, folder = FOLDER / f"{run.recipe}.cfg", work / f"{run.recipe}/{lang}-{run.seed}"

    def train(out: Path) -> None:
        soft = [work / f"soft/{teacher_of(key, lang)}/{lang}" for key in ROUNDS[run.recipe]]
        rounds(path, soft, work / f"corpus/raw/{lang}.txt", folder, overrides=overrides)
        shutil.copytree(folder / "student/model-last", out)

    bench.made(run.name, train, path.read_text("utf8"))
    assistant = folder / "round-1/assistant/model-last"
    trf = f"students/{run.recipe}-transformer/{lang}-{run.seed}"
    return bench.made(trf, lambda out: shutil.copytree(assistant, out), path.read_text("utf8"))


def transformer_of(bench: Bench, run: Run) -> Path | None:
    """Give the transformer student that a student learned from, where one stands."""
    if run.recipe in ROUNDS:
        path = bench.work / f"students/{run.recipe}-transformer/{run.lang}-{run.seed}"
    elif run.recipe == "few-shot-tuned":
        path = bench.work / f"teacher/tuned/{run.lang}-{run.k}-{run.seed}"
    else:
        return None
    return path if path.exists() else None


def score_student(bench: Bench, run: Run, configs: dict[str, Config]) -> None:
    """Score a student on its test set, and the transformer student of its rounds."""
    teachers = [teacher_of(key, run.lang) for key in taught_by(run.recipe, configs[run.recipe])]
    sources = sorted({source for name in teachers for source in SOURCES[name]})
    path = FOLDER / f"{run.recipe}.cfg"
    keys = {"recipe": run.label, "role": "student", "pipe": "ner", "seed": run.seed, "k": run.k}
    forms = FORMS[:2] if run.recipe == DEFAULT else FORMS[:1]
    shared = _keys(sources, run.recipe, path)
    score(bench, run.lang, bench.work / run.name, keys | shared, forms=forms)
    trf = transformer_of(bench, run)
    if trf is not None:
        keys |= {"recipe": f"{run.label}-transformer", "pipe": "token_classifier"}
        score(bench, run.lang, trf, keys | shared, forms=forms)


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
