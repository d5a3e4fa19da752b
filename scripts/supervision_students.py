"""The students of scripts/benchmark_supervision.py, and the soft labels that recipes read."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark_main import keep
from benchmark_scores import Bench
from spacy.util import load_config
from student_config import student_config
from supervision_teachers import SERVES, SOURCES, teacher_of, tune
from thinc.api import Config

from spacy_xner.cli.distill import distill
from spacy_xner.cli.few_shot import few_shot
from spacy_xner.cli.rounds import rounds

FOLDER = Path("configs/recipes")
# Recipes of rounds, and what teaches their transformer student.
ROUNDS = {"rounds": ["multi_source"], "together": ["multi_source", "projection"]}
ROUNDS_CONFIGS = (Path("configs/student_trf.cfg"), Path("configs/student.cfg"))
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

    @property
    def transformer(self) -> str | None:
        """Name of the transformer student that the student learns from, where there is one."""
        if self.recipe in ROUNDS:
            return f"students/{self.recipe}-transformer/{self.lang}-{self.seed}"
        if self.recipe == "few-shot-tuned":
            return f"teacher/tuned/{self.lang}-{self.k}-{self.seed}"
        return None


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


def vectors_of(run: Run, config: Config) -> str:
    """Name the word vectors of a student: of a teacher that its recipe has, see `taught_by`."""
    mixed = taught_by(run.recipe, config) != ["english"]
    return f"vectors/{SERVES[run.lang] if mixed else 'english'}/{run.lang}"


def gold_labels(bench: Bench, run: Run) -> str:
    """Make the k gold sentences that a recipe sees into soft labels; give their name."""
    name = f"soft/few-shot/{run.lang}-{run.k}-{run.seed}"
    gold = bench.work / f"corpus/few-shot/{run.lang}.conll"
    like = f"soft/{SERVES[run.lang]}/{run.lang}"
    bench.made(
        name,
        lambda out: few_shot(
            gold, out, k=run.k, seed=run.seed, lang=run.lang, like=bench.work / like
        ),
        of=["corpus", like],
    )
    return name


def make(bench: Bench, run: Run, config: Config) -> None:
    """Train a student unless it stands there."""
    if run.recipe in ROUNDS:
        make_in_rounds(bench, run)
        return
    work, lang = bench.work, run.lang
    teachers = {key: teacher_of(key, lang) for key in taught_by(run.recipe, config)}
    made_of = {key: f"soft/{name}/{lang}" for key, name in teachers.items()}
    made_of["vectors"] = vectors_of(run, config)
    if "tuned" in config["paths"]:
        start = make_in_rounds(bench, Run(TUNED, lang, run.seed))
        made_of["tuned"] = tune(bench, start, lang, run.k, run.seed)
    if "gold_labels" in config["paths"]:
        made_of["gold_labels"] = gold_labels(bench, run)
    made_of = {key: name for key, name in made_of.items() if key in config["paths"]}
    paths: dict[str, Any] = {key: str(work / name) for key, name in made_of.items()}
    paths["raw"] = [str(work / f"corpus/raw/{lang}.txt")]
    paths["encoder"] = str(work / "encoder")
    paths["gold"] = str(work / f"corpus/few-shot/{lang}.conll")
    overrides = {f"paths.{key}": path for key, path in paths.items() if key in config["paths"]}
    overrides["system.seed"] = run.seed
    whole = config.copy()
    if "sources" in whole["paths"]:
        whole["paths"]["sources"] = {
            key: [str(work / f"corpus/gold/{source}.conll") for source in SOURCES[name]]
            for key, name in teachers.items()
        }
    if run.recipe == "rare":
        whole["distillation"]["ensemble"] |= {"k": run.k, "seed": run.seed}
    path = (work / run.name.replace("students", "configs", 1)).with_suffix(".cfg")
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.to_disk(path, interpolate=False)

    def train(folder: Path) -> None:
        distill(path, [], folder, overrides=overrides)

    bench.made(
        run.name,
        lambda out: keep("model-last", out, train),
        config.to_str(interpolate=False),
        of=["corpus", *made_of.values()],
    )


def make_in_rounds(bench: Bench, run: Run) -> str:
    """Train a transformer student, whose name is given, and a student from its labels."""
    work, lang = bench.work, run.lang
    teacher, words = f"teacher/{SERVES[lang]}", f"vectors/{SERVES[lang]}/{lang}"
    soft = [f"soft/{teacher_of(key, lang)}/{lang}" for key in ROUNDS[run.recipe]]
    raw = work / f"corpus/raw/{lang}.txt"
    overrides = {
        "assistant.paths.start": str(work / teacher),
        "student.paths.vectors": str(work / words),
        "student.paths.raw": [str(raw)],
        "student.system.seed": run.seed,
        "assistant.system.seed": run.seed,
    }
    recipe = FOLDER / f"{run.recipe}.cfg"
    settings = "".join(path.read_text("utf8") for path in (recipe, *ROUNDS_CONFIGS))
    made_of = ["corpus", teacher, words, *soft]
    # Rounds of other settings stand elsewhere; these go on where they were stopped.
    digest = hashlib.sha256(bench.settings(settings, made_of).encode("utf8")).hexdigest()[:8]
    folder = work / f"rounds/{run.recipe}/{lang}-{run.seed}-{digest}"

    def train(out: Path) -> None:
        rounds(recipe, [work / name for name in soft], raw, folder, overrides=overrides)
        shutil.copytree(folder / "student/model-last", out)

    bench.made(run.name, train, settings, of=made_of)
    assistant, transformer = folder / "round-1/assistant/model-last", run.transformer
    assert transformer is not None
    bench.made(transformer, lambda out: shutil.copytree(assistant, out), settings, of=made_of)
    return transformer
