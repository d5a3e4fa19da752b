"""How far a teacher's labels can be trusted, told without gold from its own doubt."""

from collections.abc import Iterable

import numpy as np

from ..tags import unsaid

__all__ = ["entity_weight", "expected_f1"]

# Fitted on two development languages: Nigerian Pidgin (expected F1 0.90, best weight 1) and isiZulu
# (0.79, best weight 3). docs/experiments.md has the runs.
_SURE, _SLOPE = 0.9, 20.0


def expected_f1(probabilities: Iterable[np.ndarray]) -> float:
    """Give the F1 over tokens that a teacher expects of its own most probable tags.

    Of every token that is called entity, the probability of its tag counts as truly positive
    (Lipton et al. 2014); no gold is seen. A teacher is surer than it should be, yet the less it
    knows a language, the lower is its expectation.

    probabilities (Iterable[np.ndarray]): One array a document, tokens x IOB2 tags, "O" first.
    RETURNS (float): From 0 to 1; 0 where nothing is called entity.
    """
    true = called = mass = 0.0
    for rows in probabilities:
        rows = np.asarray(rows, dtype=np.float32)
        rows = rows[~unsaid(rows)]
        best = rows.argmax(axis=1)
        entity = best > 0
        true += float(rows[entity, best[entity]].sum())
        called += float(entity.sum())
        mass += float(1.0 - rows[:, 0].mean()) * len(rows) if len(rows) else 0.0
    return 2 * true / (called + mass) if called else 0.0


def entity_weight(expected: float) -> float:
    """Give the weight of entities beside `O` for labels of a certain expected F1.

    expected (float): Of `expected_f1`.
    RETURNS (float): 1 for a teacher that is sure, up to 4 for one that is in doubt.
    """
    return float(np.clip(1.0 + _SLOPE * (_SURE - expected), 1.0, 4.0))
