"""Token probabilities as the target of spaCy's `ner`, checked against the parser itself."""

from functools import lru_cache

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import SGD, Adam

from spacy_xner.distillation.parser import _last_and_space, _Moves, soft_targets, update_ner
from spacy_xner.errors import XnerError
from spacy_xner.tags import TagSet, decode, iob2_to_biluo

from .made_up import TAGSET, config_of, sure_of, tagged_sentences

MODEL = config_of().interpolate()["components"]["ner"]["model"]
SENTENCES = tagged_sentences(6)


def make_student(labels, sentences):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    ner = nlp.add_pipe("ner", config={"model": MODEL})
    for label in labels:
        ner.add_label(label)
    docs = docs_of(nlp, sentences)
    nlp.initialize(lambda: [Example(doc, doc) for doc in docs])
    return nlp, ner


def docs_of(nlp, sentences):
    return [Doc(nlp.vocab, words=words) for words, _ in sentences]


def targets_of(sentences, sure=0.9):
    return [soft_targets(sure_of(tags, sure=sure), TAGSET) for _, tags in sentences]


def train(nlp, ner, sentences, steps, drop=0.0, optimizer=None):
    optimizer = optimizer or Adam(0.01, use_averages=False)
    targets = targets_of(sentences)
    return [
        update_ner(ner, docs_of(nlp, sentences), targets, TAGSET, drop=drop, sgd=optimizer)
        for _ in range(steps)
    ]


@lru_cache
def untrained(labels):
    return make_student(labels, SENTENCES[:1])


TYPE_SETS = st.sampled_from(
    [("PER",), ("LOC", "PER"), ("B-x", "I"), ("DATE", "LOC", "ORG", "PER"), ("ሰው", "ቦታ")]
)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    TYPE_SETS,
    st.lists(
        st.tuples(st.sampled_from(["word", " ", "\n\n", "."]), st.booleans()),
        min_size=1,
        max_size=9,
    ),
    st.randoms(use_true_random=False),
)
def test_the_table_of_moves_is_that_of_the_parser(types, tokens, rng):
    nlp, ner = untrained(types)
    tagset = TagSet.from_types(types)
    doc = Doc(nlp.vocab, words=[word for word, _ in tokens])
    for token, (_, starts) in zip(doc, tokens, strict=True):
        if starts:
            token.is_sent_start = True
    moves = _Moves(ner, tagset)
    names = [ner.moves.get_class_name(i) for i in range(ner.moves.n_moves)]
    last, space = _last_and_space(doc)
    [state] = ner.moves.init_batch([doc])
    opened = np.zeros(1, dtype="int64")
    for t in range(len(doc)):
        ours = moves.allowed[opened[0], last[t], space[t]]
        parsers = [ner.moves.is_valid(state, name) for name in names]
        assert ours.tolist() == parsers, (t, names)
        assert any(parsers)
        chosen = rng.choice(np.flatnonzero(ours).tolist())
        ner.moves.apply_transition(state, names[chosen])
        opened = moves.open_after(np.array([chosen]))
    assert state.is_final()


def test_each_move_reads_the_column_of_its_tag():
    _, ner = untrained(("LOC", "PER"))
    tags = ["B-PER", "I-PER", "I-PER", "O", "B-LOC", "B-LOC", "I-LOC"]
    column = _Moves(ner, TAGSET).column
    target = soft_targets(sure_of(tags, sure=1.0), TAGSET)[:, np.maximum(column, 0)]
    target[:, column < 0] = -1
    names = [ner.moves.get_class_name(i) for i in range(ner.moves.n_moves)]
    assert [names[i] for i in target.argmax(axis=1)] == iob2_to_biluo(tags)


