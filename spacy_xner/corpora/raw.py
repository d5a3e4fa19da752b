"""Raw text: one sentence or paragraph a line, each once, none that gives away a test sentence."""

import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .conll import Sentence, is_conll, load_conll
from .detokenize import detokenize
from .encoding import garbled_warning, get_repair, iter_lines, looks_garbled

__all__ = [
    "Counts",
    "Exclusion",
    "drop_overlap",
    "iter_texts",
    "normal_form",
    "read_raw",
    "read_texts",
]

# Shorter sentences ("he said", "and so on") occur inside others by chance.
MIN_CONTAINED_WORDS = 5
_WINDOW = 12


@dataclass
class Counts:
    """What became of the lines of raw text.

    read (int): Lines and CoNLL sentences that were read.
    empty (int): Those without a letter or digit.
    duplicates (int): Those whose normal form came before.
    excluded (int): Those that equal or contain a sentence of the exclusion list.
    kept (int): The rest.
    repaired (int): Lines or CoNLL tokens whose encoding was repaired, dropped lines included.
    """

    read: int = 0
    empty: int = 0
    duplicates: int = 0
    excluded: int = 0
    kept: int = 0
    repaired: int = 0


def normal_form(text: str) -> str:
    """Reduce a text to what two spellings of it share.

    text (str): A text.
    RETURNS (str): Its letters and digits after NFC and case folding; spaces, punctuation and
        combining marks drop out.
    """
    return "".join(filter(str.isalnum, unicodedata.normalize("NFC", text).casefold()))


class Exclusion:
    """Sentences, of dev and test sets, that no training text may equal or contain.

    sentences (Iterable[Sequence[str] | str]): Tokens of each sentence, or its text. One of fewer
        than five tokens, those without letter or digit not counted, excludes only its equals.
    """

    def __init__(self, sentences: Iterable[Sequence[str] | str]):
        self._forms: set[str] = set()
        contained: set[str] = set()
        for sentence in sentences:
            words = sentence.split() if isinstance(sentence, str) else sentence
            form = normal_form("".join(words))
            # A form without letters and digits would be contained in every text.
            if form:
                self._forms.add(form)
                if sum(map(_is_word, words)) >= MIN_CONTAINED_WORDS:
                    contained.add(form)
        self._by_prefix: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for form in contained:
            length = min(len(form), _WINDOW)
            self._by_prefix[length][form[:length]].append(form)

    @classmethod
    def from_paths(cls, paths: Iterable[Path | str], *, fix_encoding: bool = False) -> "Exclusion":
        """Read the sentences to exclude.

        paths (Iterable[Path | str]): CoNLL files or raw text files.
        fix_encoding (bool): Repair wrongly decoded text, as the text to be compared is.
        RETURNS (Exclusion): Their sentences.
        RAISES: XnerError, if a file cannot be read.
        """
        sentences: list[Sequence[str] | str] = []
        for path in paths:
            if is_conll(path):
                file = load_conll(path, fix_encoding=fix_encoding)
                sentences += [sentence.words for sentence in file.sentences]
            else:
                sentences += read_texts(path, fix_encoding=fix_encoding)[0]
        return cls(sentences)

    def __len__(self) -> int:
        return len(self._forms)

    def matches(self, text: str) -> bool:
        """Tell whether a text equals or contains an excluded sentence.

        text (str): A sentence or paragraph.
        RETURNS (bool): Whether it does, by normal form.
        """
        return self._matches_form(normal_form(text))

    def _matches_form(self, form: str) -> bool:
        if form in self._forms:
            return True
        for length, prefixes in self._by_prefix.items():
            for start in range(len(form) - length + 1):
                for candidate in prefixes.get(form[start : start + length], ()):
                    if form.startswith(candidate, start):
                        return True
        return False


def _is_word(token: str) -> bool:
    return any(map(str.isalnum, token))


