"""What a trained teacher looks like on disk, and who can read it."""

import _pickle
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy
import torch
from spacy.cli.train import train as spacy_train
from spacy.tokens import Doc

import spacy_xner.corpora.readers
import spacy_xner.distillation.tokenizer  # noqa: F401  (registers the callback)
from spacy_xner.teacher.sources import load_source

from ..encoders.tiny import KINDS, make_tiny
from .conftest import TAGGED, TEXTS, doc_of, make_pipeline, train

CONFIG = Path(__file__).parents[2] / "configs" / "teacher.cfg"
ODD = [
    "ბათუმი არის ქალაქი",
    "მე",
    "Lagos \n\n Kano",
    "\u200d \u00a0",
    "Àjàyí-Adé. \U0001f600",
    "x" * 3000 + " Amina",
    "",
]


def probabilities(nlp, texts):
    docs = [Doc(nlp.vocab, words=text.split(" ") if text else []) for text in texts]
    for doc in docs:
        nlp.get_pipe("transformer")(doc)
    return nlp.get_pipe("xner_teacher").predict_probabilities(docs)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_teacher_on_every_family_is_trained_saved_and_loaded(tiny_of, tmp_path, kind):
    nlp = make_pipeline(tiny_of(kind))
    losses = train(nlp, 8)
    assert losses[-1] < losses[0]
    nlp.to_disk(tmp_path / "teacher")
    loaded = spacy.load(tmp_path / "teacher")
    texts = [*TEXTS, *ODD]
    pairs = zip(probabilities(nlp, texts), probabilities(loaded, texts), texts, strict=True)
    for one, other, text in pairs:
        np.testing.assert_array_equal(one, other)
        assert len(one) == (len(text.split(" ")) if text else 0)
        assert np.isfinite(one).all()


def test_no_file_is_a_pickle(teacher_folder):
    files = [file for file in teacher_folder.rglob("*") if file.is_file()]
    assert any(file.parent.name == "transformer" for file in files)
    for file in files:
        content = file.read_bytes()
        assert b"PK\x03\x04" not in content, file  # what torch.save writes is a zip file
        # A pickle of protocol 2 to 5; one byte 0x80 alone is an empty map of msgpack.
        assert content[:2] not in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"), file
        assert b"torch._utils" not in content, file


def test_a_teacher_loads_where_nothing_can_be_unpickled(teacher, teacher_folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something is unpickled")

    for module in (pickle, _pickle):
        for name in ("load", "loads", "Unpickler"):
            monkeypatch.setattr(module, name, refuse)
    monkeypatch.setattr(torch, "load", refuse)
    loaded = spacy.load(teacher_folder)
    found = probabilities(loaded, TEXTS)
    for one, other in zip(probabilities(teacher, TEXTS), found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_teacher_needs_its_encoder_folder_no_more(tmp_path):
    encoder = make_tiny("xlm-roberta", tmp_path / "encoder", TEXTS * 3)
    nlp = make_pipeline(encoder)
    train(nlp, 2)
    nlp.to_disk(tmp_path / "teacher")
    shutil.rmtree(encoder)
    loaded = spacy.load(tmp_path / "teacher")
    for one, other in zip(probabilities(nlp, TEXTS), probabilities(loaded, TEXTS), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_spacy_train_makes_a_teacher_from_the_shipped_config(encoder, tmp_path):
    data = tmp_path / "train.conll"
    lines = [
        "\n".join(f"{w} {t}" for w, t in zip(text.split(), tags, strict=True))
        for text, tags in TAGGED
    ]
    data.write_text("\n\n".join(lines) + "\n", encoding="utf8")
    spacy_train(
        CONFIG,
        tmp_path / "out",
        overrides={
            "paths.encoder": str(encoder),
            "paths.train": str(data),
            "paths.dev": str(data),
            "components.transformer.model.precision": "fp32",
            "components.transformer.model.frozen": [],
            "training.max_steps": 150,
            "training.eval_frequency": 50,
            "training.optimizer.learn_rate.initial_rate": 0.01,
            "training.optimizer.learn_rate.warmup_steps": 2,
            "training.optimizer.learn_rate.total_steps": 160,
        },
    )
    nlp = spacy.load(tmp_path / "out" / "model-best")
    assert nlp.pipe_names == ["transformer", "xner_teacher"]
    assert nlp.meta["performance"]["ents_f"] == 1.0
    source = load_source(tmp_path / "out" / "model-best", precision="fp32")
    for text, tags in TAGGED:
        (rows,) = source.predict([doc_of(source.nlp, text)])
        assert [source.tagset.tags[i] for i in rows.argmax(axis=1)] == tags
