"""What scripts/benchmark_analysis.py measures of source rankings."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import srsly
from analysis_explanations import KEYS
from wasabi import msg

from spacy_xner.analysis.features import Measured
from spacy_xner.analysis.languages import find_texts, read_language
from spacy_xner.analysis.overlap import tagged_overlap
from spacy_xner.analysis.points import Point, read_points, rename_points, write_json
from spacy_xner.analysis.ranking import (
    default_weights,
    ndcg,
    paired_means,
    rank,
    read_ranks,
    regret,
)
from spacy_xner.analysis.tagging import tag_language
from spacy_xner.evaluation.results import make_row
from spacy_xner.teacher.sources import load_source

TAGGED = "tagged_overlap"


def with_tagged(measured: Measured, data_root: Path, tagger: Path, kept: Path) -> Measured:
    """Add `tagged_overlap`, through a tagger that learned from English alone.

    measured (Measured): Features.
    data_root (Path): Folder laid out as MasakhaNER.
    tagger (Path): The English teacher.
    kept (Path): JSON file of the entities found, by language; made once.
    RETURNS (Measured): The same features and one more.
    """
    names = {name for pair in measured.values for name in pair}
    if not kept.exists():
        source = load_source(tagger)
        files = find_texts([data_root / "unlabelled", data_root / "transfer_corpus"])
        found = {}
        for name in sorted(names):
            found[name] = tag_language(read_language(name, files[name]), source).found
            msg.info(f"{name}: {len(found[name])} entities found")
        write_json(kept, found)
    found = srsly.read_json(kept)
    values = {
        (s, t): {**each, TAGGED: tagged_overlap(found[s], found[t])}
        for (s, t), each in measured.values.items()
    }
    return replace(measured, values=values)


def fitted_weights(
    points: Sequence[Point], measured: Measured, columns: Sequence[str], target: str
) -> dict[str, float]:
    """Fit weights of a ranking to published F1 of other targets, by ridge regression.

    F1 and features are standardised within each target, since a ranking is within one.

    points (Sequence[Point]): Published F1.
    measured (Measured): Features.
    columns (Sequence[str]): Features that are weighed.
    target (str): Language left out, as target and as source.
    RETURNS (dict[str, float]): Weight by column.
    """
    rows, y = [], []
    known = [p for p in points if target not in (p.source, p.target)]
    for other in dict.fromkeys(point.target for point in known):
        own = [point for point in known if point.target == other]
        x = np.array([[measured.values[p.source, other][c] for c in columns] for p in own])
        rows.append(_standardised(x))
        y.append(_standardised(np.array([point.f1 for point in own])))
    design, wanted = np.concatenate(rows), np.concatenate(y)
    penalty = len(design) * np.eye(len(columns))
    weights = np.linalg.solve(design.T @ design + penalty, design.T @ wanted)
    return dict(zip(columns, weights.tolist(), strict=True))


def _standardised(x: np.ndarray) -> np.ndarray:
    spread = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)


def rankings(data_root: Path, measured: Measured) -> Iterator[dict[str, Any]]:
    """Score rankings of sources beside published ranks."""
    sources = sorted({source for source, _ in measured.values})
    targets = sorted({target for _, target in measured.values})
    path = data_root / "transfer_matrices" / "masakhaner2_source_ranks.csv"
    truth = read_ranks(path, targets, sources)
    layer = measured.layer()
    matrix = data_root / "transfer_matrices" / "xlmr_base_masakhaner1_f1.csv"
    published = rename_points(read_points(matrix), targets)[0]
    scores: dict[str, dict[str, tuple[float, ...]]] = {}
    for target, places in truth.items():
        columns = {s: measured.values[s, target] for s in places}
        fitted = fitted_weights(published, measured, [*default_weights(layer), TAGGED], target)
        orders = {
            "fitted": [each.source for each in rank(columns, fitted)[0]],
            # As below: no entity is shared across scripts, and `rank` refuses what does not vary.
            "both-entity-overlaps": [
                each.source for each in rank(columns, {"entity_hits": 1.0, TAGGED: 1.0})[0]
            ]
            if any(each["entity_hits"] or each[TAGGED] for each in columns.values())
            else sorted(places),
            "rank-sources": [each.source for each in rank(columns, default_weights(layer))[0]],
            # Where the script differs no entity is found: names decide then, which says nothing.
            "entity-overlap": sorted(places, key=lambda n: (-columns[n]["entity_hits"], n)),
            # English first; behind it the others in the order of their names, which says nothing.
            "english": sorted(places, key=lambda name: (name != "en", name)),
        }
        for recipe, order in orders.items():
            if recipe == "english" and target == "en":
                continue
            values = ndcg(order, places), regret(order, places)
            scores.setdefault(recipe, {})[target] = values
            yield from _rank_rows(recipe, target, values, len(places))
            msg.info(f"{recipe} {target}: {', '.join(order[:3])} {values[0]:.3f} {values[1]:.1f}")
    # English has no place among its own sources: its mean is over one target fewer than it could.
    means, shared = paired_means(scores)
    for recipe, mean in means.items():
        yield from _rank_rows(recipe, "all", mean, len(shared))
        msg.good(f"{recipe}: NDCG@3 {mean[0]:.3f}, regret {mean[1]:.2f}, {len(shared)} targets")


def _rank_rows(
    recipe: str, target: str, values: tuple[float, ...], n: int
) -> Iterator[dict[str, Any]]:
    role = "baseline" if recipe in ("english", "entity-overlap") else None
    for metric, value in zip(("ndcg@3", "top1_regret"), values, strict=True):
        yield make_row(
            **KEYS, recipe=recipe, role=role, target=target, metric=metric, value=value, n=n
        )
