"""A Hugging Face sequence classifier as a source of one distribution a document."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import spacy
import torch
from spacy.tokens import Doc
from thinc.api import get_torch_default_device
from thinc.types import Floats2d

from ..categories import CategorySet
from ..corpora.manifest import Tags
from .precision import autocast_type

__all__ = ["SequenceClassifierSource"]

BATCH = 32


class SequenceClassifierSource:
    """A Hugging Face sequence classifier; see `ProbabilitySource`.

    A text longer than a window is read in overlapping windows; the mean of their probabilities
    counts, so that no piece is dropped.

    module (PreTrainedModel): Gives logits for a window.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    names (Sequence[str]): Its classes, in the order of the logits.
    fingerprint (str): Hex digest of the model.
    precision (str): "auto", "fp32" or "bf16".
    max_length (int): Pieces in a window at most.
    overlap (int): Pieces shared by neighbouring windows of a long document.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        names: Sequence[str],
        fingerprint: str,
        *,
        precision: str = "auto",
        max_length: int = 256,
        overlap: int = 64,
    ) -> None:
        self._device = get_torch_default_device()
        self._dtype = autocast_type(precision, self._device)
        self.nlp = spacy.blank("xx")
        self.tagset: Tags = CategorySet.from_types(names)
        self.fingerprint = fingerprint
        self.tokenizer = tokenizer
        self._module = module.to(self._device).eval()
        self._order = [list(names).index(name) for name in self.tagset.tags]
        self._max_length, self._overlap = max_length, overlap

    def predict(self, docs: Sequence[Doc]) -> list[Floats2d]:
        """Give one float32 array a document, 1 x categories, summing to 1."""
        if not docs:
            return []
        windows = self.tokenizer(
            [doc.text for doc in docs],
            truncation=True,
            max_length=self._max_length,
            stride=self._overlap,
            return_overflowing_tokens=True,
        )
        of_doc = np.asarray(windows.pop("overflow_to_sample_mapping"))
        found = np.zeros((len(docs), len(self.tagset)), dtype="float32")
        n_windows = len(of_doc)
        for start in range(0, n_windows, BATCH):
            part = {name: rows[start : start + BATCH] for name, rows in windows.items()}
            batch = self.tokenizer.pad(part, return_tensors="pt").to(self._device)
            with torch.no_grad(), self._autocast():
                logits = self._module(**batch).logits.float()
            rows = logits.softmax(dim=1).cpu().numpy()[:, self._order]
            np.add.at(found, of_doc[start : start + BATCH], rows)
        found /= found.sum(axis=1, keepdims=True)
        return [cast(Floats2d, row[None]) for row in found]

    def _autocast(self) -> Any:
        enabled = self._dtype is not None
        return torch.autocast(self._device.type, self._dtype or torch.bfloat16, enabled=enabled)
