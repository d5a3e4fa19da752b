"""From a similarity matrix to aligned pairs, as SimAlign does (Jalili Sabet et al. 2020)."""

import numpy as np

from ..errors import XnerError
from .extras import optimize

__all__ = ["METHODS", "extract", "mutual_probability"]

METHODS = ("inter", "itermax", "mwmf")
_ROUNDS = 2
_ALPHA = 0.9


def extract(similarity: np.ndarray, method: str = "itermax") -> np.ndarray:
    """Choose the aligned pairs of a similarity matrix.

    similarity (np.ndarray): Source units x target units, from 0 up.
    method (str): "inter", pairs that are the best of their row and of their column; "itermax",
        a second round of that over what is not aligned yet; "mwmf", the matching of greatest sum.
    RETURNS (np.ndarray): int64, pairs x 2, sorted.
    RAISES: XnerError: There is no such method.
    """
    if method not in METHODS:
        raise XnerError(
            f"There is no alignment method {method!r}; expected one of {', '.join(METHODS)}."
        )
    if not similarity.size:
        return np.zeros((0, 2), dtype=np.int64)
    if method == "mwmf":
        pairs = optimize().linear_sum_assignment(similarity, maximize=True)
        return np.stack(pairs, axis=1)
    aligned = _mutual_best(similarity)
    if method == "itermax" and min(similarity.shape) > 2:
        for _ in range(_ROUNDS - 1):
            aligned = _further(similarity, aligned)
    return np.argwhere(aligned)


def _mutual_best(similarity: np.ndarray) -> np.ndarray:
    rows = np.arange(similarity.shape[0])
    best = np.zeros(similarity.shape, dtype=bool)
    of_row, of_column = similarity.argmax(axis=1), similarity.argmax(axis=0)
    best[rows, of_row] = of_column[of_row] == rows
    return best


def _further(similarity: np.ndarray, aligned: np.ndarray) -> np.ndarray:
    """Add the mutually best pairs of which one side at least is not aligned yet.

    Where the other side is, the pair counts less (SimAlign's factor).
    """
    free_rows = np.logical_not(aligned.any(axis=1))
    free_columns = np.logical_not(aligned.any(axis=0))
    if not free_rows.any() or not free_columns.any():
        return aligned
    free = free_rows[:, None].astype(np.float64) + free_columns[None, :]
    discounted = similarity * np.minimum(_ALPHA * free, 1.0)
    return aligned | (_mutual_best(discounted) & (free > 0))


def mutual_probability(similarity: np.ndarray, temperature: float) -> np.ndarray:
    """Turn similarities into how sure each pair is: how far it stands out from its row and column.

    The geometric mean of both softmax directions, as awesome-align reads attention (Dou and Neubig
    2021); cosines of a sentence encoder all lie close to 1 and tell nothing by themselves.

    similarity (np.ndarray): Source units x target units.
    temperature (float): Divides the similarities; the smaller, the surer.
    RETURNS (np.ndarray): From 0 to 1, of the same shape.
    """
    if not similarity.size:
        return similarity
    # In float64 no row vanishes beside the largest value, down to a temperature of 0.0015.
    mass = np.exp((similarity - similarity.max()) / temperature, dtype=np.float64)
    both = mass.sum(axis=1, keepdims=True) * mass.sum(axis=0, keepdims=True)
    return np.asarray(mass / np.sqrt(np.maximum(both, np.finfo(np.float64).tiny)))
