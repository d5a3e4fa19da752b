import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from spacy_xner.errors import XnerError
from spacy_xner.tags import decode, iob2_from_spans
from spacy_xner.teacher import beams
from spacy_xner.teacher.adapters import ner_source
from spacy_xner.teacher.sources import load_source

from .conftest import TAGGED, TEXTS, doc_of, train, transformer_config

SMALL = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 32,
    "depth": 2,
    "embed_size": 500,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}
PARSER = {
    "@architectures": "spacy.TransitionBasedParser.v2",
    "state_type": "ner",
    "extra_state_tokens": False,
    "hidden_width": 16,
    "maxout_pieces": 2,
    "use_upper": True,
    "tok2vec": SMALL,
}
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32, "upstream": "*"}
TRANSFORMER_LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "upstream": "*",
    "pooling": {"@layers": "reduce_mean.v1"},
}


@Language.component("xner_test_marks_capitals")
def marks_capitals(doc):
    doc.ents = [Span(doc, t.i, t.i + 1, label="NAME") for t in doc if t.text[0].isupper()]
    return doc


@pytest.fixture(scope="module")
def nlp():
    """A plain spaCy pipeline that knows its sentences by heart; tests must not change it."""
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner", config={"model": PARSER})
    train(nlp, 60)
    return nlp


@pytest.fixture
def unsure():
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner", config={"model": PARSER})
    train(nlp, 4)
    return nlp


def docs_of(nlp):
    return [doc_of(nlp, text) for text, _ in TAGGED]


def test_a_saved_ner_pipeline_is_a_source(nlp, tmp_path):
    nlp.to_disk(tmp_path / "pipeline")
    source = load_source(tmp_path / "pipeline")
    assert source.tagset.types == ("LOC", "ORG", "PER")
    for (_, tags), rows in zip(TAGGED, source.predict(docs_of(source.nlp)), strict=True):
        assert decode(rows, source.tagset) == tags


def test_rows_are_distributions(unsure):
    source = ner_source(unsure, "f")
    docs = [doc_of(unsure, text) for text in TEXTS]
    for doc, rows in zip(docs, source.predict(docs), strict=True):
        assert rows.dtype == np.float32
        assert rows.shape == (len(doc), 7)
        assert (rows >= 0).all()
        np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
        assert doc.ents == ()


def test_a_tag_has_the_weight_of_the_parses_that_have_it(unsure):
    ner = unsure.get_pipe("ner")
    source = ner_source(unsure, "f", beam_width=8, beam_density=0.001)
    docs = docs_of(unsure)
    found = source.predict(docs)
    parsed = ner.beam_parse(docs, 8, beam_density=0.001)
    several = 0
    for doc, rows, beam in zip(docs, found, parsed, strict=True):
        expected = np.zeros_like(rows, dtype="float64")
        for weight, entities in ner.moves.get_beam_parses(beam):
            tags = iob2_from_spans(len(doc), entities)
            expected[np.arange(len(doc)), [source.tagset.index(tag) for tag in tags]] += weight
            several += 0.01 < weight < 0.99
        np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert several > 1


def test_a_confident_parser_keeps_its_decisions(nlp):
    source = ner_source(nlp, "f")
    for doc, rows in zip(docs_of(nlp), source.predict(docs_of(nlp)), strict=True):
        doc = nlp(doc)
        entities = [(ent.start, ent.end, ent.label_) for ent in doc.ents]
        assert decode(rows, source.tagset) == iob2_from_spans(len(doc), entities)
        assert rows.max(axis=1).min() > 0.9


def test_empty_documents_and_no_documents_are_predicted(nlp):
    source = ner_source(nlp, "f")
    docs = [Doc(nlp.vocab), doc_of(nlp, "Amina"), Doc(nlp.vocab)]
    assert [rows.shape for rows in source.predict(docs)] == [(0, 7), (1, 7), (0, 7)]
    assert [rows.shape for rows in source.predict(docs[:1])] == [(0, 7)]
    assert source.predict([]) == []


