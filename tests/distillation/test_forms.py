"""A word's features and vector are one in all its canonically equivalent spellings."""

import pickle
import unicodedata

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.vectors import Vectors

from spacy_xner.distillation import forms
from spacy_xner.distillation.forms import ComposedVectors

WORDS = ["Ọlọ́runfẹ́mi", "Ìbàdàn", "ṣé", "Ụ́kwụ", "Ọ̀gbẹ́ni", "ṅụọ", "කොළඹ", "මෝලේ", "ගෞරව"]
FEATURES = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]


def make():
    forms = {"@callbacks": "spacy-xner.composed_forms.v1"}
    nlp = spacy.blank("xx", config={"nlp": {"after_creation": forms}})
    data = np.random.default_rng(0).normal(size=(500, 8)).astype("f")
    floret = Vectors(data=data, mode="floret", minn=2, maxn=4, hash_count=2)
    nlp.vocab.vectors.from_bytes(floret.to_bytes())
    return nlp


def twins(nlp, word):
    words = [unicodedata.normalize(form, word) for form in ("NFC", "NFD")]
    assert words[0] != words[1]
    return Doc(nlp.vocab, words=words)


def through_disk(nlp, path):
    nlp.to_disk(path)
    return spacy.load(path)


COPIES = {
    "made": lambda nlp, path: nlp,
    "disk": through_disk,
    "bytes": lambda nlp, path: make().from_bytes(nlp.to_bytes()),
    "pickle": lambda nlp, path: pickle.loads(pickle.dumps(nlp)),
}


@pytest.mark.parametrize("copy", COPIES)
def test_both_forms_have_one_set_of_features_and_one_vector(copy, tmp_path):
    original = make()
    nlp = COPIES[copy](original, tmp_path)
    assert isinstance(nlp.vocab.vectors, ComposedVectors)
    for word in WORDS:
        doc = twins(nlp, word)
        one, other = doc.to_array(FEATURES)
        assert one.tolist() == other.tolist()
        composed, decomposed = nlp.vocab.vectors.get_batch(doc.to_array("ORTH"))
        assert composed.tolist() == decomposed.tolist()
        assert composed.tolist() == original.vocab[word].vector.tolist()
        assert composed.any()
        assert [token.text for token in doc] == [
            unicodedata.normalize(form, word) for form in ("NFC", "NFD")
        ]


def test_vectors_keep_the_case_of_words():
    nlp = make()
    upper, lower = nlp.vocab.vectors.get_batch(["Ìbàdàn", "ìbàdàn"])
    assert upper.tolist() != lower.tolist()


def test_features_hold_in_a_memory_zone():
    nlp = make()
    with nlp.memory_zone():
        one, other = twins(nlp, "Ọ̀ṣun").to_array(FEATURES)
        assert one.tolist() == other.tolist()


def test_a_pipeline_without_the_callback_is_left_alone():
    make()
    one, other = twins(spacy.blank("xx"), "Ìbàdàn").to_array(FEATURES)
    assert one.tolist() != other.tolist()


def test_vectors_that_initialize_loads_are_of_composed_forms_too(tmp_path):
    make().to_disk(tmp_path / "vectors")
    forms = {"@callbacks": "spacy-xner.composed_forms.v1"}
    config = {
        "nlp": {"after_creation": forms},
        "initialize": {"vectors": str(tmp_path / "vectors"), "after_init": forms},
    }
    nlp = spacy.blank("xx", config=config)
    nlp.initialize()
    composed, decomposed = nlp.vocab.vectors.get_batch(twins(nlp, "Ìbàdàn").to_array("ORTH"))
    assert composed.any()
    assert composed.tolist() == decomposed.tolist()


def test_known_vectors_are_those_of_stock_floret_and_follow_their_data(monkeypatch):
    monkeypatch.setattr(forms, "KNOWN", 4)
    nlp = make()
    stock = Vectors(strings=nlp.vocab.strings).from_bytes(nlp.vocab.vectors.to_bytes())
    words = ["Kano", "gida", "Kano", "ruwa", "gari", "Abuja", "yau", "Kano"]
    for start in range(0, len(words), 2):
        batch = words[start : start + 3]
        for _ in range(2):
            vectors = nlp.vocab.vectors.get_batch([nlp.vocab.strings.add(word) for word in batch])
            assert vectors.tolist() == stock.get_batch(batch).tolist()
    assert nlp.vocab.vectors.get_batch(words).tolist() == stock.get_batch(words).tolist()
    nlp.vocab.vectors.data = 2 * stock.data
    doubled = nlp.vocab.vectors.get_batch(["Kano"])
    assert doubled == pytest.approx(2 * stock.get_batch(["Kano"]))
    assert nlp.vocab.vectors.get_batch([]).shape == (0, 8)
