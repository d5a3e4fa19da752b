"""How far a teacher's gates are open: what it looks at beside the text, in all and word by word."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from spacy.tokens import Doc
from thinc.types import Floats2d

from ..analysis.explanations import Span
from ..corpora.origin import lang_of

__all__ = ["GateExample", "Gated", "Gates", "in_turn", "read_gates"]

Floats = npt.NDArray[np.float64]


@runtime_checkable
class Gated(Protocol):
    """A source with views, such as `teacher.sources.PipelineSource` of a multimodal teacher."""

    views: tuple[str, ...]

    def gates(self, docs: Sequence[Doc]) -> list[Floats2d]:
        """Give one array a document, tokens x views, 0 to 1; 0 where a view says nothing."""
        ...


@dataclass(frozen=True)
class GateExample:
    """The gates in one sentence.

    words (tuple[str, ...]): Its words.
    found (tuple[Span, ...]): Names that the teacher finds.
    openness (Floats): Words x views, 0 to 1.
    lang (str | None): What was said of its language.
    """

    words: tuple[str, ...]
    found: tuple[Span, ...]
    openness: Floats
    lang: str | None = None


@dataclass(frozen=True)
class Gates:
    """The gates over many sentences.

    views (tuple[str, ...]): What the teacher sees beside the text.
    spoken (Floats): By view, the share of words of which it says anything, 0 to 1.
    names (Floats): By view, mean openness over words of gold names of which it says anything; NaN
        without such words.
    others (Floats): The same over all other words.
    examples (tuple[GateExample, ...]): Sentences in which the teacher finds a name.
    """

    views: tuple[str, ...]
    spoken: Floats
    names: Floats
    others: Floats
    examples: tuple[GateExample, ...]


def read_gates(
    source: object,
    docs: Sequence[Doc],
    gold: Sequence[Sequence[Span]],
    found: Sequence[Sequence[Span]],
    *,
    examples: int = 3,
) -> Gates | None:
    """Read the gates of a teacher.

    source (object): The model.
    docs (Sequence[Doc]): Documents.
    gold (Sequence[Sequence[Span]]): Names that stand there.
    found (Sequence[Sequence[Span]]): Names that the teacher finds.
    examples (int): Sentences of 4 to 25 words that are kept.
    RETURNS (Gates | None): The gates; None of a model without views.
    """
    if not isinstance(source, Gated) or not source.views:
        return None
    each = [np.asarray(rows, dtype=np.float64) for rows in source.gates(docs)]
    rows = np.concatenate(each)
    names = [_inside(len(doc), spans) for doc, spans in zip(docs, gold, strict=True)]
    inside = np.concatenate(names)
    fit = [i for i, doc in enumerate(docs) if found[i] and 4 <= len(doc) <= 25]
    return Gates(
        source.views,
        (rows > 0).mean(axis=0),
        _mean_of_open(rows[inside]),
        _mean_of_open(rows[~inside]),
        tuple(
            GateExample(tuple(t.text for t in docs[i]), tuple(found[i]), each[i], lang_of(docs[i]))
            for i in in_turn(fit, [lang_of(docs[i]) for i in fit])[:examples]
        ),
    )


def in_turn(items: Sequence[int], groups: Sequence[str | None]) -> list[int]:
    """Order items so that the first of each group come first, then the second, and so on.

    items (Sequence[int]): The items.
    groups (Sequence[str | None]): The group of each, such as its language.
    RETURNS (list[int]): The same items.
    """
    seen: Counter[str | None] = Counter()
    places = []
    for group in groups:
        places.append(seen[group])
        seen[group] += 1
    return [item for _, item in sorted(zip(places, items, strict=True), key=lambda each: each[0])]


def _inside(n: int, spans: Sequence[Span]) -> npt.NDArray[np.bool_]:
    inside = np.zeros(n, dtype=bool)
    for start, end, _ in spans:
        inside[start:end] = True
    return inside


def _mean_of_open(rows: Floats) -> Floats:
    """Means of the columns over what is above 0, which a gate is wherever its view speaks."""
    n = (rows > 0).sum(axis=0)
    return np.where(n > 0, rows.sum(axis=0) / np.maximum(n, 1), np.nan)
