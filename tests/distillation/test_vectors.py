"""Word vectors from a teacher: fewer numbers, and a hashed table that knows any string."""

import numpy as np
import pytest
import spacy

from spacy_xner.distillation.vectors import (
    FloretSettings,
    both_spellings,
    count_words,
    encode_words,
    fit_floret,
    reduce_width,
)
from spacy_xner.errors import XnerError

WORDS = ["Kano", "Lagos", "Abuja", "Ìbàdàn", "ከበደ", "ባሕር", "visited", "left", "and", "zuwa"]
SMALL = FloretSettings(rows=400, ridge=1e-4, iterations=200)


def test_words_with_a_letter_are_counted():
    counts = count_words(spacy.blank("xx"), ["Kano 12 Kano , ከበደ", "Kano --"])
    assert counts == {"Kano": 3, "ከበደ": 1}


def test_both_normal_forms_of_a_word_are_one_word_with_two_spellings():
    composed, decomposed = "Adé", "Ade\u0301"
    counts = count_words(spacy.blank("xx"), [f"{composed} {decomposed} Kano"])
    assert counts == {composed: 2, "Kano": 1}
    assert both_spellings(["Kano", composed]) == (["Kano", composed, decomposed], [0, 1, 1])


def test_all_components_keep_all_distances():
    states = np.random.default_rng(0).normal(size=(50, 6)) * [9, 5, 3, 1, 0.5, 0.1]
    reduced = reduce_width(states, 6)
    before = np.linalg.norm(states[:, None] - states, axis=2)
    after = np.linalg.norm(reduced[:, None] - reduced, axis=2)
    ratio = after[np.triu_indices(50, 1)] / before[np.triu_indices(50, 1)]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-4)
    assert (reduced**2).mean() == pytest.approx(1.0, rel=1e-4)


def test_the_components_of_largest_variance_are_kept_first():
    states = np.random.default_rng(0).normal(size=(200, 6)) * [0.1, 9, 1, 5, 0.5, 3]
    variances = reduce_width(states, 3).var(axis=0)
    assert variances[0] > variances[1] > variances[2]
    assert variances.mean() == pytest.approx(1.0, rel=0.05)


def test_words_that_weigh_nothing_do_not_shape_the_components():
    states = np.random.default_rng(0).normal(size=(40, 4))
    weights = np.repeat([1.0, 0.0], 20)
    other = states.copy()
    other[20:] *= 100
    np.testing.assert_allclose(
        np.abs(reduce_width(states, 2, weights)[:20]),
        np.abs(reduce_width(other, 2, weights)[:20]),
        atol=1e-4,
    )


def test_a_fitted_table_gives_words_their_vectors_and_unknown_words_those_of_their_parts():
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 8)).astype("float32")
    nlp = spacy.blank("xx")
    nlp.vocab.vectors = fit_floret(WORDS, vectors, SMALL)
    for word, vector in zip(WORDS, vectors, strict=True):
        np.testing.assert_allclose(nlp.vocab[word].vector, vector, atol=0.1)

    def likeness(one, other):
        return one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    unknown = nlp.vocab["Abujan"].vector
    likes = [likeness(unknown, vector) for vector in vectors]
    assert WORDS[int(np.argmax(likes))] == "Abuja"


def test_the_fit_is_that_of_ridge_regression():
    vectors = np.random.default_rng(0).normal(size=(len(WORDS), 3)).astype("float32")
    settings = FloretSettings(rows=60, ridge=0.5, iterations=200)
    table = fit_floret(WORDS, vectors, settings)
    design = np.zeros((len(WORDS), 60))
    for row, word in zip(design, WORDS, strict=True):
        hashes = [h for ngram in table._get_ngrams(word) for h in table._get_ngram_hashes(ngram)]
        np.add.at(row, [h % 60 for h in hashes], 1 / len(hashes))
    penalty = 0.5 * (design**2).sum() / len(WORDS)
    normal = design.T @ design + penalty * np.eye(60)
    expected = np.linalg.solve(normal, design.T @ vectors)
    np.testing.assert_allclose(table.data, expected, atol=0.02 * np.abs(expected).max())


def test_a_teacher_without_an_encoder_is_an_error():
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    with pytest.raises(XnerError, match="this pipeline has sentencizer"):
        encode_words(nlp, WORDS)
