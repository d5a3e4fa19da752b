"""Measure beside what people use today: docs/results/peers.jsonl, and plots beside it.

Systems of one comparison take turns in one run, from raw strings; a peer that is not installed is
left out, which is said. Reads models that scripts/benchmark_main.py made in --work. The parts:
`infer` (annotation and student), `limit` (what is left to the arithmetic limit), `train` (F1
against wall time), `cost` (memory, disk, start) and `growth` (50 thousand to 5 million words). See
docs/peers.md for how each is set up.
"""

import itertools
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from arithmetic import flops_a_piece, matrix_flops
from peer_bench import Bench
from peer_costs import cost
from peer_plots import plot
from peer_race import train
from peer_systems import annotation, export, load, recipe_of, teachers
from peers import load_hf
from wasabi import msg

from spacy_xner.evaluation.results import ResultRows
from spacy_xner.evaluation.speed import compare_speed
from spacy_xner.teacher.sources import load_source

BATCHES = (1, 4, 8, 16, 32, 64)
STUDENT, TEACHER = Path("configs/student.cfg"), Path("configs/teacher.cfg")


def main(
    work: Annotated[Path, typer.Option(help="Folder of benchmark_main.py")] = Path("training/main"),
    lang: Annotated[str, typer.Option(help="Language of the text")] = "hau",
    texts: Annotated[int, typer.Option(help="Raw texts that are read")] = 6000,
    rounds: Annotated[int, typer.Option(help="Rounds of each comparison")] = 5,
    seconds: Annotated[float, typer.Option(help="Training time of each way")] = 300.0,
    sizes: Annotated[str, typer.Option(help="Words of the growing text")] = "50000 500000 5000000",
    teacher_words: Annotated[
        int, typer.Option(help="Words that the teacher labels of the growing text, at most")
    ] = 500_000,
    parts: Annotated[str, typer.Option(help="Which")] = "infer limit train cost growth",
    ways: Annotated[str, typer.Option(help="Ways to train beside ours; all if empty")] = "",
    student: Annotated[Path, typer.Option(help="Config that the ways to train have")] = STUDENT,
    results: Path = Path("docs/results/peers.jsonl"),
) -> None:
    """Measure all parts, or some."""
    lines = (work / f"corpus/raw/{lang}.txt").read_text("utf8").splitlines()
    sample = random.Random(0).sample(lines, min(texts, len(lines)))
    run: dict[str, Callable[[Bench], None]] = {
        "infer": infer,
        "limit": limit,
        "train": partial(train, seconds=seconds, only=ways.split()),
        "cost": cost,
        "growth": partial(
            growth, sizes=[int(size) for size in sizes.split()], teacher_words=teacher_words
        ),
    }
    msg.info("About an hour on 2 cores with all parts and 300 seconds a way to train.")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        systems = export(work / "teacher", work / f"distillation/{lang}-0", scratch / "systems")
        configs = (student, TEACHER)
        bench = Bench(work, lang, ResultRows(results), sample, rounds, scratch, systems, configs)
        for part in parts.split():
            began = time.perf_counter()
            run[part](bench)
            msg.good(f"{part}: {time.perf_counter() - began:,.0f} s")
    plot(bench.rows, results.parent)


def infer(bench: Bench) -> None:
    """Words per second of all systems that find entities, from raw strings."""
    batch = best_batch(bench) if "hf-pipeline" in bench.systems else 0
    systems = {name: load(name, path, bench.scratch, batch) for name, path in bench.systems.items()}
    found = compare_speed(systems, bench.texts, repeats=bench.rounds, fresh=True)
    for system, rate in found["systems"].items():
        recipe = recipe_of(system)
        bench.write(recipe, system, "words_per_second", rate["median"], n=rate["n"])
        for against, ratio in found["ratios"][system].items():
            keys = {key: ratio[key] for key in ("low", "high", "n")}
            bench.write(recipe, system, "ratio", ratio["value"], against=against, **keys)
        msg.info(f"{system}: {rate['median']:,.0f} words/s")


def best_batch(bench: Bench) -> int:
    """The batch size at which the Hugging Face pipeline is fastest on some of the texts."""
    pipelines = {f"{size}": load_hf(bench.systems["hf-pipeline"], size) for size in BATCHES}
    few = bench.texts[: max(64, len(bench.texts) // 40)]
    found = compare_speed(pipelines, few, repeats=2)["systems"]
    best = max(found, key=lambda size: float(found[size]["median"]))
    msg.info(f"Hugging Face pipeline: batches of {best} are the fastest")
    bench.write("infer", "hf-pipeline", "batch_size", int(best))
    return int(best)


def limit(bench: Bench) -> None:
    """What share of the matrix products' own speed the annotation reaches, and where time goes."""
    import torch

    system = teachers()[-1]
    precision = system.partition("-")[2]
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    source: Any = load_source(bench.work / "teacher", precision=precision)
    shim = source.nlp.get_pipe("transformer").model.shims[0]
    pieces = [len(ids) for ids in shim.tokenizer(bench.texts)["input_ids"]]
    words = sum(len(text.split()) for text in bench.texts)
    flops = sum(n * flops_a_piece(shim._model, n) for n in pieces) / words
    run = annotation(source, bench.scratch)
    run(bench.texts[:32])
    inside = timed_predictions(source)
    began = time.perf_counter()
    run(bench.texts)
    seconds = time.perf_counter() - began
    peak = matrix_flops(dtype, width=shim._model.config.hidden_size)
    for metric, value in (
        ("pieces_per_word", sum(pieces) / words),
        ("flops_per_word", flops),
        ("matrix_flops_per_second", peak),
        ("words_per_second_of_matrix_products", peak / flops),
        ("share_of_limit", 100 * words / seconds * flops / peak),
        ("share_of_time_in_encoder", 100 * sum(inside) / seconds),
    ):
        bench.write("annotate", system, metric, value, n=len(bench.texts))
        msg.info(f"{metric}: {value:,.4g}")


def timed_predictions(source: Any) -> list[float]:
    """Let a teacher note the seconds of each batch; the rest is reading, cutting and writing."""
    predict, seconds = source.predict, []

    def timed(docs: Sequence[Any]) -> Any:
        began = time.perf_counter()
        found = predict(docs)
        seconds.append(time.perf_counter() - began)
        return found

    source.predict = timed
    return seconds


def growth(bench: Bench, sizes: Sequence[int], teacher_words: int) -> None:
    """Seconds of the student and of the annotation as the text grows by repetition.

    bench (Bench): The run.
    sizes (Sequence[int]): Words of the text.
    teacher_words (int): The teacher, who takes minutes for every 500,000 words, has no rows above.
    """
    teacher = teachers()[-1]
    runs = {name: load(name, bench.systems[name], bench.scratch) for name in ("student", teacher)}
    for run in runs.values():
        run(bench.texts[:32])
    for size in sizes:
        texts = repeated(bench.texts, size)
        for system, run in runs.items():
            if system == teacher and size > teacher_words:
                msg.info(f"{system} is not given {size:,} words (--teacher-words {teacher_words})")
                continue
            began = time.perf_counter()
            run(texts)
            seconds = time.perf_counter() - began
            bench.write(recipe_of(system), system, "seconds", seconds, words=size)
            msg.info(f"{system}: {size:,} words in {seconds:,.0f} s")


def repeated(texts: Sequence[str], words: int) -> list[str]:
    """Texts over and over until they have so many words."""
    found: list[str] = []
    n = 0
    for text in itertools.cycle(texts):
        if n >= words:
            return found
        found.append(text)
        n += len(text.split())
    return found


if __name__ == "__main__":
    typer.run(main)
