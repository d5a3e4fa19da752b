"""A warning of text that the teacher's encoder cannot read."""

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacy.tokens import Doc

from .sources import ProbabilitySource

__all__ = ["file_of", "warn_of_unknown"]

UNKNOWN_WARNING = 0.01


def file_of(name: str) -> str:
    """Give the file that a document comes from.

    name (str): "<file>:<number>".
    RETURNS (str): The file's name without suffix.
    """
    return name.rpartition(":")[0]


def warn_of_unknown(
    source: ProbabilitySource, shard: Sequence[tuple[str, Doc]], text: Path, warned: set[str]
) -> None:
    """Warn once a file if the teacher's encoder reads nothing in many of its tokens.

    source (ProbabilitySource): The teacher.
    shard (Sequence[Tuple[str, Doc]]): Names and documents.
    text (Path): Where they come from, for the message.
    warned (Set[str]): Files that were warned of; grows.
    WARNS: UserWarning: The encoder does not know characters of a file.
    """
    tokenizer = getattr(source, "tokenizer", None)
    if tokenizer is None or tokenizer.unk_token_id is None:
        return
    words: dict[str, Counter[str]] = {}
    for name, doc in shard:
        if file_of(name) not in warned:
            counts = words.setdefault(file_of(name), Counter())
            counts.update(token.text for token in doc)
    for file, counts in words.items():
        # Few words hold a character that is unknown alone; only those are worth a look.
        lacking = _unknown(tokenizer, sorted(set().union(*counts)))
        unknown = _unknown(tokenizer, [word for word in counts if not lacking.isdisjoint(word)])
        share = sum(counts[word] for word in unknown) / max(1, counts.total())
        if share <= UNKNOWN_WARNING:
            continue
        warned.add(file)
        chars: Counter[str] = Counter()
        for word in unknown:
            chars.update(dict.fromkeys(lacking & set(word), counts[word]))
        frequent = sorted(chars, key=lambda char: (-chars[char], char))[:10]
        place = f"{file} in {text}" if text.is_dir() else text
        warnings.warn(
            f"{share:.0%} of the tokens of {place} are unknown to the teacher's encoder, "
            f"so that it labels them blindly. Characters that it lacks: {' '.join(frequent)}. "
            "Expect poor labels, or train a teacher on an encoder that knows them.",
            UserWarning,
            stacklevel=4,
        )


def _unknown(tokenizer: Any, words: list[str]) -> set[str]:
    """Words of which the tokenizer knows no piece but the bare mark of a word's beginning."""
    if not words:
        return set()
    nothing = {tokenizer.unk_token_id, tokenizer.convert_tokens_to_ids("▁")}
    pieces = tokenizer(
        [[word] for word in words], is_split_into_words=True, add_special_tokens=False
    )["input_ids"]
    unknown = tokenizer.unk_token_id
    return {w for w, ids in zip(words, pieces, strict=True) if unknown in ids and nothing >= {*ids}}
