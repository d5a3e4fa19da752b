"""What a projection says of each word, and of which it is silent."""

import numpy as np
import pytest

from spacy_xner.projection.aligners import Alignment
from spacy_xner.projection.labels import Confidence, confidence_of, project
from spacy_xner.projection.matching import Match
from spacy_xner.tags import decode, unsaid

from .made_up import TAGSET

ALL = Confidence(pair=0.0)


def rows(*tags, sure=0.96):
    probs = np.full((len(tags), len(TAGSET)), (1 - sure) / (len(TAGSET) - 1), dtype="float32")
    for row, tag in zip(probs, tags, strict=True):
        row[TAGSET.index(tag)] = sure
    return probs


def aligned(*links, score=1.0):
    return Alignment(
        np.array(links, dtype="int64").reshape(-1, 2), np.full(len(links), score, dtype="float32")
    )


def test_entities_and_linked_words_are_said_and_the_rest_is_not():
    probs = rows("B-PER", "I-PER", "O")
    alignment = aligned((0, 1), (1, 2), (2, 4))
    found = project(probs, [(0, 2)], alignment, [Match(0, 1, 3, 1.0)], 5, ALL)
    assert unsaid(found).tolist() == [True, False, False, True, False]
    assert decode(found[1:3], TAGSET) == ["B-PER", "I-PER"]
    np.testing.assert_allclose(found[[1, 2, 4]].sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_allclose(found[4], probs[2], atol=1e-6)


def test_types_keep_the_doubt_of_the_tagger_and_take_that_of_the_match():
    probs = np.array([[0.1, 0.3, 0.0, 0.6, 0.0], [0.1, 0.0, 0.4, 0.0, 0.5]], dtype="float32")
    alignment = aligned((0, 0), (1, 1), score=0.64)
    match = Match(0, 0, 2, 1.0)
    assert confidence_of(match, (0, 2), alignment) == pytest.approx(0.8)
    found = project(probs, [(0, 2)], alignment, [match], 2, ALL)
    place, person = TAGSET.index("B-LOC"), TAGSET.index("B-PER")
    assert found[0, person] == pytest.approx(0.8 * 0.55)
    assert found[0, place] == pytest.approx(0.8 * 0.35)
    assert found[1, person + 1] == pytest.approx(0.8 * 0.55)
    assert found[0, 0] == pytest.approx(1 - 0.8 * 0.9)


def test_an_entity_that_shrank_to_one_word_is_less_sure():
    alignment = aligned(*((i, 0) for i in range(5)))
    assert confidence_of(Match(0, 0, 1, 5 / 3), (0, 5), alignment) == pytest.approx(2 / 5)
    assert confidence_of(Match(0, 0, 1, 4 / 3), (0, 2), alignment) == 1.0


@pytest.mark.parametrize("score", [0.2, 0.9])
def test_a_doubtful_match_is_left_unsupervised_and_not_called_o(score):
    probs = rows("B-PER", "O")
    alignment = aligned((0, 0), (1, 1))
    found = project(probs, [(0, 1)], alignment, [Match(0, 0, 1, score)], 2, ALL)
    assert unsaid(found).tolist() == [score < ALL.span, False]


def test_an_entity_that_was_not_matched_makes_no_o_of_its_words():
    found = project(rows("B-PER", "O"), [(0, 1)], aligned((0, 0), (1, 1)), [], 2, ALL)
    assert unsaid(found).tolist() == [True, False]


def test_a_weak_link_carries_no_o():
    found = project(rows("O"), [], aligned((0, 0), score=0.05), [], 1, ALL)
    assert unsaid(found).tolist() == [True]


def test_a_pair_that_is_no_translation_says_nothing():
    probs = rows("O", "O", "O", "B-PER")
    alignment = aligned((3, 1), score=0.3)
    assert alignment.quality(4, 4) == pytest.approx(0.3 * 2 / 8)
    found = project(probs, [(3, 4)], alignment, [Match(0, 1, 2, 1.0)], 4, Confidence(pair=0.1))
    assert unsaid(found).all()
    assert not unsaid(project(probs, [(3, 4)], alignment, [Match(0, 1, 2, 1.0)], 4, ALL)).all()


def test_without_entities_only_o_is_said():
    found = project(rows("O", "O"), [], aligned((0, 1)), [], 2, ALL)
    assert unsaid(found).tolist() == [True, False]
    assert decode(found[1:], TAGSET) == ["O"]
