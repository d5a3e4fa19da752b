import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_xner.errors import XnerError
from spacy_xner.tags import decode, iob2_from_spans, iob2_to_biluo, spans_from_iob2
from spacy_xner.teacher.label_maps import LabelMap

TYPES = ["LOC", "ORG", "PER"]
IOB2 = ["O", *(f"{prefix}-{label}" for label in TYPES for prefix in "BI")]
BILUO = ["O", *(f"{prefix}-{label}" for label in TYPES for prefix in "BILU")]
BIOES = ["O", *(f"{prefix}-{label}" for label in TYPES for prefix in "BIES")]


@st.composite
def tag_sequences(draw):
    """Valid IOB2 tags, adjacent entities of one type among them."""
    spans, at = [], 0
    for gap, length, label in draw(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(TYPES)), max_size=6
        )
    ):
        spans.append((at + gap, at + gap + length, label))
        at += gap + length
    return iob2_from_spans(at + draw(st.integers(0, 2)), spans)


@st.composite
def distributions(draw, n_labels):
    n = draw(st.integers(1, 12))
    seed = draw(st.integers(0, 2**32 - 1))
    sharpness = draw(st.sampled_from([0.3, 1.0, 3.0]))
    logits = np.random.default_rng(seed).normal(size=(n, n_labels)) * sharpness
    rows = np.exp(logits)
    return (rows / rows.sum(axis=1, keepdims=True)).astype("float32")


def one_hot(tags, labels):
    rows = np.zeros((len(tags), len(labels)), dtype="float32")
    rows[np.arange(len(tags)), [labels.index(tag) for tag in tags]] = 1
    return rows


def tags_of(rows):
    return [IOB2[i] for i in rows.argmax(axis=1)]


@given(tag_sequences())
def test_iob2_stays_as_it_is(tags):
    rows = one_hot(tags, IOB2)
    np.testing.assert_array_equal(LabelMap(IOB2, "it")(rows), rows)


@given(tag_sequences(), st.permutations(BILUO))
def test_biluo_becomes_iob2_in_any_order_of_labels(tags, labels):
    rows = LabelMap(labels, "it")(one_hot(iob2_to_biluo(tags), labels))
    np.testing.assert_array_equal(rows, one_hot(tags, IOB2))


@given(tag_sequences())
def test_bioes_becomes_iob2(tags):
    bioes = [tag.replace("L-", "E-").replace("U-", "S-") for tag in iob2_to_biluo(tags)]
    rows = LabelMap(BIOES, "it")(one_hot(bioes, BIOES))
    np.testing.assert_array_equal(rows, one_hot(tags, IOB2))


@given(tag_sequences())
def test_iob1_becomes_iob2(tags):
    iob1, before = [], "O"
    for tag in tags:
        touches = before != "O" and before[2:] == tag[2:]
        iob1.append(tag if tag == "O" or touches else f"I-{tag[2:]}")
        before = tag
    assert tags_of(LabelMap(IOB2, "it")(one_hot(iob1, IOB2))) == tags


@given(tag_sequences(), st.booleans())
def test_types_alone_become_iob2_with_neighbours_of_one_type_joined(tags, with_i):
    labels = ["O", *(f"I-{label}" if with_i else label for label in TYPES)]
    plain = ["O" if tag == "O" else f"I-{tag[2:]}" if with_i else tag[2:] for tag in tags]
    joined = [
        f"I-{tag[2:]}" if i and tag != "O" and tags[i - 1][2:] == tag[2:] else tag
        for i, tag in enumerate(tags)
    ]
    assert tags_of(LabelMap(labels, "it")(one_hot(plain, labels))) == joined


@given(distributions(4))
def test_entities_of_plain_types_are_the_runs_of_best_labels(rows):
    label_map = LabelMap(["O", *TYPES], "it")
    best = [["O", *TYPES][i] for i in rows.argmax(axis=1)]
    runs, start = [], 0
    for i in range(1, len(best) + 1):
        if i == len(best) or best[i] != best[start]:
            if best[start] != "O":
                runs.append((start, i, best[start]))
            start = i
    assert spans_from_iob2(decode(label_map(rows), label_map.tagset)) == runs


@given(
    st.sampled_from([IOB2, BILUO, BIOES]).flatmap(
        lambda x: st.tuples(st.just(x), distributions(len(x)))
    )
)
def test_every_type_keeps_its_mass(case):
    labels, rows = case
    found = LabelMap(labels, "it")(rows)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    assert (found >= 0).all()
    for k, label in enumerate(TYPES):
        mass = sum(rows[:, i] for i, name in enumerate(labels) if name[2:] == label)
        np.testing.assert_allclose(found[:, 1 + 2 * k] + found[:, 2 + 2 * k], mass, atol=1e-6)


@given(distributions(len(IOB2)))
def test_what_is_not_the_best_guess_continues_only_what_can_be_there(rows):
    found = LabelMap(IOB2, "it")(rows)
    inside, of_type = found[:, 2::2], found[:, 1::2] + found[:, 2::2]
    assert (inside[0] == 0).all()
    for i in range(1, len(found)):
        for k in range(3):
            if rows[i].argmax() != 2 + 2 * k:
                assert inside[i, k] <= of_type[i - 1, k] + 1e-6


def test_an_entity_that_opens_with_i_takes_all_of_its_mass():
    rows = np.array([[0.9, 0.02, 0, 0, 0, 0.08, 0], [0.2, 0, 0, 0, 0, 0.1, 0.7]], dtype="float32")
    found = LabelMap(IOB2, "it")(rows)
    np.testing.assert_allclose(found[1], [0.2, 0, 0, 0, 0, 0.8, 0], atol=1e-6)


def test_no_tokens_give_no_rows():
    assert LabelMap(BILUO, "it")(np.zeros((0, 13), dtype="float32")).shape == (0, 7)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["LABEL_0", "LABEL_1"], "The labels of it are LABEL_0, LABEL_1; expected `O`"),
        (["O"], "The labels of it are O; expected"),
        (["O", "B-PER", "I-PER", "[CLS]"], r"others have none: \[CLS\]"),
    ],
)
def test_labels_of_no_known_scheme_are_named(labels, message):
    with pytest.raises(XnerError, match=message):
        LabelMap(labels, "it")
