"""Files that are either whole or not there."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import XnerError

__all__ = ["TEMPORARY", "atomic_write", "refused"]

TEMPORARY = ".tmp"


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write a file under a temporary name beside it and rename it once it is on the disk.

    path (Path): The file to make or replace; its folder is made if it is missing.
    YIELDS (BinaryIO): The open temporary file.
    RAISES: XnerError, if the system refuses a write; nothing is left of the new file then, and an
        old file of that name stands as it was.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise XnerError(refused(path, error)) from error
        raise


def _sync_folder(folder: Path) -> None:
    # Windows cannot open a folder; the rename is durable there without it.
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def refused(path: Path, error: OSError) -> str:
    """Say that the system refused a write, and what to do.

    path (Path): The file.
    error (OSError): What the system said.
    RETURNS (str): The message.
    """
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    mend = "Free room on the disk" if full else "See that the folder can be made and written to"
    return (
        f"Could not write {path.name} in folder {path.parent}: {error.strerror or error}. "
        f"{mend} and run the same command again; nothing half-finished was left."
    )
