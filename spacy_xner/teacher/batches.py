"""Running a torch module over the windows of documents."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import numpy as np
import torch
from spacy.tokens import Doc
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..encoders.load import max_pieces_of
from .precision import autocast_type
from .windows import Window, WordPieces, split_windows

__all__ = ["BATCH_PIECES", "WORTHWHILE", "run_batch", "windows_of"]

BATCH_PIECES = 4096
# From how many pieces on a batch may end for a shorter one, by `is_train`. A training step casts
# every weight and adds every gradient once a padded batch: a few large batches win there.
WORTHWHILE = {True: 2048, False: 256}


def windows_of(
    module: Any, pieces: WordPieces, docs: Sequence[Doc], *, max_length: int, overlap: int
) -> list[Window]:
    """Cut documents into windows that a module can read.

    module (PreTrainedModel): It has a number of positions.
    pieces (WordPieces): Its tokenizer.
    docs (Sequence[Doc]): The documents; those without tokens have no window.
    max_length (int): Pieces in a window at most; never more than the module has positions.
    overlap (int): Pieces shared by neighbouring windows of a long document.
    RETURNS (List[Window]): The windows, in the order of the documents.
    """
    limit = min(max_length, max_pieces_of(module))
    windows: list[Window] = []
    for i, doc in enumerate(docs):
        if not len(doc):
            continue
        ids, firsts = pieces([token.text for token in doc])
        windows += split_windows(
            i,
            ids,
            firsts,
            prefix=pieces.prefix,
            suffix=pieces.suffix,
            max_length=limit,
            overlap=min(overlap, limit // 4),
        )
    return windows


def run_batch(
    module: Any,
    batch: Sequence[Window],
    *,
    pad: int | None,
    precision: str,
    output: str = "last_hidden_state",
) -> torch.Tensor:
    """Run one padded batch.

    module (PreTrainedModel): Reads `input_ids` and `attention_mask`.
    batch (Sequence[Window]): The windows.
    pad (Optional[int]): The piece that fills the shorter ones.
    precision (str): "auto", "fp32", "bf16" or "fp16", see `autocast_type`.
    output (str): Which of the module's outputs is wanted: "last_hidden_state" or "logits".
    RETURNS (torch.Tensor): The float32 rows of the windows' words, one below the other.
    """
    device = next(module.parameters()).device
    lengths = [len(window.ids) for window in batch]
    ids = np.full((len(batch), max(lengths)), pad or 0, dtype=np.int64)
    mask = np.zeros(ids.shape, dtype=np.int64)
    for i, window in enumerate(batch):
        ids[i, : lengths[i]] = window.ids
        mask[i, : lengths[i]] = 1
    at = np.concatenate([i * ids.shape[1] + w.positions for i, w in enumerate(batch)])
    dtype = autocast_type(precision, device)
    with (
        torch.autocast(device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None),
        _attention(device),
    ):
        result = module(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=torch.from_numpy(mask).to(device),
        )
    rows = getattr(result, output)
    flat = rows.reshape(-1, rows.shape[-1])
    return cast(torch.Tensor, flat[torch.from_numpy(at).to(device)].float())


def _attention(device: torch.device) -> AbstractContextManager[None]:
    # The backward pass of the fused attention took half of a bf16 training step on a CPU.
    if torch.is_grad_enabled() and device.type == "cpu":
        return cast(AbstractContextManager[None], sdpa_kernel(SDPBackend.MATH))
    return nullcontext()
