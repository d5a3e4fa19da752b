"""Words of documents and what is known of each word type, computed once."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar

import numpy as np
from spacy.attrs import ORTH
from spacy.tokens import Doc
from thinc.api import Model, Shim
from thinc.types import Floats2d

__all__ = ["TypeCache", "ViewShim", "all_words", "per_document", "words_of"]

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")
MAX_TYPES = 500_000


def words_of(doc: Doc) -> list[str]:
    """RETURNS (List[str]): The texts of a document's tokens."""
    strings = doc.vocab.strings
    return [strings[key] for key in doc.to_array(ORTH).tolist()]


def per_document(model: Model, rows: Any, docs: Sequence[Doc]) -> list[Floats2d]:
    """Cut rows of tokens into one array a document.

    model (Model): The layer, whose device they go to.
    rows (np.ndarray): All tokens of all documents, one below the other, x width.
    docs (Sequence[Doc]): The documents.
    RETURNS (List[Floats2d]): The arrays; those of empty documents have no row.
    """
    rows = model.ops.asarray(rows, dtype="float32")
    ends = np.cumsum([len(doc) for doc in docs])
    return [rows[end - len(doc) : end] for doc, end in zip(docs, ends.tolist(), strict=True)]


class TypeCache(Generic[KeyT, ValueT]):
    """Remembers a value for every key; forgets all when there are too many.

    compute (Callable[[KeyT], ValueT]): Gives the value of a key that is new.
    max_types (int): Most keys that are remembered.
    """

    def __init__(self, compute: Callable[[KeyT], ValueT], max_types: int = MAX_TYPES) -> None:
        self._compute, self._max_types = compute, max_types
        self._known: dict[KeyT, ValueT] = {}

    def __call__(self, key: KeyT) -> ValueT:
        try:
            return self._known[key]
        except KeyError:
            if len(self._known) >= self._max_types:
                self._known.clear()
            value = self._known[key] = self._compute(key)
            return value

    def distinct(self, keys: Iterable[KeyT]) -> tuple[list[ValueT], np.ndarray]:
        """Give the value of each distinct key once, and which of them each key has.

        keys (Iterable[KeyT]): The keys.
        RETURNS (Tuple[List[ValueT], np.ndarray]): Values, and for each key the index of its value.
        """
        index: dict[KeyT, int] = {}
        which = [index.setdefault(key, len(index)) for key in keys]
        return [self(key) for key in index], np.array(which, dtype=np.int32)


class ViewShim(Shim):
    """What a view keeps beside its weights; a view that keeps nothing saves nothing."""

    def __init__(self) -> None:
        super().__init__(None)

    def finish_update(self, optimizer: Any) -> None:
        pass

    def to_device(self, device_type: str, device_id: int) -> None:
        pass

    def to_bytes(self) -> bytes:
        return b""

    def from_bytes(self, data: bytes) -> "ViewShim":
        return self


def all_words(docs: Sequence[Doc]) -> Iterable[str]:
    """RETURNS (Iterable[str]): The words of all documents, one after the other."""
    return chain.from_iterable(words_of(doc) for doc in docs)
