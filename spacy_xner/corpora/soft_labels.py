"""Soft labels on disk: Parquet shards in a folder and a manifest that lists the finished ones.

A row is a document: `doc_id`, `lang`, `text`, `starts` and `ends` (character offsets of the
teacher's tokens) and `probs` (float16, tokens x IOB2 tags, row by row; a row of zeros says nothing
of its token, as a projection does of words that it is in doubt of). Where the manifest's unit
is "document", the one span is the whole text and `probs` its distribution over the categories.
pandas, DuckDB, Hugging Face `datasets` and Ray Data read the shards as they are.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from ..errors import XnerError
from .files import TEMPORARY, atomic_write
from .locks import lock_folder
from .manifest import MANIFEST, Manifest, Shard, Tags, make_tags
from .shards import SoftLabels, check_shard, read_shard, to_table, write_table

__all__ = ["SoftLabelCorpus", "SoftLabelWriter", "SoftLabels"]


class SoftLabelWriter:
    """Writes a soft-label folder shard by shard and goes on where an interrupted run stopped.

    path (Path | str): The folder; made if it is missing.
    tags (Sequence[str]): IOB2 tags in the order of the columns, as `TagSet.tags`; or categories, as
        `CategorySet.tags`.
    teacher (str): Fingerprint of the teacher, hex.
    source (str): Fingerprint of the text, hex.
    lang (str): Language code of the text.
    meta (dict[str, Any] | None): More to keep in the manifest; JSON.
    unit (str): What a row of probabilities is about: "token", or "document", which has one row.
    RAISES: XnerError, if the folder holds labels of another teacher, text or tag set, or a manifest
        that cannot be read, or another process writes to it.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        tags: Sequence[str],
        teacher: str,
        source: str,
        lang: str,
        meta: dict[str, Any] | None = None,
        unit: str = "token",
    ):
        self.path = Path(path)
        # Before anything is read: another process might be writing it.
        self._lock = lock_folder(self.path)
        columns = list(make_tags(unit, tags).tags)
        self._manifest = Manifest(columns, teacher, source, lang, dict(meta or {}), unit=unit)
        if (self.path / MANIFEST).exists():
            self._resume()
        elif any(self.path.glob("part-*.parquet")):
            raise XnerError(
                f"Folder {self.path} holds shards but no {MANIFEST}, so nobody can tell what they "
                "are. Delete the folder or name another."
            )
        for leftover in self.path.glob(f"*{TEMPORARY}"):
            leftover.unlink()
        self._manifest.write(self.path)

    def _resume(self) -> None:
        old = Manifest.read(self.path)
        for key, what in (
            ("unit", "unit"),
            ("teacher", "teacher"),
            ("source", "text"),
            ("tags", "tag set"),
        ):
            found, expected = getattr(old, key), getattr(self._manifest, key)
            if found != expected:
                raise XnerError(
                    f"{self.path / MANIFEST} belongs to another {what}: found {key} {found}, "
                    f"expected {expected}. Delete folder {self.path} or name another."
                )
        for index, shard in old.shards.items():
            try:
                check_shard(self.path, shard, old)
            except XnerError as error:
                warnings.warn(f"{error} It is made again.", UserWarning, stacklevel=3)
                continue
            self._manifest.shards[index] = shard
        self._manifest.complete = old.complete and self.finished == set(old.shards)

    @property
    def finished(self) -> set[int]:
        """Numbers of the shards that are on disk."""
        return set(self._manifest.shards)

    def write(self, index: int, docs: Sequence[SoftLabels]) -> None:
        """Write one shard; when this returns, the shard outlives a loss of power.

        index (int): Number of the shard, from 0.
        docs (Sequence[SoftLabels]): Its documents.
        RAISES: XnerError, if the shard is finished already, a document does not hold together, or
            the disk refuses the write.
        """
        table = to_table(docs, self._manifest)
        shard = Shard(index, len(docs), sum(len(doc.starts) for doc in docs))
        self._add(shard, lambda file: write_table(table, file))

    @property
    def manifest(self) -> Manifest:
        """What the folder holds, as `encode_shard` needs it."""
        return self._manifest

    def write_encoded(self, index: int, docs: int, tokens: int, content: bytes) -> None:
        """Write one shard that another process encoded; see `write`.

        index (int): Number of the shard, from 0.
        docs (int): Documents in it.
        tokens (int): Tokens in it.
        content (bytes): The Parquet file.
        RAISES: XnerError, if the shard is finished already, or the disk refuses the write.
        """
        self._add(Shard(index, docs, tokens), lambda file: file.write(content))

    def _add(self, shard: Shard, write: Callable[[BinaryIO], object]) -> None:
        if shard.index in self._manifest.shards:
            raise XnerError(
                f"Shard {shard.index} of {self.path} is finished: skip those in `finished`."
            )
        with atomic_write(self.path / shard.name) as file:
            write(file)
        self._manifest.shards[shard.index] = shard
        self._manifest.complete = False
        self._manifest.write(self.path)

    def close(self, n_shards: int) -> None:
        """Mark the corpus complete.

        n_shards (int): Number of shards that it has.
        RAISES: XnerError, if the finished shards are not exactly these.
        """
        if self.finished != set(range(n_shards)):
            missing = sorted(set(range(n_shards)) - self.finished)
            extra = sorted(self.finished - set(range(n_shards)))
            raise XnerError(
                f"Soft labels in {self.path} should be {n_shards} shards; missing {missing}, "
                f"not expected {extra}. Run the same command again, or delete the folder if the "
                "size of a shard was changed."
            )
        self._manifest.complete = True
        self._manifest.write(self.path)
        self._lock.release()

    def __enter__(self) -> "SoftLabelWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let others have the folder; only `close` makes the corpus complete."""
        self._lock.release()