class SpiedNer:
    """Passes everything on to a `ner`, and notes each step's states and gradient."""

    def __init__(self, ner):
        self._ner = ner
        self.model = SpiedModel(ner.model, self)
        self.steps = []

    def __getattr__(self, name):
        return getattr(self._ner, name)

    def note(self, states, gradient):
        names = [self.moves.get_class_name(i) for i in range(self.moves.n_moves)]
        valid = [[self.moves.is_valid(state, name) for name in names] for state in states]
        self.steps.append((np.array(valid), gradient.copy()))


class SpiedModel:
    def __init__(self, model, spy, step=False):
        self._model, self._spy, self._step = model, spy, step

    def __getattr__(self, name):
        return getattr(self._model, name)

    def begin_update(self, inputs):
        output, backprop = self._model.begin_update(inputs)
        if not self._step:
            return SpiedModel(output, self._spy, step=True), backprop
        before = [state.copy() for state in inputs]

        def noted(gradient):
            self._spy.note(before, gradient)
            return backprop(gradient)

        return output, noted


def test_forbidden_moves_get_no_gradient_and_the_others_sum_to_zero():
    nlp, ner = make_student(("PER", "LOC"), SENTENCES)
    train(nlp, ner, SENTENCES, 8)  # so that entities are opened
    spy = SpiedNer(ner)
    update_ner(spy, docs_of(nlp, SENTENCES), targets_of(SENTENCES), TAGSET)
    lengths = [len(words) for words, _ in SENTENCES]
    assert [len(gradient) for _, gradient in spy.steps] == [
        sum(length > t for length in lengths) for t in range(max(lengths))
    ]
    valid, gradient = (np.concatenate(parts) for parts in zip(*spy.steps, strict=True))
    assert np.all(gradient[~valid] == 0)
    assert np.any(gradient[valid] != 0)
    assert not valid[:, 0].all()  # entities were opened, else O would be allowed throughout
    np.testing.assert_allclose(gradient.sum(axis=1), 0.0, atol=1e-5)


def first_gradient(target, opened=None):
    """Gradient by move of a student that knows nothing, at the last token of a document."""
    nlp, ner = make_student(("PER", "LOC"), SENTENCES)
    spy = SpiedNer(ner)
    names = [ner.moves.get_class_name(i) for i in range(ner.moves.n_moves)]
    targets = np.array([target], dtype="float32")
    if opened is not None:
        # A strong bias makes the student open an entity at the token before.
        bias = np.array([5.0 if name == f"B-{opened}" else 0.0 for name in names])
        ner.model.get_ref("upper").set_param("b", bias.astype("float32"))
        targets = np.concatenate([np.eye(9, dtype="float32")[:1], targets])
    doc = Doc(nlp.vocab, words=["w"] * len(targets))
    update_ner(spy, [doc], [targets], TAGSET)
    _, gradient = spy.steps[-1]
    return {n: v for n, v in zip(names, gradient[0].tolist(), strict=True) if v}


# Columns of a BILUO target: O, then B, I, L, U of LOC and of PER.
INSIDE = [0.1, 0.0, 0.2, 0.3, 0.0, 0.0, 0.1, 0.1, 0.2]


def test_outside_an_entity_all_that_is_no_beginning_is_out():
    assert first_gradient(INSIDE) == {
        "O": pytest.approx(1 / 3 - 0.8),
        "U-LOC": pytest.approx(1 / 3),
        "U-PER": pytest.approx(1 / 3 - 0.2),
    }


def test_inside_an_entity_a_state_weighs_what_the_teacher_holds_possible():
    # The only move left at the end of the document is L: certain, nothing to learn.
    assert first_gradient(INSIDE, opened="LOC") == {}
    nlp, ner = make_student(("PER", "LOC"), SENTENCES)
    spy = SpiedNer(ner)
    names = [ner.moves.get_class_name(i) for i in range(ner.moves.n_moves)]
    bias = np.array([5.0 if name == "B-LOC" else 0.0 for name in names], dtype="float32")
    ner.model.get_ref("upper").set_param("b", bias)
    targets = np.array([INSIDE, INSIDE, INSIDE], dtype="float32")
    update_ner(spy, [Doc(nlp.vocab, words=["a", "b", "c"])], [targets], TAGSET)
    gradient = dict(zip(names, spy.steps[1][1][0].tolist(), strict=True))
    assert gradient["I-LOC"] == pytest.approx(0.5 * 0.5 - 0.2)
    assert gradient["L-LOC"] == pytest.approx(0.5 * 0.5 - 0.3)


