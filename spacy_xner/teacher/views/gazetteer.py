"""The gazetteer view: whether a list of names knows a word, and as what."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import numpy as np
import srsly
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ...errors import XnerError
from .matching import NameIndex, pieces_of
from .names import cldr_names, read_names
from .words import TypeCache, ViewShim, per_document, words_of

__all__ = ["build_gazetteer_view_v1"]

KINDS = 3
MAX_TYPES = 32
CLDR_TYPES = ("city", "language", "territory")


def build_gazetteer_view_v1(
    files: list[str] = [],  # noqa: B006  (spaCy fills None in as an empty list)
    cldr: list[str] = [],  # noqa: B006
    max_words: int = 4,
    similarity: float = 0.8,
) -> Model[list[Doc], list[Floats2d]]:
    """Build a view of what lists of names know of a word.

    For each type six numbers: how alike a name as written (less than 1 behind a prefix), the
    romanised form, or the nearest by edit distance is, as the first word of a name or a later one.
    The names are read when the teacher is initialised and saved with it; the files are not needed
    again.

    files (List[str]): Lists of names, see `names.read_names`.
    cldr (List[str]): Codes of languages whose names of territories, languages and cities are taken
        from CLDR.
    max_words (int): Words in a name at most; longer names are not looked for.
    similarity (float): See `matching.NameIndex`.
    RETURNS (Model[List[Doc], List[Floats2d]]): The view, tokens x (6 * number of types).
    """
    return Model(
        "gazetteer_view",
        forward,
        init=init,
        dims={"nO": None},
        attrs={"needs": ["babel", "langcodes", "rapidfuzz", "uroman"]},
        shims=[NamesShim(files, cldr, max_words, similarity)],
    )


class NamesShim(ViewShim):
    """Holds the names, and remembers what was found for every run of words.

    files (List[str]): Lists of names.
    cldr (List[str]): Codes of languages.
    max_words (int): Words in a name at most.
    similarity (float): See `matching.NameIndex`.
    """

    def __init__(
        self, files: list[str], cldr: list[str], max_words: int, similarity: float
    ) -> None:
        super().__init__()
        self.files, self.cldr = files, cldr
        self.max_words, self.similarity = max_words, similarity
        self.types: list[str] = []
        self.index: NameIndex | None = None
        self.cache = TypeCache[tuple[str, ...], list[tuple[int, float]]](self._columns)

    def read(self) -> None:
        """Read the files and CLDR."""
        names: dict[str, int] = {}
        bits: dict[str, int] = {}
        for name, label in self._sources():
            bit = bits.setdefault(label, len(bits))
            if bit == MAX_TYPES:
                raise XnerError(
                    f"The lists of names {', '.join(self.files)} have more than {MAX_TYPES} types: "
                    f"{', '.join(sorted(bits))}. Name fewer; the type is the second column, or the "
                    "name of the file."
                )
            pieces = pieces_of(name)
            if 0 < len(pieces) <= self.max_words:
                name = " ".join(pieces)
                names[name] = names.get(name, 0) | 1 << bit
        if not names:
            raise XnerError(
                "spacy-xner.GazetteerView.v1 has no names: name lists under `files` or languages "
                "under `cldr`."
            )
        self._use(list(bits), NameIndex(names, similarity=self.similarity))

    def _sources(self) -> Iterable[tuple[str, str]]:
        for file in self.files:
            yield from read_names(file)
        yield from cldr_names(self.cldr)

    def _use(self, types: list[str], index: NameIndex) -> None:
        self.types, self.index = types, index
        self.cache = TypeCache(self._columns)

    def _columns(self, words: tuple[str, ...]) -> list[tuple[int, float]]:
        """Columns of a name's first word that are not zero, and their values."""
        assert self.index is not None
        return [
            (2 * (KINDS * bit + kind), value)
            for kind, types, value in self.index.find(words)
            for bit in range(len(self.types))
            if types >> bit & 1
        ]

    def rows(self, doc: Doc) -> np.ndarray:
        """Give what is known of each word.

        doc (Doc): The document.
        RETURNS (np.ndarray): float32, tokens x (6 * number of types).
        """
        assert self.index is not None
        words = words_of(doc)
        rows = np.zeros((len(words), 2 * KINDS * len(self.types)), dtype="float32")
        # A hyphen that is a token has no pieces: names go on over it and do not begin or end there.
        made_of = [(i, pieces) for i, word in enumerate(words) if (pieces := pieces_of(word))]
        for n in range(1, min(self.max_words, self.index.longest) + 1):
            for window in zip(*(made_of[i:] for i in range(n)), strict=False):
                first, last = window[0][0], window[-1][0]
                name = tuple(piece for _, pieces in window for piece in pieces)
                for column, value in self.cache(name):
                    rows[first, column] = max(rows[first, column], value)
                    later = rows[first + 1 : last + 1, column + 1]
                    np.maximum(later, value, out=later)
        return rows

    def to_bytes(self) -> bytes:
        if self.index is None:
            return b""
        content = {"types": self.types, "names": self.index.names, "forms": self.index.forms}
        return cast(bytes, srsly.msgpack_dumps(content))

    def from_bytes(self, data: bytes) -> "NamesShim":
        if data:
            content = srsly.msgpack_loads(data)
            index = NameIndex(content["names"], content["forms"], similarity=self.similarity)
            self._use(content["types"], index)
        return self


def init(model: Model, X: Any = None, Y: Any = None) -> None:
    shim = cast(NamesShim, model.shims[0])
    if shim.index is None:
        shim.read()
    model.set_dim("nO", 2 * KINDS * len(shim.types))


def forward(
    model: Model, docs: Sequence[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list]]:
    shim = cast(NamesShim, model.shims[0])
    if shim.index is None:
        raise XnerError(
            "spacy-xner.GazetteerView.v1 has no names yet: call `nlp.initialize`, or load a "
            "trained teacher."
        )
    rows = np.concatenate([shim.rows(doc) for doc in docs])
    return per_document(model, rows, docs), lambda gradients: []
