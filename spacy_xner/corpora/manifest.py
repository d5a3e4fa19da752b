"""The manifest of a soft-label folder: what the labels are and which shards are finished."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..categories import CategorySet
from ..errors import XnerError
from ..tags import TagSet
from .files import atomic_write

__all__ = ["FORMAT", "MANIFEST", "Manifest", "Shard", "Tags", "make_tags"]

MANIFEST = "manifest.json"
FORMAT = "spacy-xner soft labels 1"

Tags = TagSet | CategorySet


def make_tags(unit: str, tags: Sequence[str]) -> Tags:
    """Make the set of what a probability row is about.

    unit (str): "token": IOB2 tags, a row a token. "document": categories, one row a document.
    tags (Sequence[str]): Their names, in the order of the columns.
    RETURNS (Union[TagSet, CategorySet]): The set.
    RAISES: XnerError: The unit is another, or the names are no such set.
    """
    kinds: dict[str, type[TagSet] | type[CategorySet]] = {
        kind.unit: kind for kind in (TagSet, CategorySet)
    }
    if unit not in kinds:
        raise XnerError(f"Soft labels have the unit {unit!r}; expected one of {', '.join(kinds)}.")
    return kinds[unit](tuple(tags))


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
    """What a soft-label folder holds; `SoftLabelWriter` explains the fields.

    Manifests of before there were categories say no `unit`: their rows are tokens'.
    """

    tags: list[str]
    teacher: str
    source: str
    lang: str
    meta: dict[str, Any] = field(default_factory=dict)
    complete: bool = False
    shards: dict[int, Shard] = field(default_factory=dict)
    unit: str = TagSet.unit

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
            for shard in shards.values():
                _check_numbers(shard)
            manifest = cls(**content, shards=shards)
            make_tags(manifest.unit, manifest.tags)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise XnerError(
                f"{path} cannot be read as a manifest of soft labels ({error}). "
                f"Delete folder {folder} and make the soft labels again."
            ) from error
        return manifest


def _check_numbers(shard: Shard) -> None:
    """Refuse what is no count: a shard's number becomes the name of its file."""
    for name, value in asdict(shard).items():
        if type(value) is not int or value < 0:
            raise ValueError(f"a shard has {name} {value!r}; expected a number from 0 up")
