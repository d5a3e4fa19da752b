"""Speed is compared in turn, within one run; memory is the child's own."""

import math
import sys

import pytest
import spacy

from spacy_xner.errors import XnerError
from spacy_xner.evaluation import speed
from spacy_xner.evaluation.speed import compare_speed, peak_mb, words_per_second


def test_systems_take_turns_and_the_order_moves_on():
    calls = []
    systems = {name: lambda texts, name=name: calls.append(name) for name in "abc"}
    compare_speed(systems, ["x y"], repeats=3)
    assert "".join(calls) == "abc" + "abc" + "bca" + "cab"  # the first three warm up


class Clock:
    """A clock that only the systems move, so that a busy machine changes nothing."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def takes(self, *seconds):
        """A system that takes these seconds, call by call; the first call is the warm-up."""
        rest = iter(seconds)

        def system(texts):
            self.now += next(rest)

        return system


def test_ratio_and_rates_of_systems_of_known_speed(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(speed, "time", clock)
    systems = {"fast": clock.takes(9, 1, 2, 1), "slow": clock.takes(1, 3, 6, 4)}
    result = compare_speed(systems, ["w"] * 10, n_words=60, repeats=3)
    fast = {"median": 60, "min": 30, "max": 60, "rounds": [60, 30, 60], "n": 3, "n_words": 60}
    assert result["systems"]["fast"] == fast
    assert result["systems"]["slow"]["median"] == 15
    ratio = result["ratios"]["fast"]["slow"]
    assert ratio["rounds"] == [3, 3, 4]
    assert ratio["value"] == pytest.approx(36 ** (1 / 3))
    # t interval with two degrees of freedom: 4.3027 times the standard error of the logarithms.
    reach = 4.3027 * math.log(4 / 3) / 3
    assert math.log(ratio["high"] / ratio["value"]) == pytest.approx(reach, rel=1e-3)
    assert math.log(ratio["value"] / ratio["low"]) == pytest.approx(reach, rel=1e-3)
    assert ratio["value"] == pytest.approx(1 / result["ratios"]["slow"]["fast"]["value"])


def test_words_are_counted_in_the_texts_unless_given():
    nlp = spacy.blank("xx")
    rates = words_per_second(nlp, ["Sannu da zuwa", "Ina kwana"] * 5, repeats=3)
    assert rates["n_words"] == 25
    assert rates["min"] <= rates["median"] <= rates["max"]
    assert words_per_second(nlp, ["Sannu"], 7, repeats=1)["n_words"] == 7


def test_nothing_to_compare_is_refused():
    with pytest.raises(XnerError, match="1 systems and 5 rounds"):
        compare_speed({"a": print}, ["x"])
    with pytest.raises(XnerError, match="0 texts"):
        compare_speed({"a": print, "b": print}, [])


def test_peak_is_that_of_the_child_and_not_of_the_process_that_asks():
    held = bytearray(300_000_000)  # a child that is forked from this process looks as big
    small = peak_mb([sys.executable, "-S", "-c", "pass"])
    large = peak_mb([sys.executable, "-S", "-c", "x = bytearray(200_000_000)"])
    assert len(held) == 300_000_000
    assert small < 60
    assert 200 < large < 260


def test_peak_of_a_failing_command_is_refused():
    with pytest.raises(XnerError, match="exit code 3"):
        peak_mb([sys.executable, "-S", "-c", "raise SystemExit(3)"])
