import copy
import json
import unicodedata
from functools import cache

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_xner.encoders.load import load_encoder
from spacy_xner.encoders.prune import needed_pieces, prune_vocabulary
from spacy_xner.errors import XnerError

from .tiny import KINDS

load_once = cache(load_encoder)


def prune(folder, texts):
    tokenizer, module = load_encoder(folder)
    return prune_vocabulary(tokenizer, module, needed_pieces(tokenizer, texts).ids)


def pieces(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer(text).input_ids)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_equal_the_unpruned_encoder_on_covered_text(kind, tiny_of, texts):
    tokenizer, module = load_encoder(tiny_of(kind))
    pruned, cut = prune(tiny_of(kind), texts[:3])
    assert len(pruned) < len(tokenizer)
    assert cut.get_input_embeddings().weight.shape[0] == len(pruned) == cut.config.vocab_size
    for text in texts[:3]:
        batch = tokenizer([text, text[:20]], padding=True, return_tensors="pt")
        again = pruned([text, text[:20]], padding=True, return_tensors="pt")
        assert pieces(pruned, text) == pieces(tokenizer, text)
        with torch.inference_mode():
            before = module(**batch).last_hidden_state
            after = cut(**again).last_hidden_state
        assert torch.equal(before[0], after[0])


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_and_their_ids_in_the_config_follow_the_vocabulary(kind, tiny_of, texts):
    tokenizer, module = load_encoder(tiny_of(kind))
    pruned, cut = prune(tiny_of(kind), texts[:1])
    assert pruned.special_tokens_map == tokenizer.special_tokens_map
    assert cut.config.pad_token_id == pruned.pad_token_id
    embedding = cut.get_input_embeddings()
    old = module.get_input_embeddings().weight
    for token, i in zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True):
        assert torch.equal(embedding.weight[pruned.convert_tokens_to_ids(token)], old[i])
    assert pruned.decode(pruned(texts[0]).input_ids) == tokenizer.decode(
        tokenizer(texts[0]).input_ids
    )


@pytest.mark.parametrize("kind", KINDS)
def test_other_words_of_the_script_split_into_smaller_known_pieces(kind, tiny_of, texts):
    tokenizer, _ = load_encoder(tiny_of(kind))
    pruned, _ = prune(tiny_of(kind), texts[:1])
    for word in texts[2].rstrip(".").split():
        ids = pruned(word, add_special_tokens=False).input_ids
        assert len(ids) >= len(tokenizer(word, add_special_tokens=False).input_ids)
        assert pruned.unk_token_id not in ids


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_text_that_was_given_keeps_its_pieces(kind, tiny_of, texts, data):
    mixed = st.lists(
        st.one_of(st.sampled_from(" ".join(texts).split()), st.text(max_size=6)), max_size=8
    ).map(" ".join)
    given_texts = data.draw(st.lists(mixed, min_size=1, max_size=4))
    tokenizer, module = load_once(tiny_of(kind))
    ids = needed_pieces(tokenizer, given_texts).ids
    pruned, _ = prune_vocabulary(tokenizer, copy.deepcopy(module), ids)
    for text in given_texts:
        assert pieces(pruned, text) == pieces(tokenizer, text)


@pytest.mark.parametrize("kind", KINDS)
def test_words_keep_their_pieces_when_punctuation_is_split_off(kind, tiny_of):
    text = "“Lagos,”(Amina)"
    tokenizer, _ = load_encoder(tiny_of(kind))
    pruned, _ = prune(tiny_of(kind), [text])
    for word in ["“", "Lagos", ",", "”", "(", "Amina", ")"]:
        assert pieces(pruned, word) == pieces(tokenizer, word)


def test_unigram_scores_stay_as_they_are(tiny_of, texts):
    tokenizer, _ = load_encoder(tiny_of("xlm-roberta"))
    pruned, _ = prune(tiny_of("xlm-roberta"), texts[:2])
    before = dict(json.loads(tokenizer.backend_tokenizer.to_str())["model"]["vocab"])
    after = dict(json.loads(pruned.backend_tokenizer.to_str())["model"]["vocab"])
    assert after.items() <= before.items()
    assert min(after.values()) == min(before.values())
    assert {piece for piece in before if len(piece) == 1} <= set(after)


def test_padding_id_of_roberta_never_moves(tiny_of):
    pruned, module = prune(tiny_of("xlm-roberta"), [""])
    assert module.config.pad_token_id == pruned.pad_token_id == 1
    assert module.embeddings.padding_idx == 1


def test_unknown_share_counts_pieces_as_often_as_they_occur(tiny_of):
    tokenizer, _ = load_encoder(tiny_of("bert"))
    needs = needed_pieces(tokenizer, ["日 日 日 Lagos"])
    known = len(tokenizer("Lagos", add_special_tokens=False).input_ids)
    assert (needs.n_pieces, needs.n_unknown) == (3 + known, 3)
    assert needs.unknown_share == 3 / (3 + known)
    assert needed_pieces(tokenizer, []).unknown_share == 0


def test_needs_are_the_same_when_words_are_collected_in_parts(tiny_of, texts, monkeypatch):
    tokenizer, _ = load_encoder(tiny_of("mt5"))
    whole = needed_pieces(tokenizer, texts)
    monkeypatch.setattr("spacy_xner.encoders.prune.MAX_WORDS", 3)
    assert needed_pieces(tokenizer, texts) == whole
    lengths = [len(tokenizer(text, add_special_tokens=False).input_ids) for text in texts]
    assert whole.n_pieces == sum(lengths)


def test_both_unicode_forms_need_the_same_pieces_of_a_composing_tokenizer(tiny_of, texts):
    tokenizer, _ = load_encoder(tiny_of("xlm-roberta"))
    decomposed = unicodedata.normalize("NFD", texts[4])
    assert decomposed != texts[4]
    assert needed_pieces(tokenizer, [decomposed]).ids == needed_pieces(tokenizer, [texts[4]]).ids


def test_bpe_is_refused_with_the_way_out(tiny_of):
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()))
    with pytest.raises(XnerError, match="of the kind BPE; pruning knows Unigram"):
        prune_vocabulary(tokenizer, load_encoder(tiny_of("bert"))[1], {0})


def test_tokenizer_of_another_model_is_refused(tiny_of):
    tokenizer, _ = load_encoder(tiny_of("bert"))
    _, module = load_encoder(tiny_of("mt5"))
    with pytest.raises(XnerError, match="not of one make"):
        prune_vocabulary(tokenizer, module, {0})
