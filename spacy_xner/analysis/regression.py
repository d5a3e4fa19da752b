"""Does a feature explain transfer, and does it predict it for a language that was not seen?"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

from ..errors import XnerError
from .extras import need
from .features import FEATURES, Pair, plain_name
from .points import Point

__all__ = ["Coefficient", "Explained", "Fit", "Predicted", "choose_features", "fit"]

Floats = npt.NDArray[np.float64]
ALPHAS = tuple(10.0**k for k in range(-1, 4))
PERMUTATIONS = 999
MIN_POINTS = 4
MIN_TARGETS = 3
CONSTANT = 1e-9


@dataclass(frozen=True)
class Coefficient:
    """What one feature does beside the others.

    feature (str): Its column.
    value (float): F1 points for one standard deviation of the feature.
    low (float): Lower bound of the 95% interval, errors clustered by target.
    high (float): Upper bound.
    p (float): Two-sided, that it is 0.
    vif (float): Variance inflation (Marquardt 1970); above 10, others nearly say it.
    labels (bool): It looks at labels of the target.
    """

    feature: str
    value: float
    low: float
    high: float
    p: float
    vif: float
    labels: bool


@dataclass(frozen=True)
class Explained:
    """Ordinary least squares over all points.

    coefficients (tuple[Coefficient, ...]): One a feature.
    r2 (float): Share of variance on the very points that were fitted; never negative.
    adjusted_r2 (float): The same, with a price for each feature.
    clusters (int): Target languages.
    """

    coefficients: tuple[Coefficient, ...]
    r2: float
    adjusted_r2: float
    clusters: int


@dataclass(frozen=True)
class Predicted:
    """Ridge regression, each target language predicted by a fit that never saw it.

    features (tuple[str, ...]): Columns.
    r2 (float): 1 less squared error over that of the mean F1 of the other targets; negative where
        the mean is the better guess.
    rank (float): Spearman correlation of predicted and measured F1.
    within (float | None): Mean of the rank correlations of the sources within each target.
    p (float): Share of permutations of the languages whose R2 is as high.
    permutations (int): How many were drawn.
    """

    features: tuple[str, ...]
    r2: float
    rank: float
    within: float | None
    p: float
    permutations: int

    @property
    def predicts(self) -> bool:
        """RETURNS (bool): Whether the data support that it predicts an unseen language."""
        return self.r2 > 0 and self.p < 0.05


@dataclass
class Fit:
    """What one model's points support.

    model (str): The model.
    points (list[Point]): The points.
    columns (list[str]): Features that entered.
    left_out (dict[str, str]): Features that did not, and why.
    explained (Explained | None): None where there are too few points for these features.
    predicted (Predicted | None): All features that may predict, together.
    singles (list[Predicted]): Each feature alone; the best R2 first.
    correlations (dict[str, float]): Pearson correlation with F1 by feature, of all points.
    notes (list[str]): What a reader must know.
    """

    model: str
    points: list[Point]
    columns: list[str]
    left_out: dict[str, str] = field(default_factory=dict)
    explained: Explained | None = None
    predicted: Predicted | None = None
    singles: list[Predicted] = field(default_factory=list)
    correlations: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def choose_features(
    values: Mapping[Pair, Mapping[str, float]], layer: int, *, labels: bool = False
) -> list[str]:
    """Name the columns that are taken when nobody names any: each feature, at one layer.

    values (Mapping[Pair, Mapping[str, float]]): Columns by pair.
    layer (int): The layer of the layered ones.
    labels (bool): Also what looks at labels of the target.
    RETURNS (list[str]): Columns, in the order of `FEATURES`.
    """
    names = [
        f"{feature.name}@{layer}" if feature.layered else feature.name
        for feature in FEATURES.values()
        if labels or not feature.labels
    ]
    known = {column for each in values.values() for column in each}
    return [name for name in names if name in known]


def fit(
    points: Sequence[Point],
    values: Mapping[Pair, Mapping[str, float]],
    columns: Sequence[str],
    *,
    predict: bool = True,
    explain: bool = True,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Fit:
    """Fit one model's points on features.

    points (Sequence[Point]): Points of one model.
    values (Mapping[Pair, Mapping[str, float]]): Columns by (source, target).
    columns (Sequence[str]): The columns.
    predict (bool): Whether to predict; columns that look at target labels are an error then,
        unless `explain` is set, where they explain and are left out of the prediction.
    explain (bool): Whether to explain.
    permutations (int): Of the languages, for p.
    seed (int): Of the permutations.
    RETURNS (Fit): What the data support.
    RAISES: XnerError for points of several models, too few points, too few languages, no feature
        that varies, or target labels in a prediction.
    """
    if len({point.model for point in points}) != 1:
        raise XnerError("Points of several models, or none: expected those of one, fitted alone.")
    labelled = [column for column in columns if FEATURES[plain_name(column)].labels]
    if labelled and not explain:
        raise XnerError(
            f"{', '.join(labelled)} looks at labels of the target language, which nobody has "
            "before a prediction. Leave it out, or ask for the explanation."
        )
    _check_points(points)
    y = np.array([point.f1 for point in points])
    result = Fit(points[0].model, list(points), [])
    table = _columns(points, values, columns, result)
    result.columns = list(table)
    result.correlations = {name: _correlation(x, y) for name, x in table.items()}
    if explain:
        result.explained = _explain(points, table, y, result.notes)
    if predict:
        free = {name: x for name, x in table.items() if name not in labelled}
        rng = np.random.default_rng(seed)
        # One fold left out of three or four points is no more than a line through two.
        result.singles = sorted(
            (_predict(points, {name: x}, y, permutations, rng) for name, x in free.items()),
            key=lambda single: -single.r2,
        )
        if len(free) > 1:
            result.predicted = _predict(points, free, y, permutations, rng)
            if len(free) >= len(points) - 1:
                result.notes.append(
                    f"{len(free)} features and {len(points)} points: only the ridge penalty makes "
                    "a fit of all possible. Trust the features alone more."
                )
    return result


def _check_points(points: Sequence[Point]) -> None:
    targets = {point.target for point in points}
    if len(targets) < MIN_TARGETS or len(points) < MIN_POINTS:
        raise XnerError(
            f"{points[0].model}: {len(points)} points of {len(targets)} target language(s) "
            f"({', '.join(sorted(targets))}); a regression needs {MIN_POINTS} points and "
            f"{MIN_TARGETS} languages. Measure more languages, or give text of those that are "
            "left out."
        )


def _columns(
    points: Sequence[Point],
    values: Mapping[Pair, Mapping[str, float]],
    columns: Sequence[str],
    result: Fit,
) -> dict[str, Floats]:
    table: dict[str, Floats] = {}
    for column in columns:
        found = [values.get((p.source, p.target), {}).get(column) for p in points]
        known = [value for value in found if value is not None]
        if len(known) < len(points):
            result.left_out[column] = f"measured for {len(known)} of {len(points)} pairs"
        elif np.ptp(known) < CONSTANT:
            result.left_out[column] = f"constant ({known[0]:g}), so it tells no pair from another"
        else:
            table[column] = np.array(known)
    if not table:
        reasons = "; ".join(f"{name}: {why}" for name, why in result.left_out.items())
        raise XnerError(
            f"{points[0].model}: no feature can be used ({reasons or 'none was named'}). Give text "
            "of more languages, or name other features."
        )
    return table


def _standardise(x: Floats) -> Floats:
    spread = x.std(axis=0)
    return cast(Floats, (x - x.mean(axis=0)) / np.where(spread > CONSTANT, spread, 1.0))


def _explain(
    points: Sequence[Point], table: Mapping[str, Floats], y: Floats, notes: list[str]
) -> Explained | None:
    if len(points) <= len(table) + 1:
        notes.append(
            f"{len(points)} points cannot explain {len(table)} features: no coefficients. Name "
            f"fewer features (at most {len(points) - 2}), or look at each alone."
        )
        return None
    if (y.std()) < CONSTANT:
        notes.append("F1 is the same at all points: there is nothing to explain.")
        return None
    sm = need("statsmodels.api")
    outliers = need("statsmodels.stats.outliers_influence")
    design = sm.add_constant(_standardise(np.column_stack(list(table.values()))))
    targets = [point.target for point in points]
    groups = np.unique(targets, return_inverse=True)[1]
    clusters = len(set(targets))
    if clusters < 20:
        notes.append(
            f"Errors are clustered by {clusters} target languages: intervals of so few clusters "
            "are too narrow (Cameron and Miller 2015, section VI)."
        )
    model = sm.OLS(y, design).fit(
        cov_type="cluster", cov_kwds={"groups": groups, "df_correction": True}, use_t=True
    )
    intervals = model.conf_int()
    with np.errstate(divide="ignore"):
        vifs = [outliers.variance_inflation_factor(design, i + 1) for i in range(len(table))]
    coefficients = tuple(
        Coefficient(
            name,
            value=float(model.params[i]),
            low=float(intervals[i][0]),
            high=float(intervals[i][1]),
            p=float(model.pvalues[i]),
            vif=min(float(vifs[i - 1]), 1e6),
            labels=FEATURES[plain_name(name)].labels,
        )
        for i, name in enumerate(table, 1)
    )
    return Explained(coefficients, float(model.rsquared), float(model.rsquared_adj), clusters)


def _predict(
    points: Sequence[Point],
    table: Mapping[str, Floats],
    y: Floats,
    permutations: int,
    rng: np.random.Generator,
) -> Predicted:
    x = np.column_stack(list(table.values()))
    targets = np.array([point.target for point in points])
    folds = [targets == target for target in dict.fromkeys(targets.tolist())]
    predictor = _Ridge(x, folds)
    predicted = predictor(y)
    r2 = _r2(y, predicted, folds)
    drawn = _permutations(points, permutations, rng)
    as_high = sum(_r2(y[order], predictor(y[order]), folds) >= r2 for order in drawn)
    within = [_rank(predicted[fold], y[fold]) for fold in folds if fold.sum() > 2]
    return Predicted(
        tuple(table),
        r2,
        _rank(predicted, y),
        float(np.mean(within)) if within else None,
        (as_high + 1) / (len(drawn) + 1),
        len(drawn),
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
) -> list[npt.NDArray[np.int64]]:
    """Orders of the points under exchangeable languages, the identity left out.

    Points of one language hang together, so languages are permuted and not points (quadratic
    assignment, Krackhardt 1988): F1 of (s, t) becomes that of (pi s, pi t). Where a pair has no
    counterpart then, as with one source for all targets, only targets are permuted.
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
        if min(moved) < 0:  # an incomplete table: F1 is shuffled over all points instead
            return [rng.permutation(len(points)) for _ in range(n)]
        found.append(np.array(moved))
    return found


def _orders(k: int, n: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """All orders of k things but the identity where there are few, else n random ones."""
    if math.factorial(k) <= n + 1:
        return list(itertools.permutations(range(k)))[1:]
    return [tuple(rng.permutation(k).tolist()) for _ in range(n)]


def _correlation(x: Floats, y: Floats) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if y.std() > CONSTANT else 0.0


def _rank(x: Floats, y: Floats) -> float:
    spearman: Callable = need("scipy.stats").spearmanr
    if np.ptp(x) < CONSTANT or np.ptp(y) < CONSTANT:
        return 0.0
    return float(spearman(x, y).statistic)
