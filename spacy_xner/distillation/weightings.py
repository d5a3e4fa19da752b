"""What of its teachers' labels a student is to trust: a weight for every token."""

from typing import Protocol

import numpy as np

__all__ = [
    "Weighting",
    "make_agreement_weighting",
    "make_entropy_weighting",
    "make_even_weighting",
    "make_threshold_weighting",
]


class Weighting(Protocol):
    """Gives every token of a document a weight; 0 leaves it unsupervised."""

    def __call__(self, stack: np.ndarray, combined: np.ndarray) -> np.ndarray:
        """Weigh the tokens of one document.

        stack (np.ndarray): What each teacher says, teachers x tokens x IOB2 tags.
        combined (np.ndarray): What the ensemble says, tokens x IOB2 tags.
        RETURNS (np.ndarray): One weight a token, from 0 up.
        """


def make_even_weighting() -> Weighting:
    """Create a weighting in which all tokens count 1."""

    def weigh(stack: np.ndarray, combined: np.ndarray) -> np.ndarray:
        return np.ones(len(combined), dtype=np.float32)

    return weigh


def make_entropy_weighting(power: float = 1.0) -> Weighting:
    """Create a weighting by certainty: (1 - entropy / log number of tags) ** power.

    power (float): Above 1 trusts doubtful tokens less, 0 all alike.
    RETURNS (Weighting): The weighting.
    """

    def weigh(stack: np.ndarray, combined: np.ndarray) -> np.ndarray:
        p = np.maximum(combined, 1e-9)
        entropy = -(p * np.log(p)).sum(axis=1) / np.log(combined.shape[1])
        return np.asarray(np.clip(1.0 - entropy, 0.0, 1.0) ** power, dtype=np.float32)

    return weigh


def make_agreement_weighting() -> Weighting:
    """Create a weighting by the share of teachers whose best tag is the ensemble's.

    After the vote of UniTrans (Wu et al. 2020).
    """

    def weigh(stack: np.ndarray, combined: np.ndarray) -> np.ndarray:
        agree = stack.argmax(axis=2) == combined.argmax(axis=1)
        return np.asarray(agree.mean(axis=0), dtype=np.float32)

    return weigh


def make_threshold_weighting(threshold: float = 0.7) -> Weighting:
    """Create a weighting that leaves tokens unsupervised whose best tag is not sure enough.

    threshold (float): Least probability of the best tag, from 0 to 1.
    RETURNS (Weighting): The weighting.
    """

    def weigh(stack: np.ndarray, combined: np.ndarray) -> np.ndarray:
        return (combined.max(axis=1) >= threshold).astype(np.float32)

    return weigh
