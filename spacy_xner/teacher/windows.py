"""From words to the windows of word pieces that an encoder reads, and back to one row a word.

Every word keeps all of its pieces, whatever its length, and every document all of its words: what
does not fit one window is read in several that overlap, and a word's state comes from the window in
which it stands farthest from an edge.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Window", "WordPieces", "batch_windows", "split_windows"]


class WordPieces:
    """Splits words into pieces with a Hugging Face fast tokenizer, each word type only once.

    Sub-word vocabularies of this family (Unigram with a word-start mark, WordPiece) cut a word
    without looking at its neighbours, so that the pieces of a type can be kept.

    tokenizer (PreTrainedTokenizerFast): The encoder's tokenizer.
    skip_mark (bool): Where a word begins with a bare word-start mark ("▁", as a tenth of the words
        in Ethiopic or Sinhala script do), let the piece behind it stand for the word.
    max_types (int): Word types kept before the memory is cleared.
    """

    def __init__(
        self, tokenizer: Any, *, skip_mark: bool = False, max_types: int = 500_000
    ) -> None:
        self.tokenizer = tokenizer
        self.mark = tokenizer.get_vocab().get("▁") if skip_mark else None
        self.max_types = max_types
        self._pieces: dict[str, list[int]] = {}
        self.prefix, self.suffix = _special_pieces(tokenizer)

    def __call__(self, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Give the pieces of a document's words.

        words (Sequence[str]): The words of one document.
        RETURNS (Tuple[np.ndarray, np.ndarray]): Piece ids, and for each word the index of the
            piece that stands for it: its first, or the one behind a bare mark. A word that the
            tokenizer leaves without a piece gets the unknown piece.
        """
        self._learn(words)
        pieces = [self._pieces[word] for word in words]
        lengths = np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces))
        firsts = np.cumsum(lengths) - lengths
        if self.mark is not None:
            firsts += [len(word) > 1 and word[0] == self.mark for word in pieces]
        ids = np.fromiter((i for word in pieces for i in word), np.int64, int(lengths.sum()))
        return ids, firsts

    def _learn(self, words: Sequence[str]) -> None:
        new = [word for word in set(words) if word not in self._pieces]
        if not new:
            return
        if len(self._pieces) + len(new) > self.max_types:
            self._pieces.clear()
            new = list(set(words))
        encoded = self.tokenizer(
            [[word] for word in new], is_split_into_words=True, add_special_tokens=False
        )["input_ids"]
        unknown = [self.tokenizer.unk_token_id]
        self._pieces.update((word, ids or unknown) for word, ids in zip(new, encoded, strict=True))


def _special_pieces(tokenizer: Any) -> tuple[list[int], list[int]]:
    # By its post-processor: `build_inputs_with_special_tokens` of a tokenizer without a class of
    # its own (PreTrainedTokenizerFast) adds nothing.
    filled = tokenizer([["a"]], is_split_into_words=True, return_special_tokens_mask=True)
    ids, mask = filled["input_ids"][0], filled["special_tokens_mask"][0]
    first = mask.index(0) if 0 in mask else len(mask)
    return ids[:first], ids[first + mask[first:].count(0) :]


@dataclass
class Window:
    """A stretch of one document's pieces, and which words' states are taken from it.

    doc (int): Index of the document in its batch.
    start (int): First piece of the document in this window.
    ids (np.ndarray): The piece ids, special pieces included.
    words (np.ndarray): Words of the document whose state this window gives.
    positions (np.ndarray): Where in `ids` the piece stands that gives each word's state.
    """

    doc: int
    start: int
    ids: np.ndarray
    words: np.ndarray
    positions: np.ndarray


def split_windows(
    doc: int,
    ids: np.ndarray,
    firsts: np.ndarray,
    *,
    prefix: Sequence[int],
    suffix: Sequence[int],
    max_length: int,
    overlap: int,
) -> Iterator[Window]:
    """Cut one document into windows that an encoder can read.

    doc (int): Index of the document in its batch.
    ids (np.ndarray): Its piece ids, without special pieces.
    firsts (np.ndarray): The piece that stands for each word.
    prefix (Sequence[int]): Special pieces in front of each window.
    suffix (Sequence[int]): Special pieces behind each window.
    max_length (int): Pieces in a window at most, special pieces included.
    overlap (int): Pieces that two neighbouring windows share.
    YIELDS (Window): Windows; each word's state is taken from exactly one of them.
    """
    room = max_length - len(prefix) - len(suffix)
    step = max(1, room - overlap)
    starts = [0]
    while starts[-1] + room < len(ids):
        starts.append(starts[-1] + step)
    # Two neighbours share the pieces from the later one's start; each takes its half of them.
    bounds = [0, *(start + overlap // 2 for start in starts[1:]), len(ids)]
    for i, start in enumerate(starts):
        words = np.flatnonzero((firsts >= bounds[i]) & (firsts < bounds[i + 1]))
        if not len(words):
            continue
        window = np.concatenate([prefix, ids[start : start + room], suffix]).astype(np.int64)
        yield Window(doc, start, window, words, firsts[words] - start + len(prefix))


def batch_windows(
    windows: Sequence[Window], max_pieces: int, worthwhile: int = 256
) -> Iterator[list[Window]]:
    """Group windows of like length, so that little padding is computed.

    windows (Sequence[Window]): Windows in any order.
    max_pieces (int): Pieces in a padded batch at most (a single longer window is its own batch).
    worthwhile (int): From this many pieces on, a batch ends where the windows get a fifth shorter:
        about the padding that costs as much as a batch of its own.
    YIELDS (List[Window]): Batches, longest windows first.
    """
    batch: list[Window] = []
    longest = 0
    for window in sorted(windows, key=lambda w: -len(w.ids)):
        longest = longest or len(window.ids)
        padded = longest * (len(batch) + 1)
        wasteful = padded > worthwhile and len(window.ids) < 0.8 * longest
        if batch and (padded > max_pieces or wasteful):
            yield batch
            batch, longest = [], len(window.ids)
        batch.append(window)
    if batch:
        yield batch
