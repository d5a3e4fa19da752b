"""A handful of gold sentences of the target language, the same for all that use them."""

from pathlib import Path

import numpy as np

from ..errors import XnerError
from .conll import Sentence, read_conll

__all__ = ["sample_gold"]


def sample_gold(path: Path | str, k: int, seed: int = 0) -> list[Sentence]:
    """Draw gold sentences without replacement; of one seed, a smaller draw begins a larger one.

    So runs with 10, 50 and 100 sentences differ in what is added, and whatever of a run reads
    gold (teacher, soft labels) reads the same.

    path (Path | str): CoNLL file.
    k (int): How many sentences, from 1 up.
    seed (int): The same seed draws the same sentences.
    RETURNS (list[Sentence]): k sentences, in the order in which they were drawn.
    RAISES: XnerError: k is no such number or larger than the gold, or the file is faulty.
    """
    if k < 1:
        raise XnerError(f"k is {k}; expected the number of gold sentences to draw, from 1 up.")
    gold = read_conll(path)
    if k > len(gold):
        raise XnerError(
            f"k is {k}, but {path} holds {len(gold)} gold sentences. Expected at most as many."
        )
    order = np.random.default_rng(seed).permutation(len(gold))
    return [gold[i] for i in order[:k]]
