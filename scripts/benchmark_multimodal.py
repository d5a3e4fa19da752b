"""Measure docs/results/multimodal.jsonl: what views add to a teacher, and to its students.

A recipe is a set of views of configs/multimodal_teacher.cfg, put on the plain teacher of the same
seed. Teachers learn from one fixed sample of English, and each teaches the students of its seed.
Nothing of a target language but raw text is seen. What stands in --work is not made again, so that
a run that was stopped goes on. `scripts/multimodal_measures.py` measures speed, names and IPA.
"""

import os
import random
import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from benchmark_main import keep
from benchmark_scores import FORMS, STUDENT, TEACHER, Bench, score
from corpus import corpus
from multimodal_scores import COMMAND, RECIPES, WIKIANN, summarise_views
from student_config import student_config
from thinc.api import Config
from train_teacher import train_teacher
from wasabi import msg

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.distill import distill
from spacy_xner.cli.encoder import encoder
from spacy_xner.corpora.conll import read_conll, write_conll
from spacy_xner.evaluation.results import ResultRows

MULTIMODAL = Path("configs/multimodal_teacher.cfg")
TARGETS = "am si hau swa yor zul"
SENTENCES, TEXTS = 5_000, 3_000
# The ablation's students have no word vectors: these would have to be fitted anew to each teacher.
PLAIN_STUDENT: dict[str, Any] = {
    "paths.vectors": None,
    "components.ner.model.tok2vec.embed.include_static_vectors": False,
}


@dataclass(frozen=True)
class Run:
    """One student to train.

    recipe (str): A key of `RECIPES`.
    lang (str): Its target.
    seed (int): Its seed and its teacher's.
    """

    recipe: str
    lang: str
    seed: int

    @property
    def name(self) -> str:
        return f"students/{self.recipe}/{self.lang}-{self.seed}"

    @property
    def soft(self) -> str:
        return f"soft/{self.recipe}-{self.seed}/{self.lang}"


def main(
    data_root: Annotated[Path, typer.Option(help="Laid out as MasakhaNER")] = Path(
        "../shared/data"
    ),
    work: Annotated[Path, typer.Option(help="What is made on the way")] = Path(
        "training/multimodal"
    ),
    results: Path = Path("docs/results/multimodal.jsonl"),
    recipes: Annotated[str, typer.Option(help=f"Of: {', '.join(RECIPES)}")] = " ".join(RECIPES),
    target: Annotated[str, typer.Option(help="Target languages")] = TARGETS,
    seeds: Annotated[int, typer.Option(help="Teachers a recipe, students a language")] = 3,
    workers: Annotated[int, typer.Option(help="Students that are trained at once")] = 2,
    students: Annotated[bool, typer.Option(help="Train students; else teachers alone")] = True,
    train: Annotated[bool, typer.Option(help="Train what is missing; else score what stands")] = (
        True
    ),
) -> None:
    """Measure teachers with views beside a plain one, and their students."""
    bench, targets, names = Bench(work, ResultRows(results)), target.split(), recipes.split()
    unknown = [*({*names} - {*RECIPES}), *({*targets} - {*TARGETS.split()})]
    if unknown:
        msg.fail(
            f"Unknown: {', '.join(unknown)}",
            f"Recipes are {', '.join(RECIPES)}, targets {TARGETS}.",
            exits=1,
        )
    teachers = [(name, seed) for seed in range(seeds) for name in names]
    runs = [Run(name, lang, seed) for name, seed in teachers for lang in targets]
    if train:
        msg.info("A plain teacher takes 5 minutes, another 2, a student 1; what stands stays.")
        prepare(bench, data_root)
        for name, seed in teachers:
            make_teacher(bench, name, seed)
    os.environ["OMP_NUM_THREADS"] = "1"  # of the workers
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        if train and students:
            for done in [pool.submit(make_student, bench, run) for run in runs]:
                done.result()
        # Scored together at the end: nothing that a test set says can change what is trained.
        for done in [pool.submit(score_student, bench, run) for run in runs]:
            done.result()
    for name, seed in teachers:
        score_teacher(bench, name, seed, targets)
    summarise_views(bench, names, targets, seeds)


