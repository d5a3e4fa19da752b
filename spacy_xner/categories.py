"""Categories of documents: what a tag set is to tokens, for text classification."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from .errors import XnerError

__all__ = ["CategorySet"]


@dataclass(frozen=True)
class CategorySet:
    """The categories of a classifier, of which each document has exactly one.

    tags (tuple[str, ...]): Their names, sorted, in the order of the columns of probabilities.
    RAISES: XnerError, for less than two, one that is blank or twice, names that differ in case
        alone, or another order.
    """

    unit: ClassVar[str] = "document"

    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        folded: dict[str, str] = {}
        for name in self.tags:
            if not isinstance(name, str) or not name.strip():
                raise XnerError(f"Category {name!r} has no name; expected one such as positive.")
            other = folded.setdefault(name.casefold(), name)
            if other != name:
                raise XnerError(
                    f"Categories {other!r} and {name!r} differ in case alone. Write them alike."
                )
        if len(self.tags) < 2 or self.tags != tuple(sorted(set(self.tags))):
            raise XnerError(
                f"Categories are {list(self.tags)}; expected at least two different names, sorted."
            )

    @classmethod
    def from_types(cls, types: Iterable[str]) -> "CategorySet":
        """Make the set from names in any order.

        types (Iterable[str]): Names of categories; repeats are allowed.
        RETURNS (CategorySet): The set.
        """
        return cls(tuple(sorted(set(types))))

    @property
    def types(self) -> tuple[str, ...]:
        """The names: a category is its own type."""
        return self.tags

    def index(self, tag: str) -> int:
        """Column of a category.

        tag (str): Its name.
        RETURNS (int): The column.
        RAISES: XnerError, if there is no such category; the message names the nearest one.
        """
        if tag in self.tags:
            return self.tags.index(tag)
        folded = {name.casefold(): name for name in self.tags}
        near = difflib.get_close_matches(tag.casefold(), folded, n=1)
        hint = f" Did you mean {folded[near[0]]!r}?" if near else ""
        if near == [tag.casefold()]:
            hint += " Case matters."
        raise XnerError(f"No category {tag!r}; expected one of {', '.join(self.tags)}.{hint}")

    def __len__(self) -> int:
        return len(self.tags)
