"""Running a torch module over the windows of documents, on a CPU several batches at a time."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, cast

import numpy as np
import torch
from spacy.attrs import ORTH
from spacy.tokens import Doc
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..encoders.load import max_pieces_of
from .windows import Window, WordPieces, batch_windows, split_windows

__all__ = ["in_streams", "run_batches", "windows_of"]

BATCH_PIECES = 4096
WORTHWHILE = 256  # from how many pieces on a batch may end for a shorter one

# oneDNN keeps a kernel for each of the last 1,024 shapes, which takes half a gigabyte as the text
# goes on. A batch needs some ten. Read by oneDNN when it makes its first kernel.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


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
        strings = doc.vocab.strings
        ids, firsts = pieces([strings[key] for key in doc.to_array(ORTH).tolist()])
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


def run_batches(
    module: Any,
    windows: Sequence[Window],
    *,
    pad: int | None,
    output: str = "last_hidden_state",
) -> list[tuple[list[Window], torch.Tensor]]:
    """Run windows through a module, batch by batch.

    module (PreTrainedModel): Reads `input_ids` and `attention_mask`; computes in its own type.
    windows (Sequence[Window]): The windows, in any order.
    pad (Optional[int]): The piece that fills the shorter windows of a batch.
    output (str): Which of the module's outputs is wanted: "last_hidden_state" or "logits".
    RETURNS (List[Tuple[List[Window], torch.Tensor]]): Each batch with the rows of its windows'
        words, one below the other, words x width, in the module's type. With gradients if the
        caller has them on.
    """
    device, grad = next(module.parameters()).device, torch.is_grad_enabled()
    size = BATCH_PIECES
    if device.type == "cpu":  # something to do for every thread
        n_pieces = sum(len(window.ids) for window in windows)
        size = min(size, max(1, -(-n_pieces // torch.get_num_threads())))
    # A batch of a training step costs a pass over the gradients of all weights: no more of them
    # than there are threads, even if that pads more.
    batches = list(batch_windows(windows, size, worthwhile=size if grad else WORTHWHILE))

    def run(batch: list[Window]) -> torch.Tensor:
        with torch.set_grad_enabled(grad):  # a thread has its own setting
            return _run_batch(module, batch, pad, output)

    with _attention(device):
        return list(zip(batches, in_streams(run, batches, device), strict=True))


def in_streams(
    function: Callable[[ItemT], ResultT], items: Iterable[ItemT], device: torch.device
) -> list[ResultT]:
    """Apply a function to each item; on a CPU to as many at once as torch may use threads.

    Each computes with one thread: for matrices of an encoder's size that is 1.3 times as fast as
    all threads in every operation, one after the other (docs/experiments.md).

    function (Callable[[ItemT], ResultT]): Called in threads; torch's settings of the caller, such
        as whether gradients are on, do not reach them.
    items (Iterable[ItemT]): What it is called with, dearest first.
    device (torch.device): Where it computes.
    RETURNS (List[ResultT]): The results, in the order of the items.
    """
    items, threads = list(items), torch.get_num_threads()
    streams = min(threads, len(items)) if device.type == "cpu" else 1
    if streams < 2:
        return [function(item) for item in items]
    torch.set_num_threads(1)  # MKL's number is the process's, OpenMP's each thread's own
    try:
        with ThreadPoolExecutor(streams, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(function, items))
    finally:
        torch.set_num_threads(threads)


def _run_batch(module: Any, batch: Sequence[Window], pad: int | None, output: str) -> torch.Tensor:
    device = next(module.parameters()).device
    lengths = [len(window.ids) for window in batch]
    ids = np.full((len(batch), max(lengths)), pad or 0, dtype=np.int64)
    mask = np.zeros(ids.shape, dtype=np.int64)
    for i, window in enumerate(batch):
        ids[i, : lengths[i]] = window.ids
        mask[i, : lengths[i]] = 1
    at = np.concatenate([i * ids.shape[1] + w.positions for i, w in enumerate(batch)])
    result = module(
        input_ids=torch.from_numpy(ids).to(device),
        attention_mask=torch.from_numpy(mask).to(device),
    )
    rows = getattr(result, output)
    flat = rows.reshape(-1, rows.shape[-1])
    return cast(torch.Tensor, flat[torch.from_numpy(at).to(device)])


def _attention(device: torch.device) -> AbstractContextManager[None]:
    # The backward pass of the fused attention took half of a bf16 training step on a CPU.
    if torch.is_grad_enabled() and device.type == "cpu":
        return cast(AbstractContextManager[None], sdpa_kernel(SDPBackend.MATH))
    return nullcontext()
