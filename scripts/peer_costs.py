"""Memory, disk and start of each system and way to train, in own processes: part `cost`."""

import statistics
import sys
import time
from pathlib import Path

from benchmark_speed import packed_mb
from peer_bench import Bench
from peer_race import Material
from peer_systems import recipe_of
from wasabi import msg

from spacy_xner.errors import XnerError
from spacy_xner.evaluation.speed import peak_mb

__all__ = ["cost"]

PROCESS = Path(__file__).with_name("peer_process.py")
READ = 1000  # texts that each system has read when its memory is measured
STARTS = 3


def cost(bench: Bench, seconds: float = 20.0) -> None:
    """Measure what each takes to be run.

    Start: from the beginning of the process until one text has been read. Disk: packed as a wheel
    or a download would be; of spaCy's own pipelines the whole, with what is not loaded here.

    bench (Bench): The run.
    seconds (float): How long each way trains when its memory is measured.
    """
    for system, path in bench.systems.items():
        recipe = recipe_of(system)
        try:
            start, peak = start_and_peak(bench, system, path)
        except XnerError as error:
            msg.warn(f"Memory and start of {system} are not measured", str(error))
            continue
        disk = packed_mb(path, bench.scratch / "packed" / system)
        bench.write(recipe, system, "start_seconds", start, n=STARTS)
        bench.write(recipe, system, "peak_mb", peak)
        bench.write(recipe, system, "disk_mb", disk)
        msg.info(f"{system}: start {start:.1f} s, memory {peak:,.0f} MB, disk {disk:,.0f} MB")
    cost_of_training(bench, seconds)


def cost_of_training(bench: Bench, seconds: float) -> None:
    """Measure the memory of each way to train."""
    material = Material.of(bench)
    of = (material.work, material.lang, material.student, material.classifier)
    for way in material.ways():
        try:
            peak = peak_mb(process("train", way, *of, seconds))
        except XnerError as error:
            msg.warn(f"The memory of {way} is not measured", str(error))
            continue
        bench.write("train", way, "peak_mb", peak)
        msg.info(f"{way}: memory {peak:,.0f} MB in training")


def process(*arguments: object) -> list[str]:
    return [sys.executable, str(PROCESS), *map(str, arguments)]


def start_and_peak(bench: Bench, system: str, path: Path) -> tuple[float, float]:
    """Seconds until one text has been read, and megabytes when many have."""
    end = ("--batch-size", best_batch(bench))
    seconds = []
    for _ in range(STARTS):
        began = time.perf_counter()
        peak_mb(process("infer", system, path, bench.text_file(1), *end))
        seconds.append(time.perf_counter() - began)
    many = bench.text_file(READ)
    return statistics.median(seconds), peak_mb(process("infer", system, path, many, *end))


def best_batch(bench: Bench) -> int:
    """The batch of the Hugging Face pipeline that part `infer` found to be the fastest."""
    found = bench.rows.find(system="hf-pipeline", metric="batch_size")
    return int(found[-1]["value"]) if found else 16
