"""Token probabilities from the beam of spaCy's `ner`."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import numpy as np
from spacy.pipeline import EntityRecognizer
from spacy.pipeline._parser_internals._beam_utils import BeamBatch
from spacy.tokens import Doc
from thinc.types import Floats2d

from ..tags import TagSet

__all__ = ["beam_probabilities"]

Parses = list[tuple[float, list[tuple[int, int, str]]]]
# A beam forgets: its parses of a long text differ in the last few tokens only, and each step copies
# all entities so far. So a text is parsed in stretches of about this many tokens.
_STRETCH = 16


def beam_probabilities(
    ner: EntityRecognizer, docs: Sequence[Doc], tagset: TagSet, *, width: int, density: float
) -> list[Floats2d]:
    """Sum the weights of the beam's parses for each tag (`EntityRecognizer.scored_ents`, by token).

    ner (EntityRecognizer): Has been trained.
    docs (Sequence[Doc]): Documents that the pipes before it have seen; their entities stay.
    tagset (TagSet): The tags.
    width (int): Parses in the beam at most.
    density (float): Parses whose weight is less than this share of the best one's are dropped.
    RETURNS (List[Floats2d]): One float32 array a document, tokens x tags, rows summing to 1.
    """
    full = [doc for doc in docs if len(doc)]
    bounds = _cut(ner, full)
    stretches = [
        doc[start:end].as_doc() if len(cuts) > 2 else doc
        for doc, cuts in zip(full, bounds, strict=True)
        for start, end in pairwise(cuts)
    ]
    beams = iter(_parse(ner, full, stretches, width, density))
    rows = iter(
        np.concatenate(
            [_marginals(next(beams), end - start, tagset) for start, end in pairwise(cuts)]
        )
        for cuts in bounds
    )
    nothing = np.zeros((0, len(tagset)), dtype="float32")
    return [cast(Floats2d, next(rows) if len(doc) else nothing) for doc in docs]


def _parse(
    ner: EntityRecognizer, docs: list[Doc], stretches: list[Doc], width: int, density: float
) -> list[Parses]:
    """Parse as `EntityRecognizer.beam_parse` does, but stretch by stretch.

    A state finds its tokens' vectors by its offset in the batch, and stretches follow each other as
    the documents do; so the vectors are those of the whole documents.
    """
    if not docs:
        return []
    ner._ensure_labels_are_added(docs)
    batch = BeamBatch(ner.moves, ner.moves.init_batch(stretches), None, width, density=density)
    model = ner.model.predict(docs)
    while not batch.is_done:
        states = batch.get_unfinished_states()
        if not states:
            break
        batch.advance(model.predict(states))
    model.clear_memory()
    return [ner.moves.get_beam_parses(beam) for beam in batch]


def _marginals(parses: Parses, n_tokens: int, tagset: TagSet) -> np.ndarray:
    rows = np.zeros((n_tokens, len(tagset)), dtype="float64")
    total = sum(weight for weight, _ in parses)
    for weight, entities in parses:
        for start, end, label in entities:
            begin = tagset.index(f"B-{label}")
            rows[start, begin] += weight / total
            rows[start + 1 : end, begin + 1] += weight / total
    rows[:, 0] = np.maximum(0.0, 1.0 - rows.sum(axis=1))
    return (rows / rows.sum(axis=1, keepdims=True)).astype("float32")


def _cut(ner: EntityRecognizer, docs: list[Doc]) -> list[list[int]]:
    """Give the bounds of each document's stretches, if possible between tokens outside entities."""
    bounds = [[0, len(doc)] for doc in docs]
    long = [i for i, doc in enumerate(docs) if len(doc) > _STRETCH]
    if not long:
        return bounds
    states = ner.greedy_parse([docs[i] for i in long])
    for i, state in zip(long, states, strict=True):
        outside = _outside(ner, docs[i], state)
        cuts = [0]
        while len(outside) - cuts[-1] > _STRETCH:
            start, end = cuts[-1] + 1, cuts[-1] + _STRETCH + 1
            free = np.flatnonzero(outside[start - 1 : end - 1] & outside[start:end])
            cuts.append(start + int(free[-1]) if len(free) else end - 1)
        bounds[i] = [*cuts, len(outside)]
    return bounds


def _outside(ner: EntityRecognizer, doc: Doc, state: Any) -> np.ndarray:
    bare = Doc(doc.vocab, words=[token.text for token in doc])
    ner.moves.set_annotations(state, bare)
    return np.array([not token.ent_type for token in bare])
