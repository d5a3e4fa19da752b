"""Labels trusted as far as similar words bear them too."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from ..errors import XnerError
from ..tags import unsaid
from .texts import Labelled
from .weightings import FittedWeighting

__all__ = ["NeighbourWeighting", "make_neighbour_weighting"]

BATCH = 64  # documents that are encoded at once


class NeighbourWeighting:
    """Weighs a token by how many of its nearest neighbours have its type (after CoLaDa).

    With c the share of the k nearest words, by cosine of the encoder's states, whose best type is
    the token's own, and m the mean of c over all tokens of that type, the weight is
    sigmoid(steepness * (c - centre * m)), divided by what c = 1 would give. A word that is no
    entity has the type O. Neighbours are looked for in a sample of the text; a token that occurs in
    it is no neighbour of itself.

    That is the instance collaboration of CoLaDa (Ma et al. 2023) without its model
    collaboration: there, models of translated and of raw text also weigh the labels of each other,
    and labels, weights and models are made anew in each iteration, from the states of the NER model
    itself. Here the encoder is frozen, there is no translation, weights are made once, and the
    sigmoid is scaled so that full agreement weighs 1.

    encoder (str): Encoder folder.
    k (int): Neighbours.
    steepness (float): 0 weighs all tokens alike.
    centre (float): Share of the mean consistency at which a weight is halfway.
    sample (int): Words among which neighbours are looked for, from all over the text.
    RAISES: XnerError: A setting is out of range.
    """

    def __init__(self, encoder: str, k: int, steepness: float, centre: float, sample: int) -> None:
        if not 0 < k < sample or steepness < 0:
            raise XnerError(
                f"[distillation.weighting] has k {k}, sample {sample} and steepness {steepness}; "
                "expected 1 or more neighbours, more words in the sample, and no negative number."
            )
        self.encoder = encoder
        self.k = k
        self.steepness = steepness
        self.centre = centre
        self.sample = sample
        # Of each text, by document: first characters of its tokens, and their weights.
        self._weights: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}

    def fit(self, source: str, documents: Iterable[tuple[Labelled, np.ndarray]]) -> None:
        if source in self._weights:
            return
        from sklearn.neighbors import NearestNeighbors

        read = self._encoded(documents)
        first = list(_until(read, self.sample))
        states, types = (np.concatenate([one[i] for one in first]) for i in (1, 2))
        known = types >= 0
        if known.sum() <= self.k:
            raise XnerError(
                f"The soft labels say something of {known.sum()} words only; expected more than "
                f"the {self.k} neighbours of [distillation.weighting]."
            )
        index = NearestNeighbors(n_neighbors=self.k + 1, algorithm="brute").fit(states[known])
        names: list[tuple[str, np.ndarray]] = []
        of: list[np.ndarray] = []
        consistency: list[np.ndarray] = []
        for chunk in (first, read):
            for doc, own, own_types in chunk:
                distance, found = index.kneighbors(own)
                consistency.append(self._agreement(distance, types[known][found], own_types))
                names.append((doc.doc_id, doc.starts))
                of.append(own_types)
        weights = self._weigh(np.concatenate(consistency), np.concatenate(of))
        parts = np.split(weights, np.cumsum([len(one) for one in of])[:-1])
        self._weights[source] = {
            name: (starts, part) for (name, starts), part in zip(names, parts, strict=True)
        }

    def _encoded(
        self, documents: Iterable[tuple[Labelled, np.ndarray]]
    ) -> Iterator[tuple[Labelled, np.ndarray, np.ndarray]]:
        """Give each document with the states of its words and their best types."""
        from ..projection.states import PieceEncoder, word_means

        encoder = PieceEncoder(self.encoder)
        stream = iter(documents)
        while batch := list(islice(stream, BATCH)):
            texts = [
                [doc.text[a:b] for a, b in zip(doc.starts, doc.ends, strict=True)]
                for doc, _ in batch
            ]
            for (doc, combined), (pieces, words) in zip(batch, encoder(texts), strict=True):
                states = np.zeros((len(combined), pieces.shape[1]), dtype=np.float32)
                means, places = word_means(pieces, words)
                states[places] = means
                yield doc, states, _best_types(combined, doc.tags)

    def _agreement(self, distance: np.ndarray, found: np.ndarray, types: np.ndarray) -> np.ndarray:
        """Share of the neighbours with a token's type, the token itself left out."""
        itself = distance < 1e-2
        itself[:, 1:] = False  # others that are spelled and used alike count
        same = (found == types[:, None]) & ~itself
        # Of a token outside the sample the farthest of k + 1 is one too many.
        same[~itself[:, 0], -1] = False
        return np.asarray(same.sum(axis=1) / self.k)

    def _weigh(self, consistency: np.ndarray, types: np.ndarray) -> np.ndarray:
        weights = np.ones(len(types), dtype=np.float32)
        for name in np.unique(types[types >= 0]):
            own = types == name
            halfway = self.centre * consistency[own].mean()
            most = _sigmoid(self.steepness * (1.0 - halfway))
            weights[own] = _sigmoid(self.steepness * (consistency[own] - halfway)) / most
        return weights

    def __call__(self, doc: Labelled, combined: np.ndarray) -> np.ndarray:
        starts, weights = self._weights[doc.source][doc.doc_id]
        if not len(starts):
            return np.ones(len(combined), dtype=np.float32)
        places = np.searchsorted(starts, doc.starts, side="right") - 1
        return np.asarray(weights[np.maximum(places, 0)])


def make_neighbour_weighting(
    encoder: str,
    k: int = 10,
    steepness: float = 6.0,
    centre: float = 0.7,
    sample: int = 30_000,
) -> FittedWeighting:
    """Create a weighting by the labels of similar words, see `NeighbourWeighting`.

    encoder (str): Encoder folder.
    k (int): Neighbours.
    steepness (float): 0 weighs all tokens alike.
    centre (float): Share of the mean consistency at which a weight is halfway.
    sample (int): Words among which neighbours are looked for.
    RETURNS (FittedWeighting): The weighting.
    RAISES: XnerError: A setting is out of range.
    """
    return NeighbourWeighting(encoder, k, steepness, centre, sample)


def _until(read: Iterator[tuple[Any, np.ndarray, np.ndarray]], words: int) -> Iterator[Any]:
    """Pass on documents until they have so many words."""
    while words > 0 and (one := next(read, None)) is not None:
        words -= len(one[1])
        yield one


def _best_types(combined: np.ndarray, tags: Any) -> np.ndarray:
    """Type of each token by its best tag: 0 for O, -1 where nothing is said."""
    names = sorted({tag[2:] for tag in tags if tag != "O"})
    of_tag = np.array([0 if tag == "O" else 1 + names.index(tag[2:]) for tag in tags])
    return np.where(unsaid(combined), -1, of_tag[combined.argmax(axis=1)])


def _sigmoid(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))
