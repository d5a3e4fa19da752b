"""What of its teachers' labels a student is to trust: a weight for every token."""

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import XnerError
from ..tags import unsaid
from .texts import Labelled

__all__ = [
    "FittedWeighting",
    "Weighting",
    "make_agreement_weighting",
    "make_entropy_weighting",
    "make_even_weighting",
    "make_threshold_weighting",
]


class Weighting(Protocol):
    """Gives every token of a document a weight; 0 leaves it unsupervised.

    Tokens of which no teacher says a thing have rows of zeros and stay so, whatever their weight.
    """

    def __call__(self, doc: Labelled, combined: np.ndarray) -> np.ndarray:
        """Weigh the tokens of one document.

        doc (Labelled): The document and what each teacher says of it.
        combined (np.ndarray): What the ensemble says, tokens x IOB2 tags.
        RETURNS (np.ndarray): One weight a token, from 0 up.
        """


@runtime_checkable
class FittedWeighting(Weighting, Protocol):
    """A weighting that reads a text before it weighs its documents."""

    def fit(self, source: str, documents: Iterable[tuple[Labelled, np.ndarray]]) -> None:
        """Read a text; nothing happens if it has been read.

        source (str): Its fingerprint.
        documents (Iterable[Tuple[Labelled, np.ndarray]]): Its documents and what the ensemble says.
        """


def make_even_weighting() -> Weighting:
    """Create a weighting in which all tokens count 1."""

    def weigh(doc: Labelled, combined: np.ndarray) -> np.ndarray:
        return np.ones(len(combined), dtype=np.float32)

    return weigh


def make_entropy_weighting(power: float = 1.0) -> Weighting:
    """Create a weighting by certainty: (1 - entropy / log number of tags) ** power.

    power (float): Above 1 trusts doubtful tokens less, 0 all alike.
    RETURNS (Weighting): The weighting.
    """

    def weigh(doc: Labelled, combined: np.ndarray) -> np.ndarray:
        p = np.maximum(combined, 1e-9)
        entropy = -(p * np.log(p)).sum(axis=1) / np.log(combined.shape[1])
        return np.asarray(np.clip(1.0 - entropy, 0.0, 1.0) ** power, dtype=np.float32)

    return weigh


def make_agreement_weighting(least: float = 0.0) -> Weighting:
    """Create a weighting by the share of teachers whose best tag is the ensemble's.

    Of the teachers that say something of the token. After the vote of UniTrans (Wu et al. 2020),
    which takes a label only where all agree: that is `least` = 1.

    least (float): Share from 0 to 1 under which a token is left unsupervised.
    RETURNS (Weighting): The weighting.
    RAISES: XnerError: `least` is no share.
    """
    _check_share("least", least)

    def weigh(doc: Labelled, combined: np.ndarray) -> np.ndarray:
        said = ~unsaid(doc.stack)
        agree = said & (doc.stack.argmax(axis=2) == combined.argmax(axis=1))
        share = agree.sum(axis=0) / np.maximum(said.sum(axis=0), 1)
        return np.asarray(np.where(share >= least, share, 0.0), dtype=np.float32)

    return weigh


def make_threshold_weighting(threshold: float = 0.7) -> Weighting:
    """Create a weighting that leaves tokens unsupervised whose best tag is not sure enough.

    threshold (float): Least probability of the best tag, from 0 to 1.
    RETURNS (Weighting): The weighting.
    RAISES: XnerError: `threshold` is no probability.
    """
    _check_share("threshold", threshold)

    def weigh(doc: Labelled, combined: np.ndarray) -> np.ndarray:
        return (combined.max(axis=1) >= threshold).astype(np.float32)

    return weigh


def _check_share(key: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise XnerError(f"[distillation.weighting] {key} is {value}; expected 0 to 1.")
