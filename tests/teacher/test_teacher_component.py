import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_xner.errors import XnerError
from spacy_xner.tags import iob2_from_spans

from .conftest import TAGGED, doc_of, examples_of, make_pipeline, train, update


@pytest.fixture
def small():
    """A teacher on spaCy's own CNN, which needs no encoder."""
    nlp = spacy.blank("xx")
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": 16,
        "depth": 1,
        "embed_size": 200,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
        "pretrained_vectors": None,
    }
    model = {"@architectures": "spacy-xner.TokenClassifier.v1", "tok2vec": tok2vec}
    nlp.add_pipe("xner_teacher", config={"model": model})
    return nlp


def entities(doc):
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def test_is_added_by_name(small):
    assert small.pipe_names == ["xner_teacher"]
    assert small.get_pipe_meta("xner_teacher").assigns == [
        "doc.ents",
        "token.ent_type",
        "token.ent_iob",
    ]
    assert small.get_pipe("xner_teacher").labels == ()


def test_without_labels_says_so(small):
    with pytest.raises(XnerError, match="'xner_teacher' has no labels"):
        small("Amina")


def test_without_initialisation_says_so(small):
    small.get_pipe("xner_teacher").add_label("PER")
    with pytest.raises(ValueError, match=r"E109|initialize"):
        small("Amina")


def test_without_initialised_transformer_says_so(encoder):
    nlp = make_pipeline(encoder)
    nlp.get_pipe("xner_teacher").add_label("PER")
    with pytest.raises(XnerError, match=r"nlp\.initialize"):
        nlp("Amina")


@pytest.mark.parametrize("text", ["", "Lagos"])
def test_is_initialised_on_an_empty_and_on_a_one_token_doc(small, text):
    small.get_pipe("xner_teacher").add_label("LOC")
    small.initialize(lambda: [Example(doc_of(small, text), doc_of(small, text))])
    probabilities = small.get_pipe("xner_teacher").predict_probabilities([small.make_doc("Kano")])
    assert probabilities[0].shape == (1, 3)


def test_examples_without_entities_leave_it_without_labels(small):
    with pytest.raises(XnerError, match="has no labels"):
        small.initialize(lambda: [Example(doc_of(small, "Lagos"), doc_of(small, "Lagos"))])


@pytest.mark.parametrize(
    "types", [["LOC"], ["ORG", "LOC", "PER", "DATE"], ["person-name", "地名", "B-X", "o"]]
)
def test_takes_any_set_of_labels(small, types):
    words = ["x"] * len(types)
    tags = [f"B-{label}" for label in types]
    example = Example(Doc(small.vocab, words=words), Doc(small.vocab, words=words, ents=tags))
    small.initialize(lambda: [example])
    pipe = small.get_pipe("xner_teacher")
    assert pipe.labels == tuple(sorted(types))
    expected = [f"{prefix}-{label}" for label in sorted(types) for prefix in "BI"]
    assert list(pipe.tagset.tags) == ["O", *expected]
    assert pipe.predict_probabilities([example.x])[0].shape == (len(words), 1 + 2 * len(types))


def test_labels_can_be_given_in_the_config(small):
    small.config["initialize"]["components"]["xner_teacher"] = {"labels": ["PER", "MISC"]}
    small.initialize(lambda: examples_of(small, TAGGED[:1]))
    assert small.get_pipe("xner_teacher").label_data == ("MISC", "PER")


def test_gold_of_an_unknown_type_is_left_out(small):
    small.config["initialize"]["components"]["xner_teacher"] = {"labels": ["PER", "MISC"]}
    examples = examples_of(small, TAGGED[:1])
    small.initialize(lambda: examples)
    # Columns: O, B-MISC, I-MISC, B-PER, I-PER; the third name is a LOC.
    assert list(small.get_pipe("xner_teacher")._gold(examples[0])) == [3, 4, 0, -1, 0, 0]


def test_a_label_is_added_once_and_never_after_initialisation(small):
    pipe = small.get_pipe("xner_teacher")
    assert [pipe.add_label("PER"), pipe.add_label("PER")] == [1, 0]
    small.initialize(lambda: examples_of(small))
    assert pipe.add_label("LOC") == 0
    with pytest.raises(XnerError, match="Cannot add the label 'MISC'"):
        pipe.add_label("MISC")


def test_learns_its_sentences_by_heart(teacher):
    for text, tags in TAGGED:
        doc = teacher(doc_of(teacher, text))
        assert iob2_from_spans(len(doc), entities(doc)) == tags
    assert teacher.evaluate(examples_of(teacher))["ents_f"] == 1.0


