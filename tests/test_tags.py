"""Tag schemes, constrained decoding, BILUO probabilities and alignment."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.training.iob_utils import biluo_to_iob, iob_to_biluo

from spacy_xner.errors import XnerError
from spacy_xner.tags import (
    TagError,
    TagSet,
    align_probabilities,
    biluo_probabilities,
    decode,
    detect_scheme,
    iob2_from_spans,
    iob2_to_biluo,
    spans_from_iob2,
    to_iob2,
)

TAGSET = TagSet.from_types(["PER", "LOC"])
N_TAGS = len(TAGSET)


# Drawn through a seed: hypothesis is slow at drawing arrays number by number.
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def some_iob2(rng):
    tags = []
    for label in rng.choice(["O", "PER", "LOC", "B-SIDE"], size=rng.integers(0, 6)):
        more = rng.integers(0, 3)
        tags += ["O"] if label == "O" else [f"B-{label}", *[f"I-{label}"] * more]
    return tags


def some_probabilities(rng, n):
    return rng.dirichlet(np.full(N_TAGS, 0.4), n)


def some_offsets(rng):
    widths = rng.integers(1, 6, size=rng.integers(1, 7))
    starts = np.cumsum(rng.integers(0, 3, size=len(widths))) + np.cumsum([0, *widths[:-1]])
    return starts, starts + widths


def to_iob1(tags):
    """IOB1 by definition: B- only where an entity follows another of its own type."""
    iob1 = []
    for i, tag in enumerate(tags):
        touches = i > 0 and tags[i - 1] != "O" and tags[i - 1][2:] == tag[2:]
        iob1.append("I" + tag[1:] if tag[0] == "B" and not touches else tag)
    return iob1


def is_valid_iob2(tags):
    return all(tag[0] != "I" or before[1:] == tag[1:] for before, tag in pairwise(["O", *tags]))


def test_tag_set_orders_columns_by_type():
    assert TAGSET.tags == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    assert TAGSET.types == ("LOC", "PER")
    assert [TAGSET.index(tag) for tag in TAGSET.tags] == [0, 1, 2, 3, 4]
    assert TagSet.from_types(["A", "A"]).tags == ("O", "B-A", "I-A")
    assert TagSet.from_types([]).types == ()


def test_tag_set_refuses_another_order_and_unknown_tags():
    with pytest.raises(XnerError, match="not in the order"):
        TagSet(("O", "B-PER", "I-PER", "B-LOC", "I-LOC"))
    with pytest.raises(XnerError, match="not in the order"):
        TagSet(("B-PER", "I-PER"))
    with pytest.raises(XnerError, match="'B-ORG' is not in the tag set"):
        TAGSET.index("B-ORG")
    with pytest.raises(XnerError, match="no entity type"):
        TagSet.from_types(["TWO WORDS"])


@quick
@given(generators.map(some_iob2))
def test_every_scheme_converts_to_the_same_iob2(tags):
    assert to_iob2(tags, "IOB2") == (tags, 0)
    assert to_iob2(iob2_to_biluo(tags), "BILUO") == (tags, 0)
    assert to_iob2(to_iob1(tags), "IOB1")[0] == tags


@quick
@given(generators.map(some_iob2))
def test_biluo_agrees_with_spacy(tags):
    assert iob2_to_biluo(tags) == iob_to_biluo(tags)
    assert biluo_to_iob(iob2_to_biluo(tags)) == tags


@quick
@given(generators.map(some_iob2))
def test_spans_round_trip(tags):
    assert iob2_from_spans(len(tags), spans_from_iob2(tags)) == tags


@quick
@given(st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"])))
def test_repair_gives_valid_tags_and_counts_each_change(tags):
    repaired, count = to_iob2(tags, "IOB2")
    assert is_valid_iob2(repaired)
    assert count == sum(old != new for old, new in zip(tags, repaired, strict=True))
    assert to_iob2(repaired, "IOB2") == (repaired, 0)


def test_orphan_after_another_type_opens_its_own_entity():
    assert to_iob2(["B-PER", "I-LOC", "I-LOC"]) == (["B-PER", "B-LOC", "I-LOC"], 1)


@pytest.mark.parametrize(
    ("sentences", "scheme"),
    [
        ([["O", "B-PER", "I-PER"], ["I-LOC"]], "IOB2"),
        ([["O", "I-PER", "B-PER"], ["I-LOC"]], "IOB1"),
        ([["O", "B-PER", "I-PER"], ["U-LOC"]], "BILUO"),
        ([["O", "B-PER", "L-PER"]], "BILUO"),
        ([["O", "O"]], "IOB2"),
    ],
)
def test_scheme_of_a_file_is_detected(sentences, scheme):
    assert detect_scheme(sentences) == scheme


@pytest.mark.parametrize(
    ("tags", "position", "message"),
    [
        (["B-PER", "O", "U-PER"], 1, "O after B-PER, expected I-PER or L-PER"),
        (["B-PER", "L-LOC"], 1, "L-LOC after B-PER"),
        (["L-PER"], 0, "at the start of a sentence, expected O, B- or U-"),
        (["U-PER", "I-PER"], 1, "I-PER after U-PER"),
        (["U-PER", "B-PER", "I-PER"], 2, "I-PER is the last tag"),
        (["B-PER", "B-PER", "L-PER"], 1, "B-PER after B-PER"),
    ],
)
def test_broken_biluo_is_refused_with_its_position(tags, position, message):
    with pytest.raises(TagError, match=message) as caught:
        to_iob2(tags)
    assert caught.value.position == position


@pytest.mark.parametrize("tag", ["PER", "B", "B-", "X-PER", "b-PER", "", "-", "BPER"])
def test_unknown_tag_is_refused_with_its_position(tag):
    with pytest.raises(TagError, match="no known scheme") as caught:
        to_iob2(["O", tag])
    assert caught.value.position == 1


def test_bioes_tag_is_refused_with_the_way_to_write_it():
    with pytest.raises(TagError, match="write E- as L- and S- as U-"):
        to_iob2(["S-PER"])


@pytest.mark.parametrize("convert", [spans_from_iob2, iob2_to_biluo])
def test_functions_on_iob2_refuse_an_orphan(convert):
    with pytest.raises(TagError, match="use to_iob2 first"):
        convert(["O", "I-PER"])


@pytest.mark.parametrize("spans", [[(0, 2, "A"), (1, 3, "B")], [(1, 1, "A")], [(2, 5, "A")]])
def test_overlapping_empty_and_outside_spans_are_refused(spans):
    with pytest.raises(XnerError, match="Span"):
        iob2_from_spans(4, spans)


@quick
@given(generators)
def test_decode_finds_the_best_of_all_valid_sequences(rng):
    probs = some_probabilities(rng, rng.integers(1, 4))
    valid = [
        columns
        for columns in product(range(N_TAGS), repeat=len(probs))
        if is_valid_iob2([TAGSET.tags[c] for c in columns])
    ]
    best = max(np.log([probs[i, c] for i, c in enumerate(columns)]).sum() for columns in valid)
    decoded = decode(probs, TAGSET)
    found = np.log([probs[i, TAGSET.index(tag)] for i, tag in enumerate(decoded)]).sum()
    assert is_valid_iob2(decoded)
    assert found == pytest.approx(best)


def test_decode_keeps_the_best_tags_where_they_are_valid_already():
    probs = np.eye(N_TAGS)[[3, 4, 0, 1]]
    assert decode(probs, TAGSET) == ["B-PER", "I-PER", "O", "B-LOC"]


def test_decode_never_opens_with_inside_even_at_probability_zero_elsewhere():
    assert decode(np.eye(N_TAGS)[[2]], TAGSET)[0] != "I-LOC"
    assert decode(np.zeros((0, N_TAGS)), TAGSET) == []
    assert decode(np.ones((3, 1)), TagSet.from_types([])) == ["O"] * 3


def test_decode_takes_a_document_of_twenty_thousand_tokens():
    probs = np.random.default_rng(0).dirichlet(np.ones(N_TAGS), 20_000).astype("float16")
    decoded = decode(probs, TAGSET)
    assert len(decoded) == 20_000
    assert is_valid_iob2(decoded)


@quick
@given(generators)
def test_biluo_probabilities_sum_to_one_and_back_to_iob2(rng):
    probs = some_probabilities(rng, rng.integers(0, 7))
    biluo = biluo_probabilities(probs, TAGSET)
    assert biluo.dtype == np.float32
    np.testing.assert_allclose(biluo.sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(biluo[:, 1::4] + biluo[:, 4::4], probs[:, 1::2], atol=1e-6)
    np.testing.assert_allclose(biluo[:, 2::4] + biluo[:, 3::4], probs[:, 2::2], atol=1e-6)


@quick
@given(generators.map(some_iob2))
def test_biluo_probabilities_of_sure_tags_are_their_biluo(tags):
    tagset = TagSet.from_types(["PER", "LOC", "B-SIDE"])
    probs = np.eye(len(tagset))[[tagset.index(tag) for tag in tags]]
    columns = ["O", *(f"{p}-{label}" for label in tagset.types for p in "BILU")]
    biluo = biluo_probabilities(probs.reshape(len(tags), len(tagset)), tagset)
    assert [columns[i] for i in biluo.argmax(axis=1)] == iob2_to_biluo(tags)


def test_biluo_probabilities_follow_the_formula():
    probs = np.array([[0.1, 0.6, 0.3, 0, 0], [0.2, 0.3, 0.5, 0, 0]])
    biluo = biluo_probabilities(probs, TAGSET)
    np.testing.assert_allclose(biluo[0, :5], [0.1, 0.3, 0.15, 0.15, 0.3], rtol=1e-6)
    np.testing.assert_allclose(biluo[1, :5], [0.2, 0, 0, 0.5, 0.3], rtol=1e-6)


def test_biluo_probabilities_renormalise_rows_of_half_precision():
    probs = np.full((1, N_TAGS), 0.19995, dtype="float16")
    assert biluo_probabilities(probs, TAGSET).sum() == pytest.approx(1.0, abs=1e-6)


def align(source, probs, target):
    return align_probabilities(
        *np.array(source).T, np.array(probs), *np.array(target).reshape(-1, 2).T, TAGSET
    )


@quick
@given(generators)
def test_aligned_rows_sum_to_one(rng):
    source, target = some_offsets(rng), some_offsets(rng)
    probs = some_probabilities(rng, len(source[0]))
    aligned = align_probabilities(*source, probs, *target, TAGSET)
    assert aligned.shape == (len(target[0]), N_TAGS)
    assert aligned.dtype == np.float32
    assert (aligned >= 0).all()
    np.testing.assert_allclose(aligned.sum(axis=1), 1.0, rtol=1e-5)


@quick
@given(generators)
def test_equal_boundaries_keep_probabilities(rng):
    offsets = some_offsets(rng)
    probs = some_probabilities(rng, len(offsets[0]))
    aligned = align_probabilities(*offsets, probs, *offsets, TAGSET)
    np.testing.assert_array_equal(aligned, probs.astype("float32"))


@quick
@given(generators)
def test_splitting_into_characters_and_merging_again_changes_nothing(rng):
    offsets = some_offsets(rng)
    probs = some_probabilities(rng, len(offsets[0]))
    starts = np.concatenate([np.arange(*pair) for pair in zip(*offsets, strict=True)])
    split = align_probabilities(*offsets, probs, starts, starts + 1, TAGSET)
    merged = align_probabilities(starts, starts + 1, split, *offsets, TAGSET)
    np.testing.assert_allclose(merged, probs, atol=1e-6)


def test_split_token_begins_once():
    aligned = align([(0, 6)], [[0.1, 0.7, 0.2, 0, 0]], [(0, 2), (2, 4), (4, 6)])
    np.testing.assert_allclose(aligned[0], [0.1, 0.7, 0.2, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(aligned[1], [0.1, 0, 0.9, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(aligned[2], [0.1, 0, 0.9, 0, 0], rtol=1e-6)


def test_merged_tokens_share_mass_by_characters():
    # "Kano" and "," under one target of five characters: the share of I is that of "Kano".
    aligned = align([(0, 4), (4, 5)], [[0.0, 0.75, 0.25, 0, 0], [1, 0, 0, 0, 0]], [(0, 5)])
    np.testing.assert_allclose(aligned[0], [0.2, 0.6, 0.2, 0, 0], rtol=1e-6)


def test_merged_token_begins_where_only_a_later_part_is_of_the_type():
    sources = [[1 - 1.1e-6, 1e-7, 1e-6, 0, 0], [0.02, 0.96, 0.02, 0, 0]]
    aligned = align([(0, 1), (1, 5)], sources, [(0, 5)])
    assert aligned[0, 1] > 0.78
    assert aligned[0, 2] < 1e-5


def test_merged_name_of_two_tokens_keeps_its_beginning():
    sources = [[0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
    np.testing.assert_allclose(align([(0, 3), (3, 6)], sources, [(0, 6)]), [[0, 0, 0, 1, 0]])


def test_token_that_continues_a_split_one_does_not_begin_again():
    # The second target covers the end of the first source and all of the second.
    sources = [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0]]
    aligned = align([(0, 4), (4, 6)], sources, [(0, 2), (2, 6)])
    np.testing.assert_allclose(aligned, [[0, 1, 0, 0, 0], [0, 0, 1, 0, 0]])


def test_target_that_overlaps_nothing_is_outside():
    aligned = align([(2, 4)], [[0, 1, 0, 0, 0]], [(0, 2), (2, 4), (4, 9)])
    np.testing.assert_array_equal(aligned.argmax(axis=1), [0, 1, 0])
    assert align([(0, 4)], [[0, 1, 0, 0, 0]], []).shape == (0, N_TAGS)
