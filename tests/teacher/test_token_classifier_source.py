import json
import shutil

import numpy as np
import pytest
import torch
from spacy.tokens import Doc
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer

from spacy_xner.errors import XnerError
from spacy_xner.teacher.adapters import is_token_classifier, token_classifier_source
from spacy_xner.teacher.label_maps import LabelMap
from spacy_xner.teacher.sources import load_source

from ..encoders.tiny import KINDS
from .conftest import TEXTS, doc_of

BILUO = ["O", "B-PER", "I-PER", "L-PER", "U-PER", "B-LOC", "I-LOC", "L-LOC", "U-LOC"]


def make_classifier(encoder, folder, labels=BILUO):
    config = AutoConfig.from_pretrained(
        encoder,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForTokenClassification.from_config(config)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(std=0.3)
    model.save_pretrained(folder, safe_serialization=True)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    return make_classifier(encoder, tmp_path_factory.mktemp("classifier") / "model")


@pytest.fixture
def own(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "own")


def plain(folder, words):
    """Label probabilities of each word's first piece, as transformers gives them."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    encoded = tokenizer([words], is_split_into_words=True, return_tensors="pt")
    firsts = [encoded.word_ids(0).index(i) for i in range(len(words))]
    with torch.inference_mode():
        logits = model(
            input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]
        ).logits
    return logits[0][firsts].softmax(dim=1).numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_words_have_the_probabilities_of_their_first_piece(tiny_of, tmp_path, kind):
    folder = make_classifier(tiny_of(kind), tmp_path / "model")
    source = load_source(folder, precision="fp32")
    texts = [*TEXTS, "Lagos", "ბათუმი არის ქალაქი"]
    docs = [doc_of(source.nlp, text) for text in texts]
    assert source.tagset.tags == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
    for text, rows in zip(texts, source.predict(docs), strict=True):
        expected = LabelMap(BILUO, "it")(plain(folder, text.split()))
        np.testing.assert_allclose(rows, expected, atol=1e-4)


def test_raw_text_is_cut_by_its_pipeline(folder):
    source = load_source(folder, precision="fp32")
    doc = source.nlp.make_doc("Amina visited Lagos, today.")
    assert [token.text for token in doc] == ["Amina", "visited", "Lagos", ",", "today", "."]
    assert source.predict([doc])[0].shape == (6, 5)


def test_empty_documents_and_no_documents_are_predicted(folder):
    source = load_source(folder, precision="fp32")
    docs = [Doc(source.nlp.vocab), doc_of(source.nlp, "Amina"), Doc(source.nlp.vocab)]
    assert [rows.shape for rows in source.predict(docs)] == [(0, 5), (1, 5), (0, 5)]
    assert source.predict([]) == []


def test_every_token_of_a_long_document_is_labelled(folder):
    source = load_source(folder, precision="fp32")
    words = [*" ".join(TEXTS * 20).split(), "Lagos" * 1000, " ", "Amina"]
    (rows,) = source.predict([Doc(source.nlp.vocab, words=words)])
    assert rows.shape == (len(words), 5)
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)


def test_the_fingerprint_changes_with_the_model(folder, own):
    assert load_source(own).fingerprint == load_source(folder).fingerprint
    make_classifier(own, own, ["O", *BILUO[1:]][::-1])
    assert load_source(own).fingerprint != load_source(folder).fingerprint


def test_folders_of_token_classifiers_are_known(folder, encoder, teacher_folder, tmp_path):
    assert is_token_classifier(folder)
    assert is_token_classifier(str(folder))
    for other in (encoder, teacher_folder, tmp_path, tmp_path / "nowhere", "en_core_web_sm"):
        assert not is_token_classifier(other)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ('{"architectures": ["BertForTokenClassification"]}', True),
        ('{"architectures": ["BertForSequenceClassification"], "id2label": {"0": "O"}}', False),
        ('{"id2label": {"0": "O", "1": "PER"}}', True),
        ('{"id2label": {"0": "good", "1": "bad"}}', False),
        ('{"architectures": null}', False),
        ("[1]", False),
        ("{", False),
    ],
)
def test_a_config_tells_a_token_classifier(tmp_path, config, expected):
    (tmp_path / "config.json").write_text(config)
    assert is_token_classifier(tmp_path) is expected


def test_settings_of_a_parser_are_refused(folder):
    with pytest.raises(XnerError, match="confidence cannot be set for it"):
        load_source(folder, confidence=0.9)


def test_an_unknown_precision_is_an_error(folder):
    with pytest.raises(XnerError, match="precision is 'half'"):
        load_source(folder, precision="half")


def test_an_encoder_that_was_never_trained_to_classify_is_an_error(encoder, own):
    shutil.copy(encoder / "model.safetensors", own / "model.safetensors")
    with pytest.raises(XnerError, match=r"lack 2 tensors of .*, among them classifier\.bias"):
        token_classifier_source(own)


def test_pickled_weights_are_not_read(own):
    (own / "model.safetensors").rename(own / "pytorch_model.bin")
    with pytest.raises(XnerError, match=r"has no \*\.safetensors"):
        token_classifier_source(own)


def test_broken_weights_are_an_error(own):
    content = (own / "model.safetensors").read_bytes()
    (own / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(XnerError, match="does not load as a token classifier"):
        token_classifier_source(own)


def test_code_in_the_folder_does_not_run(own, tmp_path):
    config = json.loads((own / "config.json").read_text("utf8"))
    config["auto_map"] = {"AutoModelForTokenClassification": "theirs.Model"}
    (own / "config.json").write_text(json.dumps(config), encoding="utf8")
    (own / "theirs.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Model: pass\n")
    source = token_classifier_source(own, precision="fp32")
    assert source.predict([doc_of(source.nlp, "Amina")])[0].shape == (1, 5)
    assert not (tmp_path / "ran").exists()
