"""Speed is compared in turn, within one run; memory is the child's own."""

import sys
import time

import pytest
import spacy

from spacy_xner.errors import XnerError
from spacy_xner.evaluation.speed import compare_speed, peak_mb, words_per_second


def test_systems_take_turns_and_the_order_moves_on():
    calls = []
    systems = {name: lambda texts, name=name: calls.append(name) for name in "abc"}
    compare_speed(systems, ["x y"], repeats=3)
    assert "".join(calls) == "abc" + "abc" + "bca" + "cab"  # the first three warm up


def test_ratio_and_rates_of_systems_of_known_speed():
    systems = {"fast": lambda texts: time.sleep(0.01), "slow": lambda texts: time.sleep(0.03)}
    result = compare_speed(systems, ["w"] * 10, n_words=60, repeats=5)
    assert result["systems"]["fast"]["median"] == pytest.approx(6000, rel=0.25)
    assert result["systems"]["slow"]["n"] == 5
    ratio = result["ratios"]["fast"]["slow"]
    assert ratio["value"] == pytest.approx(3, rel=0.25)
    assert ratio["low"] <= ratio["value"] <= ratio["high"]
    assert ratio["value"] == pytest.approx(1 / result["ratios"]["slow"]["fast"]["value"])
    assert len(ratio["rounds"]) == ratio["n"] == 5


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
