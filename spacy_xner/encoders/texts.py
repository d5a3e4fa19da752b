"""The text that decides which part of a vocabulary stays."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..corpora.conll import is_conll, load_conll
from ..corpora.detokenize import detokenize
from ..corpora.encoding import get_repair, read_lines
from ..errors import XnerError

__all__ = ["read_text", "text_files"]

HELD_OUT = re.compile(r"(dev|test|devtest|val|valid|validation)\b", re.IGNORECASE)


def text_files(paths: Iterable[Path | str]) -> tuple[list[Path], list[Path]]:
    """List the files behind some paths: files as they are, of a folder all at any depth.

    In a folder, dev and test files are left out, since a vocabulary chosen by test text would know
    what no user's can; a file that is named itself is always taken.

    paths (Iterable[Path | str]): files and folders.
    RETURNS (tuple[list[Path], list[Path]]): the files, each once; and those that were left out.
    RAISES: XnerError where a path does not exist or a folder holds no file.
    """
    taken: dict[Path, None] = {}
    left: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_file():
            taken[path] = None
            continue
        if not path.is_dir():
            raise XnerError(
                f"--keep-vocab-of: nothing at {path}. Expected a text file, a CoNLL file or a "
                "folder of such files."
            )
        files = sorted(file for file in path.rglob("*") if _is_visible_file(file, path))
        for file in files:
            (left if HELD_OUT.match(file.name) else taken)[file] = None
        if not any(file in taken for file in files):
            raise XnerError(
                f"--keep-vocab-of: folder {path} holds no text file beside {len(files)} dev and "
                "test files. Name a file itself to have it taken."
            )
    return list(taken), [file for file in left if file not in taken]


def _is_visible_file(file: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
    return file.is_file() and not hidden


def read_text(path: Path, *, fix_encoding: bool = False) -> Iterator[str]:
    """Read a text file line by line, a CoNLL file as its words with spaces and as running text.

    path (Path): UTF-8 file; its content tells whether it is CoNLL.
    fix_encoding (bool): repair text that was decoded with the wrong encoding, by ftfy.
    YIELDS (str): a line.
    RAISES: XnerError where the file cannot be read.
    """
    if is_conll(path):
        for sentence in load_conll(path, fix_encoding=fix_encoding).sentences:
            yield " ".join(sentence.words)
            yield detokenize(sentence.words)
        return
    repair = get_repair() if fix_encoding else None
    for line in read_lines(path):
        yield line if repair is None or line.isascii() else repair(line)
