"""What a teacher's own doubt tells without gold."""

import numpy as np
import pytest

from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.distillation.reader import make_soft_label_reader
from spacy_xner.distillation.trust import entity_weight, expected_f1

from .made_up import config_of, run, sure_of


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


def test_what_the_doubt_decides_is_said(labels):
    _, said = run(labels, config=config_of(distillation__max_steps=1, distillation__max_epochs=0))
    assert "expect" not in said
    open_weight = {"distillation.max_steps": 1, "distillation.entity_weight": None}
    _, said = run(labels, overrides=open_weight)
    assert "F1 that the teachers expect: 0.848; entities weigh 2.04" in said


def test_a_sample_of_the_labels_is_what_they_hold(labels):
    everything = [doc.probs for doc in SoftLabelCorpus(labels)]
    sample = list(make_soft_label_reader(labels, "held_out").sample())
    assert len(sample) == len(everything)  # three shards, whatever the split
    np.testing.assert_allclose(sample[0], everything[0], atol=1e-3)
