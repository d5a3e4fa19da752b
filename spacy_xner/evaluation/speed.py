"""Words per second and memory, measured so that a ratio of two systems means something."""

import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spacy.language import Language

from ..errors import XnerError

__all__ = ["compare_speed", "peak_mb", "words_per_second"]

System = Callable[[list[str]], Any]

WARM_UP = 32

# The child's peak is read by a small process that starts it: Linux counts the size of whoever
# calls exec as the new program's own peak, so a big parent would be reported in its child's place.
MEASURE_CHILD = """
import json, os, subprocess, sys
child = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(child.pid, 0)
code = os.waitstatus_to_exitcode(status)
with open(sys.argv[1], "w") as file_:
    json.dump({"code": code, "peak": usage.ru_maxrss}, file_)
"""


def words_per_second(
    nlp: Language,
    texts: Sequence[str],
    n_words: int | None = None,
    *,
    repeats: int = 3,
    batch_size: int = 256,
) -> dict[str, Any]:
    """Time a pipeline from raw strings to `doc.ents`.

    nlp (Language): The pipeline.
    texts (Sequence[str]): Raw texts.
    n_words (int | None): Words in them; None counts what stands between white space.
    repeats (int): Timed rounds over all texts, after a warm-up on a few.
    batch_size (int): Texts a batch of `nlp.pipe`.
    RETURNS (dict[str, Any]): `median`, `min`, `max`, `rounds` (words per second), `n` (rounds),
        `n_words`.
    RAISES: XnerError where there is nothing to time.
    """

    def run(batch: list[str]) -> None:
        for doc in nlp.pipe(batch, batch_size=batch_size):
            _ = doc.ents

    seconds = _time_rounds({"pipeline": run}, [list(texts)] * repeats)["pipeline"]
    return _rates(seconds, [_count_words(texts, n_words)] * repeats)


def compare_speed(
    systems: Mapping[str, System],
    texts: Sequence[str],
    n_words: int | None = None,
    repeats: int = 5,
    *,
    fresh: bool = False,
) -> dict[str, Any]:
    """Time several systems in one run, in turn, so that noise of the machine hits all of them.

    Each round runs every system once over all texts; the order moves on by one a round, so that
    none always has the warm caches. A ratio is taken within each round.

    systems (Mapping[str, Callable[[list[str]], Any]]): Name and a function that does all the work
        on the raw texts before it returns.
    texts (Sequence[str]): Raw texts.
    n_words (int | None): Words in them; None counts what stands between white space.
    repeats (int): Rounds, at least two.
    fresh (bool): Cut the texts into as many parts as rounds and give each round its own, so that
        no cache has seen them.
    RETURNS (dict[str, Any]): `systems`: of each, `median`, `min`, `max`, `rounds` (words per
        second), `n`, `n_words`. `ratios[a][b]`, a's speed divided by b's: `value` (geometric mean
        over the rounds), `low`, `high` (95% t interval on the logarithm), `rounds`, `n`.
    RAISES: XnerError for less than two systems or rounds, or nothing to time.
    """
    if len(systems) < 2 or repeats < 2:
        raise XnerError(
            f"A comparison of speed got {len(systems)} systems and {repeats} rounds: expected at "
            "least two of each, for a ratio and its interval."
        )
    parts = [list(texts)] * repeats
    if fresh:
        parts = [list(texts[i::repeats]) for i in range(repeats)]
    words = [_count_words(part, n_words) for part in parts]
    seconds = _time_rounds(systems, parts)
    return {
        "systems": {name: _rates(times, words) for name, times in seconds.items()},
        "ratios": {
            a: {b: _ratio(seconds[b], seconds[a]) for b in systems if b != a} for a in systems
        },
    }


def peak_mb(command: Sequence[str], *, timeout: float | None = None) -> float:
    """Run a command and measure the most memory that it held (resident set size).

    command (Sequence[str]): The program and its arguments; its output goes where ours goes.
    timeout (float | None): Seconds after which it is ended.
    RETURNS (float): Megabytes (10^6 bytes), of its largest process.
    RAISES: XnerError where the command fails.
    """
    import json
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "peak.json"
        # -I -S: no site packages, so that the process that measures stays far below any other.
        shim = [sys.executable, "-I", "-S", "-c", MEASURE_CHILD, str(result), *command]
        try:
            done = subprocess.run(shim, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise XnerError(
                f"{' '.join(command)}: still ran after {timeout} s; expected it to end."
            ) from None
        usage = json.loads(result.read_text("utf8")) if result.exists() else {}
    if done.returncode != 0 or usage.get("code") != 0:
        raise XnerError(
            f"{' '.join(command)}: ended with exit code {usage.get('code')}; expected 0. Run it by "
            "itself to see why."
        )
    bytes_each = 1 if sys.platform == "darwin" else 1024
    return float(usage["peak"]) * bytes_each / 1e6


def _time_rounds(
    systems: Mapping[str, System], rounds: Sequence[list[str]]
) -> dict[str, list[float]]:
    """Seconds of each system in each round."""
    if not rounds or not all(rounds):
        raise XnerError(
            f"Timing got {len(rounds)} rounds of {', '.join(str(len(r)) for r in rounds)} texts: "
            "expected at least one of each."
        )
    names = list(systems)
    for system in systems.values():
        system(rounds[-1][:WARM_UP])
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for i, texts in enumerate(rounds):
        shift = i % len(names)
        for name in names[shift:] + names[:shift]:
            start = time.perf_counter()
            systems[name](texts)
            seconds[name].append(max(time.perf_counter() - start, 1e-9))
    return seconds


def _count_words(texts: Sequence[str], n_words: int | None) -> int:
    return n_words if n_words is not None else sum(len(text.split()) for text in texts)


def _rates(seconds: Sequence[float], words: Sequence[int]) -> dict[str, Any]:
    rounds = [n / each for n, each in zip(words, seconds, strict=True)]
    return {
        "median": statistics.median(rounds),
        "min": min(rounds),
        "max": max(rounds),
        "rounds": rounds,
        "n": len(rounds),
        "n_words": max(words),
    }


def _ratio(numerator: Sequence[float], denominator: Sequence[float]) -> dict[str, Any]:
    from scipy.stats import t

    rounds = [a / b for a, b in zip(numerator, denominator, strict=True)]
    logs = [math.log(each) for each in rounds]
    centre, n = statistics.fmean(logs), len(logs)
    reach = float(t.ppf(0.975, n - 1)) * statistics.stdev(logs) / math.sqrt(n)
    return {
        "value": math.exp(centre),
        "low": math.exp(centre - reach),
        "high": math.exp(centre + reach),
        "rounds": rounds,
        "n": n,
    }
