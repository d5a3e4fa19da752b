"""Entities of the source matched with spans of the target."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_xner.errors import XnerError
from spacy_xner.projection.matching import (
    Match,
    get_matcher,
    match_exact,
    match_greedy,
    match_heuristic,
)


def array(links):
    return np.array(sorted(links), dtype=np.int64).reshape(-1, 2)


def spans_of(n):
    return [(i, j) for i in range(n) for j in range(i + 1, n + 1)]


def brute_force(links, entities, n_target, candidates):
    """Greatest sum of scores over all ways to give each entity a candidate or none."""

    def score(entity, span):
        shared = sum(entity[0] <= i < entity[1] and span[0] <= j < span[1] for i, j in links)
        return 2 * shared / (entity[1] - entity[0] + span[1] - span[0])

    best = 0.0
    for chosen in product([None, *candidates], repeat=len(entities)):
        words = [word for span in chosen if span for word in range(*span)]
        if len(words) == len(set(words)):
            pairs = zip(entities, chosen, strict=True)
            best = max(best, sum(score(one, span) for one, span in pairs if span))
    return best


@st.composite
def cases(draw):
    n_target = draw(st.integers(1, 4))
    cuts = sorted(draw(st.sets(st.integers(0, 6), min_size=2, max_size=4)))
    entities = list(pairwise(cuts))
    link = st.tuples(st.integers(0, 6), st.integers(0, n_target - 1))
    links = draw(st.sets(link, max_size=12))
    candidates = draw(st.none() | st.lists(st.sampled_from(spans_of(n_target)), unique=True))
    return links, entities, n_target, candidates


@given(cases())
def test_exact_equals_brute_force(case):
    links, entities, n_target, candidates = case
    every = spans_of(n_target) if candidates is None else candidates
    found = match_exact(array(links), entities, n_target, candidates)
    expected = brute_force(links, entities, n_target, every)
    assert sum(match.score for match in found) == pytest.approx(expected)


@given(cases())
def test_greedy_is_valid_and_never_above_exact(case):
    links, entities, n_target, candidates = case
    found = match_greedy(array(links), entities, n_target, candidates)
    words = [word for match in found for word in range(match.start, match.end)]
    assert len(words) == len(set(words))
    assert len({match.entity for match in found}) == len(found)
    exact = match_exact(array(links), entities, n_target, candidates)
    assert sum(m.score for m in found) <= sum(m.score for m in exact) + 1e-9
    assert bool(found) == bool(exact)


def test_greedy_may_miss_what_exact_finds():
    # Entity 0 likes word 0 best, but entity 1 can only go there.
    links = array({(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)})
    entities = [(0, 2), (2, 3)]
    greedy = match_greedy(links, entities, 2)
    exact = match_exact(links, entities, 2)
    assert [(m.entity, m.start, m.end) for m in greedy] == [(0, 0, 2)]
    assert [(m.entity, m.start, m.end) for m in exact] == [(0, 1, 2), (1, 0, 1)]
    assert sum(m.score for m in exact) > sum(m.score for m in greedy)


def test_the_score_is_that_of_the_paper():
    # Two links between an entity of two words and a span of three.
    found = match_exact(array({(0, 1), (1, 3)}), [(0, 2)], 5, [(1, 4)])
    assert found == [Match(0, 1, 4, pytest.approx(2 * 2 / (2 + 3)))]


def test_the_heuristic_merges_runs_that_one_word_parts_and_drops_short_ones():
    links = array({(0, 2), (1, 4), (0, 8)})
    found = match_heuristic(links, [(0, 2)], 10)
    assert [(m.start, m.end) for m in found] == [(2, 5)]
    assert found[0].score == pytest.approx(2 * 2 / (2 + 3))
    assert [(m.start, m.end) for m in match_heuristic(links, [(0, 2)], 10, gap=0, ratio=0.4)] == [
        (2, 3),
        (4, 5),
        (8, 9),
    ]


def test_the_heuristic_leaves_a_word_to_the_entity_that_came_first():
    links = array({(0, 0), (1, 0), (1, 1)})
    found = match_heuristic(links, [(0, 1), (1, 2)], 2)
    assert [(m.entity, m.start, m.end) for m in found] == [(0, 0, 1)]


@pytest.mark.parametrize("name", ["heuristic", "greedy", "exact"])
def test_an_entity_without_links_has_no_match(name):
    assert get_matcher(name)(array({(3, 1)}), [(0, 2)], 4, None) == []
    assert get_matcher(name)(array(set()), [], 4, None) == []


def test_an_unknown_matcher_is_an_error():
    with pytest.raises(XnerError, match="'best'; expected one of heuristic, greedy, exact"):
        get_matcher("best")
