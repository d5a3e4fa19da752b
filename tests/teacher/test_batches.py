"""Batches side by side, and the copy of the weights that computes in bf16."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import spacy
import torch
from thinc.api import Adam

from spacy_xner.teacher.batches import in_streams
from spacy_xner.teacher.transformer import build_transformer_model_v1, token_states

from ..encoders.tiny import KINDS, WIDTH
from .conftest import TEXTS, doc_of

CPU = torch.device("cpu")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def layer(folder, **settings):
    model = build_transformer_model_v1(str(folder), **{"precision": "bf16"} | settings)
    model.initialize()
    return model


def docs():
    nlp = spacy.blank("xx")
    return [doc_of(nlp, text) for text in TEXTS]


def updated(model):
    batch, backprop = model.begin_update(docs())
    backprop(token_states([np.ones_like(rows) for rows in batch.states]))
    model.finish_update(Adam(0.05))


def test_two_items_are_worked_on_at_once_each_with_one_thread(two_threads):
    meet = threading.Barrier(2, timeout=20)

    def work(item):
        meet.wait()  # neither comes through alone
        return item, torch.get_num_threads()

    assert in_streams(work, [3, 1, 4, 2], CPU) == [(3, 1), (1, 1), (4, 1), (2, 1)]
    assert torch.get_num_threads() == 2


def test_a_fault_in_a_stream_reaches_the_caller_and_the_threads_come_back(two_threads):
    def work(item):
        if item == 2:
            raise ValueError("no such batch")
        return item

    with pytest.raises(ValueError, match="no such batch"):
        in_streams(work, [1, 2, 3], CPU)
    assert torch.get_num_threads() == 2


def test_a_single_item_has_all_threads(two_threads):
    assert in_streams(lambda item: (item, torch.get_num_threads()), [7], CPU) == [(7, 2)]


@pytest.mark.parametrize("kind", KINDS)
def test_bf16_states_are_near_those_of_fp32(tiny_of, kind):
    exact = layer(tiny_of(kind), precision="fp32").predict(docs()).states
    found = layer(tiny_of(kind)).predict(docs()).states
    for one, other in zip(exact, found, strict=True):
        assert other.dtype == np.float32
        assert not np.array_equal(one, other)
        np.testing.assert_allclose(one, other, atol=0.05 * np.abs(one).max())


@pytest.mark.parametrize("kind", KINDS)
def test_the_copy_follows_its_weights(tiny_of, kind):
    model = layer(tiny_of(kind), frozen=[])
    before = model.predict(docs()).states[0]
    updated(model)
    found = model.predict(docs()).states[0]
    fresh = build_transformer_model_v1("nowhere", precision="bf16").from_bytes(model.to_bytes())
    assert not np.array_equal(before, found)
    np.testing.assert_array_equal(found, fresh.predict(docs()).states[0])


def test_weights_stay_in_fp32_and_small_steps_are_not_lost(encoder):
    model = layer(encoder)
    before = model.predict(docs()).states[0]
    module = model.shims[0]._model
    for _ in range(40):  # each below what bf16 can tell
        batch, backprop = model.begin_update(docs())
        backprop(token_states([np.ones_like(rows) for rows in batch.states]))
        model.finish_update(Adam(0.0001))
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}
    assert np.abs(model.predict(docs()).states[0] - before).max() > 0.01


def test_what_is_frozen_in_a_loaded_layer_is_frozen_in_its_copy(encoder):
    saved = layer(encoder).to_bytes()
    model = build_transformer_model_v1("nowhere", precision="bf16").from_bytes(saved)
    table = model.shims[0]._model.get_input_embeddings().weight
    before = table.detach().clone()
    model.predict(docs())  # the copy is made before training says what is frozen
    updated(model)
    assert torch.equal(before, table)


def test_averaged_weights_are_used_and_put_back(encoder):
    model = layer(encoder, frozen=[])
    shim = model.shims[0]
    name, parameter = next(
        (n, p) for n, p in shim._model.named_parameters() if n.endswith("dense.weight")
    )
    before = model.predict(docs()).states[0]
    average = {f"pytorch_{shim.id}_{name}": np.zeros(tuple(parameter.shape), dtype="float32")}
    state = {
        f"pytorch_{shim.id}_{n}": p.detach().numpy() for n, p in shim._model.state_dict().items()
    }
    with model.use_params(state | average):
        inside = model.predict(docs()).states[0]
    assert inside.shape == (len(docs()[0]), WIDTH)
    assert not np.array_equal(before, inside)
    np.testing.assert_array_equal(before, model.predict(docs()).states[0])


@pytest.mark.slow
@pytest.mark.parametrize(("own", "kept"), [(None, "64"), ("7", "7")])
def test_kernels_of_few_shapes_are_kept_and_the_users_word_counts(own, kept):
    name = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
    env = {key: value for key, value in os.environ.items() if key != name}
    code = f"import os, spacy_xner.teacher.batches; print(os.environ['{name}'])"
    settings = env | ({name: own} if own else {})
    done = subprocess.run(
        [sys.executable, "-c", code], env=settings, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == kept
