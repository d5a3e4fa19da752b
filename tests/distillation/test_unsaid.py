"""Tokens of which a teacher says nothing: rows of zeros, from the folder to the student."""

import numpy as np
import pytest
import spacy

from spacy_xner.corpora.soft_labels import SoftLabelCorpus, SoftLabels
from spacy_xner.distillation.ensembles import make_inferred_reliability, make_weighted_mean
from spacy_xner.distillation.parser import soft_targets
from spacy_xner.distillation.reader import make_soft_label_reader
from spacy_xner.distillation.teachers import Teacher
from spacy_xner.distillation.texts import Labelled
from spacy_xner.distillation.trust import expected_f1
from spacy_xner.distillation.weightings import make_agreement_weighting
from spacy_xner.tags import align_probabilities, unsaid

from .made_up import TAGSET, entities, run, soft_labels, sure_of, tagged_sentences, write_labels

SILENT = np.zeros(len(TAGSET), dtype="float32")


def with_silence(docs, chosen):
    """Say nothing of the tokens that `chosen` picks by their tag."""
    for doc, (_, tags) in docs:
        doc.probs[[chosen(tag) for tag in tags]] = 0
    return [doc for doc, _ in docs]


def test_silence_is_stored_and_read_back(tmp_path):
    docs = soft_labels([(["Amina", "left"], ["B-PER", "O"])])
    docs[0].probs[1] = 0
    [found] = SoftLabelCorpus(write_labels(tmp_path / "labels", docs))
    assert unsaid(found.probs).tolist() == [False, True]


def test_a_document_has_to_have_its_category(tmp_path):
    from spacy_xner.corpora.soft_labels import SoftLabelWriter
    from spacy_xner.errors import XnerError

    with SoftLabelWriter(
        tmp_path, tags=["bad", "good"], teacher="a", source="b", lang="xx", unit="document"
    ) as writer:
        span = np.array([0], "int32"), np.array([4], "int32")
        doc = SoftLabels("a:0", "xx", "text", *span, np.zeros((1, 2), "float16"))
        with pytest.raises(XnerError, match="do not sum to 1"):
            writer.write(0, [doc])


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.5}, {"alpha": 0.5}])
def test_targets_of_silence_are_zeros(settings):
    probs = np.stack([sure_of(["B-PER"])[0], SILENT, sure_of(["O"])[0]])
    target = soft_targets(probs, TAGSET, entity_weight=2.0, **settings)
    assert np.isfinite(target).all()
    assert unsaid(target).tolist() == [False, True, False]
    ends = 1 + 4 * TAGSET.types.index("PER") + 3
    assert target[0].argmax() == ends  # nothing behind it says that the entity goes on


def test_only_teachers_that_say_something_count():
    stack = np.stack([sure_of(["B-PER", "O", "O"]), sure_of(["B-LOC", "B-LOC", "O"])])
    stack[0, 1] = stack[0, 2] = stack[1, 2] = 0
    ends = np.arange(1, 4) * 5
    doc = Labelled("source", "text:0", "Musa Kano tafi", ends - 5, ends - 1, stack, TAGSET.tags)
    for ensemble in (make_weighted_mean(), make_inferred_reliability()):
        ensemble.fit([doc], [Teacher("a", "a", weight=3.0), Teacher("b", "b")])
        found = ensemble(stack)
        assert found[1].argmax() == TAGSET.index("B-LOC")
        assert unsaid(found).tolist() == [False, False, True]
        np.testing.assert_allclose(found[:2].sum(axis=1), 1.0, atol=1e-5)
    mean = make_weighted_mean()
    mean.fit([], [Teacher("a", "a", weight=3.0), Teacher("b", "b")])
    np.testing.assert_allclose(mean(stack)[1], stack[1, 1], atol=1e-6)
    assert mean(stack)[0].argmax() == TAGSET.index("B-PER")
    agreement = make_agreement_weighting()(doc, mean(stack))
    assert agreement.tolist() == [0.5, 1.0, 0.0]


def test_doubt_is_told_from_what_is_said():
    probs = sure_of(["B-PER", "O"])
    padded = np.concatenate([probs, np.zeros((8, len(TAGSET)))])
    assert expected_f1([padded]) == pytest.approx(expected_f1([probs]))


def test_a_token_over_several_is_silent_where_most_of_it_is():
    probs = np.stack([sure_of(["B-PER"])[0], SILENT])

    def merged(comma):
        return align_probabilities(
            np.array([0, 5]), np.array([5, comma]), probs, np.array([0]), np.array([comma]), TAGSET
        )

    np.testing.assert_allclose(merged(6), probs[:1], atol=1e-6)
    assert unsaid(merged(12)).tolist() == [True]
    split = align_probabilities(
        np.array([0]), np.array([4]), SILENT[None], np.array([0, 2]), np.array([2, 4]), TAGSET
    )
    assert unsaid(split).tolist() == [True, True]


def test_hard_labels_of_silence_are_missing_and_not_o(tmp_path):
    docs = soft_labels([(["Amina", "left", "Kano"], ["B-PER", "O", "B-LOC"])] * 2)
    docs[0].probs[2] = 0
    docs[1].probs[:] = 0
    reader = make_soft_label_reader(write_labels(tmp_path / "labels", docs))
    [example] = reader(spacy.blank("xx"))  # the document of which nothing is said is left out
    assert [token.ent_iob_ for token in example.reference] == ["B", "O", ""]
    assert example.get_aligned_ner() == ["U-PER", "O", None]


def test_a_student_is_not_taught_o_where_its_teacher_is_silent(tmp_path):
    # Places are never supervised by the one teacher; the other calls them places.
    sentences = tagged_sentences(60)
    silent = with_silence(
        list(zip(soft_labels(sentences), sentences, strict=True)), lambda tag: "LOC" in tag
    )
    folders = [
        write_labels(tmp_path / "silent", silent, teacher="aa"),
        write_labels(tmp_path / "whole", soft_labels(sentences), teacher="bb"),
    ]
    student, _ = run(folders)
    alone, _ = run(folders[0])
    text = "Amina Bello visited Kano again ."
    assert entities(student(text)) == [(0, 11, "PER"), (20, 24, "LOC")]
    assert (0, 11, "PER") in entities(alone(text))
