"""Tag schemes: IOB1, IOB2 and BILUO. Inside the package tags are IOB2."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .errors import XnerError

__all__ = [
    "TagError",
    "TagSet",
    "detect_scheme",
    "iob2_from_spans",
    "iob2_to_biluo",
    "spans_from_iob2",
    "to_iob2",
]

Span = tuple[int, int, str]


class TagError(XnerError):
    """A tag that its scheme does not allow; readers add the file and the line.

    message (str): What was found and what was expected.
    position (int): Index of the tag in its sentence, from 0.
    """

    def __init__(self, message: str, position: int):
        super().__init__(message)
        self.position = position


@dataclass(frozen=True)
class TagSet:
    """The IOB2 tags of a set of entity types, in the one order that probabilities use.

    tags (tuple[str, ...]): "O", then "B-X", "I-X" for each type X in sorted order.
    RAISES: XnerError, if the order is another.
    """

    unit: ClassVar[str] = "token"

    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        types = {tag[2:] for tag in self.tags if tag != "O"}
        expected = ("O", *(f"{prefix}-{label}" for label in sorted(types) for prefix in "BI"))
        if tuple(self.tags) != expected:
            raise XnerError(
                f"Tags {list(self.tags)} are not in the order of a tag set; expected "
                f"{list(expected)}. Make the set with TagSet.from_types."
            )

    @classmethod
    def from_types(cls, types: Iterable[str]) -> "TagSet":
        """Make the tag set of some entity types.

        types (Iterable[str]): Entity types in any order, repeated or not.
        RETURNS (TagSet): Their tags.
        RAISES: XnerError, for an empty type or one that holds white space.
        """
        distinct = sorted(set(types))
        for label in distinct:
            if not label or label.split() != [label]:
                raise XnerError(f"{label!r} is no entity type: expected a name without spaces.")
        return cls(("O", *(f"{prefix}-{label}" for label in distinct for prefix in "BI")))

    @property
    def types(self) -> tuple[str, ...]:
        """The entity types, sorted."""
        return tuple(tag[2:] for tag in self.tags[1::2])

    def index(self, tag: str) -> int:
        """Find the column of a tag.

        tag (str): An IOB2 tag.
        RETURNS (int): Its column.
        RAISES: XnerError, if the set does not hold the tag.
        """
        try:
            return self.tags.index(tag)
        except ValueError:
            raise XnerError(
                f"Tag {tag!r} is not in the tag set: expected one of {', '.join(self.tags)}."
            ) from None

    def __len__(self) -> int:
        return len(self.tags)


def detect_scheme(sentences: Iterable[Sequence[str]]) -> str:
    """Tell which scheme the tags of a file follow.

    sentences (Iterable[Sequence[str]]): Tags of each sentence.
    RETURNS (str): "BILUO" if any tag is L- or U-; "IOB1" if entities open with I- and B- only
        parts an entity from one of its own type before it; "IOB2" otherwise.
    """
    opens_with_b = opens_with_i = False
    for tags in sentences:
        before = "O"
        for tag in tags:
            if tag[:2] in ("L-", "U-"):
                return "BILUO"
            follows_own_type = before[2:] == tag[2:] and before != "O"
            opens_with_b |= tag[:2] == "B-" and not follows_own_type
            opens_with_i |= tag[:2] == "I-" and not follows_own_type
            before = tag
    return "IOB1" if opens_with_i and not opens_with_b else "IOB2"


def to_iob2(tags: Sequence[str], scheme: str | None = None) -> tuple[list[str], int]:
    """Convert the tags of one sentence to IOB2.

    tags (Sequence[str]): IOB1, IOB2 or BILUO tags.
    scheme (str | None): "IOB1", "IOB2" or "BILUO", the scheme of the whole file; None looks at
        this sentence alone.
    RETURNS (tuple[list[str], int]): IOB2 tags, and the number of I- tags that opened an entity and
        became B-. For IOB1 this is how entities open, for IOB2 each one is a fault of the data.
    RAISES: TagError, for a tag of no known scheme and for a broken BILUO sequence.
    """
    biluo = (scheme or detect_scheme([tags])) == "BILUO"
    allowed = "BILU" if biluo else "BI"
    iob2: list[str] = []
    repaired = 0
    for position, tag in enumerate(tags):
        _check_tag(tag, allowed, position)
        prefix, label = tag[0], tag[2:]
        before = iob2[-1] if iob2 else "O"
        if biluo:
            _check_biluo_step(tags, position)
            prefix = {"U": "B", "L": "I"}.get(prefix, prefix)
        elif prefix == "I" and before[2:] != label:
            prefix = "B"
            repaired += 1
        iob2.append("O" if tag == "O" else f"{prefix}-{label}")
    if biluo and tags and tags[-1][0] in "BI":
        raise TagError(f"{tags[-1]} is the last tag: its entity has no L-", len(tags) - 1)
    return iob2, repaired


def _check_tag(tag: str, allowed: str, position: int) -> None:
    if tag == "O" or (len(tag) > 2 and tag[1] == "-" and tag[0] in allowed):
        return
    hint = " (BIOES: write E- as L- and S- as U-)" if tag[:2] in ("E-", "S-") else ""
    raise TagError(
        f"tag {tag!r} belongs to no known scheme: expected O or "
        f"{', '.join(prefix + '-TYPE' for prefix in allowed)}{hint}",
        position,
    )


def _check_biluo_step(tags: Sequence[str], position: int) -> None:
    tag = tags[position]
    before = tags[position - 1] if position else "O"
    is_open = before[0] in "BI"
    if is_open != (tag[0] in "IL") or (is_open and before[2:] != tag[2:]):
        expected = f"I-{before[2:]} or L-{before[2:]}" if is_open else "O, B- or U-"
        place = f"after {before}" if position else "at the start of a sentence"
        raise TagError(f"broken BILUO sequence: {tag} {place}, expected {expected}", position)


def iob2_to_biluo(tags: Sequence[str]) -> list[str]:
    """Convert valid IOB2 tags to BILUO.

    tags (Sequence[str]): IOB2 tags.
    RETURNS (list[str]): As many BILUO tags.
    RAISES: TagError, if an I- does not continue an entity of its type.
    """
    biluo = ["O"] * len(tags)
    for start, end, label in spans_from_iob2(tags):
        biluo[start:end] = [f"I-{label}"] * (end - start)
        biluo[start] = f"B-{label}"
        biluo[end - 1] = f"L-{label}" if end - start > 1 else f"U-{label}"
    return biluo


def spans_from_iob2(tags: Sequence[str]) -> list[Span]:
    """Read the entities off valid IOB2 tags.

    tags (Sequence[str]): IOB2 tags.
    RETURNS (list[tuple[int, int, str]]): First token, token after the last, type; in text order.
    RAISES: TagError, if an I- does not continue an entity of its type.
    """
    spans: list[Span] = []
    start = 0
    for position, tag in enumerate([*tags, "O"]):
        before = tags[position - 1] if position else "O"
        if tag[:2] == "I-":
            if before[:2] not in ("B-", "I-") or before[2:] != tag[2:]:
                raise TagError(f"{tag} after {before} is not IOB2: use to_iob2 first", position)
            continue
        if before != "O":
            spans.append((start, position, before[2:]))
        start = position
    return spans


def iob2_from_spans(n: int, spans: Iterable[Span]) -> list[str]:
    """Write entities as IOB2 tags.

    n (int): Number of tokens.
    spans (Iterable[tuple[int, int, str]]): First token, token after the last, type; in any order.
    RETURNS (list[str]): One tag a token.
    RAISES: XnerError, for a span that is empty, overlaps another or lies outside the tokens.
    """
    tags = ["O"] * n
    for start, end, label in spans:
        if not 0 <= start < end <= n or any(tag != "O" for tag in tags[start:end]):
            raise XnerError(
                f"Span ({start}, {end}, {label!r}) is empty, overlaps another or lies outside the "
                f"{n} tokens: expected 0 <= start < end <= {n} and no overlap."
            )
        tags[start:end] = [f"I-{label}"] * (end - start)
        tags[start] = f"B-{label}"
    return tags
