"""Text from tokens: where a space stood between them."""

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["detokenize", "spaces"]

# Po characters that end what is before them: Latin, Arabic, Devanagari, Ethiopic, Sinhala, CJK.
_CLOSING = frozenset(",.;:!?%…،؛؟।॥፡።፣፤፥፦፧፨෴、。，！？：；")
_OPENING = frozenset("¿¡")
_TOGGLES = {'"': '"', "''": '"', "``": '"', "'": "'", "`": "'"}
# German and others open with a low quote and close with the one that opens in English.
_LOW_QUOTES = {"„": "“", "‚": "‘"}
_CLITICS = frozenset(["'s", "'m", "'d", "'re", "'ve", "'ll", "n't", "’s", "’m", "’re", "’ve"])


def spaces(words: Sequence[str]) -> list[bool]:
    """Tell after which tokens of a sentence a space stood, as far as its punctuation tells.

    Closing punctuation stands at the word before it, opening punctuation at the word after it,
    straight quotes open and close in turn.

    words (Sequence[str]): Tokens of a sentence.
    RETURNS (list[bool]): For each token whether a space follows it; False for the last.
    """
    if not words:
        return []
    open_quotes: set[str] = set()
    sides = [_sides(word, open_quotes) for word in words]
    pairs = pairwise(sides)
    return [not before[1] and not after[0] for before, after in pairs] + [False]


def detokenize(words: Sequence[str]) -> str:
    """Write tokens as running text.

    words (Sequence[str]): Tokens of a sentence.
    RETURNS (str): The text.
    """
    pairs = zip(words, spaces(words), strict=True)
    return "".join(word + " " * space for word, space in pairs)


def _sides(word: str, open_quotes: set[str]) -> tuple[bool, bool]:
    """Whether a token joins what is before it and what is after it."""
    if word in _TOGGLES:
        return _toggle(_TOGGLES[word], open_quotes)
    if word in _LOW_QUOTES:
        open_quotes.add(_LOW_QUOTES[word])
        return False, True
    if word in open_quotes:
        open_quotes.remove(word)
        return True, False
    closes = word.lower() in _CLITICS or all(map(_is_closing, word))
    return closes, not closes and all(map(_is_opening, word))


def _toggle(quote: str, open_quotes: set[str]) -> tuple[bool, bool]:
    closes = quote in open_quotes
    open_quotes ^= {quote}
    return closes, not closes


def _is_closing(character: str) -> bool:
    return character in _CLOSING or unicodedata.category(character) in ("Pe", "Pf")


def _is_opening(character: str) -> bool:
    return character in _OPENING or unicodedata.category(character) in ("Ps", "Pi")
