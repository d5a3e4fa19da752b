"""What a student is to match: the teacher's probabilities, smoothed or hardened."""

import numpy as np

from ..tags import unsaid

__all__ = ["soften"]


def soften(
    probabilities: np.ndarray, *, temperature: float = 1.0, alpha: float = 0.0
) -> np.ndarray:
    """Apply a temperature and mix the hard label in.

    Hinton et al. (2015) divide logits by the temperature; of probabilities that is p^(1/T),
    renormalised.

    probabilities (np.ndarray): Rows x tags or categories.
    temperature (float): Above 1 smooths, below 1 sharpens.
    alpha (float): Share of the hard label (the most probable one) in the target.
    RETURNS (np.ndarray): float32, as many rows and columns; rows sum to 1, rows of zeros stay.
    """
    soft = np.asarray(probabilities, dtype=np.float32)
    if temperature != 1.0:
        # Of the share of the largest, which stays 1: a low temperature lets all others vanish.
        soft = (soft / _or_one(soft.max(axis=1, keepdims=True))) ** (1.0 / temperature)
        soft /= _or_one(soft.sum(axis=1, keepdims=True))
    if alpha:
        hard = np.zeros_like(soft)
        hard[np.arange(len(soft)), soft.argmax(axis=1)] = ~unsaid(soft)
        soft = (1 - alpha) * soft + alpha * hard
    return soft


def _or_one(divisors: np.ndarray) -> np.ndarray:
    """Put 1 for 0, so that rows of zeros stay zeros."""
    divisors[divisors == 0] = 1.0
    return divisors
