"""Entity scores: strict seqeval F1, the same for character spans, and bootstraps over sentences."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import XnerError

__all__ = [
    "Counts",
    "Span",
    "bootstrap_interval",
    "f1_from_counts",
    "paired_bootstrap",
    "paired_bootstrap_mean",
    "score",
    "score_spans",
    "sentence_counts",
    "span_counts",
    "strict_spans",
]

Span = tuple[int, int, str]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Resampled indices are drawn in blocks of about this many, so that memory does not grow with n.
BLOCK_ITEMS = 1 << 20


def score(gold: Sequence[Sequence[str]], pred: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Score predicted tags with seqeval, strict mode, IOB2, micro average, in per cent.

    gold (Sequence[Sequence[str]]): IOB2 tags, one sequence a sentence.
    pred (Sequence[Sequence[str]]): Predicted IOB2 tags, of the same lengths.
    RETURNS (dict[str, Any]): `precision`, `recall`, `f1` (per cent), `n` (sentences), `per_type`:
        a type's `p`, `r`, `f1` (per cent) and `support` (gold entities).
    RAISES: XnerError where the two differ in length.
    """
    from seqeval.metrics.v1 import precision_recall_fscore_support
    from seqeval.scheme import IOB2, Entities

    _check_lengths(gold, pred)
    gold, pred = [list(tags) for tags in gold], [list(tags) for tags in pred]
    # Parsed once and handed over: seqeval would parse all tags again for each average.
    entities = {
        "entities_true": Entities(gold, IOB2),
        "entities_pred": Entities(pred, IOB2),
    }
    options: dict[str, Any] = {"scheme": IOB2, "zero_division": 0, **entities}
    micro = precision_recall_fscore_support(gold, pred, average="micro", **options)
    each = precision_recall_fscore_support(gold, pred, average=None, **options)
    types = sorted(entities["entities_true"].unique_tags | entities["entities_pred"].unique_tags)
    return {
        "precision": 100 * float(micro[0]),
        "recall": 100 * float(micro[1]),
        "f1": 100 * float(micro[2]),
        "per_type": {
            name: _type_scores(float(p), float(r), float(f1), int(support))
            for name, p, r, f1, support in zip(types, *each, strict=True)
        },
        "n": len(gold),
    }


def score_spans(
    gold: Sequence[Collection[Span]], pred: Sequence[Collection[Span]]
) -> dict[str, Any]:
    """Score predicted character spans: right means same start, same end and same type.

    gold (Sequence[Collection[Span]]): Gold `(start, end, type)` of each sentence, in characters.
    pred (Sequence[Collection[Span]]): Predicted spans of each sentence.
    RETURNS (dict[str, Any]): The keys of `score`.
    RAISES: XnerError where the two differ in length.
    """
    _check_sentences(gold, pred)
    totals: dict[str, Counter[str]] = {name: Counter() for name in ("tp", "pred", "gold")}
    for true, found in zip(gold, pred, strict=True):
        totals["tp"].update(span[2] for span in set(true) & set(found))
        totals["pred"].update(span[2] for span in set(found))
        totals["gold"].update(span[2] for span in set(true))
    types = sorted(set(totals["pred"]) | set(totals["gold"]))
    precision, recall, f1 = _prf(*(total.total() for total in totals.values()))
    return {
        "precision": 100 * precision,
        "recall": 100 * recall,
        "f1": 100 * f1,
        "per_type": {
            name: _type_scores(
                *_prf(*(total[name] for total in totals.values())), totals["gold"][name]
            )
            for name in types
        },
        "n": len(gold),
    }


