"""Word alignment by an encoder, and read from Pharaoh files."""

import numpy as np
import pytest
import spacy
import torch

from spacy_xner.encoders.load import load_encoder
from spacy_xner.errors import XnerError
from spacy_xner.projection.aligners import (
    Alignment,
    EncoderAligner,
    PharaohAligner,
    SentencePair,
)
from spacy_xner.projection.states import PieceEncoder, cut_at

from ..teacher.conftest import TEXTS

NLP = spacy.blank("xx")


def pair_of(source, target, number=0):
    return SentencePair(number, NLP(source), NLP(target))


@pytest.fixture(scope="module")
def states(encoder):
    return PieceEncoder(encoder, precision="fp32")


@pytest.mark.parametrize("kind", ["xlm-roberta", "bert", "deberta-v2"])
def test_an_encoder_that_is_cut_gives_the_hidden_states_of_that_layer(tiny_of, kind):
    tokenizer, module = load_encoder(tiny_of(kind))
    inputs = tokenizer(["Amina Bello visited Lagos ."], return_tensors="pt")
    with torch.inference_mode():
        whole = module(**inputs, output_hidden_states=True).hidden_states
        short = cut_at(module, 1)(**inputs).last_hidden_state
    torch.testing.assert_close(short, whole[1])
    assert not torch.allclose(short, whole[2], atol=0.01)
    assert module.config.num_hidden_layers == 2


def test_mt5_is_cut_too(tiny_of):
    _, module = load_encoder(tiny_of("mt5"))
    n = sum(p.numel() for p in module.parameters())
    assert sum(p.numel() for p in cut_at(module, 1).parameters()) < n
    assert cut_at(module, 0) is module


def test_a_layer_that_the_encoder_lacks_is_an_error(encoder):
    with pytest.raises(XnerError, match=r"layer is 3, but the encoder has layers 1 to 2"):
        PieceEncoder(encoder, layer=3)


@pytest.mark.parametrize("unit", ["pieces", "words"])
@pytest.mark.parametrize("method", ["inter", "itermax", "mwmf"])
def test_identical_sentences_are_aligned_word_by_word(states, method, unit):
    text = "Amina Bello visited Lagos on Monday ."
    [found] = EncoderAligner(states, method=method, unit=unit)([pair_of(text, text)])
    diagonal = {(i, i) for i in range(7)}
    assert {tuple(link) for link in found.links.tolist()} >= diagonal
    assert method == "itermax" or len(found.links) == 7
    assert found.quality(7, 7) > 0.5


def test_a_batch_gives_what_each_pair_gives_alone(states):
    aligner = EncoderAligner(states)
    pairs = [
        pair_of("Amina Bello visited Lagos", "Nobody at Zenith Bank"),
        pair_of("Lagos", "Waziri wa fedha alitembelea Dodoma"),
        pair_of("ሰኞ ዕለት ወደ ባሕር ዳር", "Nobody knows"),
    ]
    together = aligner(pairs)
    for pair, found in zip(pairs, together, strict=True):
        [alone] = aligner([pair])
        assert alone.links.tolist() == found.links.tolist()
        np.testing.assert_allclose(alone.scores, found.scores, atol=1e-4)


@pytest.mark.slow
def test_a_sentence_of_3000_tokens_is_aligned_to_its_end(states):
    words = sorted({word for one in TEXTS for word in one.split()})
    text = " ".join(np.random.default_rng(0).choice(words, 3000))
    for method in ("itermax", "mwmf"):
        [found] = EncoderAligner(states, method=method)([pair_of(text, text)])
        right = {(i, i) for i in range(len(NLP(text)))} & set(map(tuple, found.links.tolist()))
        assert len(right) > 0.98 * len(NLP(text))


def test_another_encoder_layer_or_setting_is_another_aligner(tiny_of):
    paths = [tiny_of("xlm-roberta"), tiny_of("bert")]
    made = [EncoderAligner(PieceEncoder(path, layer=layer)) for path in paths for layer in (1, 2)]
    made.append(EncoderAligner(made[0].encoder, unit="words"))
    assert len({aligner.fingerprint for aligner in made}) == 5
    again = EncoderAligner(PieceEncoder(paths[0], layer=1))
    assert again.fingerprint == made[0].fingerprint


def test_an_empty_side_has_no_links(states):
    found = EncoderAligner(states)([pair_of("", "Lagos"), pair_of("Lagos", "")])
    assert [len(one.links) for one in found] == [0, 0]
    assert found[0].quality(0, 1) == 0.0
    assert Alignment.empty().quality(0, 0) == 0.0


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ({"method": "union"}, "method is 'union'"),
        ({"unit": "letters"}, "unit is 'letters'"),
        ({"temperature": 0.0}, "temperature is 0"),
    ],
)
def test_unknown_settings_are_errors(setting, fault):
    with pytest.raises(XnerError, match=fault):
        EncoderAligner(None, **setting)


def test_pharaoh_links_are_read_for_the_line_of_the_pair(tmp_path):
    path = tmp_path / "links"
    path.write_text("0-0\n0-1 1-0 1p2\n\n", "utf8")
    aligner = PharaohAligner(path)
    pairs = [pair_of("a b", "c d e", number=n) for n in (1, 2, 0)]
    found = [one.links.tolist() for one in aligner(pairs)]
    assert found == [[[0, 1], [1, 0], [1, 2]], [], [[0, 0]]]
    assert aligner(pairs)[0].quality(2, 3) == 1.0


def test_tokens_take_the_links_of_the_words_that_spaces_part(tmp_path):
    path = tmp_path / "links"
    path.write_text("0-1\n", "utf8")
    pair = pair_of("Abuja, today", "yau Abuja,")
    assert [token.text for token in pair.target] == ["yau", "Abuja", ","]
    [found] = PharaohAligner(path)([pair])
    assert found.links.tolist() == [[0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("content", "number", "fault"),
    [
        ("0-5\n", 0, r"line 1: 0-5 names a word that the target sentence does not have: it has 3"),
        ("0-0\n2-0\n", 1, r"line 2: 2-0 names a word that the source sentence does not have"),
        ("0-0\n", 1, r"has 1 lines, but the texts go on"),
    ],
)
def test_pharaoh_links_that_fit_no_text_are_errors(tmp_path, content, number, fault):
    path = tmp_path / "links"
    path.write_text(content, "utf8")
    with pytest.raises(XnerError, match=fault):
        PharaohAligner(path)([pair_of("a b", "c d e", number)])


@pytest.mark.parametrize("entry", ["0:1", "-1-2", "a-b", "3-"])
def test_what_is_no_link_is_an_error_that_names_the_line(tmp_path, entry):
    path = tmp_path / "links"
    path.write_text(f"0-0\n0-0 {entry}\n", "utf8")
    with pytest.raises(XnerError, match=f"line 2: '{entry}' is no link"):
        PharaohAligner(path)
