"""Archives of data, unpacked without trust in whoever made them."""

import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..errors import XnerError
from ..safety import check_document_id

__all__ = ["is_archive", "unpack"]

MAX_BYTES = 20 * 2**30
_SYMLINK = 0o120000


@dataclass
class _Member:
    name: str
    size: int
    is_file: bool
    is_folder: bool


def is_archive(path: Path) -> bool:
    """Tell whether a file is a zip or tar archive.

    path (Path): The file.
    RETURNS (bool): Whether it is one, by its content.
    """
    return path.is_file() and (zipfile.is_zipfile(path) or tarfile.is_tarfile(path))


def unpack(path: Path, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
    """Unpack an archive; nothing is written if any member is not what data should be.

    path (Path): A zip or tar archive, compressed or not.
    folder (Path): Where its members go; made if it is missing.
    max_bytes (int): Bytes that the members may have together.
    RAISES: XnerError, if it cannot be read, a member's name leads out of the folder, a member is a
        link or a device, or the members are too large.
    """
    try:
        with _members(path) as (members, open_member):
            _check(path, members, max_bytes)
            for member in members:
                target = folder / member.name
                if member.is_folder:
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                with open_member(member.name) as source, target.open("wb") as file:
                    shutil.copyfileobj(source, file)
    except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise XnerError(
            f"{path} cannot be unpacked to {folder}: {error}. Fetch it anew."
        ) from error


def _check(path: Path, members: list[_Member], max_bytes: int) -> None:
    for member in members:
        try:
            check_document_id(member.name.rstrip("/"))
        except XnerError:
            raise XnerError(
                f"{path}: member {member.name!r} would be written outside of the folder. Nothing "
                "was unpacked; take no data from whoever made this."
            ) from None
        if not (member.is_file or member.is_folder):
            raise XnerError(
                f"{path}: member {member.name!r} is a link or a device; expected files and "
                "folders. Nothing was unpacked."
            )
    total = sum(member.size for member in members)
    if total > max_bytes:
        raise XnerError(
            f"{path} unpacks to {total:,} bytes, at most {max_bytes:,} are allowed. Unpack it by "
            "hand if you trust it."
        )


@contextmanager
def _members(path: Path) -> Iterator[tuple[list[_Member], Callable[[str], IO[bytes]]]]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield [_of_zip(info) for info in archive.infolist()], archive.open
        return
    with tarfile.open(path) as tar:
        found = [_Member(m.name, m.size, m.isfile(), m.isdir()) for m in tar.getmembers()]

        def open_member(name: str) -> IO[bytes]:
            file = tar.extractfile(name)
            assert file is not None
            return file

        yield found, open_member


def _of_zip(info: zipfile.ZipInfo) -> _Member:
    # Zip archives of Unix keep the file's mode in the upper half of these attributes.
    is_link = (info.external_attr >> 16) & 0o170000 == _SYMLINK
    is_folder = info.is_dir()
    return _Member(info.orig_filename, info.file_size, not (is_link or is_folder), is_folder)
