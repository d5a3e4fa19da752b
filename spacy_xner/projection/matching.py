"""Which words of the target an entity of the source is: by heuristic, greedily, or exactly.

A candidate is a span of the target; the score of an entity and a candidate is twice the number of
links between them over the sum of their lengths. The formulation, and the heuristic that it is set
beside, are those of Politov et al. (2025, arXiv 2501.18750).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import XnerError
from .extras import optimize

__all__ = ["MATCHERS", "Match", "Matcher", "Span", "get_matcher", "match_exact", "match_greedy"]

MOST_OPTIONS = 5_000

Span = tuple[int, int]


@dataclass(frozen=True)
class Match:
    """An entity and where it stands in the target.

    entity (int): Which of the source entities.
    start (int): First target word.
    end (int): Word after the last.
    score (float): See the module; over 1 where words have several links.
    """

    entity: int
    start: int
    end: int
    score: float


Matcher = Callable[[np.ndarray, Sequence[Span], int, Sequence[Span] | None], list[Match]]
"""Links (n x 2), source entities, target words, candidates or None for any span -> matches."""


def match_heuristic(
    links: np.ndarray,
    entities: Sequence[Span],
    n_target: int,
    candidates: Sequence[Span] | None = None,
    *,
    gap: int = 1,
    ratio: float = 0.8,
) -> list[Match]:
    """Take the runs of words that an entity is linked to.

    links (np.ndarray): Links x 2: source word, target word.
    entities (Sequence[Span]): Source entities.
    n_target (int): Target words.
    candidates (Sequence[Span] | None): Not used; runs of linked words are the candidates.
    gap (int): Runs that no more words part are one.
    ratio (float): Least length of a run beside that of its entity; shorter runs are chance.
    RETURNS (list[Match]): One or more for an entity, without overlap: an earlier entity keeps a
        word that a later one has too.
    """
    taken = np.zeros(n_target, dtype=bool)
    matches = []
    for number, (start, end) in enumerate(entities):
        counts = _counts(links, (start, end), n_target)
        linked = np.flatnonzero(counts)
        runs = np.split(linked, np.flatnonzero(np.diff(linked) > gap + 1) + 1)
        for run in runs if len(linked) else []:
            first, last = int(run[0]), int(run[-1]) + 1
            if (last - first) / (end - start) > ratio and not taken[first:last].any():
                taken[first:last] = True
                score = 2 * counts[first:last].sum() / (end - start + last - first)
                matches.append(Match(number, first, last, float(score)))
    return matches


def match_greedy(
    links: np.ndarray,
    entities: Sequence[Span],
    n_target: int,
    candidates: Sequence[Span] | None = None,
) -> list[Match]:
    """Take the best pair of entity and candidate, then the best of those that still can be.

    links (np.ndarray): Links x 2: source word, target word.
    entities (Sequence[Span]): Source entities.
    n_target (int): Target words.
    candidates (Sequence[Span] | None): Spans to choose from; None for every span.
    RETURNS (list[Match]): At most one an entity, without overlap, in the order of the entities.
    """
    chosen: list[Match] = []
    for option in sorted(_options(links, entities, n_target, candidates), key=lambda o: -o.score):
        if all(one.entity != option.entity and _apart(one, option) for one in chosen):
            chosen.append(option)
    return sorted(chosen, key=lambda match: match.entity)


def match_exact(
    links: np.ndarray,
    entities: Sequence[Span],
    n_target: int,
    candidates: Sequence[Span] | None = None,
) -> list[Match]:
    """Maximise the sum of scores, at most one candidate an entity and no word in two of them.

    An integer program (`scipy.optimize.milp`); where the best candidates of all entities go
    together, as in most sentences, they are the optimum and nothing is solved. More than 5,000
    pairs of entity and candidate, which no sentence has, are matched greedily.

    links (np.ndarray): Links x 2: source word, target word.
    entities (Sequence[Span]): Source entities.
    n_target (int): Target words.
    candidates (Sequence[Span] | None): Spans to choose from; None for every span.
    RETURNS (list[Match]): At most one an entity, without overlap, in the order of the entities.
    """
    options = _options(links, entities, n_target, candidates)
    best: dict[int, Match] = {}
    for option in options:
        if option.entity not in best or option.score > best[option.entity].score:
            best[option.entity] = option
    chosen = list(best.values())
    in_order = sorted(chosen, key=lambda match: match.start)
    if any(one.end > other.start for one, other in pairwise(in_order)):
        if len(options) > MOST_OPTIONS:
            return match_greedy(links, entities, n_target, candidates)
        chosen = _solve(options, len(entities), n_target)
    return sorted(chosen, key=lambda match: match.entity)


def _solve(options: Sequence[Match], n_entities: int, n_target: int) -> list[Match]:
    solver = optimize()
    rows, columns = [], []
    for number, option in enumerate(options):
        uses = [option.entity, *(n_entities + word for word in range(option.start, option.end))]
        rows += uses
        columns += [number] * len(uses)
    at_most_once = np.zeros((n_entities + n_target, len(options)))
    at_most_once[rows, columns] = 1
    result = solver.milp(
        [-option.score for option in options],
        integrality=np.ones(len(options)),
        bounds=solver.Bounds(0, 1),
        constraints=solver.LinearConstraint(at_most_once, ub=1),
    )
    if result.x is None:
        raise XnerError(f"The matching of {n_entities} entities was not solved: {result.message}.")
    return [option for option, taken in zip(options, result.x, strict=True) if taken > 0.5]


def _options(
    links: np.ndarray, entities: Sequence[Span], n_target: int, candidates: Sequence[Span] | None
) -> list[Match]:
    """Give the pairs of entity and candidate that share a link.

    Of all spans only those that begin and end at a linked word: without its unlinked edge a span
    scores higher and blocks fewer others.
    """
    options = []
    for number, (start, end) in enumerate(entities):
        counts = _counts(links, (start, end), n_target)
        total = np.concatenate([[0], np.cumsum(counts)])
        if candidates is None:
            linked = np.flatnonzero(counts).tolist()
            spans: Sequence[Span] = [(i, j + 1) for i in linked for j in linked if i <= j]
        else:
            spans = candidates
        for first, last in spans:
            n_links = int(total[last] - total[first])
            if n_links:
                score = 2 * n_links / (end - start + last - first)
                options.append(Match(number, first, last, score))
    return options


def _counts(links: np.ndarray, entity: Span, n_target: int) -> np.ndarray:
    """Number of links from an entity to each target word."""
    inside = (links[:, 0] >= entity[0]) & (links[:, 0] < entity[1])
    return np.bincount(links[inside, 1], minlength=n_target)


def _apart(one: Match, other: Match) -> bool:
    return one.end <= other.start or other.end <= one.start


MATCHERS: dict[str, Matcher] = {
    "heuristic": match_heuristic,
    "greedy": match_greedy,
    "exact": match_exact,
}


def get_matcher(name: str) -> Matcher:
    """Look a matcher up.

    name (str): "heuristic", "greedy" or "exact".
    RETURNS (Matcher): The function.
    RAISES: XnerError: There is none of that name.
    """
    if name not in MATCHERS:
        raise XnerError(f"There is no matcher {name!r}; expected one of {', '.join(MATCHERS)}.")
    return MATCHERS[name]
