"""One process writes a folder: the second is refused, and what a dead one left is taken over."""

import os
import socket
import sys
import warnings
import weakref
from pathlib import Path
from typing import IO

from ..errors import XnerError
from .files import refused

__all__ = ["LOCK", "FolderLock", "lock_folder"]

LOCK = ".lock"

_held: "weakref.WeakValueDictionary[Path, FolderLock]" = weakref.WeakValueDictionary()


class FolderLock:
    """Holds a folder as long as it lives, or until `release`; see `lock_folder`.

    path (Path): The folder; made if it is missing.
    """

    def __init__(self, path: Path):
        self.path = path
        self._file = _acquire(path / LOCK)
        self.release = weakref.finalize(self, _release, self._file, path / LOCK, os.getpid())


def lock_folder(path: Path | str) -> FolderLock:
    """Take a folder for this process, which may take it several times.

    The system gives the lock of a process that dies to the next one, so that no lock is ever stale:
    the file that a killed run leaves says who had it, not that it is had.

    path (Path | str): The folder; made if it is missing.
    RETURNS (FolderLock): Whoever holds it holds the folder.
    RAISES: XnerError, if another process has the folder, or the system refuses to write to it.
    WARNS: UserWarning, if the file system has no locks.
    """
    resolved = Path(path).resolve()
    lock = _held.get(resolved)
    if lock is None or not lock.release.alive:
        lock = _held[resolved] = FolderLock(resolved)
    return lock


def _acquire(path: Path) -> IO[str]:
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf8")
        except OSError as error:
            raise XnerError(refused(path, error)) from error
        _take(file, path)
        # Whoever had it may have removed the file between our opening and our locking it.
        if _is(file, path):
            break
        file.close()
    try:
        file.seek(0)
        file.truncate()
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
    except OSError as error:
        file.close()
        raise XnerError(refused(path, error)) from error
    return file


def _is(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _take(file: IO[str], path: Path) -> None:
    if sys.platform == "win32":  # one run at a time, then
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        who = file.read().strip() or "another process"
        file.close()
        raise XnerError(
            f"Folder {path.parent} is being written by {who}. Wait until it is done, end it, or "
            "name another folder."
        ) from error
    except OSError as error:  # some network file systems
        warnings.warn(
            f"{path.parent} cannot be locked ({error.strerror}). See that only one process writes "
            "to it.",
            UserWarning,
            stacklevel=5,
        )


def _release(file: IO[str], path: Path, owner: int) -> None:
    if not file.closed:
        # A child that was forked must not give away what its parent holds.
        if os.getpid() == owner and _is(file, path):
            path.unlink(missing_ok=True)
        file.close()
