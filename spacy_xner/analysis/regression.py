"""Does a feature explain transfer, and does it predict it for a target left out?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from ..errors import XnerError
from .extras import need
from .features import FEATURES, Pair, plain_name
from .points import Point
from .prediction import CONSTANT, Floats, Predicted, predict_unseen

__all__ = ["Coefficient", "Explained", "Fit", "Predicted", "choose_features", "fit"]

PERMUTATIONS = 999
MIN_POINTS = 4
MIN_TARGETS = 3


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


@dataclass
class Fit:
    """What one model's points support.

    model (str): The model.
    points (list[Point]): The points.
    columns (list[str]): Features that entered.
    left_out (dict[str, str]): Features that did not, and why.
    explained (Explained | None): None where there are too few points for these features.
    alone (list[Coefficient]): Each feature fitted by itself; the largest first.
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
    alone: list[Coefficient] = field(default_factory=list)
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
        _add_explanation(result, table, y)
    if predict:
        free = {name: x for name, x in table.items() if name not in labelled}
        _add_predictions(result, free, y, permutations, np.random.default_rng(seed))
    return result


def _add_explanation(result: Fit, table: Mapping[str, Floats], y: Floats) -> None:
    points = result.points
    if y.std() < CONSTANT:
        result.notes.append("F1 is the same at all points: there is nothing to explain.")
        return
    result.explained = _explain(points, table, y, result.notes)
    single = [_ols(points, {name: x}, y).coefficients[0] for name, x in table.items()]
    result.alone = sorted(single, key=lambda each: -abs(each.value))
    if (clusters := len({point.target for point in points})) < 20:
        result.notes.append(
            f"Errors are clustered by {clusters} target languages: intervals of so few clusters "
            "are too narrow (Cameron and Miller 2015, section VI)."
        )


def _add_predictions(
    result: Fit,
    free: Mapping[str, Floats],
    y: Floats,
    permutations: int,
    rng: np.random.Generator,
) -> None:
    points = result.points
    # One fold left out of three or four points is no more than a line through two.
    result.singles = sorted(
        (predict_unseen(points, {name: x}, y, permutations, rng) for name, x in free.items()),
        key=lambda single: -single.r2,
    )
    if any(single.permuted == "points" for single in result.singles):
        result.notes.append(
            "The table of sources and targets has gaps, so p is from F1 shuffled over single "
            "points and not over languages. Points of one language hang together: p is too small, "
            "and nothing is called a prediction by it."
        )
    if len(free) > 1:
        result.predicted = predict_unseen(points, free, y, permutations, rng)
        if len(free) >= len(points) - 1:
            result.notes.append(
                f"{len(free)} features and {len(points)} points: only the ridge penalty makes a "
                "fit of all possible. Trust the features alone more."
            )


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
    clusters = len({point.target for point in points})
    if len(table) + 1 >= clusters:
        notes.append(
            f"{len(table)} features and a constant were fitted with {clusters} clusters: the "
            "coefficients' intervals and p cannot be relied on. Expected fewer features than "
            "target languages."
        )
    return _ols(points, table, y)


def _ols(points: Sequence[Point], table: Mapping[str, Floats], y: Floats) -> Explained:
    sm = need("statsmodels.api")
    outliers = need("statsmodels.stats.outliers_influence")
    design = sm.add_constant(_standardise(np.column_stack(list(table.values()))))
    targets = [point.target for point in points]
    groups = np.unique(targets, return_inverse=True)[1]
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
    return Explained(
        coefficients, float(model.rsquared), float(model.rsquared_adj), len(set(targets))
    )


def _correlation(x: Floats, y: Floats) -> float:
    return float(np.corrcoef(x, y)[0, 1]) if y.std() > CONSTANT else 0.0
