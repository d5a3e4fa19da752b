"""The text of several languages: raw, tagged and parallel, found in folders by language."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..corpora.conll import is_conll, read_conll
from ..corpora.encoding import read_lines
from ..corpora.raw import read_raw
from ..errors import XnerError
from ..tags import spans_from_iob2

__all__ = ["LanguageText", "find_texts", "parallel_text", "read_language", "same_language"]

# ISO 639-1 and -3 of languages that data sets name either way.
_SHORT = {
    "afr": "af",
    "amh": "am",
    "ara": "ar",
    "dan": "da",
    "deu": "de",
    "eng": "en",
    "fas": "fa",
    "fin": "fi",
    "fra": "fr",
    "hau": "ha",
    "hun": "hu",
    "ibo": "ig",
    "ind": "id",
    "ita": "it",
    "kin": "rw",
    "kor": "ko",
    "lav": "lv",
    "lug": "lg",
    "nep": "ne",
    "nld": "nl",
    "nor": "no",
    "nya": "ny",
    "por": "pt",
    "ron": "ro",
    "rus": "ru",
    "sin": "si",
    "sna": "sn",
    "som": "so",
    "spa": "es",
    "swa": "sw",
    "swe": "sv",
    "tsn": "tn",
    "twi": "tw",
    "ukr": "uk",
    "wol": "wo",
    "xho": "xh",
    "yor": "yo",
    "zho": "zh",
    "zul": "zu",
    "bam": "bm",
    "ewe": "ee",
    "tir": "ti",
}
GOLD_FILES = ("train.txt", "train.conll")


def same_language(one: str, other: str) -> bool:
    """Tell whether two codes name one language, such as `amh` and `am`.

    one (str): ISO 639-1 or -3 code.
    other (str): Another.
    RETURNS (bool): Whether they do.
    """
    return _SHORT.get(one, one) == _SHORT.get(other, other)


@dataclass(frozen=True)
class LanguageText:
    """Text of one language.

    name (str): Its code, as the folder names it.
    texts (tuple[str, ...]): Raw sentences or paragraphs, each once, in random order.
    mentions (tuple[str, ...] | None): Entities of its gold, words separated by spaces; None without
        gold, empty where the gold holds none.
    found (tuple[str, ...] | None): Entities that a tagger found in the texts, see `tagging`; None
        without a tagger.
    files (tuple[str, ...]): What was read.
    """

    name: str
    texts: tuple[str, ...]
    mentions: tuple[str, ...] | None = None
    found: tuple[str, ...] | None = None
    files: tuple[str, ...] = field(default=(), compare=False)


def find_texts(folders: Iterable[Path | str]) -> dict[str, Path]:
    """Find one file of text a language in folders; an earlier folder goes before a later one.

    folders (Iterable[Path | str]): Each holds LANG.txt, or LANG/train.txt; dev and test files are
        never taken.
    RETURNS (dict[str, Path]): File by language code.
    RAISES: XnerError where a folder is missing or holds nothing of the kind.
    """
    found: dict[str, Path] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise XnerError(f"{folder}: no such folder; expected LANG.txt or LANG/train.txt in it.")
        here = {f.stem: f for f in sorted(folder.glob("*.txt")) if f.is_file()}
        for file in (f for name in GOLD_FILES for f in sorted(folder.glob(f"*/{name}"))):
            here.setdefault(file.parent.name, file)
        if not here:
            raise XnerError(f"{folder} holds no text: expected LANG.txt or LANG/train.txt in it.")
        for name, file in here.items():
            if not any(same_language(name, known) for known in found):
                found[name] = file
    return found


def read_language(
    name: str, text: Path | str, gold: Path | str | None = None, *, limit: int = 2000, seed: int = 0
) -> LanguageText:
    """Read the text of one language.

    name (str): Its code.
    text (Path | str): Raw text, one a line, or a CoNLL file, whose tags are not looked at.
    gold (Path | str | None): A CoNLL file whose entities are known.
    limit (int): Texts kept, drawn at random.
    seed (int): Of the draw.
    RETURNS (LanguageText): The text.
    RAISES: XnerError where the text cannot be read or holds no word.
    """
    texts, _ = read_raw([text], fix_encoding=_repairable())
    if not texts:
        raise XnerError(f"{text}: no line holds a letter or digit; expected text of {name}.")
    random.Random(seed).shuffle(texts)
    mentions: tuple[str, ...] | None = None
    files = [str(text)]
    if gold is not None:
        mentions = tuple(_mentions(Path(gold)))
        files.append(str(gold))
    return LanguageText(name, tuple(texts[:limit]), mentions, files=tuple(files))


def _mentions(path: Path) -> list[str]:
    if not is_conll(path):
        raise XnerError(f"{path} is no CoNLL file: expected gold entities, a token and tag a line.")
    return [
        " ".join(sentence.words[start:end])
        for sentence in read_conll(path, fix_encoding=_repairable())
        for start, end, _ in spans_from_iob2(sentence.tags)
    ]


def _repairable() -> bool:
    # Repaired where ftfy is installed; otherwise the readers warn of what looks wrongly decoded.
    from importlib.util import find_spec

    return find_spec("ftfy") is not None


def parallel_text(
    folder: Path | str, source: str, target: str, *, limit: int = 500, seed: int = 0
) -> tuple[list[str], list[str]]:
    """Find parallel sentences of two languages, through English where they have none of their own.

    folder (Path | str): Holds `en-LANG/*.en` and `*.LANG` of equally many lines.
    source (str): A language code.
    target (str): Another.
    limit (int): Pairs kept, drawn at random.
    seed (int): Of the draw.
    RETURNS (tuple[list[str], list[str]]): Sentences line by line; none where there is no such text.
    RAISES: XnerError where two files of a pair differ in their number of lines.
    """
    by_english = [_by_english(Path(folder), name) for name in (source, target)]
    english = {line: line for table in by_english if table is not None for line in table}
    one, other = (english if table is None else table for table in by_english)
    shared = sorted(set(one) & set(other))
    random.Random(seed).shuffle(shared)
    # Two sentences alike, or of one word, are no test of retrieval.
    pairs = [(one[e], other[e]) for e in shared if len(e.split()) > 3 and one[e] and other[e]]
    return [a for a, _ in pairs[:limit]], [b for _, b in pairs[:limit]]


def _by_english(folder: Path, name: str) -> Mapping[str, str] | None:
    """Translations by their English; none for English itself."""
    if same_language(name, "en"):
        return None
    table: dict[str, str] = {}
    if not folder.is_dir():
        raise XnerError(f"{folder}: no such folder; expected en-LANG folders of parallel text.")
    for pair in sorted(folder.glob("en-*")):
        code = pair.name.removeprefix("en-")
        for english in sorted(pair.glob("*.en")) if same_language(code, name) else ():
            left, right = _lines(english), _lines(english.with_suffix(f".{code}"))
            if len(left) != len(right):
                raise XnerError(
                    f"{english} has {len(left)} lines, the file beside it {len(right)}; expected "
                    "as many, line by line the same sentence."
                )
            table.update(zip(left, right, strict=True))
    return table


def _lines(path: Path) -> Sequence[str]:
    if not path.is_file():
        raise XnerError(f"{path}: no such file; expected the other half of a parallel text.")
    return [" ".join(line.split()) for line in read_lines(path)]
