"""Any Unicode through teacher and student: no crash, the text as it was, entities inside it."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.teacher.annotate import annotate_documents
from spacy_xner.teacher.sources import load_source

from ..distillation.made_up import run, soft_labels, tagged_sentences, write_labels
from ..encoders.tiny import make_tiny
from ..teacher.conftest import TEXTS, make_pipeline, train

FEW = settings(max_examples=40, deadline=None)
# Letters of each script that Python's Unicode data knows, so that none is left to chance.
SCRIPTS = sorted(
    {
        unicodedata.name(chr(code), "").split(" ")[0]: chr(code)
        for code in range(0x20, 0x1F000)
        if unicodedata.category(chr(code)) in ("Lo", "Ll", "Mn", "Mc")
    }.values()
)
ANY = st.characters(exclude_categories=("Cs",))
SPECIAL = st.sampled_from(
    "\u200b\u200c\u200d\u200e\u200f\u202e\u0301\u00ad\ufeff\x00\x85\u2028\t\n "
)
TEXT = st.text(st.one_of(ANY, st.sampled_from(SCRIPTS), SPECIAL), max_size=40)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unicode")
    nlp = make_pipeline(make_tiny("xlm-roberta", folder / "encoder", TEXTS * 3))
    train(nlp, 20)
    nlp.to_disk(folder / "teacher")
    return load_source(folder / "teacher", precision="fp32")


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unicode-student")
    nlp, _ = run(write_labels(folder / "labels", soft_labels(tagged_sentences())))
    return nlp


def assert_sound(doc, text):
    assert doc.text == text
    assert "".join(token.text_with_ws for token in doc) == text
    for ent in doc.ents:
        assert 0 <= ent.start_char < ent.end_char <= len(text)
        assert text[ent.start_char : ent.end_char] == ent.text


@FEW
@given(TEXT)
def test_any_text_through_a_student(student, text):
    assert_sound(student(text), text)


@FEW
@given(TEXT)
def test_any_text_through_a_teacher(teacher, text):
    assert_sound(teacher.nlp(text), text)
    doc = teacher.nlp.make_doc(text)
    (rows,) = teacher.predict([doc])
    assert rows.shape == (len(doc), len(teacher.tagset))
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-4)


@FEW
@given(st.lists(TEXT, max_size=5))
def test_texts_in_a_batch_get_the_entities_that_each_gets_alone(student, texts):
    alone = [[(e.start, e.end, e.label_) for e in student(text).ents] for text in texts]
    batch = [[(e.start, e.end, e.label_) for e in doc.ents] for doc in student.pipe(texts)]
    assert batch == alone


def test_one_text_of_every_script_through_both(teacher, student):
    text = " ".join(SCRIPTS)
    assert len(SCRIPTS) > 100
    for nlp in (teacher.nlp, student):
        assert_sound(nlp(text), text)


def test_texts_of_every_script_are_annotated_with_their_offsets(teacher, tmp_path):
    (tmp_path / "raw.txt").write_text("\n".join(f"{c}{c} {c}" for c in SCRIPTS), "utf8")
    with pytest.warns(UserWarning, match="unknown to the teacher's encoder"):
        annotate_documents(teacher, tmp_path / "raw.txt", tmp_path / "out")
    texts = [doc.text for doc in SoftLabelCorpus(tmp_path / "out")]
    assert texts == [f"{c}{c} {c}" for c in SCRIPTS]
