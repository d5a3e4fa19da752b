"""Word alignment of sentence pairs: from an encoder's states, or read from a file."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from spacy.tokens import Doc, Token

from ..corpora.encoding import read_lines
from ..errors import XnerError
from .extraction import METHODS, extract, mutual_probability
from .states import word_means

if TYPE_CHECKING:
    from .states import PieceEncoder

__all__ = ["Aligner", "Alignment", "EncoderAligner", "PharaohAligner", "SentencePair"]

MOST_CELLS = 4_000_000  # of a similarity matrix; a larger one takes gigabytes and minutes


@dataclass(frozen=True)
class SentencePair:
    """A sentence and its translation.

    number (int): Line of the pair in its files, from 0.
    source (Doc): The sentence.
    target (Doc): Its translation.
    """

    number: int
    source: Doc
    target: Doc


@dataclass(frozen=True)
class Alignment:
    """Which words of a pair say the same.

    links (np.ndarray): int64, links x 2: source word, target word; sorted, each once.
    scores (np.ndarray): float32, how sure each link is, from 0 to 1.
    """

    links: np.ndarray
    scores: np.ndarray

    @classmethod
    def empty(cls) -> "Alignment":
        """Make the alignment of a pair that has none."""
        return cls(np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.float32))

    def quality(self, n_source: int, n_target: int) -> float:
        """Tell how much of a pair is translation.

        n_source (int): Source words.
        n_target (int): Target words.
        RETURNS (float): Sum over the words of both sides of their surest link, per word; 0 to 1.
        """
        if not n_source + n_target:
            return 0.0
        total = 0.0
        for side, n in enumerate((n_source, n_target)):
            surest = np.zeros(n, dtype=np.float32)
            np.maximum.at(surest, self.links[:, side], self.scores)
            total += float(surest.sum())
        return total / (n_source + n_target)


class Aligner(Protocol):
    """Aligns the words of sentence pairs.

    fingerprint (str): Tells another aligner, or other settings, from this one.
    """

    fingerprint: str

    def __call__(self, pairs: Sequence[SentencePair]) -> list[Alignment]:
        """Give one alignment a pair."""
        ...


class EncoderAligner:
    """Aligns words whose pieces an encoder sees alike (SimAlign, Jalili Sabet et al. 2020).

    encoder (PieceEncoder): Gives the states.
    method (str): See `extraction.extract`.
    unit (str): "pieces" links words of which any pieces are linked; "words" links the means of
        their pieces, as is done in any case where both sides have some 2,000 pieces.
    temperature (float): See `extraction.mutual_probability`.
    RAISES: XnerError: A setting is unknown.
    """

    def __init__(
        self,
        encoder: "PieceEncoder",
        *,
        method: str = "itermax",
        unit: str = "pieces",
        temperature: float = 0.02,
    ) -> None:
        if method not in METHODS:
            raise XnerError(f"method is {method!r}; expected one of {', '.join(METHODS)}.")
        if unit not in ("pieces", "words"):
            raise XnerError(f"unit is {unit!r}; expected pieces or words.")
        if not temperature > 0:
            raise XnerError(f"temperature is {temperature}; expected a number above 0.")
        self.encoder = encoder
        self.method = method
        self.unit = unit
        self.temperature = temperature
        self.fingerprint = f"{encoder.fingerprint} {method} {unit} {temperature}"

    def __call__(self, pairs: Sequence[SentencePair]) -> list[Alignment]:
        docs = [doc for pair in pairs for doc in (pair.source, pair.target)]
        encoded = self.encoder([[token.text for token in doc] for doc in docs])
        return [self._align(*both) for both in zip(encoded[::2], encoded[1::2], strict=True)]

    def _align(
        self, source: tuple[np.ndarray, np.ndarray], target: tuple[np.ndarray, np.ndarray]
    ) -> Alignment:
        if self.unit == "words" or len(source[0]) * len(target[0]) > MOST_CELLS:
            source, target = word_means(*source), word_means(*target)
        (states, word), (other, other_word) = source, target
        if not len(states) or not len(other):
            return Alignment.empty()
        similarity = (states @ other.T + 1.0) / 2.0
        units = extract(similarity, self.method)
        sure = mutual_probability(similarity, self.temperature)[units[:, 0], units[:, 1]]
        return _of_words(word[units[:, 0]], other_word[units[:, 1]], sure)


def _of_words(source: np.ndarray, target: np.ndarray, sure: np.ndarray) -> Alignment:
    """Link the words of linked pieces, each pair as sure as its surest pieces."""
    links, which = np.unique(np.stack([source, target], axis=1), axis=0, return_inverse=True)
    scores = np.zeros(len(links), dtype=np.float32)
    np.maximum.at(scores, which.ravel(), sure.astype(np.float32))
    return Alignment(links.astype(np.int64), scores)


_LINK = re.compile(r"(\d+)[-p](\d+)")


class PharaohAligner:
    """Reads alignments that another tool made: a line a pair, "0-0 1-2 ...", words from 0.

    awesome-align, fast_align, eflomal and SimAlign itself write this format. Words are what spaces
    part in the lines of the two files. Our tokens may be finer: tokens with a letter or digit take
    the links of the word they lie in, punctuation links with its equal there.

    path (str | Path): The file.
    RAISES: XnerError: The file is missing or holds something else.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        lines = read_lines(self.path)
        self.fingerprint = hashlib.sha256("\n".join(lines).encode("utf8")).hexdigest()[:32]
        self._lines = [
            np.array(list(_parse(line, self.path, number)), dtype=np.int64).reshape(-1, 2)
            for number, line in enumerate(lines, 1)
        ]

    def __len__(self) -> int:
        return len(self._lines)

    def __call__(self, pairs: Sequence[SentencePair]) -> list[Alignment]:
        return [self._align(pair) for pair in pairs]

    def _align(self, pair: SentencePair) -> Alignment:
        if pair.number >= len(self._lines):
            raise XnerError(
                f"{self.path} has {len(self._lines)} lines, but the texts go on: expected one line "
                "a pair. Align the same two files again."
            )
        links = self._lines[pair.number]
        source, target = _tokens_of_words(pair.source), _tokens_of_words(pair.target)
        for side, words in enumerate((source, target)):
            beyond = links[links[:, side] >= len(words)]
            if len(beyond):
                raise XnerError(
                    f"{self.path}, line {pair.number + 1}: {beyond[0][0]}-{beyond[0][1]} names a "
                    f"word that the {('source', 'target')[side]} sentence does not have: it has "
                    f"{len(words)}, counted from 0. The alignment belongs to another text or "
                    "another tokenisation: align the lines as they are, split at spaces."
                )
        found = [
            (one.i, other.i)
            for word, other_word in links.tolist()
            for one in source[word]
            for other in target[other_word]
            if one.text == other.text or (_is_word(one) and _is_word(other))
        ]
        if not found:
            return Alignment.empty()
        pairs = np.unique(np.array(found, dtype=np.int64), axis=0)
        return Alignment(pairs, np.ones(len(pairs), dtype=np.float32))


def _tokens_of_words(doc: Doc) -> list[list[Token]]:
    words: list[list[Token]] = [[]]
    for token in doc:
        if not token.is_space:
            words[-1].append(token)
        if token.whitespace_ or token.is_space:
            words.append([])
    return [word for word in words if word]


def _is_word(token: Token) -> bool:
    return any(map(str.isalnum, token.text))


def _parse(line: str, path: Path, number: int) -> Iterator[tuple[int, int]]:
    for entry in line.split():
        match = _LINK.fullmatch(entry)
        if not match:
            raise XnerError(
                f"{path}, line {number}: {entry!r} is no link; expected SOURCE-TARGET, two word "
                "numbers from 0, such as 3-4."
            )
        yield int(match[1]), int(match[2])
