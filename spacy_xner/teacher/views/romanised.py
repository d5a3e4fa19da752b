"""The romanised view: character n-grams of a word's romanisation."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from spacy.strings import get_string_id
from spacy.tokens import Doc
from thinc.api import Model
from thinc.initializers import uniform_init
from thinc.types import Floats2d

from .romanise import romanise
from .words import TypeCache, ViewShim, all_words, per_document

__all__ = ["build_romanised_view_v1"]


def build_romanised_view_v1(
    width: int = 64, rows: int = 20000, min_n: int = 2, max_n: int = 4
) -> Model[list[Doc], list[Floats2d]]:
    """Build a view of how words look in Latin letters; its table is trained with the teacher.

    A word is the mean of the rows of its character n-grams, which share rows where their hashes
    meet (Bojanowski et al. 2017), so that names of two scripts meet as well.

    width (int): Numbers a word.
    rows (int): Rows of the table.
    min_n (int): Characters in the shortest n-grams, of the word between two marks of its ends.
    max_n (int): Characters in the longest.
    RETURNS (Model[List[Doc], List[Floats2d]]): The view, tokens x width.
    """
    return Model(
        "romanised_view",
        forward,
        init=init,
        params={"E": None},
        dims={"nO": width, "nV": rows},
        attrs={"needs": ["uroman"]},
        shims=[NgramShim(rows, min_n, max_n)],
    )


class NgramShim(ViewShim):
    """Remembers the table's rows of every word.

    rows (int): Rows of the table.
    min_n (int): Characters in the shortest n-grams.
    max_n (int): Characters in the longest.
    """

    def __init__(self, rows: int, min_n: int, max_n: int) -> None:
        super().__init__()
        self.rows, self.sizes = rows, range(min_n, max_n + 1)
        self.cache = TypeCache[str, np.ndarray](self._rows_of)

    def _rows_of(self, word: str) -> np.ndarray:
        form = romanise(word)
        marked = f"<{form}>"
        grams = {marked[i : i + n] for n in self.sizes for i in range(len(marked) - n + 1) if form}
        return np.array(sorted(get_string_id(g) % self.rows for g in grams), dtype=np.int32)


def init(model: Model, X: Any = None, Y: Any = None) -> None:
    shape = (model.get_dim("nV"), model.get_dim("nO"))
    model.set_param("E", uniform_init(model.ops, shape))


def forward(
    model: Model, docs: Sequence[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list]]:
    ops: Any = model.ops
    table = cast(Floats2d, model.get_param("E"))
    known, index = cast(NgramShim, model.shims[0]).cache.distinct(all_words(docs))
    lengths = np.array([len(rows) for rows in known], dtype=np.int32)
    rows = ops.asarray(np.concatenate([*known, np.zeros(0, dtype=np.int32)]))
    types = ops.asarray(np.repeat(np.arange(len(known), dtype=np.int32), lengths))
    share = ops.asarray(np.repeat(1 / np.maximum(lengths, 1), lengths).astype("float32"))[:, None]
    which = ops.asarray(index)
    words = ops.alloc2f(len(known), table.shape[1])
    ops.scatter_add(words, types, table[rows] * share)

    def backprop(gradients: list[Floats2d]) -> list:
        d_tokens = ops.xp.concatenate(gradients)
        d_words = ops.alloc2f(len(known), table.shape[1])
        ops.scatter_add(d_words, which, d_tokens)
        d_table = ops.alloc2f(*table.shape)
        ops.scatter_add(d_table, rows, d_words[types] * share)
        model.inc_grad("E", d_table)
        return []

    return per_document(model, words[which], docs), backprop
