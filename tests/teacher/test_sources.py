import hashlib
import shutil

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_xner.errors import XnerError
from spacy_xner.teacher.sources import PipelineSource, folder_fingerprint, load_source

from .conftest import TAGGED, doc_of, make_pipeline, train


@Language.component("xner_test_must_not_run")
def must_not_run(doc):
    raise AssertionError("a pipe behind the teacher runs")


@Language.component("xner_test_copies")
def copies(doc):
    return doc.copy()


@pytest.fixture(scope="module")
def source(teacher_folder):
    return load_source(teacher_folder, precision="fp32")


def test_a_saved_teacher_gives_its_probabilities(source, teacher):
    docs = [doc_of(source.nlp, text) for text, _ in TAGGED]
    for doc, rows in zip(docs, source.predict(docs), strict=True):
        own = doc_of(teacher, doc.text)
        teacher.get_pipe("transformer")(own)
        (expected,) = teacher.get_pipe("xner_teacher").predict_probabilities([own])
        np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert source.tagset == teacher.get_pipe("xner_teacher").tagset


def test_empty_documents_and_no_documents_are_predicted(source):
    docs = [Doc(source.nlp.vocab), doc_of(source.nlp, "Amina"), Doc(source.nlp.vocab)]
    assert [rows.shape for rows in source.predict(docs)] == [(0, 7), (1, 7), (0, 7)]
    assert [rows.shape for rows in source.predict(docs[:1])] == [(0, 7)]
    assert source.predict([]) == []


def test_states_are_not_kept_on_the_documents(source):
    docs = [doc_of(source.nlp, text) for text, _ in TAGGED]
    source.predict(docs)
    assert [doc._.trf_data for doc in docs] == [None] * 4


def test_precision_is_handed_to_the_transformer(teacher_folder):
    for precision in ("fp32", "bf16"):
        nlp = load_source(teacher_folder, precision=precision).nlp
        assert nlp.get_pipe("transformer").model.attrs["precision"] == precision


@pytest.mark.parametrize("name", ["teacher", "ruler"])
def test_an_unknown_precision_is_an_error_whatever_the_teacher(name, teacher_folder, tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": "Kano"}])
    nlp.to_disk(tmp_path / "ruler")
    folder = teacher_folder if name == "teacher" else tmp_path / "ruler"
    with pytest.raises(XnerError, match="precision is 'bf17'; expected one of auto, fp32, bf16"):
        load_source(folder, precision="bf17")


def test_the_tokenizer_of_the_encoder_is_known(source, tmp_path):
    assert source.tokenizer is source.nlp.get_pipe("transformer").model.shims[0].tokenizer
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner").add_label("LOC")
    nlp.initialize()
    nlp.to_disk(tmp_path / "ner")
    assert load_source(tmp_path / "ner").tokenizer is None


def test_pipes_before_the_teacher_run_and_those_behind_do_not(teacher, source):
    nlp = teacher
    nlp.add_pipe("xner_test_copies", first=True)
    nlp.add_pipe("xner_test_must_not_run", last=True)
    try:
        pipe = nlp.get_pipe("xner_teacher")
        wrapped = PipelineSource(
            nlp, "xner_teacher", pipe.tagset, pipe.predict_probabilities, "0" * 32
        )
        (rows,) = wrapped.predict([doc_of(nlp, TAGGED[0][0])])
    finally:
        nlp.remove_pipe("xner_test_must_not_run")
        nlp.remove_pipe("xner_test_copies")
    (expected,) = source.predict([doc_of(source.nlp, TAGGED[0][0])])
    np.testing.assert_allclose(rows, expected, atol=1e-5)


def test_the_fingerprint_stays_with_the_model_and_changes_with_it(
    source, teacher_folder, encoder, tmp_path
):
    copy = shutil.copytree(teacher_folder, tmp_path / "copy")
    assert load_source(copy).fingerprint == source.fingerprint
    other = make_pipeline(encoder)
    train(other, 1)
    other.to_disk(tmp_path / "other")
    assert load_source(tmp_path / "other").fingerprint != source.fingerprint
    assert len(source.fingerprint) == 32


def test_the_fingerprint_of_a_folder_depends_on_names_and_contents(tmp_path):
    def folder(name, **files):
        for file, content in files.items():
            path = tmp_path / name / file.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder_fingerprint(tmp_path / name)

    one = folder("one", a=b"1", b__c=b"2")
    assert folder("two", b__c=b"2", a=b"1") == one
    assert folder("three", a=b"1", b__c=b"3") != one
    assert folder("four", a=b"1", b__d=b"2") != one
    assert folder("five", a=b"1", b__c=b"2", e=b"") != one


def test_the_fingerprint_reads_large_files_whole(tmp_path):
    content = bytes(range(256)) * 12_000  # some blocks and a rest
    (tmp_path / "x").write_bytes(content)
    expected = hashlib.sha256(b"x\0" + hashlib.sha256(content).digest()).hexdigest()[:32]
    assert folder_fingerprint(tmp_path) == expected


def test_what_is_no_teacher_is_named(tmp_path, encoder):
    with pytest.raises(XnerError, match=r"nowhere: no pipeline .*E052"):
        load_source(tmp_path / "nowhere")
    with pytest.raises(XnerError, match="xner_no_such_package: no pipeline"):
        load_source("xner_no_such_package")
    with pytest.raises(XnerError, match=r"no pipeline .*Hugging Face token classifier"):
        load_source(encoder)


def test_a_pipeline_without_entities_names_its_pipes(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "pipeline")
    with pytest.raises(XnerError, match="it has sentencizer"):
        load_source(tmp_path / "pipeline")


def test_hard_labels_of_a_teacher_can_be_asked_for(teacher_folder):
    source = load_source(teacher_folder, precision="fp32", method="hard", confidence=0.75)
    (rows,) = source.predict([doc_of(source.nlp, TAGGED[2][0])])
    expected = np.zeros((3, 7), dtype="float32")
    expected[:2, 0] = 1
    expected[2, [0, 1]] = [0.25, 0.75]
    np.testing.assert_allclose(rows, expected)
