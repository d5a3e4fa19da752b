import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import Doc
from thinc.api import Adam

from spacy_xner.encoders.load import load_encoder
from spacy_xner.errors import XnerError
from spacy_xner.teacher.transformer import build_transformer_model_v1, token_states
from spacy_xner.teacher.windows import WordPieces, split_windows

from ..encoders.tiny import KINDS, MAX_PIECES, WIDTH
from .conftest import TEXTS, doc_of, transformer_config

UNKNOWN_SCRIPT = "ბათუმი არის ქალაქი შავი ზღვის სანაპიროზე"


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


def layer(folder, **settings):
    model = build_transformer_model_v1(str(folder), **{"precision": "fp32"} | settings)
    model.initialize()
    return model


def plain_states(folder, words):
    """States of the encoder as transformers runs it: each word's first piece with a character."""
    tokenizer, module = load_encoder(folder)
    encoded = tokenizer([words], is_split_into_words=True, return_tensors="pt")
    ids, owners = encoded["input_ids"][0].tolist(), encoded.word_ids(0)
    mark = tokenizer.get_vocab().get("▁", -1)
    firsts = []
    for i in range(len(words)):
        own = [at for at, owner in enumerate(owners) if owner == i]
        firsts.append(own[1] if len(own) > 1 and ids[own[0]] == mark else own[0])
    module.zero_grad()
    output = module(input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"])
    return module, output.last_hidden_state[0][firsts]


@pytest.mark.parametrize("kind", KINDS)
def test_states_are_those_of_the_plain_encoder(tiny_of, nlp, kind):
    docs = [doc_of(nlp, text) for text in [*TEXTS, "Lagos", UNKNOWN_SCRIPT]]
    states = layer(tiny_of(kind)).predict(docs).states
    for doc, found in zip(docs, states, strict=True):
        _, expected = plain_states(tiny_of(kind), [token.text for token in doc])
        np.testing.assert_allclose(found, expected.detach().numpy(), atol=2e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_training_computes_the_same_states_as_prediction(tiny_of, nlp, kind):
    docs = [doc_of(nlp, text) for text in TEXTS]
    model = layer(tiny_of(kind))
    predicted = model.predict(docs).states
    trained = model.begin_update(docs)[0].states
    for one, other in zip(predicted, trained, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_documents_without_tokens_have_no_state(encoder, nlp):
    docs = [Doc(nlp.vocab), doc_of(nlp, "Amina visited Lagos"), Doc(nlp.vocab)]
    model = layer(encoder)
    batch = model.predict(docs)
    assert [rows.shape for rows in batch.states] == [(0, WIDTH), (3, WIDTH), (0, WIDTH)]
    np.testing.assert_allclose(batch.states[1], model.predict(docs[1:2]).states[0], atol=1e-6)
    assert [len(data.align.lengths) for data in batch.doc_data] == [0, 3, 0]
    assert model.predict([]).states == []


def test_a_long_document_is_stitched_from_windows(encoder, nlp):
    doc = doc_of(nlp, " ".join(TEXTS * 6))
    model = layer(encoder, max_length=64, overlap=16)
    tokenizer, module = load_encoder(encoder)
    pieces = WordPieces(tokenizer, skip_mark=True)
    ids, firsts = pieces([token.text for token in doc])
    expected = np.zeros((len(doc), WIDTH), dtype="float32")
    windows = list(
        split_windows(
            0,
            ids,
            firsts,
            prefix=pieces.prefix,
            suffix=pieces.suffix,
            max_length=64,
            overlap=16,
        )
    )
    for window in windows:
        with torch.inference_mode():
            states = module(input_ids=torch.tensor(window.ids[None])).last_hidden_state[0]
        expected[window.words] = states[window.positions].numpy()
    assert len(windows) > 5
    np.testing.assert_allclose(model.predict([doc]).states[0], expected, atol=2e-5)


@pytest.mark.parametrize(("max_length", "longest"), [(20, 20), (1000, MAX_PIECES)])
def test_no_input_is_longer_than_the_config_and_the_encoder_allow(
    encoder, nlp, max_length, longest
):
    model = layer(encoder, max_length=max_length, overlap=4)
    seen = []
    model.shims[0]._model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    model.predict([doc_of(nlp, " ".join(TEXTS * 6))])
    assert max(seen) == longest


@pytest.mark.slow
def test_a_document_of_20000_tokens_has_a_state_for_each(encoder, nlp):
    words = (" ".join(TEXTS).split() * 500)[:20_000]
    states = layer(encoder).predict([Doc(nlp.vocab, words=words)]).states[0]
    assert states.shape == (20_000, WIDTH)
    assert np.abs(states).sum(axis=1).min() > 0


def test_a_token_of_5000_characters_leaves_its_neighbours_their_states(encoder, nlp):
    words = ["Amina", "visited", "Lagos" * 1000, "on", "Monday"]
    states = layer(encoder).predict([Doc(nlp.vocab, words=words)]).states[0]
    assert np.abs(states).sum(axis=1).min() > 0
    assert len({row.tobytes() for row in states}) == 5


def gradients_of(model, docs, factors):
    batch, backprop = model.begin_update(docs)
    backprop(token_states(factors))
    return batch


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_autograd(tiny_of, nlp, kind):
    text = TEXTS[0]
    model = layer(tiny_of(kind), frozen=[])
    random = np.random.default_rng(0)
    factors = random.normal(size=(len(text.split()), WIDTH)).astype("float32")
    gradients_of(model, [doc_of(nlp, text)], [factors])
    module, states = plain_states(tiny_of(kind), text.split())
    (states * torch.from_numpy(factors)).sum().backward()
    found = dict(model.shims[0]._model.named_parameters())
    compared = 0
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name].grad, parameter.grad, atol=1e-4, rtol=1e-3)
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_parameters_stay_and_the_others_move(tiny_of, nlp, kind):
    model = layer(tiny_of(kind))
    module = model.shims[0]._model
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    docs = [doc_of(nlp, text) for text in TEXTS]
    random = np.random.default_rng(0)
    factors = [random.normal(size=(len(doc), WIDTH)).astype("float32") for doc in docs]
    gradients_of(model, docs, factors)
    model.finish_update(Adam(0.01, L2=0.1, L2_is_weight_decay=True))
    moved = {n for n, p in module.named_parameters() if not torch.equal(before[n], p)}
    frozen = {name for name in before if name.startswith(("embed", "shared"))}
    inner = {n for n in before if n.endswith("weight") and "pooler" not in n} - frozen
    assert len(frozen) >= 1
    assert not moved & frozen
    assert inner <= moved


def test_a_pooler_beside_frozen_layers_stops_no_training(encoder, nlp):
    model = layer(encoder, frozen=["embeddings", "encoder"])
    module = model.shims[0]._model
    assert module.pooler.dense.weight.requires_grad
    before = {name: p.detach().clone() for name, p in module.named_parameters()}
    doc = doc_of(nlp, TEXTS[0])
    gradients_of(model, [doc], [np.ones((len(doc), WIDTH), dtype="float32")])
    model.finish_update(Adam(0.01))
    assert all(torch.equal(before[name], p) for name, p in module.named_parameters())


def test_nothing_frozen_trains_the_table_too(encoder, nlp):
    model = layer(encoder, frozen=[])
    table = model.shims[0]._model.get_input_embeddings().weight
    before = table.detach().clone()
    doc = doc_of(nlp, TEXTS[0])
    # Not ones: a normalised layer has no gradient for them but what is left of rounding.
    gradient = np.random.default_rng(0).normal(size=(len(doc), WIDTH)).astype("float32")
    gradients_of(model, [doc], [gradient])
    model.finish_update(Adam(0.01))
    assert not torch.equal(before, table)


def test_a_config_that_does_not_say_freezes_the_embeddings(encoder):
    nlp = spacy.blank("xx")
    config = transformer_config(encoder)
    assert "frozen" not in config["model"]
    model = nlp.add_pipe("transformer", config=config).model
    assert model.attrs["frozen"] == ["embeddings"]


def test_a_frozen_name_that_the_encoder_does_not_have_is_an_error(encoder):
    with pytest.raises(XnerError, match=r"frozen names encoder\.layers"):
        layer(encoder, frozen=["embeddings", "encoder.layers"])


def test_updates_bring_the_loss_down(encoder, nlp):
    model = layer(encoder)
    docs = [doc_of(nlp, text) for text in TEXTS[:3]]
    random = np.random.default_rng(0)
    target = [random.normal(size=(len(doc), WIDTH)).astype("float32") for doc in docs]
    optimizer = Adam(0.01)
    losses = []
    for _ in range(30):
        batch, backprop = model.begin_update(docs)
        difference = [rows - goal for rows, goal in zip(batch.states, target, strict=True)]
        losses.append(sum(float((rows**2).sum()) for rows in difference))
        backprop(token_states(difference))
        model.finish_update(optimizer)
    assert losses[-1] < 0.5 * losses[0]


def test_bytes_hold_tokenizer_and_weights(encoder, nlp):
    docs = [doc_of(nlp, text) for text in TEXTS]
    model = layer(encoder)
    gradients_of(model, docs, [np.ones((len(doc), WIDTH), dtype="float32") for doc in docs])
    model.finish_update(Adam(0.01))
    other = build_transformer_model_v1("nowhere", precision="fp32").from_bytes(model.to_bytes())
    for one, two in zip(model.predict(docs).states, other.predict(docs).states, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_layer_without_an_encoder_says_what_to_do(encoder, nlp):
    model = build_transformer_model_v1(str(encoder))
    with pytest.raises(XnerError, match=r"Call `nlp\.initialize`"):
        model.predict([doc_of(nlp, "Lagos")])


@pytest.mark.parametrize("overlap", [-1, 62, 63])
def test_an_overlap_that_leaves_no_room_is_an_error(overlap):
    with pytest.raises(XnerError, match=r"overlap is -?\d+; expected a number from 0 to .* \(61\)"):
        build_transformer_model_v1("anywhere", max_length=64, overlap=overlap)


def test_the_pipe_puts_states_on_documents(encoder, nlp):
    pipeline = spacy.blank("xx")
    pipeline.add_pipe("transformer", config=transformer_config(encoder))
    pipeline.initialize()
    docs = list(pipeline.pipe([doc_of(pipeline, TEXTS[0]), Doc(pipeline.vocab)]))
    _, expected = plain_states(encoder, TEXTS[0].split())
    found = docs[0]._.trf_data.model_output.last_hidden_state[0]
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=2e-5)
    assert docs[1]._.trf_data.model_output.to_tuple() == ()
