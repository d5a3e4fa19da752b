"""A word's features and vector are one in all its canonically equivalent spellings."""

import pickle
import unicodedata

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.vectors import Vectors

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
