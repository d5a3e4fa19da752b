"""From the teacher's probabilities to what a student's parser is to learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_xner.distillation.parser import soft_targets
from spacy_xner.tags import TagSet, biluo_probabilities

from .made_up import TAGSET, sure_of

# One token: nothing follows it, so that O, L (the mass of I) and U (that of B) are all there is.
ONE = np.array([[0.5, 0.2, 0.05, 0.05, 0.2]], dtype="float32")


def one_token(soft):
    """The IOB2 row behind the target of a single token."""
    return [soft[0, 0], soft[0, 4], soft[0, 3], soft[0, 8], soft[0, 7]]


@st.composite
def probability_rows(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    tagset = TagSet.from_types(draw(st.sets(st.sampled_from("ABCD"), min_size=1)))
    # Small concentrations give rows like a sure teacher's, float16 the zeros of stored ones.
    rows = rng.dirichlet(np.full(len(tagset), draw(st.sampled_from([0.02, 0.3, 2.0]))), 6)
    return rows.astype("float16"), tagset


@settings(deadline=None)
@given(
    probability_rows(), st.sampled_from([0.01, 0.5, 1.0, 3.0, 100.0]), st.sampled_from([0, 0.3, 1])
)
def test_rows_sum_to_one(made, temperature, alpha):
    rows, tagset = made
    soft = soft_targets(rows, tagset, temperature=temperature, alpha=alpha)
    assert soft.shape == (6, 1 + 4 * len(tagset.types))
    assert soft.min() >= 0
    np.testing.assert_allclose(soft.sum(axis=1), 1.0, atol=1e-4)


@settings(deadline=None)
@given(probability_rows())
def test_the_teachers_distribution_is_untouched_at_temperature_one(made):
    rows, tagset = made
    np.testing.assert_array_equal(soft_targets(rows, tagset), biluo_probabilities(rows, tagset))


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_temperature_is_the_root_of_probabilities(temperature):
    powers = ONE[0].astype("float64") ** (1 / temperature)
    soft = soft_targets(ONE, TAGSET, temperature=temperature)
    np.testing.assert_allclose(one_token(soft), powers / powers.sum(), rtol=1e-5)


def test_high_temperature_smooths_and_low_sharpens():
    cold, plain, hot = (soft_targets(ONE, TAGSET, temperature=t)[0, 0] for t in (0.5, 1.0, 2.0))
    assert cold > plain > hot > 1 / len(TAGSET)
    assert plain == pytest.approx(0.5)


def test_a_very_low_temperature_leaves_the_most_probable_tag():
    rows = np.array([[0.3, 0.28, 0.14, 0.14, 0.14]], dtype="float32")
    assert one_token(soft_targets(rows, TAGSET, temperature=0.0001)) == [1, 0, 0, 0, 0]


def test_alpha_mixes_the_hard_label_in():
    soft = soft_targets(ONE, TAGSET, alpha=0.4)
    np.testing.assert_allclose(one_token(soft), [0.7, 0.12, 0.03, 0.03, 0.12], rtol=1e-5)


def test_entities_weigh_what_they_are_told_to():
    soft = soft_targets(ONE, TAGSET, entity_weight=3.0)
    np.testing.assert_allclose(one_token(soft), [0.5, 0.6, 0.15, 0.15, 0.6], rtol=1e-5)


def test_alpha_one_is_the_hard_label_alone():
    tags = ["B-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-LOC"]
    soft = soft_targets(sure_of(tags, sure=0.6), TAGSET, alpha=1.0)
    # O, then B I L U of LOC, then of PER
    assert soft.argmax(axis=1).tolist() == [5, 7, 0, 4, 1, 3]
    assert sorted(set(soft.ravel().tolist())) == [0.0, 1.0]
