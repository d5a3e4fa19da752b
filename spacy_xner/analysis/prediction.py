"""Prediction of a target left out: ridge regression, one target left out at a time."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from .extras import need
from .points import Point

__all__ = ["CONSTANT", "Floats", "Predicted", "predict_unseen"]

Floats = npt.NDArray[np.float64]
ALPHAS = tuple(10.0**k for k in range(-1, 4))
CONSTANT = 1e-9  # below this, a feature has one value


@dataclass(frozen=True)
class Predicted:
    """Ridge regression, each target language predicted by a fit that never saw it.

    features (tuple[str, ...]): Columns.
    r2 (float): 1 less squared error over that of the mean F1 of the other targets; negative where
        the mean is the better guess.
    rank (float | None): Mean over the targets of the Spearman correlation of predicted and measured
        F1 of their sources; None where no target has three. Never over all folds at once: a target
        above the others lowers the mean that it is predicted from, and noise then correlates at
        about -0.8.
    p (float): Share of permutations whose R2 is as high.
    permutations (int): How many were drawn.
    permuted (str): What they permute: "languages", "targets", or, where the table has gaps,
        "points".
    """

    features: tuple[str, ...]
    r2: float
    rank: float | None
    p: float
    permutations: int
    permuted: str

    @property
    def predicts(self) -> bool:
        """RETURNS (bool): Whether the data support that it predicts an unseen language."""
        return self.r2 > 0 and self.p < 0.05 and self.permuted != "points"


def predict_unseen(
    points: Sequence[Point],
    table: Mapping[str, Floats],
    y: Floats,
    permutations: int,
    rng: np.random.Generator,
) -> Predicted:
    """Predict each target language by a fit that never saw it, and test that by permutation.

    points (Sequence[Point]): Points of one model.
    table (Mapping[str, Floats]): Values of each feature, one a point.
    y (Floats): F1 of each point.
    permutations (int): Of the languages, for p.
    rng (np.random.Generator): Draws the permutations.
    RETURNS (Predicted): How well it predicts.
    """
    x = np.column_stack(list(table.values()))
    targets = np.array([point.target for point in points])
    folds = [targets == target for target in dict.fromkeys(targets.tolist())]
    predictor = _Ridge(x, folds)
    predicted = predictor(y)
    r2 = _r2(y, predicted, folds)
    drawn, permuted = _permutations(points, permutations, rng)
    as_high = sum(_r2(y[order], predictor(y[order]), folds) >= r2 for order in drawn)
    within = [_rank(predicted[fold], y[fold]) for fold in folds if fold.sum() > 2]
    return Predicted(
        tuple(table),
        r2,
        float(np.mean(within)) if within else None,
        (as_high + 1) / (len(drawn) + 1),
        len(drawn),
        permuted,
    )


class _Ridge:
    """Leave-one-target-out prediction, the penalty chosen within the other targets.

    Hoerl and Kennard (1970). The hat matrices depend on the features alone, so that a permutation
    of F1 costs a product of matrices and no new fit.
    """

    def __init__(self, x: Floats, folds: Sequence[npt.NDArray[np.bool_]]) -> None:
        self.folds = folds
        self.outer = [[_hat(x, fold, ~fold, alpha) for alpha in ALPHAS] for fold in folds]
        self.inner = [
            [
                [_hat(x, other, ~fold & ~other, alpha) for alpha in ALPHAS]
                for other in folds
                if other is not fold
            ]
            for fold in folds
        ]

    def __call__(self, y: Floats) -> Floats:
        predicted = np.empty_like(y)
        for i, fold in enumerate(self.folds):
            others = [other for other in self.folds if other is not fold]
            errors = [
                sum(
                    float(np.square(y[other] - hats[a] @ y[~fold & ~other]).sum())
                    for other, hats in zip(others, self.inner[i], strict=True)
                )
                for a in range(len(ALPHAS))
            ]
            predicted[fold] = self.outer[i][int(np.argmin(errors))] @ y[~fold]
        return predicted


def _hat(
    x: Floats, held: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_], alpha: float
) -> Floats:
    """The matrix that turns the known F1 into those that ridge regression predicts."""
    centre, spread = x[known].mean(axis=0), x[known].std(axis=0)
    spread = np.where(spread > CONSTANT, spread, 1.0)
    own, new = (x[known] - centre) / spread, (x[held] - centre) / spread
    n = len(own)
    solved = np.linalg.solve(own.T @ own + alpha * np.eye(x.shape[1]), own.T)
    centring = np.eye(n) - 1 / n
    return cast(Floats, new @ solved @ centring + 1 / n)


def _r2(y: Floats, predicted: Floats, folds: Sequence[npt.NDArray[np.bool_]]) -> float:
    """Out-of-sample R2 (Campbell and Thompson 2008): against the mean of the other targets."""
    means = np.empty_like(y)
    for fold in folds:
        means[fold] = y[~fold].mean()
    total = float(np.square(y - means).sum())
    return 1 - float(np.square(y - predicted).sum()) / total if total else 0.0


def _permutations(
    points: Sequence[Point], n: int, rng: np.random.Generator
) -> tuple[list[npt.NDArray[np.int64]], str]:
    """Orders of the points under exchangeable languages, the identity left out; what they permute.

    Points of one language hang together, so languages are permuted and not points (quadratic
    assignment, Krackhardt 1988): F1 of (s, t) becomes that of (pi s, pi t). Where a pair has no
    counterpart then, as with one source for all targets, only targets are permuted. In a table
    with gaps neither keeps all points, so F1 is shuffled over them, which whoever prints p says.
    """
    index = {(point.source, point.target): i for i, point in enumerate(points)}
    sources = list(dict.fromkeys(point.source for point in points))
    targets = list(dict.fromkeys(point.target for point in points))
    both = sorted({*sources, *targets})
    square = all((s, t) in index for s in both for t in both if s != t)
    names = both if square else targets
    found: list[npt.NDArray[np.int64]] = []
    for order in _orders(len(names), n, rng):
        to = dict(zip(names, [names[i] for i in order], strict=True))
        moved = [
            index.get((to[p.source] if square else p.source, to[p.target]), -1) for p in points
        ]
        if min(moved) < 0:
            return [rng.permutation(len(points)) for _ in range(n)], "points"
        found.append(np.array(moved))
    return found, "languages" if square else "targets"


def _orders(k: int, n: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """All orders of k things but the identity where there are few, else n random ones."""
    if math.factorial(k) <= n + 1:
        return list(itertools.permutations(range(k)))[1:]
    return [tuple(rng.permutation(k).tolist()) for _ in range(n)]


def _rank(x: Floats, y: Floats) -> float:
    spearman: Callable = need("scipy.stats").spearmanr
    if np.ptp(x) < CONSTANT or np.ptp(y) < CONSTANT:
        return 0.0
    return float(spearman(x, y).statistic)