def test_long_texts_are_parsed_in_stretches_that_cut_no_entity(nlp, monkeypatch):
    source = ner_source(nlp, "f")
    text = " ".join(text for text, _ in TAGGED * 3)
    tags = [tag for _, tags in TAGGED * 3 for tag in tags]
    monkeypatch.setattr(beams, "_STRETCH", 5)
    bounds = beams._cut(nlp.get_pipe("ner"), [doc_of(nlp, "Amina"), doc_of(nlp, text)])
    assert bounds[0] == [0, 1]
    assert bounds[1][0] == 0
    assert bounds[1][-1] == len(tags)
    assert max(np.diff(bounds[1])) <= 5
    assert min(np.diff(bounds[1])) >= 1
    assert not any(tags[cut].startswith("I-") for cut in bounds[1][1:-1])
    docs = [doc_of(nlp, "Waziri"), doc_of(nlp, text), doc_of(nlp, "Amina Bello visited")]
    found = source.predict(docs)
    whole = nlp(doc_of(nlp, text))
    entities = [(ent.start, ent.end, ent.label_) for ent in whole.ents]
    assert decode(found[1], source.tagset) == iob2_from_spans(len(whole), entities)
    assert [len(rows) for rows in found] == [1, len(tags), 3]
    monkeypatch.setattr(beams, "_STRETCH", 48)
    for one, other in zip(found, source.predict(docs), strict=True):
        np.testing.assert_allclose(one, other, atol=0.1)


def test_an_early_doubt_of_a_long_text_is_not_forgotten():
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner", config={"model": PARSER})
    train(nlp, 15)
    source = ner_source(nlp, "f")
    alone = source.predict(docs_of(nlp))
    n_repeats = 12
    (rows,) = source.predict([doc_of(nlp, " ".join(text for text, _ in TAGGED * n_repeats))])
    doubt = 1 - np.concatenate(alone).max(axis=1)
    found = 1 - rows.max(axis=1).reshape(n_repeats, -1)
    assert (doubt > 0.05).sum() >= 2
    # What a token is worth depends on its neighbours too, but in one beam nearly all would be sure.
    assert found[:, doubt > 0.05].mean() > 0.7 * doubt[doubt > 0.05].mean()


@pytest.mark.slow
@pytest.mark.parametrize("upstream", ["tok2vec"])
def test_a_parser_that_listens_is_a_source(encoder, upstream, tmp_path):
    nlp = spacy.blank("xx")
    config = (
        transformer_config(encoder, frozen=[]) if upstream == "transformer" else {"model": SMALL}
    )
    nlp.add_pipe(upstream, config=config)
    listener = TRANSFORMER_LISTENER if upstream == "transformer" else LISTENER
    nlp.add_pipe("ner", config={"model": PARSER | {"tok2vec": listener}})
    train(nlp, 200, rate=0.003)
    source = ner_source(nlp, "f")
    for (_, tags), rows in zip(TAGGED, source.predict(docs_of(nlp)), strict=True):
        assert decode(rows, source.tagset) == tags


def test_hard_labels_have_the_stated_confidence(nlp):
    source = ner_source(nlp, "f", method="hard", confidence=0.8)
    (rows,) = source.predict([doc_of(nlp, TAGGED[0][0])])
    expected = np.zeros((6, 7), dtype="float32")
    expected[:, 0] = [0.2, 0.2, 1, 0.2, 1, 1]
    expected[[0, 1, 3], [5, 6, 1]] = 0.8
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_the_fingerprint_depends_on_model_and_settings(nlp):
    settings = [
        {},
        {"beam_width": 8},
        {"beam_density": 0.1},
        {"method": "hard"},
        {"method": "hard", "confidence": 0.5},
    ]
    prints = [ner_source(nlp, "one", **s).fingerprint for s in settings]
    prints.append(ner_source(nlp, "two").fingerprint)
    assert len(set(prints)) == 6
    assert ner_source(nlp, "one").fingerprint == prints[0]
    assert all(len(found) == 32 for found in prints)


