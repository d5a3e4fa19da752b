"""Romanisation of words, by uroman."""

import unicodedata
from functools import cache
from typing import Any

from .extras import need
from .words import TypeCache

__all__ = ["romanise"]


def romanise(word: str) -> str:
    """Write a word in lower-case Latin letters.

    Words that are Latin already lose case and marks, which is what uroman makes of them; only
    others are given to it (Hermjakob et al. 2018), 2,500 a second.

    word (str): A word or name in any script.
    RETURNS (str): It in ASCII, as far as uroman knows its letters.
    """
    return _romanised(word)


def _romanise(word: str) -> str:
    if word.isascii():
        return word.lower()
    bare = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    if bare.isascii():
        return bare.lower()
    # Of Latin letters it knows the composed; NFC and NFD have to give the same.
    return str(_uroman().romanize_string(unicodedata.normalize("NFC", word))).lower()


@cache
def _uroman() -> Any:
    return need("uroman", "Romanisation").Uroman()


_romanised = TypeCache[str, str](_romanise)