def drop_overlap(sentences: Iterable[Sentence], exclusion: Exclusion) -> tuple[list[Sentence], int]:
    """Drop the tagged sentences that give away an excluded one.

    sentences (Iterable[Sentence]): Training sentences.
    exclusion (Exclusion): Sentences of dev and test sets.
    RETURNS (tuple[list[Sentence], int]): The sentences that stay, and how many were dropped.
    """
    sentences = list(sentences)
    kept = [s for s in sentences if not exclusion.matches("".join(s.words))]
    return kept, len(sentences) - len(kept)


def read_raw(
    paths: Iterable[Path | str],
    *,
    exclusion: Exclusion | None = None,
    fix_encoding: bool = False,
) -> tuple[list[str], Counts]:
    """Read raw text from files, each text once, without what overlaps an exclusion list.

    paths (Iterable[Path | str]): Text files of one sentence or paragraph a line, or CoNLL files,
        whose sentences are written as text.
    exclusion (Exclusion | None): What no text may equal or contain.
    fix_encoding (bool): Repair text that was decoded with the wrong encoding, by ftfy.
    RETURNS (tuple[list[str], Counts]): The texts in order, white space within them a single space,
        and what became of the lines.
    RAISES: XnerError, if a file cannot be read.
    """
    counts = Counts()
    seen: set[str] = set()
    kept: list[str] = []
    for path in paths:
        for text in _read_any(path, fix_encoding, counts):
            counts.read += 1
            form = normal_form(text)
            if not form:
                counts.empty += 1
            elif form in seen:
                counts.duplicates += 1
            elif exclusion is not None and exclusion._matches_form(form):
                counts.excluded += 1
            else:
                seen.add(form)
                kept.append(text)
    counts.kept = len(kept)
    return kept, counts


def _read_any(path: Path | str, fix_encoding: bool, counts: Counts) -> Iterator[str]:
    if not is_conll(path):
        texts, repaired = read_texts(path, fix_encoding=fix_encoding)
        counts.repaired += repaired
        yield from texts
        return
    file = load_conll(path, fix_encoding=fix_encoding)
    counts.repaired += file.repaired
    if file.garbled:
        message = garbled_warning(path, len(file.garbled), file.garbled[0], "tokens")
        warnings.warn(message, UserWarning, stacklevel=3)
    for sentence in file.sentences:
        yield detokenize(sentence.words)


def read_texts(path: Path | str, *, fix_encoding: bool = False) -> tuple[list[str], int]:
    """Read a raw text file; see `iter_texts`.

    path (Path | str): UTF-8 file of one text a line.
    fix_encoding (bool): Repair text that was decoded with the wrong encoding, by ftfy.
    RETURNS (tuple[list[str], int]): A text for each line, and the number of lines whose encoding
        was repaired.
    RAISES: XnerError, if the file cannot be read.
    """
    counts = Counts()
    return list(iter_texts(path, fix_encoding=fix_encoding, counts=counts)), counts.repaired


def iter_texts(
    path: Path | str, *, fix_encoding: bool = False, counts: Counts | None = None
) -> Iterator[str]:
    """Read a raw text file of any size, line by line.

    It is read twice, so that a fault in the last line is told before work on the first begins. A
    warning tells if it looks wrongly decoded and is not repaired.

    path (Path | str): UTF-8 file of one text a line.
    fix_encoding (bool): Repair text that was decoded with the wrong encoding, by ftfy.
    counts (Counts | None): Its `repaired` counts the lines whose encoding was repaired.
    YIELDS (str): A text for each line, white space within it a single space and empty for an empty
        line.
    RAISES: XnerError, if the file cannot be read.
    """
    counts = Counts() if counts is None else counts
    repair = get_repair() if fix_encoding else None
    garbled, first = 0, 0
    for number, line in enumerate(iter_lines(path), 1):
        if repair is None and looks_garbled(line):
            garbled, first = garbled + 1, first or number
    if garbled:
        message = garbled_warning(path, garbled, first, "lines")
        warnings.warn(message, UserWarning, stacklevel=3)
    for line in iter_lines(path):
        # Before white space is touched: a no-break space may be the second byte of a letter.
        repaired = line if repair is None or line.isascii() else repair(line)
        counts.repaired += repaired != line
        yield " ".join(repaired.split())
