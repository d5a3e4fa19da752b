"""Measures of similarity: their values where these are known."""

import numpy as np
import pytest

from spacy_xner.analysis.similarity import (
    cosine_gap,
    csls_p1,
    linear_cka,
    mean_cosine,
    neighbour_shares,
    retrieval_p1,
)
from spacy_xner.errors import XnerError

EYE = np.eye(4)


def random(seed, rows=40, width=8):
    return np.random.default_rng(seed).normal(size=(rows, width))


def test_mean_cosine_is_the_mean_over_all_pairs():
    a, b = random(0, 5), random(1, 7)
    pairs = [x @ y / np.linalg.norm(x) / np.linalg.norm(y) for x in a for y in b]
    assert mean_cosine(a, b) == pytest.approx(np.mean(pairs))


def test_cosine_gap_is_one_where_only_translations_are_alike():
    assert cosine_gap(EYE, EYE) == pytest.approx(1.0)
    assert cosine_gap(EYE, np.roll(EYE, 1, axis=0)) == pytest.approx(-1 / 3)


def test_retrieval_finds_each_translation_or_none():
    assert retrieval_p1(EYE, 3 * EYE) == 1.0
    assert retrieval_p1(EYE, np.roll(EYE, 1, axis=0)) == 0.0


def test_csls_finds_what_a_hub_hides():
    # The first source sentence is near to every target; plain cosine always takes it.
    target = np.array([[1.0, 0.9, 0, 0], [1.0, 0, 0.9, 0], [1.0, 0, 0, 0.9]])
    source = np.array([[1.0, 0.6, 0.4, 0.4], [0.1, 0, 1.0, 0], [0.1, 0, 0, 1.0]])
    assert retrieval_p1(source, target) == pytest.approx(1 / 3)
    assert csls_p1(source, target, neighbours=3) == 1.0


def test_cka_ignores_rotation_and_scale_and_is_low_for_noise():
    x = random(0)
    rotation = np.linalg.qr(random(1, 8))[0]
    assert linear_cka(x, 3 * x @ rotation) == pytest.approx(1.0)
    assert linear_cka(random(0, 400), random(2, 400)) < 0.1
    assert linear_cka(np.ones((4, 3)), random(0, 4, 3)) == 0.0


def test_neighbours_vote_for_the_source_that_lies_near():
    target = random(0) + 5
    shares = neighbour_shares({"near": random(1) + 5, "far": random(2) - 5}, target)
    assert shares == {"near": 1.0, "far": 0.0}


def test_neighbours_of_equal_sources_share_evenly_whatever_their_size():
    big = random(3, 400)
    shares = neighbour_shares({"one": big[:100], "other": big[100:]}, random(4, 200))
    assert shares["one"] == pytest.approx(0.5, abs=0.1)
    assert sum(shares.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: mean_cosine(np.zeros((0, 3)), EYE),
        lambda: retrieval_p1(EYE, EYE[:2]),
        lambda: cosine_gap(EYE[:1], EYE[:1]),
        lambda: neighbour_shares({}, EYE),
        lambda: neighbour_shares({"a": EYE}, EYE[:0]),
    ],
)
def test_no_rows_or_unequal_rows_are_refused(call):
    with pytest.raises(XnerError, match=r"expected|at least one"):
        call()
