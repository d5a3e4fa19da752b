"""Text that the teacher's encoder cannot read is labelled, and the user is told."""

import warnings

import pytest
from transformers import AutoTokenizer

from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.teacher.annotate import annotate_documents
from spacy_xner.teacher.sources import load_source

from ..encoders.tiny import KINDS
from .conftest import TEXTS
from .test_annotate import MadeUpSource

SINHALA = "ගාල්ල නගරය"  # in none of the texts that the tiny tokenizers were trained on


@pytest.fixture(params=KINDS)
def source(request, tiny_of):
    made = MadeUpSource()
    made.tokenizer = AutoTokenizer.from_pretrained(tiny_of(request.param))
    return made


@pytest.fixture
def raw(tmp_path):
    """A folder of three files: two that the tokenizers know, between them one that they do not."""
    folder = tmp_path / "raw"
    folder.mkdir()
    for name, lines in (("a", TEXTS[:1]), ("b", [f"{SINHALA} in"] * 3), ("c", TEXTS[5:])):
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf8")
    return folder


def test_a_file_in_an_unknown_script_is_named_once_with_its_characters(source, raw, tmp_path):
    with pytest.warns(UserWarning, match="unknown to the teacher's encoder") as told:
        annotate_documents(source, raw, tmp_path / "out", shard_docs=1)
    [message] = [str(each.message) for each in told]
    assert f"67% of the tokens of b in {raw} are unknown" in message
    listed = message.split("lacks: ")[1].split(". ")[0].split(" ")
    assert set(listed) <= set(SINHALA)
    assert listed[0] == "ග"
    assert len(list(SoftLabelCorpus(tmp_path / "out"))) == 5


def test_text_that_the_encoder_knows_is_labelled_in_silence(source, raw, tmp_path):
    (raw / "b.txt").unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        annotate_documents(source, raw, tmp_path / "out")
    assert len(list(SoftLabelCorpus(tmp_path / "out"))) == 2


def test_a_saved_teacher_tells(teacher_folder, raw, tmp_path):
    with pytest.warns(UserWarning, match="67% of the tokens of b"):
        annotate_documents(load_source(teacher_folder), raw, tmp_path / "out")
