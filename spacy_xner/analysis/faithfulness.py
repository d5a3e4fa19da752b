"""How good explanations are: do the words that they name carry the entity, and do models agree?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import XnerError
from .explanations import Explainer, Explanation
from .extras import need

__all__ = ["Faithfulness", "Paired", "faithfulness", "rank_agreement"]


@dataclass(frozen=True)
class Paired:
    """The words that an explanation names, against as many random ones, on the same entities.

    top (float): Mean change of probability for the named words.
    random (float): The same for random words.
    p (float): Two-sided, Wilcoxon (1945) signed-rank over entities.
    n (int): Entities.
    """

    top: float
    random: float
    p: float
    n: int


@dataclass(frozen=True)
class Faithfulness:
    """Faithfulness of explanations (DeYoung et al. 2020, ERASER, section 4), in probability.

    comprehensiveness (Paired): What the entity's probability loses without the top words; higher
        is better.
    sufficiency (Paired): What it loses with the top words alone; lower is better.
    context (Paired | None): Comprehensiveness among the words outside the entity alone, where
        random words are a fair match; None without such words.
    """

    comprehensiveness: Paired
    sufficiency: Paired
    context: Paired | None


def faithfulness(
    explainer: Explainer,
    explanations: Sequence[Explanation],
    *,
    k: int = 2,
    draws: int = 10,
    seed: int = 0,
) -> Faithfulness:
    """Measure what the top words of explanations are worth beside random ones.

    explainer (Explainer): What explained; its replacement stands for words that are taken away.
    explanations (Sequence[Explanation]): The explanations; those of documents without more than
        `k + 1` words are left out.
    k (int): Words taken.
    draws (int): Random choices of k words for each entity.
    seed (int): Of the choices.
    RETURNS (Faithfulness): The means and tests.
    RAISES: XnerError where no explanation is long enough.
    """
    rng = np.random.default_rng(seed)
    lost: list[tuple[float, float]] = []
    alone: list[tuple[float, float]] = []
    context: list[tuple[float, float]] = []
    for each in explanations:
        n = len(each.words)
        outside = [i for i in range(n) if not each.start <= i < each.end]
        if n <= k + 1:
            continue
        chosen = [_top(each, range(n), k)] + [rng.choice(n, k, replace=False) for _ in range(draws)]
        without, only = _drops(explainer, each, chosen)
        lost.append((without[0], float(np.mean(without[1:]))))
        alone.append((only[0], float(np.mean(only[1:]))))
        if len(outside) > k:
            chosen = [_top(each, outside, k)]
            chosen += [rng.choice(outside, k, replace=False) for _ in range(draws)]
            without, _ = _drops(explainer, each, chosen)
            context.append((without[0], float(np.mean(without[1:]))))
    if not lost:
        raise XnerError(
            f"No entity stands in a sentence of more than {k + 1} words, so there is nothing to "
            "take away. Give longer text, or text in which the model finds entities."
        )
    return Faithfulness(_paired(lost), _paired(alone), _paired(context) if context else None)


def rank_agreement(ours: Sequence[Explanation], theirs: Sequence[Explanation]) -> tuple[float, int]:
    """Tell whether two models lean on the same words for the same entities.

    ours (Sequence[Explanation]): Explanations of one model.
    theirs (Sequence[Explanation]): Of the other, over the same words.
    RETURNS (tuple[float, int]): Mean Spearman correlation (-1 to 1) of the words' values, and over
        how many entities; 0 entities give a correlation of 0.
    """
    index = {(e.words, e.start, e.end, e.label): e for e in theirs}
    found = []
    for each in ours:
        other = index.get((each.words, each.start, each.end, each.label))
        if other and len(each.words) > 2 and np.ptp(each.shap) and np.ptp(other.shap):
            found.append(float(need("scipy.stats").spearmanr(each.shap, other.shap).statistic))
    return (float(np.mean(found)) if found else 0.0), len(found)


def _top(each: Explanation, among: Sequence[int], k: int) -> np.ndarray:
    return np.array(sorted(among, key=lambda i: -each.shap[i])[:k])


def _drops(
    explainer: Explainer, each: Explanation, chosen: Sequence[np.ndarray]
) -> tuple[list[float], list[float]]:
    """Loss of probability without the chosen words, and with them alone."""
    n = len(each.words)
    picked = np.zeros((len(chosen), n), dtype=bool)
    for row, words in zip(picked, chosen, strict=True):
        row[words] = True
    span = (each.start, each.end, each.label)
    rows = np.concatenate([~picked, picked])
    values = explainer.values(each.words, each.spaces, [span], rows, (each.doc_id, each.lang))
    losses = each.probability - values[:, 0]
    return losses[: len(chosen)].tolist(), losses[len(chosen) :].tolist()


def _paired(pairs: Sequence[tuple[float, float]]) -> Paired:
    top, other = np.array(pairs).T
    differs = bool(np.any(np.abs(top - other) > 1e-12))
    p = float(need("scipy.stats").wilcoxon(top, other).pvalue) if differs else 1.0
    return Paired(float(top.mean()), float(other.mean()), p, len(pairs))
