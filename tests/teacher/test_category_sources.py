"""Classifiers of documents as teachers: textcat pipelines, Hugging Face folders, bad ones."""

import shutil

import numpy as np
import pytest
import spacy
import srsly
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from spacy_xner.cli.annotate import annotate
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.errors import XnerError
from spacy_xner.teacher.annotate import annotate_documents
from spacy_xner.teacher.sequence_classifier import SequenceClassifierSource
from spacy_xner.teacher.sources import load_source

from .conftest import TEXTS

NAMES = ["positive", "negative", "neutral"]


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    path = tmp_path_factory.mktemp("sequence") / "model"
    config = AutoConfig.from_pretrained(encoder, id2label=dict(enumerate(NAMES)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(path, safe_serialization=True)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(path)
    return path


@pytest.fixture
def textcat(tmp_path):
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("textcat")
    for name in NAMES:
        pipe.add_label(name)
    nlp.initialize()
    nlp.to_disk(tmp_path / "textcat")
    return tmp_path / "textcat"


def test_sequence_classifier_gives_what_transformers_gives(folder):
    source = load_source(folder, precision="fp32")
    assert source.tagset.tags == ("negative", "neutral", "positive")
    found = source.predict([source.nlp.make_doc(text) for text in TEXTS])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    for text, rows in zip(TEXTS, found, strict=True):
        with torch.inference_mode():
            logits = model(**tokenizer(text, return_tensors="pt")).logits
        np.testing.assert_allclose(rows, logits.softmax(dim=1)[:, [1, 2, 0]], atol=1e-4)


def test_textcat_gives_its_scores_in_the_order_of_the_categories(textcat):
    source = load_source(textcat)
    doc = source.nlp.make_doc(TEXTS[0])
    (rows,) = source.predict([doc])
    cats = spacy.load(textcat)(TEXTS[0]).cats
    np.testing.assert_allclose(rows, [[cats[name] for name in sorted(NAMES)]], atol=1e-5)
    assert source.predict([]) == []


def test_annotation_is_a_distribution_a_document_and_resumes(textcat, tmp_path):
    text = tmp_path / "raw.txt"
    text.write_text("\n".join(TEXTS) + "\n", "utf8")
    source = load_source(textcat)
    annotate_documents(source, text, tmp_path / "soft", shard_docs=2)
    corpus = SoftLabelCorpus(tmp_path / "soft")
    assert (corpus.tagset.unit, corpus.n_docs, len(corpus.shards)) == ("document", len(TEXTS), 3)
    assert [doc.text for doc in corpus] == TEXTS
    kept = corpus.shards[0].stat().st_mtime_ns
    corpus.shards[1].unlink()
    with pytest.warns(UserWarning, match="made again"):
        annotate_documents(source, text, tmp_path / "soft", shard_docs=2)
    assert corpus.shards[0].stat().st_mtime_ns == kept
    assert [doc.text for doc in SoftLabelCorpus(tmp_path / "soft")] == TEXTS


def test_classes_that_do_not_exclude_each_other_are_no_teacher(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("textcat_multilabel").add_label("good")
    nlp.initialize()
    nlp.to_disk(tmp_path / "multi")
    with pytest.raises(XnerError, match="`textcat_multilabel` do not sum to 1"):
        load_source(tmp_path / "multi")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"no_output_layer": True}, "ends in the layer sparse_linear"),
        ({"exclusive_classes": False}, "has exclusive_classes = false"),
    ],
)
def test_textcat_whose_scores_are_no_distribution_is_no_teacher(tmp_path, change, message):
    model = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "ngram_size": 1,
        "no_output_layer": False,
        "length": 64,
        **change,
    }
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("textcat", config={"model": model})
    for name in NAMES:
        pipe.add_label(name)
    nlp.initialize()
    nlp.to_disk(tmp_path / "bow")
    with pytest.raises(XnerError, match=message):
        load_source(tmp_path / "bow")


@pytest.fixture
def both(textcat, tmp_path):
    """A pipeline with `ner` and `textcat`."""
    nlp = spacy.load(textcat)
    nlp.add_pipe("ner", first=True).add_label("PER")
    with nlp.select_pipes(enable="ner"):
        nlp.initialize()
    nlp.to_disk(tmp_path / "both")
    return tmp_path / "both"


def test_of_ner_and_textcat_entities_come_first_unless_textcat_is_named(both, textcat, tmp_path):
    assert load_source(both).tagset.types == ("PER",)
    source = load_source(both, component="textcat")
    assert source.tagset.tags == ("negative", "neutral", "positive")
    (rows,) = source.predict([source.nlp.make_doc(TEXTS[0])])
    alone = load_source(textcat)
    np.testing.assert_allclose(rows, alone.predict([alone.nlp.make_doc(TEXTS[0])])[0], atol=1e-5)
    with pytest.raises(XnerError, match="no component 'texcat'; it has ner, textcat"):
        load_source(both, component="texcat")
    text = tmp_path / "raw.txt"
    text.write_text("\n".join(TEXTS) + "\n", "utf8")
    annotate(both, text, tmp_path / "soft", component="textcat")
    assert SoftLabelCorpus(tmp_path / "soft").tagset == source.tagset


def test_one_of_two_textcats_is_to_be_named(textcat, tmp_path):
    nlp = spacy.load(textcat)
    nlp.add_pipe("textcat", name="other", source=spacy.load(textcat))
    nlp.to_disk(tmp_path / "two")
    with pytest.raises(XnerError, match=r"2 components of the factory `textcat`.*`component`"):
        load_source(tmp_path / "two")


def test_sequence_classifier_has_no_component(folder):
    with pytest.raises(XnerError, match=r"sequence classifier .*component cannot be set for it"):
        load_source(folder, component="textcat")


def test_sequence_classifier_of_many_labels_is_no_teacher(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "many")
    config = srsly.read_json(folder / "config.json")
    config["problem_type"] = "multi_label_classification"
    srsly.write_json(tmp_path / "many" / "config.json", config)
    with pytest.raises(XnerError, match="problem type multi_label_classification"):
        load_source(tmp_path / "many")


@pytest.mark.parametrize("kind", ["folder", "textcat"])
def test_blank_documents_have_a_distribution(kind, request):
    source = load_source(request.getfixturevalue(kind))
    for texts in (["", "  "], [""], ["", TEXTS[0], "\t \n"]):
        found = source.predict([source.nlp.make_doc(text) for text in texts])
        assert [rows.shape for rows in found] == [(1, 3)] * len(texts)
        np.testing.assert_allclose([rows.sum() for rows in found], 1.0, atol=1e-5)


def test_long_document_has_the_mean_of_its_overlapping_windows(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    source = SequenceClassifierSource(
        model, tokenizer, NAMES, "ff", precision="fp32", max_length=8, overlap=2
    )
    text = " ".join(TEXTS)
    (rows,) = source.predict([source.nlp.make_doc(text)])
    pieces = tokenizer(text, add_special_tokens=False)["input_ids"]
    content = 8 - tokenizer.num_special_tokens_to_add()
    expected, start = [], 0
    while True:
        window = tokenizer.build_inputs_with_special_tokens(pieces[start : start + content])
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([window])).logits
        expected.append(logits.softmax(dim=1)[0, [1, 2, 0]].numpy())
        if start + content >= len(pieces):
            break
        start += content - 2
    assert len(expected) > 2
    np.testing.assert_allclose(rows[0], np.mean(expected, axis=0), atol=1e-4)
