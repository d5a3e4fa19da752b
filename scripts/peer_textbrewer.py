"""TextBrewer (Yang et al. 2020) as a way to train, set up as in its own example for CoNLL-2003.

The teacher is ours as a Hugging Face token classifier; the student begins as its first three
layers ("T3"), as in the example: temperature 8, cross-entropy of the logits, AdamW with a rate of
1e-4 that warms up for a tenth of the time and then falls to nothing, padded batches of 32 texts of
at most 128 pieces. Two things are in its favour: the teacher computes in bf16 where the processor
has it, which TextBrewer itself offers on GPUs alone, and only the piece that stands for a word
counts, which is all that the teacher has learned, where the example takes every piece.
"""

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from spacy_xner.encoders.load import quiet
from spacy_xner.evaluation.gold import TaggedSentence
from spacy_xner.evaluation.predict import Prediction
from spacy_xner.tags import TagSet, decode
from spacy_xner.teacher.batches import run_batches, windows_of
from spacy_xner.teacher.precision import autocast_type
from spacy_xner.teacher.windows import WordPieces

__all__ = ["TextBrewer", "standing_pieces"]

LAYERS, TEMPERATURE, RATE, WARM_UP = 3, 8, 1e-4, 0.1
BATCH, LENGTH = 32, 128


class TextBrewer:
    """TextBrewer's `GeneralDistiller` on raw text; see `peer_training.Way`.

    A step is the body of its `train`: without its checkpoints, whose time would be held against it.

    classifier (Path): The teacher, of `peers.export_classifier`.
    texts (Sequence[str]): Raw texts.
    scratch (Path): Folder that TextBrewer makes for its checkpoints.
    seed (int): Of order and dropout.
    """

    labelled = 0  # its teacher runs inside the loop

    def __init__(self, classifier: Path, texts: Sequence[str], scratch: Path, seed: int = 0):
        from textbrewer import DistillationConfig, GeneralDistiller, TrainingConfig

        torch.manual_seed(seed)
        load: Any = AutoModelForTokenClassification.from_pretrained
        dtype = autocast_type("auto", torch.device("cpu")) or torch.float32
        with quiet():  # it says that layers of the teacher are not used
            teacher = load(classifier, torch_dtype=dtype).eval()
            self.student = load(classifier, num_hidden_layers=LAYERS)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(classifier)
        tags = teacher.config.id2label
        self.tagset = TagSet.from_types(tag[2:] for tag in tags.values() if tag != "O")
        self.distiller: Any = GeneralDistiller(
            TrainingConfig(device="cpu", output_dir=str(scratch / "textbrewer")),
            DistillationConfig(temperature=TEMPERATURE),
            teacher,
            self.student,
            self._adaptor,
            self._adaptor,
        )
        self.optimizer: Any = torch.optim.AdamW(
            self.student.parameters(), lr=RATE, weight_decay=0.0
        )
        self.words = 0
        self._mask = torch.zeros(0)
        self._batches = self._shuffled(texts, seed)

    def _adaptor(self, batch: dict[str, Any], output: Any) -> dict[str, Any]:
        return {"logits": output.logits.float(), "logits_mask": self._mask}

    def _shuffled(self, texts: Sequence[str], seed: int) -> Iterator[list[str]]:
        rng = random.Random(seed)
        while True:
            order = rng.sample(texts, len(texts))
            yield from (order[i : i + BATCH] for i in range(0, len(order), BATCH))

    def learn(self, share: float) -> None:
        texts = next(self._batches)
        batch = self.tokenizer(
            texts, truncation=True, max_length=LENGTH, padding=True, return_tensors="pt"
        )
        self._mask = torch.from_numpy(standing_pieces(batch, self.tokenizer))
        for group in self.optimizer.param_groups:
            group["lr"] = RATE * min(share / WARM_UP, max(0.0, 1 - share) / (1 - WARM_UP))
        self.student.train()
        loss, _ = self.distiller.train_on_batch(dict(batch), {})
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.words += sum(len(text.split()) for text in texts)

    def predict(self, gold: Sequence[TaggedSentence]) -> Prediction:
        """Tag gold tokens; the piece that stands for a word gives its tag."""
        from spacy.tokens import Doc
        from spacy.vocab import Vocab

        vocab = Vocab()
        docs = [Doc(vocab, words=sentence.words) for sentence in gold]
        began = time.perf_counter()
        pieces = WordPieces(self.tokenizer, skip_mark=True)
        module = self.student.eval()
        windows = windows_of(module, pieces, docs, max_length=256, overlap=64)
        probs = [np.zeros((len(doc), len(self.tagset)), dtype=np.float32) for doc in docs]
        with torch.inference_mode():
            batches = run_batches(module, windows, pad=self.tokenizer.pad_token_id, output="logits")
        for batch, logits in batches:
            rows = logits.float().softmax(dim=1).numpy()
            at = 0
            for window in batch:
                probs[window.doc][window.words] = rows[at : at + len(window.words)]
                at += len(window.words)
        found = [decode(rows, self.tagset) for rows in probs]
        seconds = time.perf_counter() - began
        return Prediction("tokens", [s.tags for s in gold], found, sum(map(len, docs)), seconds)


def standing_pieces(batch: Any, tokenizer: Any) -> np.ndarray:
    """Tell which piece stands for each word: its first, or the one behind a bare mark.

    batch (BatchEncoding): Of a fast tokenizer.
    tokenizer (PreTrainedTokenizerFast): The tokenizer.
    RETURNS (np.ndarray): bool, texts x pieces.
    """
    mark = tokenizer.get_vocab().get("▁")
    found = np.zeros(tuple(batch["input_ids"].shape), dtype=bool)
    for row, ids in enumerate(batch["input_ids"].tolist()):
        words = [*batch.word_ids(row), None]
        for i, word in enumerate(words[:-1]):
            if word is not None and (i == 0 or words[i - 1] != word):
                found[row, i + (ids[i] == mark and words[i + 1] == word)] = True
    return found
