"""Tags and their probabilities: the schemes, constrained decoding, BILUO, other tokenisations.

Inside the package tags are IOB2 and a probability row follows `TagSet.tags`: column 0 is `O`, then
`B-X` and `I-X` of each type in sorted order. Hence B is column `1 + 2k`, I is column `2 + 2k`.
A row of zeros says nothing of its token, which is not the same as calling it `O`.
"""

import numpy as np

from .schemes import (
    TagError,
    TagSet,
    detect_scheme,
    iob2_from_spans,
    iob2_to_biluo,
    spans_from_iob2,
    to_iob2,
)

__all__ = [
    "TagError",
    "TagSet",
    "align_probabilities",
    "biluo_probabilities",
    "decode",
    "detect_scheme",
    "iob2_from_spans",
    "iob2_to_biluo",
    "spans_from_iob2",
    "to_iob2",
    "unsaid",
]


def unsaid(probs: np.ndarray) -> np.ndarray:
    """Tell of which tokens nothing is said: their rows are zeros.

    probs (np.ndarray): Probability of each tag, tokens x tags (or teachers x tokens x tags).
    RETURNS (np.ndarray): bool, one a row.
    """
    return np.logical_not(np.asarray(probs).any(axis=-1))


def decode(probs: np.ndarray, tagset: TagSet) -> list[str]:
    """Find the most probable sequence of tags that is valid IOB2 (Viterbi, 1967).

    probs (np.ndarray): Probability of each tag, tokens x tags.
    tagset (TagSet): Names of the columns.
    RETURNS (list[str]): One tag a token; an I-X stands only after B-X or I-X.
    """
    if not len(probs):
        return []
    best = np.asarray(probs).argmax(axis=1)
    # A valid sequence of the best tags is the optimum of any constrained search.
    path = best if _is_valid(best) else _viterbi(np.asarray(probs, dtype="float64"))
    return [tagset.tags[column] for column in path.tolist()]


def _is_valid(columns: np.ndarray) -> bool:
    before = np.concatenate([[0], columns[:-1]])
    inside = (columns > 0) & (columns % 2 == 0)
    return bool(np.all(~inside | (before == columns) | (before == columns - 1)))


def _viterbi(probs: np.ndarray) -> np.ndarray:
    scores = np.log(np.maximum(probs, np.finfo("float64").tiny))
    n, n_tags = scores.shape
    begin, inside = np.arange(1, n_tags, 2), np.arange(2, n_tags, 2)
    pointers = np.zeros((n, n_tags), dtype="int64")
    total = scores[0].copy()
    total[inside] = -np.inf
    for i in range(1, n):
        pointers[i] = total.argmax()
        stays = total[inside] >= total[begin]
        pointers[i, inside] = np.where(stays, inside, begin)
        total = total[pointers[i]] + scores[i]
    path = np.zeros(n, dtype="int64")
    path[-1] = total.argmax()
    for i in range(n - 1, 0, -1):
        path[i - 1] = pointers[i, path[i]]
    return path


def biluo_probabilities(probs: np.ndarray, tagset: TagSet) -> np.ndarray:
    """Turn probabilities of IOB2 tags into probabilities of BILUO tags, by the next token.

    With p(I next) the probability that the next token continues the type (0 after the last):
    B = p(B)p(I next), I = p(I)p(I next), L = p(I)(1-p(I next)), U = p(B)(1-p(I next)).

    probs (np.ndarray): Probability of each IOB2 tag, tokens x tags.
    tagset (TagSet): Names of the columns.
    RETURNS (np.ndarray): float32, tokens x (1 + 4 * types): O, then B, I, L, U of each type in the
        order of `tagset.types`. Rows sum to 1; rows of zeros stay zeros.
    """
    iob2 = np.asarray(probs, dtype="float32")
    iob2 = iob2 / np.where(unsaid(iob2)[:, None], 1.0, iob2.sum(axis=1, keepdims=True))
    begin, inside = iob2[:, 1::2], iob2[:, 2::2]
    goes_on = np.zeros_like(inside)
    goes_on[:-1] = inside[1:]
    biluo = np.empty((len(iob2), 1 + 4 * len(tagset.types)), dtype="float32")
    biluo[:, 0] = iob2[:, 0]
    biluo[:, 1::4] = begin * goes_on
    biluo[:, 2::4] = inside * goes_on
    biluo[:, 3::4] = inside * (1 - goes_on)
    biluo[:, 4::4] = begin * (1 - goes_on)
    return biluo


