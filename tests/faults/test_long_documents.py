"""Documents of 100,000 tokens, stitched from windows without loss at the seams."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_xner.teacher.batches import run_batches, windows_of
from spacy_xner.teacher.windows import WordPieces

from ..distillation.made_up import run, soft_labels, tagged_sentences, write_labels
from ..encoders.tiny import make_tiny
from ..teacher.conftest import TEXTS

LONG = 100_000
REACH = 3  # pieces that a state sees to each side


class Local(torch.nn.Module):
    """An encoder whose states see a few neighbours: what is farther away cannot change them."""

    def __init__(self, vocabulary, positions):
        super().__init__()
        torch.manual_seed(0)
        self.table = torch.nn.Embedding(vocabulary, 8)
        self.mix = torch.nn.Conv1d(8, 8, 2 * REACH + 1, padding=REACH)
        self.config = SimpleNamespace(max_position_embeddings=positions, model_type="local")

    def forward(self, input_ids, attention_mask):
        rows = self.table(input_ids) * attention_mask[..., None]
        states = self.mix(rows.transpose(1, 2)).transpose(1, 2)
        return SimpleNamespace(last_hidden_state=states)


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    from transformers import AutoTokenizer

    folder = make_tiny("xlm-roberta", tmp_path_factory.mktemp("long") / "encoder", TEXTS * 3)
    return WordPieces(AutoTokenizer.from_pretrained(folder), skip_mark=True)


def document(n):
    words = " ".join(TEXTS).split()
    return Doc(Vocab(), words=[words[(i * 7) % len(words)] for i in range(n)])


def states_of(module, pieces, doc, max_length, overlap=16):
    windows = windows_of(module, pieces, [doc], max_length=max_length, overlap=overlap)
    states = np.full((len(doc), 8), np.nan, dtype="float32")
    with torch.no_grad():
        for batch, rows in run_batches(module, windows, pad=1):
            at = 0
            for window in batch:
                assert np.isnan(states[window.words]).all()  # each word once
                states[window.words] = rows[at : at + len(window.words)].numpy()
                at += len(window.words)
    return states, len(windows)


@pytest.mark.parametrize(("n", "max_length"), [(2_000, 40), (LONG, 256)])
def test_at_the_seams_states_are_those_of_the_whole_document(pieces, n, max_length):
    doc = document(n)
    module = Local(len(pieces.tokenizer), positions=10 * LONG)
    whole, one = states_of(module, pieces, doc, 10 * LONG)
    split, many = states_of(module, pieces, doc, max_length)
    assert one == 1 < many
    np.testing.assert_allclose(split, whole, atol=1e-5)


def test_without_an_overlap_the_seams_would_show(pieces):
    doc = document(2_000)
    module = Local(len(pieces.tokenizer), positions=10 * LONG)
    whole, _ = states_of(module, pieces, doc, 10 * LONG)
    split, _ = states_of(module, pieces, doc, 40, overlap=0)
    assert np.abs(split - whole).max() > 0.01


@pytest.mark.slow
def test_a_student_reads_a_hundred_thousand_tokens(tmp_path):
    nlp, _ = run(write_labels(tmp_path / "labels", soft_labels(tagged_sentences())))
    sentences = [" ".join(words) for words, _ in tagged_sentences(LONG // 6)]
    text = " ".join(sentences)[: nlp.max_length - 1]
    doc = nlp(text)
    assert doc.text == text
    assert len(doc) >= LONG
    assert all(token.ent_iob for token in doc)
    alone = [ent.text for sentence in sentences[:200] for ent in nlp(sentence).ents]
    within = [ent.text for ent in doc.ents if ent.end_char <= len(" ".join(sentences[:200]))]
    # A sentence's neighbours may move a boundary; what is far away may not.
    assert abs(len(alone) - len(within)) <= 0.2 * len(alone)
