"""Labels weighed by those of the nearest words."""

import numpy as np
import pytest
import spacy

from spacy_xner.distillation.neighbours import make_neighbour_weighting
from spacy_xner.distillation.reader import WEIGHTS, make_soft_label_reader
from spacy_xner.errors import XnerError
from spacy_xner.projection import states

from .made_up import soft_labels, write_labels

# A made-up encoder: words that begin alike are alike.
AXES = {letter: i for i, letter in enumerate("KAlt.")}


class FakeEncoder:
    def __init__(self, path):
        pass

    def __call__(self, texts):
        rng = np.random.default_rng(0)
        found = []
        for words in texts:
            rows = np.eye(len(AXES))[[AXES[word[0]] for word in words]]
            rows = rows + rng.normal(scale=0.05, size=rows.shape)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            found.append((rows.astype("float32"), np.arange(len(words))))
        return found


def weights_of(tmp_path, sentences, monkeypatch, **settings):
    monkeypatch.setattr(states, "PieceEncoder", FakeEncoder)
    path = write_labels(tmp_path / "labels", soft_labels(sentences))
    reader = make_soft_label_reader(path)
    reader.supervise([], weighting=make_neighbour_weighting("fake", k=4, **settings))
    examples = list(reader(spacy.blank("xx")))
    return [eg.reference.user_data[WEIGHTS] for eg in examples]


SENTENCES = [(["Kano", "left", "."], ["B-LOC", "O", "O"])] * 7 + [
    (["Kogi", "left", "."], ["B-PER", "O", "O"]),
    (["Amina", "left", "."], ["B-PER", "O", "O"]),
    *[(["Ali", "left", "."], ["B-PER", "O", "O"])] * 7,
]


@pytest.mark.parametrize("sample", [36, 1000])  # 36: the last four are outside
def test_a_label_that_similar_words_do_not_bear_counts_less(tmp_path, monkeypatch, sample):
    found = weights_of(tmp_path, SENTENCES, monkeypatch, sample=sample)
    others = [row for place, row in enumerate(found) if place != 7]
    assert found[7][0] < 0.1
    assert min(row[0] for row in others) > 0.5
    assert all(row[1:].min() > 0.9 for row in found)  # words outside entities all agree
    assert max(row.max() for row in found) <= 1.0


def test_steepness_0_weighs_all_alike(tmp_path, monkeypatch):
    found = weights_of(tmp_path, SENTENCES, monkeypatch, steepness=0.0)
    assert np.concatenate(found).tolist() == [1.0] * sum(len(words) for words, _ in SENTENCES)


def test_words_of_which_nothing_is_said_are_no_neighbours(tmp_path, monkeypatch):
    monkeypatch.setattr(states, "PieceEncoder", FakeEncoder)
    docs = soft_labels(SENTENCES)
    for doc in docs[:7]:
        doc.probs[0] = 0.0
    reader = make_soft_label_reader(write_labels(tmp_path / "labels", docs))
    reader.supervise([], weighting=make_neighbour_weighting("fake", k=4))
    found = [eg.reference.user_data[WEIGHTS] for eg in reader(spacy.blank("xx"))]
    assert [row[0] for row in found[:7]] == [1.0] * 7  # they have no label to weigh


def test_faults_are_errors_that_name_the_key(tmp_path, monkeypatch):
    with pytest.raises(XnerError, match="has k 10, sample 5"):
        make_neighbour_weighting("fake", sample=5)
    with pytest.raises(XnerError, match="something of 3 words only; expected more than the 4"):
        weights_of(tmp_path, SENTENCES[:1], monkeypatch)