def align_probabilities(
    src_starts: np.ndarray,
    src_ends: np.ndarray,
    probs: np.ndarray,
    tgt_starts: np.ndarray,
    tgt_ends: np.ndarray,
    tagset: TagSet,
) -> np.ndarray:
    """Carry probabilities from one tokenisation of a text to another.

    Merge (several sources under one target): the mass of a type is the mean of p(B)+p(I) over the
    sources, weighted by overlapped characters; I gets of it p(I) of the first source divided by
    the largest p(B)+p(I) among the sources, B the rest. (For "Lagos" + "," that is the share of
    the first source; in "(" + "Lagos", whose first source is of no type, the entity begins.)
    Split (several targets over one source): B stays on the first, on the others it becomes I.
    A target that overlaps nothing is O. Sources of which nothing is said do not count; where they
    are more than half of a target's overlapped characters, nothing is said of it either.

    src_starts (np.ndarray): First character of each source token; sorted, without overlap.
    src_ends (np.ndarray): Character after the last of each source token.
    probs (np.ndarray): Probability of each IOB2 tag, source tokens x tags.
    tgt_starts (np.ndarray): First character of each target token; sorted, without overlap.
    tgt_ends (np.ndarray): Character after the last of each target token.
    tagset (TagSet): Names of the columns.
    RETURNS (np.ndarray): float32, target tokens x tags. Rows sum to 1, or are zeros, if those of
        `probs` are.
    """
    if np.array_equal(src_starts, tgt_starts) and np.array_equal(src_ends, tgt_ends):
        return np.array(probs, dtype="float32")
    source = np.asarray(probs, dtype="float64")
    aligned = np.zeros((len(tgt_starts), len(tagset)), dtype="float32")
    aligned[:, 0] = 1.0
    covered, first, count = _overlaps(src_starts, src_ends, tgt_starts, tgt_ends)
    if not len(covered):
        return aligned
    groups = np.cumsum(count) - count
    pairs = np.arange(count.sum()) - np.repeat(groups - first, count)
    target = np.repeat(covered, count)
    overlap = np.minimum(np.asarray(src_ends)[pairs], np.asarray(tgt_ends)[target])
    overlap = overlap - np.maximum(np.asarray(src_starts)[pairs], np.asarray(tgt_starts)[target])
    weight = overlap / np.repeat(np.add.reduceat(overlap, groups), count)
    silent = unsaid(source)
    said = np.ones(len(covered))
    if silent.any():
        weight = weight * ~silent[pairs]
        said = np.add.reduceat(weight, groups)
        weight /= np.repeat(np.maximum(said, 1e-9), count)

    of_type = source[:, 1::2] + source[:, 2::2]
    mass = np.add.reduceat(of_type[pairs] * weight[:, None], groups)
    surest = np.maximum.reduceat(of_type[pairs], groups)
    # The last source of one target and the first of the next are one token: the target splits it.
    continued = np.concatenate([[False], first[1:] == (first + count - 1)[:-1]])
    goes_on = np.where(continued[:, None], of_type[first], source[first, 2::2])
    share = np.divide(goes_on, surest, out=np.zeros_like(mass), where=surest > 0)
    aligned[covered, 0] = np.add.reduceat(source[pairs, 0] * weight, groups)
    aligned[covered, 1::2] = mass * (1.0 - share)
    aligned[covered, 2::2] = mass * share
    aligned[covered[said < 0.5]] = 0.0
    return aligned


def _overlaps(
    src_starts: np.ndarray, src_ends: np.ndarray, tgt_starts: np.ndarray, tgt_ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which targets overlap a source; for each of these its first source and how many it has."""
    first = np.searchsorted(np.asarray(src_ends), np.asarray(tgt_starts), side="right")
    after = np.searchsorted(np.asarray(src_starts), np.asarray(tgt_ends), side="left")
    covered = np.flatnonzero(after > first)
    return covered, first[covered], (after - first)[covered]
