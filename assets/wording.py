"""Compares sentences by wording, whatever their entities, numbers, case and punctuation."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from spacy_xner.corpora.conll import Sentence
from spacy_xner.tags import spans_from_iob2

__all__ = ["Templates", "entities", "runs", "template", "units", "words"]

RUN = 6  # so many consecutive words outside entities count as a shared template
MAX_FILLER = 8  # words that stand for one entity when a sentence is read as a template


@cache
def units(text: str) -> tuple[str, ...]:
    """Words and punctuation in one spelling, the same for raw text and for joined tokens.

    text (str): running text, or tokens joined by spaces.
    RETURNS (Tuple[str, ...]): NFC, case-folded; numbers are 0; punctuation is split off word ends.
    """
    text = unicodedata.normalize("NFC", text).casefold().replace("’", "'")
    text = re.sub(r"\d+(?:[.,:/]\d+)*", "0", text)
    found: list[str] = []
    for chunk in text.split():
        if chunk == "'s":
            found.append("s")
            continue
        start, end = 0, len(chunk)
        while start < end and _is_mark(chunk[start]):
            start += 1
        while end > start and _is_mark(chunk[end - 1]):
            end -= 1
        word = chunk[start:end]
        stem = word[:-2] if word.endswith("'s") else word
        found.extend(chunk[:start])
        found.extend([stem, "s"] if stem != word else [word] if word else [])
        found.extend(chunk[end:])
    return tuple(found)


def _without_marks(found: Sequence[str]) -> list[str]:
    return [u for u in found if not all(map(_is_mark, u))]


@cache
def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] in "PSZ" or char == "\ufeff"


def words(text: str) -> list[str]:
    """The units that are not punctuation.

    text (str): running text, or tokens joined by spaces.
    RETURNS (List[str]): words.
    """
    return _without_marks(units(text))


def template(sent: Sentence) -> list[list[str]]:
    """The words between the entities of a sentence.

    sent (Sentence): a tagged sentence.
    RETURNS (List[List[str]]): one list more than there are entities, some of them empty.
    """
    pieces, last = [], 0
    for start, end, _ in spans_from_iob2(sent.tags):
        pieces.append(words(" ".join(sent.words[last:start])))
        last = end
    return [*pieces, words(" ".join(sent.words[last:]))]


class Templates:
    """Finds which of some sentences can be made from a template by other entities.

    sentences (Sequence[Sequence[str]]): their words.
    """

    def __init__(self, sentences: Sequence[Sequence[str]]):
        self.lines = ["".join(f"{w} " for w in s) for s in sentences]
        self.index: dict[str, set[int]] = {}
        for i, sent in enumerate(sentences):
            for word in sent:
                self.index.setdefault(word, set()).add(i)

    def matches(self, pieces: Sequence[Sequence[str]]) -> list[int]:
        """Numbers of the sentences that the template fits.

        pieces (Sequence[Sequence[str]]): the words between entities, as `template` gives them.
        RETURNS (List[int]): positions in `sentences`, in order; none for a bare entity.
        """
        fixed = {w for piece in pieces for w in piece}
        if not fixed:
            return []
        rare = sorted((self.index.get(w, set()) for w in fixed), key=len)
        filler = rf"(?:\S+ ){{1,{MAX_FILLER}}}"
        pattern = filler.join("".join(re.escape(f"{w} ") for w in piece) for piece in pieces)
        return [i for i in sorted(set.intersection(*rare)) if re.fullmatch(pattern, self.lines[i])]


def entities(sents: Sequence[Sentence]) -> Counter[tuple[str, str]]:
    """Entities with their types, in the spelling of `units`.

    sents (Sequence[Sentence]): tagged sentences.
    RETURNS (Counter[Tuple[str, str]]): how often each (text, type) occurs.
    """
    return Counter(
        (" ".join(units(" ".join(s.words[start:end]))), label)
        for s in sents
        for start, end, label in spans_from_iob2(s.tags)
    )


def runs(text: str) -> Iterator[tuple[str, ...]]:
    """Windows of six words, first with punctuation as words of its own, then without any.

    text (str): running text, or tokens joined by spaces.
    YIELDS (Tuple[str, ...]): the windows.
    """
    all_units = units(text)
    for sequence in (all_units, tuple(_without_marks(all_units))):
        for i in range(len(sequence) - RUN + 1):
            yield sequence[i : i + RUN]
