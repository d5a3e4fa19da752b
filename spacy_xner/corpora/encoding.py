"""Text files: strict UTF-8, and text that was decoded with the wrong encoding once (mojibake)."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ..errors import XnerError

__all__ = [
    "conversion",
    "garbled_warning",
    "get_repair",
    "iter_lines",
    "looks_garbled",
    "read_lines",
]

# The bytes 0x80-0xBF as Latin-1 or Windows-1252 shows them, with and without the quotes, dashes and
# dots that stand after a letter in sound text as well.
_CONTINUATION = "\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_UNLIKELY = "\x80-\xaa\xac-\xba\xbc-\xbf€‚ƒ„†‡ˆ‰ŠŒŽ•˜™šœžŸ"
_GARBLED = re.compile(
    f"[ÂÃ][{_UNLIKELY}]"
    f"|(?:[\xc2-\xdf][{_CONTINUATION}]){{2}}"
    f"|[\xe0-\xef][{_UNLIKELY}][{_CONTINUATION}]"
    f"|[\xf0-\xf4][{_UNLIKELY}][{_CONTINUATION}]{{2}}"
)


def read_lines(path: Path | str) -> list[str]:
    """Read a UTF-8 file as lines; see `iter_lines`.

    path (Path | str): A text file.
    RETURNS (list[str]): Its lines.
    RAISES: XnerError, as `iter_lines`.
    """
    return list(iter_lines(path))


def iter_lines(path: Path | str) -> Iterator[str]:
    """Read a UTF-8 file line by line; a byte order mark and CRLF line ends are taken off.

    path (Path | str): A text file, of any size.
    YIELDS (str): Its lines. Only a line feed ends a line: U+2028 or U+0085 within a line are
        characters of it.
    RAISES: XnerError, if the file is missing, not UTF-8 or holds nothing but white space.
    """
    path = Path(path)
    offset, empty = 0, True
    try:
        with path.open("rb") as file:
            for number, content in enumerate(file, 1):
                mark = 3 if number == 1 and content.startswith(b"\xef\xbb\xbf") else 0
                try:
                    line = content[mark:].decode("utf8")
                except UnicodeDecodeError as error:
                    at = mark + error.start
                    raise _not_utf8(path, number, content[at], offset + at) from error
                offset += len(content)
                empty = empty and not line.strip()
                yield line.removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise XnerError(
            f"{path} cannot be read ({error.strerror}): expected a text file. Check the path."
        ) from error
    if empty:
        raise XnerError(f"{path} is empty: expected UTF-8 text.")


def _not_utf8(path: Path, line: int, byte: int, offset: int) -> XnerError:
    return XnerError(
        f"{path}, line {line}: byte 0x{byte:02x} at offset {offset} is not UTF-8. "
        f"Convert the file, for example {conversion(path)}."
    )


def conversion(path: Path) -> str:
    """Give the command that makes UTF-8 of a file that is not: of UTF-16 by its first bytes."""
    with path.open("rb") as file:
        utf16 = file.read(2) in (b"\xff\xfe", b"\xfe\xff")
    return f"`iconv -f {'utf-16' if utf16 else 'latin1'} -t utf-8 {path.name} > utf8.txt`"


def looks_garbled(text: str) -> bool:
    """Tell whether UTF-8 bytes seem to have been read as Latin-1 or Windows-1252.

    text (str): A token or a line.
    RETURNS (bool): Whether a telling sequence occurs, as in "espaÃ±ol".
    """
    return not text.isascii() and _GARBLED.search(text) is not None


def get_repair() -> Callable[[str], str]:
    """Get the function that undoes wrong decoding: `ftfy.fix_encoding`, which leaves all else.

    RETURNS (Callable[[str], str]): The function.
    RAISES: XnerError, if ftfy is not installed.
    """
    try:
        import ftfy
    except ImportError as error:
        raise XnerError(
            "Repairing wrongly decoded text (fix_encoding) needs ftfy, which is not installed: "
            "pip install spacy-xner[repair]"
        ) from error
    return ftfy.fix_encoding


def garbled_warning(path: Path | str, count: int, line: int, unit: str) -> str:
    """Say that a file looks wrongly decoded and which option repairs it.

    path (Path | str): The file.
    count (int): Number of units that look so.
    line (int): Line of the first, from 1.
    unit (str): What was counted, in the plural.
    RETURNS (str): The warning.
    """
    return (
        f"{path}: {count} {unit} look like UTF-8 that was read as Latin-1 (first in line {line}) "
        "and were left so. Repair them with fix_encoding (command line: --fix-encoding)."
    )