class SoftLabelCorpus:
    """A finished soft-label folder.

    path (Path | str): The folder.
    RAISES: XnerError, if the folder, its manifest or a shard is missing, unfinished or damaged, or
        a shard has other tags or another teacher than the manifest says.
    """

    def __init__(self, path: Path | str):
        self.path = Path(path)
        if not (self.path / MANIFEST).is_file():
            raise XnerError(
                f"{self.path} is not a folder of soft labels: it has no {MANIFEST}. "
                "Make it with `spacy xner annotate` or name another."
            )
        self._manifest = Manifest.read(self.path)
        if not self._manifest.complete:
            raise XnerError(
                f"Soft labels in {self.path} are not finished ({len(self._manifest.shards)} shards "
                "so far). Run the command that made them again: it goes on where it stopped."
            )
        self._shards = [self._manifest.shards[index] for index in sorted(self._manifest.shards)]
        for shard in self._shards:
            check_shard(self.path, shard, self._manifest)

    @property
    def tags(self) -> tuple[str, ...]:
        """IOB2 tags, or categories, in the order of the columns."""
        return tuple(self._manifest.tags)

    @property
    def tagset(self) -> Tags:
        """The tags as a set, whose `unit` says what a row of probabilities is about."""
        return make_tags(self._manifest.unit, self._manifest.tags)

    @property
    def teacher(self) -> str:
        """Fingerprint of the teacher."""
        return self._manifest.teacher

    @property
    def source(self) -> str:
        """Fingerprint of the text."""
        return self._manifest.source

    @property
    def lang(self) -> str:
        """Language code of the text."""
        return self._manifest.lang

    @property
    def meta(self) -> dict[str, Any]:
        """What else the maker of the labels noted."""
        return self._manifest.meta

    @property
    def complete(self) -> bool:
        """Whether every shard is there; a corpus that is not cannot be opened."""
        return self._manifest.complete

    @property
    def n_docs(self) -> int:
        """Number of documents."""
        return sum(shard.docs for shard in self._shards)

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return sum(shard.tokens for shard in self._shards)

    @property
    def shards(self) -> list[Path]:
        """Paths of the shards."""
        return [self.path / shard.name for shard in self._shards]

    def read_shard(self, i: int) -> list[SoftLabels]:
        """Read one shard.

        i (int): Its place in `shards`.
        RETURNS (list[SoftLabels]): Its documents.
        RAISES: XnerError, if the shard cannot be read or does not hold what the manifest says.
        """
        return read_shard(self.path, self._shards[i], self._manifest)

    def __iter__(self) -> Iterator[SoftLabels]:
        for i in range(len(self._shards)):
            yield from self.read_shard(i)

    def __len__(self) -> int:
        return self.n_docs