def test_training_brings_the_loss_down(encoder):
    losses = train(make_pipeline(encoder), 15)
    assert losses[-1] < 0.5 * losses[0]


def test_probabilities_are_distributions_that_the_entities_come_from(teacher):
    texts = [text for text, _ in TAGGED]
    docs = [doc_of(teacher, text) for text in texts]
    for doc in docs:
        teacher.get_pipe("transformer")(doc)
    pipe = teacher.get_pipe("xner_teacher")
    for doc, rows, (_, tags) in zip(docs, pipe.predict_probabilities(docs), TAGGED, strict=True):
        assert rows.dtype == np.float32
        np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
        assert [pipe.tagset.tags[i] for i in rows.argmax(axis=1)] == tags
        assert doc.ents == ()


def test_annotates_the_best_valid_sequence(teacher):
    pipe = teacher.get_pipe("xner_teacher")
    assert pipe.tagset.tags == ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
    doc = doc_of(teacher, "a b c")
    rows = np.zeros((3, 7), dtype="float32")
    rows[0, [0, 1]] = [0.55, 0.45]
    rows[1, [0, 2]] = [0.1, 0.9]  # I-LOC cannot follow O
    rows[2, 0] = 1
    pipe.set_annotations([doc], [rows])
    assert entities(doc) == [(0, 2, "LOC")]


def test_empty_documents_inside_batches_are_predicted(teacher):
    docs = list(teacher.pipe(["", TAGGED[0][0], "", "Waziri alitembelea Dodoma", ""]))
    assert [entities(doc) for doc in docs] == [
        [],
        [(0, 2, "PER"), (3, 4, "LOC")],
        [],
        [(2, 3, "LOC")],
        [],
    ]
    shapes = [rows.shape for rows in teacher.get_pipe("xner_teacher").predict([docs[0], docs[2]])]
    assert shapes == [(0, 7), (0, 7)]


@pytest.mark.slow
def test_empty_documents_inside_a_batch_do_not_change_the_update(encoder):
    losses = []
    for place in (None, 0, 2, 4):
        nlp = make_pipeline(encoder)
        examples = examples_of(nlp)
        spacy.util.fix_random_seed(0)
        optimizer = nlp.initialize(lambda examples=examples: examples)
        if place is not None:
            examples.insert(place, Example(Doc(nlp.vocab), Doc(nlp.vocab)))
        losses.append([update(nlp, examples, optimizer) for _ in range(3)])
    np.testing.assert_allclose(losses, [losses[0]] * 4, rtol=1e-3)


def test_a_batch_of_empty_documents_only_is_no_update(encoder):
    nlp = make_pipeline(encoder)
    optimizer = nlp.initialize(lambda: examples_of(nlp))
    before = nlp.to_bytes()
    losses = nlp.update([Example(Doc(nlp.vocab), Doc(nlp.vocab))], sgd=optimizer)
    assert losses["xner_teacher"] == 0.0
    assert nlp.to_bytes() == before


class Aligned:
    """An example of other words than the gold's, whose aligned tags are given."""

    def __init__(self, vocab, tags):
        self.x = Doc(vocab, words=["a"] * len(tags))
        self.y = Doc(vocab, words=["b"] * len(tags))
        self.tags = tags

    def get_aligned_ner(self):
        return self.tags


@pytest.mark.parametrize(("last", "tags"), [(["Zenith"], [3]), (["Zen", "ith"], [3, 4])])
def test_gold_is_the_same_with_and_without_alignment(teacher, last, tags):
    words, gold = ["Amina", "Bello", "left", "Lagos"], ["B-PER", "I-PER", "O", "B-LOC", "B-ORG"]
    spaces = [True] * 4
    reference = Doc(teacher.vocab, [*words, "Zenith"], [*spaces, False], ents=gold)
    reference.set_ents(reference.ents, missing=[reference[2:3]], default="unmodified")
    predicted = Doc(teacher.vocab, [*words, *last], [*spaces, *([False] * len(last))])
    found = teacher.get_pipe("xner_teacher")._gold(Example(predicted, reference))
    assert list(found) == [5, 6, -1, 1, *tags]


def test_gold_is_read_token_by_token_where_some_are_missing(teacher):
    tags = ["B-PER", None, "L-PER", "-", "U-LOC", "I-ORG", "O", "U-NEW"]
    assert list(teacher.get_pipe("xner_teacher")._gold(Aligned(teacher.vocab, tags))) == [
        5,
        -1,
        6,
        -1,
        1,
        4,
        0,
        -1,
    ]


