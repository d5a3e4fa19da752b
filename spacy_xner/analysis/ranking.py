"""Which source languages to learn from, judged by raw text of the target alone."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import XnerError
from .features import FEATURES, plain_name
from .languages import same_language

__all__ = ["Ranked", "default_weights", "ndcg", "paired_means", "rank", "read_ranks", "regret"]

# Evenly and by sign alone: with weights fitted to published ranks of a dozen languages, the choice
# would say more of those languages than of a new one.
SIGNS = {
    "mean_cosine": 1.0,
    "neighbours": 1.0,
    "piece_overlap": 1.0,
    "entity_hits": 1.0,
    "script_overlap": 1.0,
    "piece_gap": -1.0,
}
# Relevance of the best source; each place below has one less (Lin et al. 2019, section 5.1).
MOST_RELEVANT = 10


@dataclass(frozen=True)
class Ranked:
    """One source language, placed.

    source (str): Its code.
    score (float): Mean over the features of their weighted distance from the sources' mean, in
        standard deviations of the sources.
    values (dict[str, float]): The features.
    parts (dict[str, float]): What each feature adds to the score.
    """

    source: str
    score: float
    values: dict[str, float]
    parts: dict[str, float]

    @property
    def reasons(self) -> list[str]:
        """RETURNS (list[str]): The features that speak for it and against it, strongest first."""
        order = sorted(self.parts, key=lambda name: -abs(self.parts[name]))
        return [f"{name} {self.values[name]:.3g} ({self.parts[name]:+.2f})" for name in order]


def default_weights(layer: int) -> dict[str, float]:
    """Give the weights of the features when nobody gives any.

    layer (int): Layer of the layered ones.
    RETURNS (dict[str, float]): 1 or -1 by column.
    """
    return {
        f"{name}@{layer}" if FEATURES[name].layered else name: sign for name, sign in SIGNS.items()
    }


def rank(
    features: Mapping[str, Mapping[str, float]], weights: Mapping[str, float]
) -> tuple[list[Ranked], list[str]]:
    """Order the sources of one target.

    features (Mapping[str, Mapping[str, float]]): Columns by source.
    weights (Mapping[str, float]): Weight of each column; columns that a source lacks, or in which
        no source differs from another, are not used.
    RETURNS (tuple[list[Ranked], list[str]]): The sources, best first; columns that were not used.
    RAISES: XnerError where there is no source, a column looks at target labels, or none is left.
    """
    for column in weights:
        if FEATURES[plain_name(column)].labels:
            raise XnerError(f"{column} looks at labels of the target: a ranking has none.")
    if not features:
        raise XnerError("There is no source language to rank: give at least one with --sources.")
    names = sorted(features)
    parts: dict[str, np.ndarray] = {}
    for column, weight in weights.items():
        values = [features[name].get(column) for name in names]
        known = np.array([value for value in values if value is not None], dtype=np.float64)
        if len(known) == len(names) and (known.std() > 1e-12 or len(names) == 1):
            parts[column] = weight * (known - known.mean()) / (known.std() or 1.0)
    if not parts:
        raise XnerError(
            "No feature tells one source from another: is the text of the sources the same, or too "
            "short?"
        )
    ranked = [
        Ranked(
            name,
            float(np.mean([part[i] for part in parts.values()])),
            {column: float(features[name][column]) for column in parts},
            {column: float(part[i]) / len(parts) for column, part in parts.items()},
        )
        for i, name in enumerate(names)
    ]
    ranked.sort(key=lambda each: (-each.score, each.source))
    return ranked, [column for column in weights if column not in parts]


def read_ranks(
    path: Path | str, targets: Sequence[str], sources: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Read published ranks of sources, and rank anew among those at hand.

    path (Path | str): CSV, sources in rows and targets in columns, 1 the best; 0 for the language
        itself, which is left out.
    targets (Sequence[str]): Targets wanted; those that the file lacks are left out.
    sources (Sequence[str]): Sources wanted.
    RETURNS (dict[str, dict[str, float]]): By target and source, the place among the given sources,
        1 the best; sources with one rank share the mean of their places.
    RAISES: XnerError where the file cannot be read as such a table.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf8", newline="") as file:
            header, *body = filter(None, csv.reader(file))
        cells = {row[0]: dict(zip(header[1:], map(float, row[1:]), strict=True)) for row in body}
    except (OSError, ValueError, csv.Error) as error:
        raise XnerError(
            f"{path} is no table of ranks ({error}); expected CSV, sources in rows, targets in "
            "columns, numbers in the cells."
        ) from None
    found: dict[str, dict[str, float]] = {}
    for target in targets:
        column = next((code for code in header[1:] if same_language(code, target)), None)
        if column is None:
            continue
        published = {
            source: row[column]
            for source in sources
            for code, row in cells.items()
            if same_language(code, source) and not same_language(source, target)
        }
        if published:
            found[target] = {
                source: sum(other < own for other in published.values())
                + (sum(other == own for other in published.values()) + 1) / 2
                for source, own in published.items()
            }
    return found


def ndcg(order: Sequence[str], places: Mapping[str, float], k: int = 3) -> float:
    """Normalised discounted cumulative gain of a ranking's first places.

    Gain 2^relevance - 1, discount log2(1 + place) (Järvelin and Kekäläinen 2002, as LangRank, Lin
    et al. 2019, section 5.1): relevance 10 for the best source, one less for each place below.

    order (Sequence[str]): Sources, best first.
    places (Mapping[str, float]): True place of each, 1 the best.
    k (int): Places that count.
    RETURNS (float): 0 to 1, 1 for the true order.
    """

    def gain(sources: Sequence[str]) -> float:
        return sum(
            (2 ** max(0.0, MOST_RELEVANT + 1 - places[source]) - 1) / math.log2(1 + i)
            for i, source in enumerate(sources[:k], 1)
        )

    best = gain(sorted(places, key=lambda source: places[source]))
    return gain([source for source in order if source in places]) / best if best else 0.0


def regret(order: Sequence[str], places: Mapping[str, float]) -> float:
    """Tell how many places the first choice lies below the best source.

    order (Sequence[str]): Sources, best first.
    places (Mapping[str, float]): True place of each, 1 the best.
    RETURNS (float): Places; 0 where the choice was the best.
    """
    chosen = next(source for source in order if source in places)
    return places[chosen] - min(places.values())


def paired_means(
    scores: Mapping[str, Mapping[str, Sequence[float]]],
) -> tuple[dict[str, tuple[float, ...]], list[str]]:
    """Average scores of several rankings over the targets that all of them have.

    scores (Mapping[str, Mapping[str, Sequence[float]]]): Scores by ranking and target.
    RETURNS (tuple[dict[str, tuple[float, ...]], list[str]]): Mean of each score by ranking; the
        targets.
    RAISES: XnerError where they share no target.
    """
    shared = sorted(set.intersection(*(set(each) for each in scores.values())) if scores else ())
    if not shared:
        raise XnerError("These rankings share no target, so their means do not compare.")
    means = {
        name: tuple(np.mean([each[target] for target in shared], axis=0).tolist())
        for name, each in scores.items()
    }
    return means, shared
