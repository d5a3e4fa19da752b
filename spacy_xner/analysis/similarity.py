"""How alike an encoder finds two languages; every measure is taken at one layer.

All take matrices of states, one row a sentence or token. "Parallel" means that row i of both
matrices is the same sentence in two languages.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt

from ..errors import XnerError

__all__ = [
    "cosine_gap",
    "csls_p1",
    "linear_cka",
    "mean_cosine",
    "neighbour_shares",
    "retrieval_p1",
]

Floats = npt.NDArray[np.float64]
CSLS_NEIGHBOURS = 10


def mean_cosine(source: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Mean cosine of all pairs of a source and a target sentence, mean-pooled over their pieces.

    It needs no parallel text. Pooling as Reimers and Gurevych (2019, section 3).

    source (ArrayLike): Sentence vectors, sentences x width.
    target (ArrayLike): Sentence vectors of the other language; the number may differ.
    RETURNS (float): A cosine, -1 to 1.
    """
    # The mean over all pairs is the product of the mean unit vectors.
    return float(_unit(source).mean(axis=0) @ _unit(target).mean(axis=0))


def cosine_gap(source: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Mean cosine of parallel pairs less that of all other pairs (Idris et al. 2026, 2601.03168).

    source (ArrayLike): Vectors of parallel sentences, sentences x width.
    target (ArrayLike): The same sentences in the other language.
    RETURNS (float): Difference of cosines, -2 to 2.
    """
    cosines = _parallel(source, target)
    n = len(cosines)
    matching = float(np.trace(cosines))
    return matching / n - (float(cosines.sum()) - matching) / (n * (n - 1))


def retrieval_p1(source: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Share of target sentences whose nearest source sentence is their translation.

    Precision at 1 by cosine, as in Artetxe and Schwenk (2019, section 4.3).

    source (ArrayLike): Vectors of parallel sentences, sentences x width.
    target (ArrayLike): The same sentences in the other language.
    RETURNS (float): A share, 0 to 1; chance is 1 / sentences.
    """
    return _found(_parallel(source, target))


def csls_p1(
    source: npt.ArrayLike, target: npt.ArrayLike, *, neighbours: int = CSLS_NEIGHBOURS
) -> float:
    """Retrieval as `retrieval_p1`, by cross-domain similarity local scaling.

    2 cos(x, y) - r(x) - r(y), where r is the mean cosine to the nearest neighbours in the other
    language: hubs, near to everything, lose (Conneau et al. 2018, section 2.3).

    source (ArrayLike): Vectors of parallel sentences, sentences x width.
    target (ArrayLike): The same sentences in the other language.
    neighbours (int): How many neighbours r is over.
    RETURNS (float): A share, 0 to 1.
    """
    cosines = _parallel(source, target)
    k = min(neighbours, len(cosines))
    r_target = np.sort(cosines, axis=1)[:, -k:].mean(axis=1)
    r_source = np.sort(cosines, axis=0)[-k:].mean(axis=0)
    return _found(2 * cosines - r_target[:, None] - r_source[None, :])


def linear_cka(source: npt.ArrayLike, target: npt.ArrayLike) -> float:
    """Linear centred kernel alignment of parallel sentences (Kornblith et al. 2019, section 3).

    It compares the geometry of two spaces and ignores where they lie, so it is expected to say
    little of transfer (Idris et al. 2026).

    source (ArrayLike): Vectors of parallel sentences, sentences x width.
    target (ArrayLike): The same sentences in the other language.
    RETURNS (float): 0 to 1; 0 where one side does not vary.
    """
    _parallel(source, target)
    x, y = (np.asarray(m, dtype=np.float64) for m in (source, target))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    cross = float(np.square(y.T @ x).sum())
    own = float(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))
    return cross / own if own else 0.0


def neighbour_shares(
    sources: Mapping[str, npt.ArrayLike], target: npt.ArrayLike, *, neighbours: int = 10
) -> dict[str, float]:
    """Share of the nearest neighbours of target tokens that are tokens of each source.

    All sources enter with equally many states, so that chance is 1 / sources for each. Nearest by
    cosine. A vote of k nearest neighbours (Cover and Hart 1967) over contextual states.

    sources (Mapping[str, ArrayLike]): Token states by source language, tokens x width.
    target (ArrayLike): Token states of the target language.
    neighbours (int): Neighbours of each target token.
    RETURNS (dict[str, float]): Share by source, 0 to 1; they sum to 1.
    RAISES: XnerError where there is no source or no token.
    """
    n = min((len(np.asarray(m)) for m in sources.values()), default=0)
    if not n or not len(np.asarray(target)):
        raise XnerError("Nearest neighbours need at least one token of the target and each source.")
    pool = np.concatenate([_unit(np.asarray(matrix)[:n]) for matrix in sources.values()])
    cosines = _unit(target).astype("float32") @ pool.T.astype("float32")
    k = min(neighbours, len(pool))
    nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
    votes = np.bincount((nearest // n).ravel(), minlength=len(sources)) / nearest.size
    return {name: float(vote) for name, vote in zip(sources, votes, strict=True)}


def _unit(matrix: npt.ArrayLike) -> Floats:
    rows = np.asarray(matrix, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise XnerError(
            f"States have the shape {rows.shape}; expected at least one row of sentences x width."
        )
    return cast(Floats, rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _parallel(source: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Cosines, target x source, of the same sentences in two languages."""
    x, y = _unit(source), _unit(target)
    if len(x) != len(y) or len(x) < 2:
        raise XnerError(
            f"Parallel states have {len(x)} and {len(y)} rows; expected equally many, two or more."
        )
    return y @ x.T


def _found(scores: Floats) -> float:
    right: Sequence[bool] = (scores.argmax(axis=1) == np.arange(len(scores))).tolist()
    return float(np.mean(right))
