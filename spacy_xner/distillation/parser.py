"""Token probabilities as the target of spaCy's transition-based `ner`.

A step of the parser consumes one token, so that the target of a state is the teacher's BILUO
distribution at the state's next token. The student follows its own predictions (as spaCy's dynamic
oracle does), so that it learns from the states that it will meet, and where those differ from what
the teacher reads, the target is what the oracle would say, in expectation over the teacher's tags:
outside an entity, all that is no beginning is `O`; inside one, readings in which no such entity is
open have nothing to say, so that the state weighs as much as the teacher holds it possible. What a
row of the target sums to is the weight of its token; 0 leaves it unsupervised.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from spacy.attrs import IS_SPACE, SENT_START
from spacy.pipeline import EntityRecognizer
from spacy.tokens import Doc
from thinc.api import Optimizer, set_dropout_rate

from ..errors import XnerError
from ..tags import TagSet, biluo_probabilities
from .targets import soften

__all__ = ["soft_targets", "update_ner"]

_B, _I, _L, _U = range(4)


def soft_targets(
    probabilities: np.ndarray,
    tagset: TagSet,
    *,
    temperature: float = 1.0,
    alpha: float = 0.0,
    entity_weight: float = 1.0,
) -> np.ndarray:
    """Turn a document's IOB2 probabilities into the BILUO distribution that a student learns.

    probabilities (np.ndarray): Tokens x IOB2 tags.
    tagset (TagSet): Names of the columns.
    temperature (float): See `targets.soften`.
    alpha (float): See `targets.soften`.
    entity_weight (float): Factor of all columns but `O` (cost-sensitive learning; the threshold
        that is best for F1 lies under one half, Lipton et al. 2014).
    RETURNS (np.ndarray): Tokens x (1 + 4 * types); rows sum to 1 where `entity_weight` is 1.
    """
    soft = soften(probabilities, temperature=temperature, alpha=alpha)
    biluo = biluo_probabilities(soft, tagset)
    biluo[:, 1:] *= entity_weight
    return biluo


class _Moves:
    """Which column of a BILUO target each move stands for, and which moves a state allows.

    Follows `is_valid` of spaCy's `BiluoPushDown` for documents without preset entities: an open
    entity goes on (I) or ends (L) with its own type, and only ends at the last token of the
    document or of a sentence that is known; no entity begins on white space.
    """

    def __init__(self, ner: EntityRecognizer, tagset: TagSet) -> None:
        moves = ner.moves
        names = [moves.get_class_name(i) for i in range(moves.n_moves)]
        missing = [t for t in tagset.types if f"B-{t}" not in names]
        if missing:
            raise XnerError(
                f"The student knows no label {', '.join(missing)} that its teacher gives. "
                "Initialise it from the teacher's soft labels, or map the teacher's labels."
            )
        self.out = names.index("O")
        self.column = np.array([_column(name, tagset) for name in names])
        self.kind = np.where(self.column > 0, (self.column - 1) % 4, -1)
        self.entity = np.where(self.column > 0, (self.column - 1) // 4 + 1, 0)
        known = self.column >= 0
        out = self.column == 0
        n = len(tagset.types) + 1
        # allowed[open entity type or 0, is last of document or sentence, is white space] -> moves
        self.allowed = np.zeros((n, 2, 2, len(names)), dtype=bool)
        for last in (0, 1):
            for space in (0, 1):
                starts = (self.kind == _U) | ((self.kind == _B) & (not last))
                self.allowed[0, last, space] = known & (out | (starts & (not space)))
                for label in range(1, n):
                    goes_on = (self.kind == _L) | ((self.kind == _I) & (not last))
                    self.allowed[label, last, space] = goes_on & (self.entity == label)

    def open_after(self, chosen: np.ndarray) -> np.ndarray:
        """Give the type that is open after each chosen move."""
        kind = self.kind[chosen]
        stays = (kind == _B) | (kind == _I)
        return np.where(stays, self.entity[chosen], 0)


def _column(name: str, tagset: TagSet) -> int:
    """Column of a move in a BILUO target; -1 for moves that are no tag (missing, blocked)."""
    if name == "O":
        return 0
    kind, _, label = name.partition("-")
    if label not in tagset.types or kind not in "BILU":
        return -1
    return 1 + 4 * tagset.types.index(label) + "BILU".index(kind)


@dataclass
class _Batch:
    """Documents, the longest first, and the tokens of all of them one after the other.

    docs (List[Doc]): The documents.
    lengths (np.ndarray): Their tokens.
    first (np.ndarray): Row of the first token of each.
    last (np.ndarray): 1 for the last token of a document or sentence, else 0; one a token.
    space (np.ndarray): 1 for white space, else 0.
    target (np.ndarray): What the target gives to each move, tokens x moves.
    total (np.ndarray): Weight of each token.
    """

    docs: list[Doc]
    lengths: np.ndarray
    first: np.ndarray
    last: np.ndarray
    space: np.ndarray
    target: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, docs: Sequence[Doc], targets: Sequence[np.ndarray], moves: _Moves) -> "_Batch":
        order = sorted(range(len(docs)), key=lambda i: -len(docs[i]))
        docs = [docs[i] for i in order]
        lengths = np.array([len(doc) for doc in docs])
        ends = zip(*map(_last_and_space, docs), strict=True)
        last, space = (np.concatenate(rows) for rows in ends)
        biluo = _end_with_sentence(np.concatenate([targets[i] for i in order]), last == 1)
        target, total = biluo[:, np.maximum(moves.column, 0)], biluo.sum(axis=1)
        return cls(docs, lengths, np.cumsum(lengths) - lengths, last, space, target, total)


def update_ner(
    ner: EntityRecognizer,
    docs: Sequence[Doc],
    targets: Sequence[np.ndarray],
    tagset: TagSet,
    *,
    drop: float = 0.0,
    sgd: Optimizer | None = None,
) -> float:
    """Move a student's parser towards its teacher's distribution over one batch.

    As in `nlp.update`, the gradient is the sum over states, not their mean.

    ner (EntityRecognizer): spaCy's own `ner`.
    docs (Sequence[Doc]): The student's documents, without entities; none empty.
    targets (Sequence[np.ndarray]): BILUO distribution of each, tokens x (1 + 4 * types).
    tagset (TagSet): Types behind the columns.
    drop (float): Dropout rate.
    sgd (Optional[Optimizer]): Updates the weights if given.
    RETURNS (float): Cross-entropy summed over the states.
    """
    moves = _Moves(ner, tagset)
    batch = _Batch.of(docs, targets, moves)
    set_dropout_rate(ner.model, drop)
    states = ner.moves.init_batch(batch.docs)
    step_model, finish = ner.model.begin_update(batch.docs)
    opened = np.zeros(len(docs), dtype=np.int64)
    loss = 0.0
    for t in range(int(batch.lengths[0])):
        n = int(np.searchsorted(-batch.lengths, -t, side="left"))
        rows = batch.first[:n] + t
        allowed = moves.allowed[opened[:n], batch.last[rows], batch.space[rows]]
        scores, backprop = step_model.begin_update(states[:n])
        predicted = _softmax(scores, allowed)
        wanted = batch.target[rows] * allowed
        outside = np.flatnonzero(opened[:n] == 0)
        wanted[outside, moves.out] += batch.total[rows][outside] - wanted[outside].sum(axis=1)
        weight = wanted.sum(axis=1, keepdims=True)
        loss -= float((wanted * np.log(predicted + 1e-9)).sum())
        backprop((weight * predicted - wanted).astype(np.float32))
        # Labels that only the student has are no way to go: the teacher could not say how.
        followed = np.where(allowed, scores, -np.inf).astype(np.float32)
        ner.transition_states(states[:n], followed)
        opened[:n] = moves.open_after(followed.argmax(axis=1))
    finish(batch.docs)
    if sgd is not None:
        ner.finish_update(sgd)
    step_model.clear_memory()
    return loss


def _last_and_space(doc: Doc) -> tuple[np.ndarray, np.ndarray]:
    array = doc.to_array([SENT_START, IS_SPACE])
    last = np.append(array[1:, 0] == 1, True)
    return last.astype(np.int8), array[:, 1].astype(np.int8)


def _end_with_sentence(biluo: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Let what would go on behind the last token of a sentence end there: B as U, I as L."""
    ends = biluo[last]
    for goes_on, stops in ((_B, _U), (_I, _L)):
        ends[:, 1 + stops :: 4] += ends[:, 1 + goes_on :: 4]
        ends[:, 1 + goes_on :: 4] = 0
    biluo[last] = ends
    return biluo


def _softmax(scores: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    masked = np.where(allowed, scores, -np.inf)
    exponents = np.exp(masked - masked.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)