def test_what_would_go_on_behind_the_document_ends_with_it():
    goes_on = [0.1, 0.4, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0]
    assert first_gradient(goes_on)["U-LOC"] == pytest.approx(1 / 3 - 0.9)


def test_a_token_whose_target_is_empty_teaches_nothing_and_half_a_target_half():
    assert first_gradient([0.0] * 9) == {}
    whole, half = (first_gradient([share * p for p in INSIDE]) for share in (1.0, 0.5))
    assert half == {name: pytest.approx(value / 2) for name, value in whole.items()}


def test_labels_that_only_the_student_has_are_left_alone():
    nlp, ner = make_student(("PER", "LOC", "DATE"), SENTENCES)
    spy = SpiedNer(ner)
    dates = np.array(["DATE" in ner.moves.get_class_name(i) for i in range(ner.moves.n_moves)])
    assert sum(dates) == 4
    # Scores that would send the parser down a way that the teacher knows nothing of
    ner.model.get_ref("upper").set_param("b", np.where(dates, 5, 0).astype("float32"))
    train(nlp, spy, SENTENCES, 3)
    valid, gradient = (np.concatenate(parts) for parts in zip(*spy.steps, strict=True))
    assert np.all(gradient[:, dates] == 0)
    assert np.all(gradient[~valid] == 0)
    assert np.all(valid[:, ~dates].any(axis=1))


def test_a_label_that_the_student_lacks_is_an_error():
    nlp, ner = make_student(("PER",), SENTENCES)
    with pytest.raises(XnerError, match="knows no label LOC"):
        train(nlp, ner, SENTENCES, 1)


def test_the_loss_falls_and_the_student_finds_what_its_teacher_found():
    nlp, ner = make_student(("PER", "LOC"), SENTENCES)
    losses = train(nlp, ner, SENTENCES, 60)
    # What stays is the teacher's own doubt.
    assert losses[-1] < 0.6 * losses[0]
    for words, tags in SENTENCES:
        doc = nlp(Doc(nlp.vocab, words=words))
        found = [
            token.ent_iob_ + (f"-{token.ent_type_}" if token.ent_type_ else "") for token in doc
        ]
        assert found == decode(sure_of(tags), TAGSET) == tags


def test_white_space_in_a_document_does_not_disturb_the_rest():
    spaced = [
        ([*words[:1], " ", *words[1:], "\n"], [*tags[:1], "O", *tags[1:], "O"])
        for words, tags in [(["Hirut", "left", "Kano", "."], ["B-PER", "O", "B-LOC", "O"])]
    ]
    nlp, ner = make_student(("PER", "LOC"), spaced)
    train(nlp, ner, spaced, 40)
    doc = nlp(Doc(nlp.vocab, words=spaced[0][0]))
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Hirut", "PER"), ("Kano", "LOC")]


def test_the_order_of_a_batch_does_not_matter():
    found = []
    for sentences in (SENTENCES, SENTENCES[::-1]):
        nlp, ner = make_student(("PER", "LOC"), SENTENCES)
        # Adam would make steps of one size even where a gradient is only rounding.
        optimizer = SGD(0.01, use_averages=False)
        found.append(train(nlp, ner, sentences, 3, optimizer=optimizer))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


def test_dropout_is_applied():
    losses = []
    for drop in (0.0, 0.5):
        nlp, ner = make_student(("PER", "LOC"), SENTENCES)
        losses.append(train(nlp, ner, SENTENCES, 3, drop=drop))
    assert losses[0][0] == losses[1][0]  # the output layer begins at zero
    assert losses[0][2] != losses[1][2]
