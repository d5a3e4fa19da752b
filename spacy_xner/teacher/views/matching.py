"""Finding names in a list: as written, by their romanised form, and by edit distance."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .extras import need
from .romanise import romanise

__all__ = ["NameIndex", "pieces_of", "spelled"]

Blocks = dict[tuple[str, int], list[str]]

MIN_FUZZY = 5  # letters; shorter words are one edit from too many names
MIN_ELSEWHERE = 8  # letters of a romanised form; romanisation adds vowels, which are alike anywhere
MIN_STEM = 3  # letters of a name that a prefix may have grown on
SLACK = 3  # letters by which lengths may differ
ENDS = 3  # letters that the beginning or the end has to share


# What stands inside names ("Guinea-Bissau", "N'Djamena", "St. Louis") and tokenizers may cut at.
JOINERS = str.maketrans(dict.fromkeys("-‐‑‒–'’ʼ.·_", " "))


def pieces_of(word: str) -> list[str]:
    """RETURNS (list[str]): What stands between hyphens, apostrophes and dots of a word, in NFC."""
    return unicodedata.normalize("NFC", word).translate(JOINERS).split()


def spelled(words: Iterable[str]) -> str:
    """RETURNS (str): The romanised form of words, as the index compares them."""
    return " ".join(filter(None, (romanise(word).strip() for word in words)))


class NameIndex:
    """Names by their spelling and by their romanised form.

    Of misspelled and inflected words, names of their own script are asked first, letter by letter
    and case by case: romanisation makes the most common words of a language look like some country.
    Names of other scripts are asked by long romanised forms alone. Edit distance is not measured to
    all names: only to those of as many words and about as many letters that share their first three
    letters or their last three. What a million names cost in memory and time is measured by
    `scripts/multimodal_measures.py names`.

    names (Mapping[str, int]): Types of each name, as bits; a space between its pieces, see
        `pieces_of`.
    forms (Optional[Mapping[str, int]]): The same of each romanised form, if it is known.
    similarity (float): Least share of letters that may stay, from 0 to 1; 1 matches no misspelling.
    """

    def __init__(
        self,
        names: Mapping[str, int],
        forms: Mapping[str, int] | None = None,
        *,
        similarity: float = 0.8,
    ) -> None:
        self.names = dict(names)
        self.forms = dict(forms) if forms is not None else _forms(self.names)
        self.similarity = similarity
        self.longest = max((1 + name.count(" ") for name in (*self.names, *self.forms)), default=0)
        self._near: Blocks = _blocks(self.names if similarity < 1 else ())
        long = [form for form in self.forms if len(form) >= MIN_ELSEWHERE - SLACK]
        self._near_forms: Blocks = _blocks(long if similarity < 1 else ())

    def find(self, words: Sequence[str]) -> Iterator[tuple[int, int, float]]:
        """Look words up as one name.

        words (Sequence[str]): The pieces of the words, see `pieces_of`.
        YIELDS (Tuple[int, int, float]): Kind (0 as written, behind a prefix or not, 1 romanised, 2
            by edit distance), types as bits, and similarity, above 0 and at most 1.
        """
        name = " ".join(words)
        if types := self.names.get(name):
            yield 0, types, 1.0
        elif self.similarity < 1 and (found := self._behind_prefix(name)):
            yield 0, *found
        elif not name.islower():  # in scripts that have capitals names have one
            yield from self._otherwise(words, name)

    def _otherwise(self, words: Sequence[str], name: str) -> Iterator[tuple[int, int, float]]:
        form = spelled(words)
        sure = len(form) >= MIN_FUZZY or name != name.lower()
        if sure and (types := self.forms.get(form)):
            yield 1, types, 1.0
        elif self.similarity < 1 and (found := self._misspelled(words, form)):
            yield 2, *found

    def _behind_prefix(self, name: str) -> tuple[int, float] | None:
        """Find the longest name that a prefix has grown on, such as a preposition of Amharic."""
        for cut in range(1, min(SLACK, len(name) - MIN_STEM) + 1):
            if name[cut - 1] == " ":
                break
            if types := self.names.get(name[cut:]):
                return types, 1 - cut / len(name)
        return None

    def _misspelled(self, words: Sequence[str], form: str) -> tuple[int, float] | None:
        if not (_may_end(words[0]) and _may_end(words[-1])):
            return None
        if found := self._nearest(" ".join(words), self._near, MIN_FUZZY):
            return self.names[found[0]], found[1]
        found = self._nearest(form, self._near_forms, MIN_ELSEWHERE)
        return found and (self.forms[found[0]], found[1])

    def _nearest(self, form: str, blocks: Blocks, least: int) -> tuple[str, float] | None:
        lengths = range(len(form) - SLACK, len(form) + SLACK + 1)
        candidates = [
            name
            for key, _ in _keys(form)
            for length in lengths
            for name in blocks.get((key, length), ())
        ]
        if len(form) < least or not candidates:
            return None
        best = _rapidfuzz().process.extractOne(
            form,
            candidates,
            scorer=_rapidfuzz().distance.Levenshtein.normalized_similarity,
            score_cutoff=self.similarity - 1e-4,  # it drops what is just as similar
        )
        return best and (best[0], float(best[1]))


def _may_end(word: str) -> bool:
    """RETURNS (bool): Whether a misspelled name may begin or end so; not as "in Iraq", "( Iraq"."""
    return word[:1].isalpha() and not word.islower()


def _rapidfuzz() -> Any:
    return need("rapidfuzz", "spacy-xner.GazetteerView.v1")


def _forms(names: Mapping[str, int]) -> dict[str, int]:
    forms: dict[str, int] = {}
    for name, types in names.items():
        if form := spelled(name.split()):
            forms[form] = forms.get(form, 0) | types
    return forms


def _blocks(names: Iterable[str]) -> Blocks:
    blocks: Blocks = defaultdict(list)
    for name in names:
        for key in _keys(name):
            blocks[key].append(name)
    return blocks


def _keys(form: str) -> list[tuple[str, int]]:
    if len(form) < MIN_FUZZY - SLACK:
        return []
    n = form.count(" ")
    return [(f"{n}<{form[:ENDS]}", len(form)), (f"{n}>{form[-ENDS:]}", len(form))]