def sentence_counts(gold: Sequence[Sequence[str]], pred: Sequence[Sequence[str]]) -> Counts:
    """Count entities of each sentence, the statistic that every bootstrap here resamples.

    Entities are seqeval's in strict mode, so that the sums give the F1 of `score` for any tags.

    gold (Sequence[Sequence[str]]): IOB2 tags, one sequence a sentence.
    pred (Sequence[Sequence[str]]): Predicted IOB2 tags, of the same lengths.
    RETURNS (Counts): Shape (sentences, 3): right, predicted and gold entities.
    RAISES: XnerError where the two differ in length.
    """
    _check_lengths(gold, pred)
    return span_counts(strict_spans(gold), strict_spans(pred))


def span_counts(gold: Sequence[Collection[Span]], pred: Sequence[Collection[Span]]) -> Counts:
    """Count spans of each sentence.

    gold (Sequence[Collection[Span]]): Gold `(start, end, type)` of each sentence.
    pred (Sequence[Collection[Span]]): Predicted spans of each sentence.
    RETURNS (Counts): Shape (sentences, 3): right, predicted and gold spans.
    RAISES: XnerError where the two differ in length.
    """
    _check_sentences(gold, pred)
    rows = [
        (len(set(true) & set(found)), len(set(found)), len(set(true)))
        for true, found in zip(gold, pred, strict=True)
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)


def f1_from_counts(counts: Counts) -> Floats:
    """Micro F1 of each row of summed counts, in per cent; 0 where there is nothing to find.

    counts (Counts): Shape (..., 3): right, predicted and gold entities.
    RETURNS (Floats): Shape (...).
    """
    counts = np.asarray(counts)
    total = counts[..., 1] + counts[..., 2]
    f1: Floats = 200.0 * counts[..., 0] / np.maximum(total, 1)
    return f1


def bootstrap_interval(counts: Counts, n: int = 1000, seed: int = 0) -> tuple[float, float]:
    """95% percentile interval of micro F1, sentences resampled (Efron and Tibshirani 1993, ch. 13).

    counts (Counts): Shape (sentences, 3) of `sentence_counts`, or (runs, sentences, 3) for the
        mean F1 of several runs (seeds) over the same sentences.
    n (int): Number of resamples.
    seed (int): Of the random numbers.
    RETURNS (tuple[float, float]): Lower and upper bound, in per cent.
    RAISES: XnerError where there is no sentence or no resample.
    """
    resampled = _resampled_f1([counts], n, np.random.default_rng(seed))[0]
    low, high = np.percentile(resampled, [2.5, 97.5])
    return float(low), float(high)


def paired_bootstrap(
    counts_a: Counts, counts_b: Counts, n: int = 2000, seed: int = 0
) -> dict[str, float]:
    """Is system A's F1 another than B's? Both are resampled on the same sentences.

    Koehn (2004); p is twice the smaller tail of the resampled differences beyond 0, one added to
    both tails and to n, so that p < 0.05 says what the 95% interval says and is never 0.

    counts_a (Counts): Shape (sentences, 3) or (runs, sentences, 3), see `bootstrap_interval`.
    counts_b (Counts): The other system on the same sentences; its number of runs may differ.
    n (int): Number of resamples.
    seed (int): Of the random numbers.
    RETURNS (dict[str, float]): `delta` (A less B, F1 points), `low`, `high` (95%), `p` (two-sided).
    RAISES: XnerError where the systems were not scored on the same sentences.
    """
    return paired_bootstrap_mean([counts_a], [counts_b], n=n, seed=seed)


