"""Pairs from a similarity matrix."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spacy_xner.errors import XnerError
from spacy_xner.projection.extraction import METHODS, extract, mutual_probability

SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 6))
SIMILARITIES = SHAPES.flatmap(
    lambda shape: arrays(
        np.float64, shape, elements=st.integers(0, 10**6).map(lambda n: n / 10**6), unique=True
    )
)


def links(similarity, method):
    return [tuple(link) for link in extract(np.array(similarity), method).tolist()]


def test_inter_keeps_what_is_best_both_ways():
    similarity = [[0.9, 0.1, 0.8], [0.8, 0.2, 0.1], [0.1, 0.1, 0.3]]
    assert links(similarity, "inter") == [(0, 0)]


def test_itermax_adds_a_second_round_in_which_a_side_that_is_taken_counts_less():
    similarity = [[0.90, 0.10, 0.30], [0.85, 0.20, 0.10], [0.10, 0.10, 0.28]]
    assert links(similarity, "inter") == [(0, 0)]
    # Row 0 is taken: its 0.30 counts 0.27, less than the 0.28 of the free row 2. Row 1 goes to the
    # taken column 0, whose 0.85 counts 0.765 and still is its best.
    assert links(similarity, "itermax") == [(0, 0), (1, 0), (2, 2)]


def test_mwmf_is_the_matching_of_greatest_sum():
    similarity = [[0.9, 0.8], [0.85, 0.1]]
    assert links(similarity, "mwmf") == [(0, 1), (1, 0)]


@given(SIMILARITIES)
def test_mwmf_equals_brute_force(similarity):
    rows, columns = similarity.shape
    if rows > columns:
        similarity = similarity.T
        rows, columns = columns, rows
    best = max(
        similarity[np.arange(rows), list(chosen)].sum()
        for chosen in permutations(range(columns), rows)
    )
    found = extract(similarity, "mwmf")
    assert similarity[tuple(found.T)].sum() == pytest.approx(best)


@given(SIMILARITIES)
def test_every_pair_of_inter_is_one_of_itermax(similarity):
    inter, itermax = set(links(similarity, "inter")), set(links(similarity, "itermax"))
    assert inter
    assert inter <= itermax


@given(SIMILARITIES)
def test_both_directions_give_the_same_pairs(similarity):
    for method in ("inter", "itermax"):
        there = set(links(similarity, method))
        assert there == {(i, j) for j, i in links(similarity.T, method)}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_links_with_nothing(method, shape):
    assert extract(np.zeros(shape), method).shape == (0, 2)


def test_an_unknown_method_is_an_error_that_lists_the_known():
    with pytest.raises(XnerError, match="'union'; expected one of inter, itermax, mwmf"):
        extract(np.ones((1, 1)), "union")


def test_a_pair_is_sure_that_stands_out_from_its_row_and_its_column():
    similarity = np.array([[0.95, 0.80], [0.80, 0.81]])
    sure = mutual_probability(similarity, 0.02)
    assert sure[0, 0] > 0.99
    assert 0.5 < sure[1, 1] < 0.65
    assert mutual_probability(np.full((4, 4), 0.9), 0.02)[0, 0] == pytest.approx(0.25)
