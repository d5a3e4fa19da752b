"""Parallel text: two files, a sentence a line, read side by side without holding either."""

import warnings
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from ..corpora.encoding import conversion
from ..errors import XnerError

__all__ = ["ParallelLine", "ParallelText", "iter_lines"]


class ParallelLine(NamedTuple):
    """A line of both files; white space within it is a single space.

    number (int): From 0.
    source (str): Empty where the line is.
    target (str): Never empty.
    """

    number: int
    source: str
    target: str


class ParallelText:
    """Two files of which each line translates the other's.

    source (str | Path): UTF-8 text.
    target (str | Path): UTF-8 text, as many lines.
    RAISES: XnerError: A file is missing, empty or not UTF-8, or one has more lines.
    """

    def __init__(self, source: str | Path, target: str | Path) -> None:
        self.source, self.target = Path(source), Path(target)
        self.n_lines = self.n_pairs = self.n_lone = self.n_same = self.n_words = 0
        lengths = [0, 0]
        for one, other in zip_longest(iter_lines(self.source), iter_lines(self.target)):
            lengths[0] += one is not None
            lengths[1] += other is not None
            self.n_pairs += bool(one and other)
            self.n_lone += bool(other and not one)
            self.n_same += bool(one and one == other)
            self.n_words += len(other.split()) if other else 0
        if lengths[0] != lengths[1]:
            raise XnerError(
                f"{self.source} has {lengths[0]} lines and {self.target} {lengths[1]}: expected as "
                "many, each the translation of the other. Leave a line empty where one is missing."
            )
        if not self.n_pairs:
            raise XnerError(f"{self.source} and {self.target} have no line where both have text.")
        self.n_lines = lengths[0]
        self._warn()

    def _warn(self) -> None:
        if self.n_lone > self.n_lines / 100:
            warnings.warn(
                f"{self.n_lone:,} of {self.n_lines:,} lines of {self.target} have no translation "
                f"in {self.source}: nothing is said of them.",
                UserWarning,
                stacklevel=3,
            )
        if self.n_same > self.n_lines / 100:
            warnings.warn(
                f"{self.n_same:,} of {self.n_lines:,} lines of {self.target} are the same as in "
                f"{self.source}: they look untranslated, and are labelled as they are.",
                UserWarning,
                stacklevel=3,
            )

    def __iter__(self) -> Iterator[ParallelLine]:
        both = zip(iter_lines(self.source), iter_lines(self.target), strict=True)
        for number, (source, target) in enumerate(both):
            if target:  # as `annotate` reads the target alone
                yield ParallelLine(number, source, target)


def iter_lines(path: str | Path) -> Iterator[str]:
    """Read a text file line by line.

    path (str | Path): UTF-8; a byte order mark and CRLF line ends are taken off.
    YIELDS (str): Each line, white space within it a single space.
    RAISES: XnerError: The file is missing or not UTF-8.
    """
    path = Path(path)
    number = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):  # only a line feed ends a line
                yield " ".join(line.decode("utf-8-sig" if number == 1 else "utf-8").split())
    except UnicodeDecodeError as error:
        raise XnerError(
            f"{path}, line {number}: byte 0x{error.object[error.start]:02x} is not UTF-8. Convert "
            f"the file, for example {conversion(path)}."
        ) from error
    except OSError as error:
        raise XnerError(
            f"{path} cannot be read ({error.strerror}): expected a text file. Check the path."
        ) from error
