"""Lists of names with types: a user's files, and what CLDR knows in many languages."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ...corpora.encoding import iter_lines
from ...errors import XnerError
from .extras import need
from .languages import locale_code

__all__ = ["cldr_names", "read_names"]

VIEW = "spacy-xner.GazetteerView.v1"

Named = tuple[str, str]


def read_names(path: str | Path) -> Iterator[Named]:
    """Read a list of names; a line is read when it is asked for.

    path (Union[str, Path]): UTF-8. A `.tsv` file has a name, a tab and its type a line; any other
        a name a line, whose type is the file's name without suffix, such as PER.txt. Empty lines
        are passed over.
    YIELDS (Tuple[str, str]): Name and type.
    RAISES: XnerError: The file is missing, empty or not UTF-8, or a line is broken.
    """
    path = Path(path)
    if not path.is_file():
        raise XnerError(
            f"There is no list of names at {path}, which `files` of {VIEW} names. Put it there or "
            "take it out; a teacher that is trained needs it no more."
        )
    typed = path.suffix == ".tsv"
    for number, line in enumerate(iter_lines(path), 1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != 1 + typed or not all(fields):
            expected = (
                "a name and its type with one tab between them"
                if typed
                else "a name alone (a file of names and types ends in .tsv)"
            )
            raise XnerError(
                f"{path}, line {number}: found {line[:60]!r}; expected {expected}. Mend or delete "
                "the line."
            )
        yield fields[0], fields[1] if typed else path.stem


def cldr_names(languages: Iterable[str]) -> Iterator[Named]:
    """Give the names of Unicode's CLDR, by `babel`.

    languages (Iterable[str]): Codes of the languages that names are written in.
    YIELDS (Tuple[str, str]): Name and type: "territory", "language", or "city" of a time zone.
    RAISES: XnerError: `babel` is not installed, or a code is of no language. A language that CLDR
        lacks gives no names.
    """
    babel = need("babel", VIEW)
    for code in languages:
        known = locale_code(code)
        if not known:
            raise XnerError(
                f"`cldr` of {VIEW} names {code!r}, which is the code of no language. Expected "
                "codes such as en, am, si."
            )
        try:
            locale = babel.Locale.parse(known)
        except babel.UnknownLocaleError:
            continue
        yield from ((name, "territory") for key, name in locale.territories.items() if len(key) < 3)
        yield from ((name, "language") for name in locale.languages.values())
        # As `babel.dates.get_timezone_location`: what CLDR does not spell is the zone's name.
        for zone in babel.core.get_global("zone_territories"):
            area, _, city = zone.rpartition("/")
            if area and area != "Etc":
                yield locale.time_zones.get(zone, {}).get("city", city.replace("_", " ")), "city"
