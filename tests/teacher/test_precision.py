import numpy as np
import pytest
import spacy
import torch

from spacy_xner.errors import XnerError
from spacy_xner.teacher import precision
from spacy_xner.teacher.precision import autocast_type, has_bf16
from spacy_xner.teacher.transformer import build_transformer_model_v1

from .conftest import TEXTS, doc_of

CPU = torch.device("cpu")


def test_fp32_and_bf16_are_taken_at_their_word():
    assert autocast_type("fp32", CPU) is None
    assert autocast_type("bf16", CPU) is torch.bfloat16


def test_fp16_is_left_to_gpus():
    assert autocast_type("fp16", CPU) is None
    assert autocast_type("fp16", torch.device("cuda")) is torch.float16


@pytest.mark.parametrize(("supported", "expected"), [(True, torch.bfloat16), (False, None)])
def test_auto_takes_bf16_where_the_hardware_has_it(monkeypatch, supported, expected):
    monkeypatch.setattr(precision, "has_bf16", lambda device_type: supported)
    assert autocast_type("auto", CPU) is expected


def test_other_devices_compute_in_fp32():
    assert has_bf16("mps") is False


def test_the_processor_is_asked(monkeypatch):
    has_bf16.cache_clear()
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert has_bf16("cpu") is True
    has_bf16.cache_clear()
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    assert has_bf16("cpu") is False
    has_bf16.cache_clear()


def test_an_unknown_precision_names_those_that_there_are():
    with pytest.raises(XnerError, match="'half'; expected one of auto, fp32, bf16, fp16"):
        autocast_type("half", CPU)
    with pytest.raises(XnerError, match="'half'"):
        build_transformer_model_v1("anywhere", precision="half")


def test_bf16_states_are_float32_and_near_those_of_fp32(encoder):
    nlp = spacy.blank("xx")
    docs = [doc_of(nlp, text) for text in TEXTS]
    states = {}
    for kind in ("fp32", "bf16"):
        model = build_transformer_model_v1(str(encoder), precision=kind)
        model.initialize()
        states[kind] = np.concatenate(model.predict(docs).states)
    assert states["bf16"].dtype == np.float32
    difference = np.abs(states["bf16"] - states["fp32"])
    assert 0 < difference.max() < 0.1