def paired_bootstrap_mean(
    counts_a: Sequence[Counts], counts_b: Sequence[Counts], n: int = 2000, seed: int = 0
) -> dict[str, float]:
    """Paired bootstrap of the mean F1 over several test sets, each resampled within itself.

    counts_a (Sequence[Counts]): System A: one array of `paired_bootstrap` a test set.
    counts_b (Sequence[Counts]): System B, the same test sets in the same order.
    n (int): Number of resamples.
    seed (int): Of the random numbers.
    RETURNS (dict[str, float]): As `paired_bootstrap`, of the mean over the test sets.
    RAISES: XnerError where the systems were not scored on the same sentences.
    """
    if len(counts_a) != len(counts_b) or not counts_a:
        raise XnerError(
            f"A paired bootstrap got {len(counts_a)} test sets of one system and {len(counts_b)} "
            "of the other: expected the same number, at least one."
        )
    rng = np.random.default_rng(seed)
    delta, resampled = 0.0, np.zeros(n)
    for a, b in zip(counts_a, counts_b, strict=True):
        f1_a, f1_b = _resampled_f1([a, b], n, rng)
        resampled += (f1_a - f1_b) / len(counts_a)
        delta += (_mean_f1(np.asarray(a)) - _mean_f1(np.asarray(b))) / len(counts_a)
    low, high = np.percentile(resampled, [2.5, 97.5])
    tails = (int((resampled <= 0).sum()) + 1, int((resampled >= 0).sum()) + 1)
    p = min(1.0, 2 * min(tails) / (n + 1))
    return {"delta": delta, "low": float(low), "high": float(high), "p": p}


def strict_spans(sentences: Sequence[Sequence[str]]) -> list[list[Span]]:
    from seqeval.scheme import IOB2, Entities

    entities = Entities([list(tags) for tags in sentences], IOB2).entities
    return [[(entity.start, entity.end, entity.tag) for entity in found] for found in entities]


def _mean_f1(counts: Counts) -> float:
    return float(f1_from_counts(counts.sum(axis=-2)).mean())


def _resampled_f1(systems: Sequence[Counts], n: int, rng: np.random.Generator) -> Floats:
    """F1 of each system on n resamples, the same sentences for all: shape (systems, n)."""
    arrays = [np.asarray(counts, dtype=np.int64) for counts in systems]
    sizes = {array.shape[-2] for array in arrays}
    if len(sizes) != 1:
        raise XnerError(
            f"A paired bootstrap got systems scored on {sorted(sizes)} sentences: expected the "
            "same sentences in the same order. Score both on the same file."
        )
    size = sizes.pop()
    if size == 0 or n < 1:
        raise XnerError(
            f"A bootstrap got {size} sentences and {n} resamples: expected at least one of each."
        )
    out = np.empty((len(arrays), n))
    block = max(1, BLOCK_ITEMS // size)
    for start in range(0, n, block):
        indices = rng.integers(size, size=(min(block, n - start), size))
        # How often each sentence was drawn: one matrix product then sums every system.
        times = np.stack([np.bincount(row, minlength=size) for row in indices]).astype(np.float64)
        for i, array in enumerate(arrays):
            f1 = f1_from_counts(np.einsum("rs,...sc->...rc", times, array, optimize=True))
            out[i, start : start + len(indices)] = f1.reshape(-1, len(indices)).mean(axis=0)
    return out


def _prf(right: float, predicted: float, gold: float) -> tuple[float, float, float]:
    precision = right / predicted if predicted else 0.0
    recall = right / gold if gold else 0.0
    return precision, recall, 2 * right / (predicted + gold) if predicted + gold else 0.0


def _type_scores(precision: float, recall: float, f1: float, support: int) -> dict[str, Any]:
    return {"p": 100 * precision, "r": 100 * recall, "f1": 100 * f1, "support": support}


def _check_sentences(gold: Sequence[Any], pred: Sequence[Any]) -> None:
    if len(gold) != len(pred):
        raise XnerError(
            f"{len(gold)} gold sentences but {len(pred)} predicted ones: expected one prediction "
            "for each gold sentence, in the same order."
        )


def _check_lengths(gold: Sequence[Sequence[str]], pred: Sequence[Sequence[str]]) -> None:
    _check_sentences(gold, pred)
    for i, (true, found) in enumerate(zip(gold, pred, strict=True)):
        if len(true) != len(found):
            raise XnerError(
                f"Sentence {i} has {len(true)} gold tags but {len(found)} predicted ones: expected "
                "a tag for each token. Predict on the gold tokens (predict_tags)."
            )
