"""From matched entities to probabilities: what a projection says, and where it is silent."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ..errors import XnerError
from .aligners import Alignment
from .matching import Match, Span

__all__ = ["Confidence", "confidence_of", "project"]


@dataclass(frozen=True)
class Confidence:
    """From when on a projection is believed; what is below says nothing of the words concerned.

    pair (float): Least `Alignment.quality` of a pair; below, it is taken for no translation.
    span (float): Least confidence of a projected entity, see `confidence_of`.
    link (float): Least score of a link; weaker ones carry neither entities nor `O` over.
    outside (float): Least probability of `O` of the source words that a target word is linked to.
    RAISES: XnerError: One is not from 0 to 1.
    """

    pair: float = 0.2
    span: float = 0.5
    link: float = 0.1
    outside: float = 0.9

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value <= 1:
                raise XnerError(
                    f"The least confidence of a {name} is {value}; expected a number from 0 to 1 "
                    "(--min-pair, --min-span)."
                )


def confidence_of(match: Match, entity: Span, alignment: Alignment) -> float:
    """Tell how sure it is that an entity stands where it was matched.

    match (Match): Where.
    entity (Span): The entity in the source.
    alignment (Alignment): Links of the pair and their scores.
    RETURNS (float): Score of the match, at most 1, times the square root of the mean score of its
        links (a match without, which a marker gave, has its own score alone), times the ratio of
        the lengths where they are more than a word apart; 0 to 1.
    """
    source, target = alignment.links.T
    inside = (source >= entity[0]) & (source < entity[1])
    inside &= (target >= match.start) & (target < match.end)
    links = float(np.sqrt(alignment.scores[inside].mean())) if inside.any() else 1.0
    shorter, longer = sorted([entity[1] - entity[0], match.end - match.start])
    # Five words that share one translation have a perfect score by their many links to it.
    return min(1.0, match.score) * links * min(1.0, (1 + shorter) / longer)


def project(
    probs: np.ndarray,
    entities: Sequence[Span],
    alignment: Alignment,
    matches: Sequence[Match],
    n_target: int,
    limits: Confidence = Confidence(),
) -> np.ndarray:
    """Carry what a tagger says of a sentence over to its translation.

    A projected entity has the types that its source words have on the mean, times the confidence of
    the projection; the rest is `O`. A word outside of them that is linked to source words which are
    surely `O` has their mean. Of all others nothing is said.

    probs (np.ndarray): Probability of each IOB2 tag, source words x tags.
    entities (Sequence[Span]): The entities in them.
    alignment (Alignment): Links of the pair.
    matches (Sequence[Match]): Where the entities stand in the target, without overlap.
    n_target (int): Target words.
    limits (Confidence): What is believed.
    RETURNS (np.ndarray): float32, target words x tags; rows sum to 1 or are zeros.
    """
    rows = np.zeros((n_target, probs.shape[1]), dtype=np.float32)
    if alignment.quality(len(probs), n_target) < limits.pair:
        return rows
    _outside(rows, probs, alignment, limits)
    for match in matches:
        rows[match.start : match.end] = 0.0
        start, end = entities[match.entity]
        sure = confidence_of(match, (start, end), alignment)
        if sure < limits.span:
            continue
        types = sure * (probs[start:end, 1::2] + probs[start:end, 2::2]).mean(axis=0)
        rows[match.start, 1::2] = types
        rows[match.start + 1 : match.end, 2::2] = types
        rows[match.start : match.end, 0] = 1.0 - types.sum()
    return rows


def _outside(rows: np.ndarray, probs: np.ndarray, alignment: Alignment, limits: Confidence) -> None:
    believed = alignment.scores >= limits.link
    source, target = alignment.links[believed].T
    scores = alignment.scores[believed]
    np.add.at(rows, target, probs[source] * scores[:, None])
    total = np.zeros(len(rows), dtype=np.float32)
    np.add.at(total, target, scores)
    rows /= np.maximum(total, 1e-9)[:, None]
    rows[rows[:, 0] < limits.outside] = 0.0
