"""The manifest of a soft-label folder: what the labels are and which shards are finished."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import XnerError
from ..tags import TagSet
from .files import atomic_write

__all__ = ["FORMAT", "MANIFEST", "Manifest", "Shard"]

MANIFEST = "manifest.json"
FORMAT = "spacy-xner soft labels 1"


@dataclass(frozen=True)
class Shard:
    """A finished shard.

    index (int): Its number, from 0.
    docs (int): Documents in it.
    tokens (int): Tokens in it.
    """

    index: int
    docs: int
    tokens: int

    @property
    def name(self) -> str:
        return f"part-{self.index:05d}.parquet"


@dataclass
class Manifest:
    """What a soft-label folder holds; `SoftLabelWriter` explains the fields."""

    tags: list[str]
    teacher: str
    source: str
    lang: str
    meta: dict[str, Any] = field(default_factory=dict)
    complete: bool = False
    shards: dict[int, Shard] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        shards = [asdict(shard) for _, shard in sorted(self.shards.items())]
        content = {"format": FORMAT, **asdict(self), "shards": shards}
        with atomic_write(folder / MANIFEST) as file:
            file.write((json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode("utf8"))

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        path = folder / MANIFEST
        try:
            content = json.loads(path.read_text("utf8"))
            if content.pop("format") != FORMAT:
                raise ValueError(f"expected format {FORMAT!r}")
            shards = {entry["index"]: Shard(**entry) for entry in content.pop("shards")}
            manifest = cls(**content, shards=shards)
            TagSet(tuple(manifest.tags))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise XnerError(
                f"{path} cannot be read as a manifest of soft labels ({error}). "
                f"Delete folder {folder} and make the soft labels again."
            ) from error
        return manifest
