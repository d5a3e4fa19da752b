"""Finding names in a list: as written, by their romanised form, and by edit distance."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .extras import need
from .romanise import romanise

__all__ = ["NameIndex", "pieces_of", "spelled"]

MIN_FUZZY = 5  # letters; shorter names are one edit from too many words
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

    Edit distance is not measured to all names: only to those of as many words and about as many
    letters that share their first three letters or their last three, so that a word which a prefix
    or a suffix has grown on is found by its other end. What a million names cost in memory and time
    is measured by `scripts/multimodal_measures.py names`.

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
        self._blocks: dict[tuple[str, int], list[str]] = defaultdict(list)
        for form in self.forms if similarity < 1 else ():
            for block in _blocks(form):
                self._blocks[block].append(form)

    def find(self, words: Sequence[str]) -> Iterator[tuple[int, int, float]]:
        """Look words up as one name.

        words (Sequence[str]): The pieces of the words, see `pieces_of`.
        YIELDS (Tuple[int, int, float]): Kind (0 as written, 1 romanised, 2 by edit distance), types
            as bits, and similarity, above 0 and at most 1.
        """
        if types := self.names.get(" ".join(words)):
            yield 0, types, 1.0
        form = spelled(words)
        if types := self.forms.get(form):
            yield 1, types, 1.0
        elif self.similarity < 1 and len(form) >= MIN_FUZZY:
            found = self._nearest(form)
            if found is not None:
                yield 2, self.forms[found[0]], found[1]

    def _nearest(self, form: str) -> tuple[str, float] | None:
        lengths = range(len(form) - SLACK, len(form) + SLACK + 1)
        candidates = [
            name
            for key, _ in _blocks(form)
            for length in lengths
            for name in self._blocks.get((key, length), ())
        ]
        if not candidates:
            return None
        best = _rapidfuzz().process.extractOne(
            form,
            candidates,
            scorer=_rapidfuzz().distance.Levenshtein.normalized_similarity,
            score_cutoff=self.similarity - 1e-4,  # it drops what is just as similar
        )
        return best and (best[0], float(best[1]))


def _rapidfuzz() -> Any:
    return need("rapidfuzz", "spacy-xner.GazetteerView.v1")


def _forms(names: Mapping[str, int]) -> dict[str, int]:
    forms: dict[str, int] = {}
    for name, types in names.items():
        if form := spelled(name.split()):
            forms[form] = forms.get(form, 0) | types
    return forms


def _blocks(form: str) -> list[tuple[str, int]]:
    if len(form) < MIN_FUZZY - SLACK:
        return []
    n = form.count(" ")
    return [(f"{n}<{form[:ENDS]}", len(form)), (f"{n}>{form[-ENDS:]}", len(form))]
