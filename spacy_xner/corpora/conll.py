"""CoNLL files, read strictly and written: token and tag a line, a blank line between sentences."""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import XnerError
from ..tags import TagError, detect_scheme, to_iob2
from .encoding import garbled_warning, get_repair, looks_garbled, read_lines
from .files import atomic_write

__all__ = ["ConllFile", "Sentence", "is_conll", "load_conll", "read_conll", "write_conll"]

_SEPARATOR = re.compile("[ \t]")
_TAG_LINE = re.compile(r"\S+[ \t](.*[ \t])?(O|[BILUES]-\S+)\r?")
_DOCUMENT = "-DOCSTART-"
_SNIFFED_BYTES = 1 << 16


@dataclass
class Sentence:
    """A sentence of a CoNLL file.

    words (list[str]): Its tokens.
    tags (list[str]): IOB2, one a token.
    line (int): Line of its first token, from 1.
    path (str): The file.
    number (int): Which of the file's sentences it is, from 0.
    """

    words: list[str]
    tags: list[str]
    line: int
    path: str
    number: int = 0

    @property
    def doc_id(self) -> str:
        """RETURNS (str): Its name, as `documents.iter_named_texts` gives it."""
        return f"{Path(self.path).stem}:{self.number}"


@dataclass
class ConllFile:
    """A CoNLL file as read, and what had to be mended.

    sentences (list[Sentence]): Its sentences.
    orphans (list[int]): Lines whose I- tag opened an entity and became B-; empty for IOB1, where
        that is how entities open.
    repaired (int): Tokens whose encoding was repaired.
    garbled (list[int]): Lines of tokens that look wrongly decoded and were left so.
    """

    sentences: list[Sentence]
    orphans: list[int]
    repaired: int
    garbled: list[int]


def read_conll(path: Path | str, *, fix_encoding: bool = False) -> list[Sentence]:
    """Read a CoNLL file; one warning tells all that was mended or looks wrong.

    path (Path | str): UTF-8 file; lines of a token, one space or tab and an IOB1, IOB2 or BILUO
        tag. -DOCSTART- lines are skipped.
    fix_encoding (bool): Repair tokens that were decoded with the wrong encoding, by ftfy.
    RETURNS (list[Sentence]): Its sentences, tags in IOB2.
    RAISES: XnerError, naming file and line, for any other fault.
    """
    file = load_conll(path, fix_encoding=fix_encoding)
    notes = []
    if file.orphans:
        notes.append(
            f"{path}: {len(file.orphans)} I- tags that continue no entity became B- (first in "
            f"line {file.orphans[0]})."
        )
    if file.repaired:
        notes.append(f"{path}: the encoding of {file.repaired} tokens was repaired.")
    if file.garbled:
        notes.append(garbled_warning(path, len(file.garbled), file.garbled[0], "tokens"))
    if notes:
        warnings.warn(" ".join(notes), UserWarning, stacklevel=2)
    return file.sentences


def load_conll(path: Path | str, *, fix_encoding: bool = False) -> ConllFile:
    """Read a CoNLL file without a warning, for callers that report for themselves.

    path (Path | str): As for `read_conll`.
    fix_encoding (bool): As for `read_conll`.
    RETURNS (ConllFile): Sentences and counts.
    RAISES: XnerError, as `read_conll`.
    """
    raw = list(_split(path, read_lines(path)))
    if not raw:
        raise XnerError(f"{path} holds no sentence: expected lines of a token and its tag.")
    file = ConllFile([], [], 0, [])
    repair = get_repair() if fix_encoding else None
    scheme = detect_scheme(sentence.tags for sentence in raw)
    for number, sentence in enumerate(raw):
        sentence.number = number
        sentence.tags = _convert(sentence, scheme, file)
        for i, word in enumerate(sentence.words):
            if word.isascii():
                continue
            if repair is None:
                if looks_garbled(word):
                    file.garbled.append(sentence.line + i)
                continue
            sentence.words[i] = _repaired(word, repair(word))
            file.repaired += sentence.words[i] != word
        file.sentences.append(sentence)
    return file


def _split(path: Path | str, lines: Sequence[str]) -> Iterator[Sentence]:
    sentence = Sentence([], [], 0, str(path))
    for number, line in enumerate(lines, 1):
        blank = not line.strip(" \t")
        if blank or line.startswith(_DOCUMENT):
            if sentence.words:
                yield sentence
                sentence = Sentence([], [], 0, str(path))
            continue
        columns = _SEPARATOR.split(line)
        if len(columns) != 2 or not all(columns):
            raise XnerError(f"{path}, line {number}: {_describe(columns)}")
        sentence.line = sentence.line or number
        sentence.words.append(columns[0])
        sentence.tags.append(columns[1])
    if sentence.words:
        yield sentence


def _describe(columns: Sequence[str]) -> str:
    expected = "expected a token, one space or tab, and a tag"
    if len(columns) == 1:
        return f"found no tag after {columns[0]!r}, {expected}. Text without tags is no gold data."
    if not all(columns):
        return (
            f"found {columns!r}, {expected}. Take away surplus spaces, or give the missing token."
        )
    return (
        f"found {len(columns)} columns, {expected}. Text without tags is no gold data; where there "
        "are tags, keep the first and the last column, for example "
        '`awk \'{print (NF ? $1 " " $NF : "")}\'`.'
    )


def _convert(sentence: Sentence, scheme: str, file: ConllFile) -> list[str]:
    try:
        tags, orphans = to_iob2(sentence.tags, scheme)
    except TagError as error:
        raise XnerError(
            f"{sentence.path}, line {sentence.line + error.position}: {error}. "
            f"The file was read as {scheme}; mend the tag."
        ) from error
    if orphans and scheme == "IOB2":
        pairs = enumerate(zip(sentence.tags, tags, strict=True))
        file.orphans += [sentence.line + i for i, (old, new) in pairs if old != new]
    return tags


def _repaired(word: str, repaired: str) -> str:
    # A token must stay one token; ftfy may turn bytes into a no-break space.
    return repaired if repaired.split() == [repaired] else word


def is_conll(path: Path | str) -> bool:
    """Tell by its content whether a file is CoNLL rather than raw text.

    path (Path | str): A file; only its beginning is read.
    RETURNS (bool): Whether at least half of the lines end in a tag, so that a faulty CoNLL file
        is told its fault and not taken for raw text.
    RAISES: XnerError, if the file cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            beginning = file.read(_SNIFFED_BYTES)
    except OSError as error:
        raise XnerError(f"{path} cannot be read ({error.strerror}). Check the path.") from error
    lines = beginning.decode("utf-8-sig", "replace").split("\n")
    lines = [line for line in lines if line.strip() and not line.startswith(_DOCUMENT)][:200]
    tagged = sum(_TAG_LINE.fullmatch(line) is not None for line in lines)
    return bool(lines) and 2 * tagged >= len(lines)


def write_conll(path: Path | str, sentences: Iterable[Sentence]) -> None:
    """Write sentences as a file that `read_conll` reads back.

    path (Path | str): The file; its folder is made.
    sentences (Iterable[Sentence]): Its sentences.
    RAISES: XnerError: The disk refuses a write.
    """
    with atomic_write(Path(path)) as file:
        for sentence in sentences:
            lines = (f"{w} {t}\n" for w, t in zip(sentence.words, sentence.tags, strict=True))
            file.write(("".join(lines) + "\n").encode("utf8"))
