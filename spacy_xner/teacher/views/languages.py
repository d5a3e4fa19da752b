"""Codes of languages, as the libraries of the views want them."""

from functools import cache
from typing import Any

from .extras import need

__all__ = ["alpha3", "locale_code"]

# What the files of a corpus are called; "dev" is the code of a language, too.
SPLITS = ("train", "dev", "test")


@cache
def alpha3(code: str | None) -> str:
    """Give the ISO 639-3 code of a language.

    code (Optional[str]): Such as "am", "amh" or "am-ET"; file names and "xx" are no languages.
    RETURNS (str): Such as "amh"; "" for what is no language.
    """
    language = _language(code)
    return "" if language is None else language.to_alpha3()


@cache
def locale_code(code: str) -> str:
    """Give the code by which CLDR calls a language.

    code (str): Such as "amh".
    RETURNS (str): Such as "am"; "" for what is no language.
    """
    language = _language(code)
    return "" if language is None else str(language.language)


def _language(code: str | None) -> Any:
    langcodes = need("langcodes", "A view of a document's language")
    if not code or code in SPLITS or not langcodes.tag_is_valid(code):
        return None
    language = langcodes.Language.get(code)
    try:
        language.to_alpha3()
    except LookupError:  # "xx", "und"
        return None
    return language
