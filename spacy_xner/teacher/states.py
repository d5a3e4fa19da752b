"""States of an encoder at every layer: of sentences, mean-pooled, and of single pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import XnerError

__all__ = ["States", "encode"]


@dataclass(frozen=True)
class States:
    """What an encoder makes of some texts.

    sentences (np.ndarray): float32, layers x sentences x width: means over the pieces of each.
        Layer 0 is the embeddings.
    tokens (np.ndarray): float32, layers x tokens x width: a sample of single pieces.
    """

    sentences: np.ndarray
    tokens: np.ndarray

    @property
    def layers(self) -> int:
        """RETURNS (int): Number of layers, the embeddings among them."""
        return len(self.sentences)


def encode(
    tokenizer: Any,
    module: Any,
    texts: Sequence[str],
    *,
    max_tokens: int = 1000,
    max_pieces: int = 128,
    batch_size: int = 32,
    seed: int = 0,
    precision: str = "auto",
) -> States:
    """Run an encoder over texts and keep the states of all its layers.

    tokenizer (PreTrainedTokenizerFast): The encoder's, of `encoders.load.load_encoder`.
    module (PreTrainedModel): The encoder.
    texts (Sequence[str]): Texts; what is beyond `max_pieces` does not count.
    max_tokens (int): Pieces in the sample.
    max_pieces (int): Pieces of a text that are read.
    batch_size (int): Texts a batch.
    seed (int): Of the sample.
    precision (str): "auto", "fp32" or "bf16".
    RETURNS (States): The states, sentences in the order of the texts.
    RAISES: XnerError where no text has a piece.
    """
    import torch

    from ..encoders.load import max_pieces_of
    from .precision import autocast_type

    if not texts:
        raise XnerError("There is no text to encode: expected at least one sentence.")
    device = next(module.parameters()).device
    dtype = autocast_type(precision, device)
    limit = min(max_pieces, max_pieces_of(module))
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    sentences: list[np.ndarray] = []
    tokens: list[np.ndarray] = []
    rng = np.random.default_rng(seed)
    share = max_tokens / len(texts)
    for start in range(0, len(order), batch_size):
        batch = tokenizer(
            [texts[i] for i in order[start : start + batch_size]],
            padding=True,
            truncation=True,
            max_length=limit,
            return_tensors="pt",
            return_special_tokens_mask=True,
        )
        special = batch.pop("special_tokens_mask").bool()
        with (
            torch.inference_mode(),
            torch.autocast(device.type, dtype=dtype or torch.bfloat16, enabled=dtype is not None),
        ):
            hidden = module(
                input_ids=batch["input_ids"].to(device),
                attention_mask=batch["attention_mask"].to(device),
                output_hidden_states=True,
            ).hidden_states
        states = torch.stack([layer.float().cpu() for layer in hidden])
        real = (batch["attention_mask"].bool() & ~special).float()
        totals = (states * real[None, :, :, None]).sum(2)
        sentences.append((totals / real.sum(1).clamp(min=1)[None, :, None]).numpy())
        rows, columns = (a.numpy() for a in torch.nonzero(real, as_tuple=True))
        wanted = min(len(rows), int(np.ceil(share * len(real))))
        chosen = rng.choice(len(rows), wanted, replace=False)
        tokens.append(states[:, rows[chosen], columns[chosen]].numpy())
    back = np.argsort(order)
    pieces = np.concatenate(tokens, axis=1)
    if not pieces.shape[1]:
        raise XnerError("The texts hold no piece that the encoder could read: they look empty.")
    mixed = rng.permutation(pieces.shape[1])[:max_tokens]
    return States(np.concatenate(sentences, axis=1)[:, back], pieces[:, mixed])
