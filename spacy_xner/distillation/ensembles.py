"""Several teachers of one text: how their probabilities become one distribution."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Protocol

import numpy as np

from ..tags import unsaid
from .teachers import Teacher, shares
from .texts import Labelled

__all__ = [
    "Ensemble",
    "InferredReliability",
    "WeightedMean",
    "make_inferred_reliability",
    "make_weighted_mean",
    "weighted_mean",
]


class Ensemble(Protocol):
    """Combines what several teachers say of one document.

    A teacher whose row is zeros says nothing of that token; only those that do count there.
    """

    def fit(self, documents: Iterable[Labelled], teachers: Sequence[Teacher]) -> None:
        """Learn from the text how far each teacher counts.

        documents (Iterable[Labelled]): The text, as much as is taken is read; none where there is
            one teacher.
        teachers (Sequence[Teacher]): The teachers, in the order of each `stack`.
        """

    def __call__(self, stack: np.ndarray) -> np.ndarray:
        """Combine the teachers of one document.

        stack (np.ndarray): Teachers x tokens x IOB2 tags.
        RETURNS (np.ndarray): Tokens x tags, rows summing to 1; zeros where no teacher says a thing.
        """


def weighted_mean(stack: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Average, for each token, the teachers that say something of it.

    stack (np.ndarray): Teachers x tokens x IOB2 tags.
    weights (Optional[np.ndarray]): One a teacher, summing to 1; None takes them alike.
    RETURNS (np.ndarray): Tokens x tags.
    """
    if weights is None:
        weights = np.full(len(stack), 1 / len(stack), dtype=np.float32)
    mean = np.tensordot(weights, stack, axes=1)
    silent = unsaid(stack)
    if silent.any():
        mean /= np.maximum(weights @ ~silent, 1e-9)[:, None]
    return np.asarray(mean, dtype=stack.dtype)


class WeightedMean:
    """The mean, each teacher with the weight that its settings give; all 1 is the plain mean."""

    def __init__(self) -> None:
        self.weights: np.ndarray | None = None

    def fit(self, documents: Iterable[Labelled], teachers: Sequence[Teacher]) -> None:
        self.weights = shares(teachers)

    def __call__(self, stack: np.ndarray) -> np.ndarray:
        return weighted_mean(stack, self.weights)


class InferredReliability:
    """Teachers weighed by a confusion matrix each, inferred from where they disagree (after BEA).

    As Dawid and Skene (1979): the true tags are hidden, each teacher turns them into its own with
    probabilities that expectation maximisation finds. BEA (Rahimi et al. 2019) gives
    prior and matrices Dirichlet distributions, infers these by mean-field variational Bayes from
    hard labels, of tokens or of whole entities, and may infer once more without the worst teachers.
    Here they are point estimates under prior counts, labels are soft and of tokens, and all
    teachers stay. Their own weights, which BEA lacks, say beforehand how much each is heard: the
    likelihood of what it says has its weight, divided by the mean of all weights, as exponent.

    agreement (float): Prior count on the diagonal of each row of a matrix: how many tokens of a tag
        a teacher is thought to have tagged correctly before any is seen.
    smoothing (float): Prior count of every other cell.
    iterations (int): Of expectation maximisation.
    max_docs (int): Documents that are read.
    """

    def __init__(
        self,
        agreement: float = 10.0,
        smoothing: float = 1.0,
        iterations: int = 30,
        max_docs: int = 4000,
    ) -> None:
        self.max_docs = max_docs
        self.agreement = agreement
        self.smoothing = smoothing
        self.iterations = iterations
        self.weights: np.ndarray | None = None
        self.prior: np.ndarray | None = None
        self.confusion: np.ndarray | None = None

    def fit(self, documents: Iterable[Labelled], teachers: Sequence[Teacher]) -> None:
        self.weights = shares(teachers)
        sample = [doc.stack for doc in islice(documents, self.max_docs)]
        if not sample:
            return
        given = np.concatenate(sample, axis=1).astype(np.float64)
        given = given[:, self._heard(given)]
        n_tags = given.shape[2]
        start = np.full((n_tags, n_tags), self.smoothing) + self.agreement * np.eye(n_tags)
        truth = np.tensordot(self.weights, given, axes=1)
        truth /= truth.sum(axis=1, keepdims=True)
        for _ in range(self.iterations):
            self.prior = (truth.sum(axis=0) + 1.0) / (len(truth) + n_tags)
            counts = np.einsum("nk,tnj->tkj", truth, given) + start
            self.confusion = counts / counts.sum(axis=2, keepdims=True)
            truth = self._posterior(given)

    def _posterior(self, given: np.ndarray) -> np.ndarray:
        assert self.prior is not None
        assert self.confusion is not None
        assert self.weights is not None
        likelihood = np.einsum("tkj,tnj->tnk", self.confusion, given)
        exponents = self.weights * len(self.weights)
        said = np.tensordot(exponents, np.log(np.maximum(likelihood, 1e-12)), axes=1)
        log = np.log(self.prior) + said
        posterior = np.exp(log - log.max(axis=1, keepdims=True))
        return np.asarray(posterior / posterior.sum(axis=1, keepdims=True))

    def __call__(self, stack: np.ndarray) -> np.ndarray:
        if self.confusion is None or not stack.shape[1]:
            return weighted_mean(stack, self.weights)
        # A teacher that says nothing is as likely under every tag: the others decide.
        found = self._posterior(stack.astype(np.float64)).astype(np.float32)
        found[~self._heard(stack)] = 0.0
        return found

    def _heard(self, stack: np.ndarray) -> np.ndarray:
        """Of which tokens a teacher that counts says something."""
        assert self.weights is not None
        return np.asarray(self.weights @ ~unsaid(stack) > 0)


def make_weighted_mean() -> Ensemble:
    """Create the mean by the teachers' weights."""
    return WeightedMean()


def make_inferred_reliability(
    agreement: float = 10.0,
    smoothing: float = 1.0,
    iterations: int = 30,
    max_docs: int = 4000,
) -> Ensemble:
    """Create an ensemble that infers whom to trust how far (after BEA), see the class.

    agreement (float): Prior count of a correct tag.
    smoothing (float): Prior count of every other cell.
    iterations (int): Of expectation maximisation.
    max_docs (int): Documents that are read.
    RETURNS (Ensemble): The ensemble.
    """
    return InferredReliability(agreement, smoothing, iterations, max_docs)