def test_gold_of_another_tokenisation_is_aligned_or_missing(teacher):
    reference = Doc(
        teacher.vocab,
        words=["Amina", "Bello", "-", "Kano", "yes"],
        spaces=[True, False, False, True, False],
        ents=["B-PER", "I-PER", "O", "B-LOC", "O"],
    )
    predicted = Doc(
        teacher.vocab,
        words=["Ami", "na", "Bello-Kano", "yes"],
        spaces=[False, True, True, False],
    )
    found = list(teacher.get_pipe("xner_teacher")._gold(Example(predicted, reference)))
    assert found == [-1, -1, -1, 0]


def test_missing_annotation_is_left_out_of_loss_and_gradient(teacher):
    pipe = teacher.get_pipe("xner_teacher")
    reference = doc_of(teacher, "Amina saw Lagos and Kano")
    reference.set_ents(
        [Span(reference, 2, 3, "LOC")], missing=[reference[0:1], reference[3:5]], default="outside"
    )
    example = Example(doc_of(teacher, reference.text), reference)
    assert list(pipe._gold(example)) == [-1, 0, 1, -1, -1]
    random = np.random.default_rng(0)
    logits = random.normal(size=(5, 7)).astype("float32")
    loss, (gradient,) = pipe.get_loss([example], [logits.copy()])
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-(np.log(chances[1, 0]) + np.log(chances[2, 1])) / 2, rel=1e-5)
    assert (gradient[[0, 3, 4]] == 0).all()
    expected = chances[1:3] / 2
    expected[[0, 1], [0, 1]] -= 0.5
    np.testing.assert_allclose(gradient[1:3], expected, atol=1e-6)


def test_examples_without_any_annotation_have_no_loss(teacher):
    example = Example(doc_of(teacher, "Amina saw"), doc_of(teacher, "Amina saw"))
    loss, (gradient,) = teacher.get_pipe("xner_teacher").get_loss(
        [example], [np.ones((2, 7), dtype="float32")]
    )
    assert loss == 0.0
    assert (gradient == 0).all()


def test_loss_of_uniform_scores_is_the_logarithm_of_the_number_of_tags(teacher):
    examples = examples_of(teacher)
    scores = [np.zeros((len(eg.x), 7), dtype="float32") for eg in examples]
    loss, _ = teacher.get_pipe("xner_teacher").get_loss(examples, scores)
    assert loss == pytest.approx(np.log(7), rel=1e-5)


def probabilities(nlp, texts):
    docs = [doc_of(nlp, text) for text in texts]
    for doc in docs:
        for _, pipe in nlp.pipeline[:-1]:
            pipe(doc)
    return nlp.get_pipe("xner_teacher").predict_probabilities(docs)


def test_survives_bytes(small):
    train(small, 10)
    texts = [text for text, _ in TAGGED]
    bare = spacy.blank("xx")
    bare.add_pipe("xner_teacher", config={"model": small.get_pipe_config("xner_teacher")["model"]})
    bare.from_bytes(small.to_bytes())
    assert bare.get_pipe("xner_teacher").labels == ("LOC", "ORG", "PER")
    for one, other in zip(probabilities(small, texts), probabilities(bare, texts), strict=True):
        np.testing.assert_array_equal(one, other)


def test_survives_the_disk(teacher, teacher_folder):
    texts = [text for text, _ in TAGGED]
    loaded = spacy.load(teacher_folder)
    assert loaded.get_pipe("xner_teacher").labels == ("LOC", "ORG", "PER")
    for one, other in zip(probabilities(teacher, texts), probabilities(loaded, texts), strict=True):
        np.testing.assert_array_equal(one, other)
    assert loaded.evaluate(examples_of(loaded))["ents_f"] == 1.0


@pytest.mark.slow
def test_a_loaded_teacher_can_be_trained_on(teacher_folder):
    nlp = spacy.load(teacher_folder)
    optimizer = nlp.resume_training()
    optimizer.learn_rate = 0.003
    tagged = [("Kano saw Chidi", ["B-LOC", "O", "B-PER"])]
    for _ in range(100):
        update(nlp, examples_of(nlp, tagged), optimizer)
    assert entities(nlp(doc_of(nlp, tagged[0][0]))) == [(0, 1, "LOC"), (2, 3, "PER")]
