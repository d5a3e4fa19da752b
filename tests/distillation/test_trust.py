"""What a teacher's own doubt tells without gold."""

import numpy as np
import pytest

from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.distillation.trust import entity_weight, expected_f1, sample_probabilities

from .made_up import sure_of


def test_a_teacher_that_is_certain_expects_no_mistake():
    assert expected_f1([sure_of(["B-PER", "I-PER", "O"], sure=1.0)]) == pytest.approx(1.0)


def test_the_expectation_is_that_of_f1_over_tokens():
    # One token is called entity at 0.6, another is missed at 0.3: 2 * 0.6 / (1 + 0.6 + 0.4 + 0.3)
    rows = np.array([[0.2, 0.6, 0.1, 0.1, 0.0], [0.7, 0.1, 0.1, 0.1, 0.0]])
    assert expected_f1([rows]) == pytest.approx(2 * 0.6 / (1 + 0.8 + 0.3))
    assert expected_f1([rows[:1], rows[1:]]) == pytest.approx(expected_f1([rows]))


def test_where_nothing_is_called_entity_nothing_is_expected():
    assert expected_f1([sure_of(["O", "O"]), np.zeros((0, 5))]) == 0.0
    assert expected_f1([]) == 0.0


def test_doubt_makes_entities_weigh_more_within_limits():
    assert [entity_weight(f1) for f1 in (1.0, 0.9, 0.0)] == [1.0, 1.0, 4.0]
    assert entity_weight(0.8) == pytest.approx(3.0)


def test_some_shards_of_every_folder_are_sampled(labels):
    corpus = SoftLabelCorpus(labels)
    everything = [doc.probs for doc in corpus]
    sample = list(sample_probabilities([corpus, corpus], shards=len(corpus.shards) + 3))
    assert len(sample) == 2 * len(everything)
    np.testing.assert_array_equal(sample[0], everything[0])
    few = list(sample_probabilities([corpus], shards=1))
    assert [rows.tolist() for rows in few] == [doc.probs.tolist() for doc in corpus.read_shard(0)]
