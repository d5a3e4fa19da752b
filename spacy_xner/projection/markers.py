"""Entities carried through a translation by brackets (EasyProject, Chen et al. 2023)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from .extras import optimize
from .matching import Span
from .translation import Translator

__all__ = ["MarkedTranslation", "read_marked", "translate_marked", "write_marked"]

_LEAST_LIKENESS = 0.5
_BRACKETS = str.maketrans("[]", "()")


@dataclass(frozen=True)
class MarkedTranslation:
    """A translation, and where the entities stand in it.

    text (str): Without markers.
    spans (Sequence[tuple[int, int, int]]): First character, character after the last, number of
        the entity; in text order. Entities whose markers were lost are not there.
    """

    text: str
    spans: Sequence[tuple[int, int, int]]


def write_marked(text: str, entities: Sequence[Span]) -> str:
    """Put brackets around the entities of a text.

    text (str): The text; brackets of its own become round.
    entities (Sequence[Span]): First character and character after the last of each, in order.
    RETURNS (str): The text with "[" and "]" around them.
    """
    text = text.translate(_BRACKETS)
    parts, at = [], 0
    for start, end in entities:
        parts += [text[at:start], "[", text[start:end], "]"]
        at = end
    return "".join([*parts, text[at:]])


def read_marked(text: str) -> tuple[str, list[Span]]:
    """Take the brackets out of a translation.

    text (str): A text with brackets; one that is never closed, or closes nothing, is dropped.
    RETURNS (tuple[str, list[Span]]): The text without brackets, white space single, and first
        character and character after the last of what stood in each pair.
    """
    plain, spans = "", []
    opened: int | None = None
    for piece in re.split(r"([\[\]])", text):
        if piece == "[":
            opened = len(plain)
        elif piece == "]":
            if opened is not None:
                spans.append((opened, len(plain)))
            opened = None
        else:
            words = re.sub(r"\s+", " ", piece)
            plain += words.lstrip(" ") if not plain or plain.endswith(" ") else words
    trimmed = [_trim(plain, *span) for span in spans]
    return plain.rstrip(" "), [span for span in trimmed if span[0] < span[1]]


def _trim(text: str, start: int, end: int) -> Span:
    inside = text[start:end]
    return end - len(inside.lstrip(" ")), start + len(inside.rstrip(" "))


def translate_marked(
    translator: Translator, texts: Sequence[str], entities: Sequence[Sequence[Span]]
) -> list[MarkedTranslation]:
    """Translate texts and find their entities in the translations.

    Which bracket is which entity tells the likeness to the entity's translation alone, as word
    order changes; where there is one entity and one bracket nothing needs to be compared.

    translator (Translator): Translates.
    texts (Sequence[str]): The texts.
    entities (Sequence[Sequence[Span]]): Characters of the entities of each.
    RETURNS (list[MarkedTranslation]): One a text.
    """
    marked = [write_marked(*one) for one in zip(texts, entities, strict=True)]
    found = [read_marked(text) for text in translator.translate(marked)]
    alone = [
        [text[start:end] for start, end in spans] if len(spans) > 1 or len(given) > 1 else []
        for text, spans, (_, given) in zip(texts, entities, found, strict=True)
    ]
    flat = iter(translator.translate([name for names in alone for name in names]))
    result = []
    for names, spans, (text, given) in zip(alone, entities, found, strict=True):
        translated = [next(flat) for _ in names]
        if len(spans) == len(given) == 1:
            pairs = [(0, 0)]
        else:
            pairs = _pair(translated, [text[start:end] for start, end in given])
        result.append(
            MarkedTranslation(text, sorted((*given[bracket], entity) for entity, bracket in pairs))
        )
    return result


def _pair(names: Sequence[str], brackets: Sequence[str]) -> list[tuple[int, int]]:
    """Pair names with what stands in brackets, so that the sum of likenesses is greatest."""
    if not names or not brackets:
        return []
    likeness = np.array(
        [[SequenceMatcher(None, a.lower(), b.lower()).ratio() for b in brackets] for a in names]
    )
    pairs = np.stack(optimize().linear_sum_assignment(-likeness), axis=1).tolist()
    return [(i, j) for i, j in pairs if likeness[i, j] >= _LEAST_LIKENESS]