def prepare(bench: Bench, data_root: Path) -> None:
    """Make corpora and encoder: English sample, raw text, gold to test."""

    def corpora(out: Path) -> None:
        corpus("masakhaner", out, data_root, ["en"], TARGETS.split())
        sentences = read_conll(out / "train.conll")
        sample = random.Random(0).sample(sentences, min(SENTENCES, len(sentences)))
        write_conll(out / "train.conll", sample)
        for path in (out / "raw").glob("*.txt"):
            lines = path.read_text("utf8").splitlines()
            chosen = random.Random(0).sample(lines, min(TEXTS, len(lines)))
            path.write_text("\n".join(chosen) + "\n", "utf8")
        (out / "wikiann").mkdir()
        for lang, name in WIKIANN.items():
            gold = data_root / "wikiann_ipa" / f"{name}.test.conll"
            shutil.copy(gold, out / "wikiann" / f"{lang}.conll")

    bench.made("corpus", corpora, f"{TARGETS} {SENTENCES} {TEXTS}")
    text = [bench.work / "corpus/train.conll", bench.work / "corpus/raw"]
    bench.made("encoder", lambda out: encoder(out, keep_vocab_of=text))


def teacher_config(recipe: str) -> Config:
    """Give the config of a recipe's teacher, with the views that it sees and no other.

    recipe (str): A key of `RECIPES`.
    RETURNS (Config): The whole config, not interpolated.
    """
    if not RECIPES[recipe]:
        return student_config(TEACHER, TEACHER)
    config = student_config(MULTIMODAL, TEACHER)
    fusion = config["components"]["xner_teacher"]["model"]["tok2vec"]
    for key in ("views", "text_mixing"):
        fusion[key] = {name: fusion[key][name] for name in RECIPES[recipe] if name in fusion[key]}
    return config


def make_teacher(bench: Bench, recipe: str, seed: int) -> None:
    """Train a teacher unless it stands there; one with views after the plain one of its seed."""
    config, plain = teacher_config(recipe), f"teacher/plain-{seed}"
    start = bench.work / plain if RECIPES[recipe] else None
    if start is not None:
        make_teacher(bench, "plain", seed)
    path = bench.work / f"configs/{recipe}-{seed}.cfg"
    path.parent.mkdir(parents=True, exist_ok=True)
    config.to_disk(path, interpolate=False)

    def run(folder: Path) -> None:
        overrides = {"paths.start": str(start)} if start is not None else None
        encoder, corpus = bench.work / "encoder", bench.work / "corpus"
        train_teacher(path, folder, encoder, corpus, seed=seed, overrides=overrides)

    bench.made(
        f"teacher/{recipe}-{seed}",
        lambda out: keep("model-last", out, run),
        config.to_str(interpolate=False),
        of=[plain] if start is not None else [],
    )


def make_student(bench: Bench, run: Run) -> None:
    """Label the raw text and train a student, unless they stand there."""
    raw, teacher = bench.work / f"corpus/raw/{run.lang}.txt", f"teacher/{run.recipe}-{run.seed}"
    soft = bench.made(
        run.soft,
        lambda out: annotate(bench.work / teacher, raw, out, lang=run.lang),
        of=[teacher],
    )
    overrides = {"paths.raw": [str(raw)], "system.seed": run.seed, **PLAIN_STUDENT}
    bench.made(
        run.name,
        lambda out: keep(
            "model-last", out, lambda to: distill(STUDENT, [soft], to, overrides=overrides)
        ),
        STUDENT.read_text("utf8"),
        of=[teacher],
    )


def score_teacher(bench: Bench, recipe: str, seed: int, targets: list[str]) -> None:
    """Score a teacher on the test sets of the targets and of WikiAnn, if it stands there."""
    model = bench.work / f"teacher/{recipe}-{seed}"
    if model.exists():
        keys = _keys(recipe, seed, "teacher", "token_classifier", MULTIMODAL)
        for lang in targets:
            score(bench, lang, model, keys, forms=FORMS[:1])
        for lang in WIKIANN:
            _score_wikiann(bench, lang, model, keys)


def score_student(bench: Bench, run: Run) -> None:
    """Score a student on the test sets of its language, if it stands there."""
    model = bench.work / run.name
    if model.exists():
        keys = _keys(run.recipe, run.seed, "student", "ner", STUDENT)
        score(bench, run.lang, model, keys, forms=FORMS[:1])
        if run.lang in WIKIANN:
            _score_wikiann(bench, run.lang, model, keys)


def _score_wikiann(bench: Bench, lang: str, model: Path, keys: dict[str, Any]) -> None:
    gold = bench.work / f"corpus/wikiann/{lang}.conll"
    score(bench, lang, model, keys | {"test_set": "wikiann_ipa"}, forms=FORMS[:1], gold=gold)


def _keys(recipe: str, seed: int, role: str, pipe: str, config: Path) -> dict[str, Any]:
    return {
        "benchmark": "multimodal",
        "recipe": recipe,
        "role": role,
        "pipe": pipe,
        "seed": seed,
        "views": list(RECIPES[recipe]),
        "default": recipe == "plain",
        "config": str(TEACHER if recipe == "plain" and role == "teacher" else config),
        "command": COMMAND,
    }


if __name__ == "__main__":
    typer.run(main)