def test_rules_are_a_source_of_hard_labels():
    nlp = spacy.blank("xx")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "地名", "pattern": "Lagos"}, {"label": "P", "pattern": "A B"}])
    source = ner_source(nlp, "f", method="hard", confidence=1.0)
    assert source.tagset.tags == ("O", "B-P", "I-P", "B-地名", "I-地名")
    (rows,) = source.predict([doc_of(nlp, "A B in Lagos")])
    assert [source.tagset.tags[i] for i in rows.argmax(axis=1)] == ["B-P", "I-P", "O", "B-地名"]
    with pytest.raises(XnerError, match="'entity_ruler' has no beam"):
        ner_source(nlp, "f")


def test_entities_of_rules_behind_a_parser_belong_to_its_hard_labels(nlp):
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "DATE", "pattern": "Monday"}])
    try:
        assert ner_source(nlp, "f").tagset.types == ("LOC", "ORG", "PER")
        source = ner_source(nlp, "f", method="hard")
        (rows,) = source.predict([doc_of(nlp, TAGGED[0][0])])
    finally:
        nlp.remove_pipe("entity_ruler")
    assert source.tagset.types == ("DATE", "LOC", "ORG", "PER")
    assert decode(rows, source.tagset) == [*TAGGED[0][1][:-1], "B-DATE"]


def test_components_that_do_not_tell_their_types_need_labels():
    nlp = spacy.blank("xx")
    nlp.add_pipe("xner_test_marks_capitals")
    with pytest.raises(XnerError, match="it has xner_test_marks_capitals"):
        ner_source(nlp, "f", method="hard")
    chosen = {"method": "hard", "component": "xner_test_marks_capitals"}
    with pytest.raises(XnerError, match="does not tell its entity types: give `labels`"):
        ner_source(nlp, "f", **chosen)
    source = ner_source(nlp, "f", labels=["NAME"], **chosen)
    (rows,) = source.predict([doc_of(nlp, "in Lagos")])
    np.testing.assert_allclose(rows, [[1, 0, 0], [0.1, 0.9, 0]], atol=1e-6)
    source = ner_source(nlp, "f", labels=["OTHER"], **chosen)
    with pytest.raises(XnerError, match="'B-NAME' is not in the tag set"):
        source.predict([doc_of(nlp, "in Lagos")])


def test_one_of_several_parsers_must_be_chosen():
    nlp = spacy.blank("xx")
    for name in ("one", "two"):
        nlp.add_pipe("ner", name=name, config={"model": PARSER}).add_label(name.upper())
    with pytest.raises(XnerError, match="2 entity recognizers: one, two"):
        ner_source(nlp, "f")
    assert ner_source(nlp, "f", component="one").tagset.types == ("ONE",)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "soft"}, 'method is \'soft\'; expected "beam" or "hard"'),
        ({"confidence": 0}, "confidence is 0; expected"),
        ({"confidence": 1.5}, r"confidence is 1\.5; expected"),
        ({"beam_width": 1}, "beam_width is 1"),
        ({"beam_density": 1.0}, r"beam_density 1\.0"),
        ({"component": "nerd"}, "no component 'nerd'; it has ner"),
    ],
)
def test_settings_out_of_range_are_errors(nlp, settings, message):
    with pytest.raises(XnerError, match=message):
        ner_source(nlp, "f", **settings)


def test_an_empty_pipeline_says_that_it_has_no_components():
    with pytest.raises(XnerError, match="it has no components"):
        ner_source(spacy.blank("xx"), "f")


@pytest.mark.slow
def test_a_document_of_20000_tokens_is_parsed(nlp):
    words = (" ".join(text for text, _ in TAGGED).split() * 1000)[:20_000]
    (rows,) = ner_source(nlp, "f").predict([Doc(nlp.vocab, words=words)])
    assert rows.shape == (20_000, 7)
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-4)
