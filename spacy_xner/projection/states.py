"""States of word pieces at one layer of an encoder, and similarities of the words of two texts."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..encoders.load import load_encoder, max_pieces_of
from ..errors import XnerError

if TYPE_CHECKING:
    from ..teacher.windows import Window

__all__ = ["PieceEncoder", "word_means"]

MAX_TYPES = 50_000  # whose pieces are kept, so that memory does not grow with the text


class PieceEncoder:
    """Gives the state of every piece of every word, at a layer.

    The layers above are not computed: they are cut off the module. bf16 where the machine has it.

    path (str | Path): Folder of the encoder, or its name on the Hugging Face hub.
    layer (int): Whose output is taken, from 1; 0 is the last.
    precision (str): "auto", "fp32" or "bf16".
    max_length (int): Pieces in a window at most.
    overlap (int): Pieces shared by neighbouring windows of a long text.
    RAISES: XnerError: There is no such encoder or layer.

    Its `fingerprint` tells it from another encoder, and from itself with other settings.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        layer: int = 0,
        precision: str = "auto",
        max_length: int = 256,
        overlap: int = 64,
    ) -> None:
        import torch
        from thinc.api import get_torch_default_device

        from ..teacher.precision import autocast_type
        from ..teacher.sources import name_or_digest
        from ..teacher.windows import WordPieces

        tokenizer, module = load_encoder(path)
        device = get_torch_default_device()
        dtype = autocast_type(precision, device) or torch.float32
        self.module = cut_at(module, layer).to(device=device, dtype=dtype)
        self.pad = tokenizer.pad_token_id
        self.pieces = WordPieces(tokenizer, max_types=MAX_TYPES)
        self.max_length = min(max_length, max_pieces_of(module))
        self.overlap = min(overlap, self.max_length // 4)
        model = name_or_digest(path)
        self.fingerprint = f"{model} {layer} {dtype} {self.max_length} {self.overlap}"

    def __call__(self, texts: Sequence[Sequence[str]]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Encode texts.

        texts (Sequence[Sequence[str]]): Words of each text.
        RETURNS (list[tuple[np.ndarray, np.ndarray]]): Of each text the states of its pieces,
            float32, pieces x width, each of length 1; and the word of each piece.
        """
        import torch

        from ..teacher.batches import run_batches
        from ..teacher.windows import split_windows

        windows: list[Window] = []
        words_of: list[np.ndarray] = []
        for number, words in enumerate(texts):
            ids, firsts = self.pieces(words)
            words_of.append(np.repeat(np.arange(len(words)), np.diff([*firsts, len(ids)])))
            if len(ids):
                windows += split_windows(
                    number,
                    ids,
                    np.arange(len(ids)),
                    prefix=self.pieces.prefix,
                    suffix=self.pieces.suffix,
                    max_length=self.max_length,
                    overlap=self.overlap,
                )
        width = self.module.config.hidden_size
        states = [np.zeros((len(words), width), dtype=np.float32) for words in words_of]
        with torch.inference_mode():
            for batch, rows in run_batches(self.module, windows, pad=self.pad):
                units = torch.nn.functional.normalize(rows.float(), dim=-1).cpu().numpy()
                at = 0
                for window in batch:
                    n = len(window.words)
                    states[window.doc][window.words] = units[at : at + n]
                    at += n
        return list(zip(states, words_of, strict=True))


def word_means(states: np.ndarray, word: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the pieces of each word.

    states (np.ndarray): Pieces x width, as `PieceEncoder` gives them.
    word (np.ndarray): The word of each piece.
    RETURNS (tuple[np.ndarray, np.ndarray]): Words that have pieces x width, each of length 1; and
        which words they are.
    """
    if not len(states):
        return states, word
    firsts = np.flatnonzero(np.diff(word, prepend=-1))
    means = np.add.reduceat(states, firsts)
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return means / np.maximum(lengths, 1e-9), word[firsts]


def cut_at(module: Any, layer: int) -> Any:
    """Take the layers above one off an encoder.

    module (PreTrainedModel): The encoder; it stays as it is.
    layer (int): The last layer that stays, from 1; 0 keeps all.
    RETURNS (PreTrainedModel): A copy with fewer layers.
    RAISES: XnerError: The encoder has no such layer.
    """
    import torch

    n = module.config.num_hidden_layers
    if not 0 <= layer <= n:
        raise XnerError(f"layer is {layer}, but the encoder has layers 1 to {n} (0: the last).")
    if layer in (0, n):
        return module
    stacks = [
        (parent, name)
        for parent in module.modules()
        for name, child in parent.named_children()
        if isinstance(child, torch.nn.ModuleList) and len(child) == n
    ]
    if not stacks:
        raise XnerError(
            f"The layers of a {type(module).__name__} are not one list, so that none can be cut "
            "off. Use layer = 0, the last."
        )
    places = [place for place, each in enumerate(module.modules()) if each is stacks[0][0]]
    short = copy.deepcopy(module)
    parent = list(short.modules())[places[0]]
    setattr(parent, stacks[0][1], getattr(parent, stacks[0][1])[:layer])
    return short
