"""How words sound: IPA by the best tool there is for language and script, else by romanisation."""

import re
import warnings
from functools import cache
from importlib import resources
from typing import Any

from ...corpora.scripts import script_of
from .extras import need
from .languages import alpha3
from .romanise import romanise
from .words import TypeCache

__all__ = ["segments_of", "tool_of", "transcribe"]

VIEW = "spacy-xner.PhoneticView.v1"
# What a script is read as where nobody says the language: one that most of its texts are in.
LIKELY = {"Ethi": "amh", "Sinh": "sin"}
# Letters of a romanisation as a reader of many languages would take them, longest first.
LETTERS = {
    "sch": "ʃ",
    "tch": "t͡ʃ",
    "sh": "ʃ",
    "ch": "t͡ʃ",
    "th": "θ",
    "ph": "f",
    "kh": "x",
    "gh": "ɣ",
    "zh": "ʒ",
    "ck": "k",
    "qu": "kw",
    "ng": "ŋ",
    "ny": "ɲ",
    "oo": "u",
    "ee": "i",
    "c": "k",
    "q": "k",
    "j": "d͡ʒ",
    "y": "j",
    "x": "ks",
    "g": "ɡ",
}
_LETTERS = re.compile("|".join(LETTERS))
_SOFT = re.compile("c(?=[eiy])")
# These need what the extra does not bring: a program for English, dictionaries for the others.
_NOT_ALONE = {"eng-Latn", "cmn-Hans", "cmn-Hant", "jpn-Jpan", "yue-Hant"}
_warned: set[str] = set()


def transcribe(word: str, lang: str | None = None) -> str:
    """Write a word in IPA.

    By `epitran` (Mortensen et al. 2018) where it has the language in the word's script, else by
    `africa-g2p` where it has the language, else letter by letter from the romanisation, which is
    also how English is read: its spelling needs a program that the extra does not bring.

    word (str): The word.
    lang (Optional[str]): Code of its language; without one, the script tells what is likely.
    RETURNS (str): Its IPA; signs and digits stay or go, as the tool has it.
    WARNS: UserWarning: No tool knows the language; said once a language.
    """
    return _transcribed((word, alpha3(lang)))


def tool_of(lang: str | None, word: str) -> str:
    """Tell how a word is transcribed.

    lang (Optional[str]): Code of its language.
    word (str): The word, which has a script.
    RETURNS (str): "epitran", "africa-g2p" or "romanisation".
    """
    return _tool(alpha3(lang), _script(word))[0]


def _transcribe(key: tuple[str, str]) -> str:
    word, code = key
    tool, code = _tool(code, _script(word))
    if tool == "epitran":
        return str(_epitran(code).transliterate(word))
    if tool == "africa-g2p":
        return str(_africa(code).convert_word(word))
    return _read(romanise(word))


_transcribed = TypeCache[tuple[str, str], str](_transcribe)


def _script(word: str) -> str:
    return next((script_of(char) for char in word if char.isalpha()), "other")


@cache
def _tool(code: str, script: str) -> tuple[str, str]:
    """The tool, and what it calls the language."""
    if script == "other":
        return "romanisation", ""
    if not code:
        code = LIKELY.get(script, "")
    known = _epitran_codes()
    if f"{code}-{script}" in known:
        return "epitran", f"{code}-{script}"
    # A Latin word in a text of another script is foreign.
    elsewhere = any(each.startswith(f"{code}-") for each in known | _NOT_ALONE)
    if script == "Latn" and not elsewhere and code in _africa_codes():
        return "africa-g2p", code
    if code and not elsewhere and code not in _africa_codes() and code not in _warned:
        _warned.add(code)
        warnings.warn(
            f"No phonetic tool knows the language {code!r}: its words are read by their "
            "romanisation.",
            UserWarning,
            stacklevel=2,
        )
    return "romanisation", ""


@cache
def _epitran_codes() -> set[str]:
    need("epitran", VIEW)
    files = resources.files("epitran").joinpath("data", "map").iterdir()
    codes = {file.name.removesuffix(".csv") for file in files if file.name.endswith(".csv")}
    return codes - _NOT_ALONE


@cache
def _africa_codes() -> set[str]:
    # Letter tables "cannot represent" English, its own documentation says.
    return set(need("africa_g2p", VIEW).available_languages()) - {"eng"}


@cache
def _epitran(code: str) -> Any:
    # `epitran.Epitran` is this and two more tables of features, each some seconds to load.
    return need("epitran.simple", VIEW).SimpleEpitran(code)


@cache
def _africa(code: str) -> Any:
    return need("africa_g2p", VIEW).G2P(code, output="ipa", unknown="drop")


def _read(romanised: str) -> str:
    return _LETTERS.sub(lambda match: LETTERS[match[0]], _SOFT.sub("s", romanised))


def segments_of(ipa: str) -> list[list[int]]:
    """Cut IPA into sounds.

    ipa (str): The transcription; what is no sound is passed over.
    RETURNS (List[List[int]]): For each sound its 24 articulatory features, -1, 0 or 1 (Mortensen
        et al. 2016).
    """
    table = _features()
    return [table.fts(segment, False).numeric() for segment in table.ipa_segs(ipa)]


@cache
def _features() -> Any:
    return need("panphon", VIEW).FeatureTable()
