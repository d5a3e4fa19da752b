"""What of its teachers' labels a student is to trust: a weight for every token."""

from collections.abc import Iterable
from math import inf
from typing import Protocol, runtime_checkable

import numpy as np

from ..errors import XnerError
from ..tags import unsaid
from .texts import Labelled

__all__ = [
    "FittedWeighting",
    "Weighting",
    "balancing_factors",
    "make_agreement_weighting",
    "make_balanced_weighting",
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
        RETURNS (np.ndarray): One weight a token, from 0 up; of documents with categories also one a
            category, rows x categories.
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
    RAISES: XnerError: `power` is negative.
    """
    if not 0 <= power < inf:
        raise XnerError(f"[distillation.weighting] power is {power}; expected a number from 0 up.")

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


def make_balanced_weighting(power: float = 1.0, least: float = 0.02) -> Weighting:
    """Create a weighting by which rare categories of a text count more: prior correction.

    The share of category c in a document's cross-entropy weighs (1 / prior(c)) ** power, divided by
    the mean of that over the text; prior(c) is the teachers' mean probability of c there. So the
    student learns p(c) (1 / prior(c)) ** power, normalised: what the teachers say, with all
    categories more alike in frequency. No gold is needed. It is the logit adjustment of Menon et
    al. (2021) on soft labels: a teacher that never saw the language may call nearly all the same.

    power (float): 1 corrects in full, 0 not at all.
    least (float): Least prior that is divided by, from above 0 to 1.
    RETURNS (Weighting): The weighting.
    RAISES: XnerError: A number is out of its range, or, on reading, tags are of tokens.
    """
    _check_share("power", power)
    _check_share("least", least)
    if not least:
        raise XnerError("[distillation.weighting] least is 0; expected a share above 0.")
    return BalancedWeighting(power, least)


class BalancedWeighting:
    """See `make_balanced_weighting`.

    power (float): How much of the prior is corrected.
    least (float): Least prior that is divided by.
    """

    def __init__(self, power: float, least: float) -> None:
        self._power, self._least = power, least
        self._factors: dict[str, np.ndarray] = {}

    def fit(self, source: str, documents: Iterable[tuple[Labelled, np.ndarray]]) -> None:
        """Read the prior of each category in a text; nothing happens if it has been read."""
        if source in self._factors:
            return
        total, n = np.zeros(1), 0
        for doc, combined in documents:
            if "O" in doc.tags:
                raise XnerError(
                    "[distillation.weighting] balanced_weighting weighs categories of documents, "
                    "but the soft labels are of tokens. Use distillation.entity_weight, or balance "
                    "of the reader, for entities."
                )
            total, n = total + combined.sum(axis=0, dtype=np.float64), n + len(combined)
        self._factors[source] = balancing_factors(total / n, self._power, self._least)

    def __call__(self, doc: Labelled, combined: np.ndarray) -> np.ndarray:
        """Weigh the categories of one document, see `Weighting`."""
        factors = self._factors[doc.source].astype(np.float32)
        return np.broadcast_to(factors, combined.shape).copy()


def balancing_factors(prior: np.ndarray, power: float, least: float = 0.02) -> np.ndarray:
    """Give the weight of each category, see `make_balanced_weighting`.

    prior (np.ndarray): Mean probability of each category, summing to 1.
    power (float): How much of it is corrected.
    least (float): Least prior that is divided by.
    RETURNS (np.ndarray): The weights, whose mean over the text is 1.
    """
    factors = (1 / np.maximum(prior, least)) ** power
    return np.asarray(factors / (prior * factors).sum())


def _check_share(key: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise XnerError(f"[distillation.weighting] {key} is {value}; expected 0 to 1.")
