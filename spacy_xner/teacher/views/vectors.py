"""The vector view: what another model made of a document, looked up by the document's name."""

import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ...corpora.origin import doc_id_of
from ...errors import XnerError
from .words import ViewShim, per_document

__all__ = ["build_vector_view_v1"]

VIEW = "spacy-xner.VectorView.v1"


def build_vector_view_v1(path: str, width: int) -> Model[list[Doc], list[Floats2d]]:
    """Build a view of vectors that were made beforehand, by an image encoder or any other.

    A document is known by its name, "<file name without suffix>:<number>", numbers from 0, which
    soft labels call `doc_id`. It has one vector, which every token gets, or one a token. The
    vectors are not saved with the teacher; another text has others:
    `spacy.load(TEACHER, config={"components.xner_teacher.model.tok2vec.views.NAME.path": FILE})`.

    path (str): `.npz` of one array a name; or Parquet of the columns `doc_id` and `vector`, a list
        of numbers; of a document that has one vector a token they follow one another in its list.
    width (int): Numbers in a vector.
    RETURNS (Model[List[Doc], List[Floats2d]]): The view, tokens x width; zeros for documents that
        have no vector.
    """
    return Model(
        "vector_view",
        forward,
        init=init,
        dims={"nO": width},
        attrs={"needs": []},
        shims=[VectorShim(path, width)],
    )


class VectorShim(ViewShim):
    """Holds the vectors; it saves nothing.

    path (str): The file.
    width (int): Numbers in a vector.
    """

    def __init__(self, path: str, width: int) -> None:
        super().__init__()
        self.path, self.width = Path(path), width
        self._vectors: Mapping[str, np.ndarray] | None = None
        self._warned = False

    @property
    def vectors(self) -> Mapping[str, np.ndarray]:
        """RETURNS (Mapping[str, np.ndarray]): Vectors by name, read on first use."""
        if self._vectors is None:
            self._vectors = _read(self.path)
        return self._vectors

    def rows(self, doc: Doc) -> np.ndarray:
        """Give the vectors of a document's tokens.

        doc (Doc): The document, which knows its name.
        RETURNS (np.ndarray): float32, tokens x width; zeros if there are none.
        RAISES: XnerError: They are of another width, of another number of tokens, or no numbers.
        """
        name = doc_id_of(doc)
        if name is None or name not in self.vectors:
            self._warn(name)
            return np.zeros((len(doc), self.width), dtype="float32")
        try:
            found = np.asarray(self.vectors[name])
        except (ValueError, OSError, BadZipFile, zlib.error) as error:
            raise XnerError(f"{self.path}: {name!r} cannot be read ({error}).") from error
        if found.dtype.kind not in "fiu" or found.ndim not in (1, 2):
            raise XnerError(f"{self.path}: {name!r} holds no array of numbers in one or two axes.")
        if not np.isfinite(found).all():
            raise XnerError(f"{self.path}: {name!r} has numbers that are NaN or infinite.")
        if found.size == self.width:
            return np.broadcast_to(found.reshape(1, -1), (len(doc), self.width)).astype("float32")
        if found.ndim == 1 and found.size == len(doc) * self.width:
            found = found.reshape(len(doc), self.width)
        if found.shape != (len(doc), self.width):
            raise XnerError(
                f"{self.path}: {name!r} has the shape {found.shape}; expected {self.width} numbers "
                f"for the document, or ({len(doc)}, {self.width}) for its tokens. Make them anew, "
                f"or set `width` of {VIEW}."
            )
        return found.astype("float32")

    def check(self, docs: Sequence[Doc]) -> None:
        """Refuse vectors of other documents: that would train nothing.

        docs (Sequence[Doc]): Some of those that are trained on.
        RAISES: XnerError: None of them has a vector.
        """
        names = [doc_id_of(doc) for doc in docs]
        if not any(name in self.vectors for name in names):
            ours, theirs = ", ".join(map(repr, names[:3])), ", ".join(list(self.vectors)[:3])
            raise XnerError(
                f"{self.path} has no vector for any of the first documents, {ours}; it has those "
                f"of {theirs}. Name vectors '<file name without suffix>:<number>', from 0."
            )

    def _warn(self, name: str | None) -> None:
        if not self._warned:
            self._warned = True
            warnings.warn(
                f"{self.path} has no vector for {name!r}: this document and others that are "
                "missing are seen without.",
                UserWarning,
                stacklevel=2,
            )


def _read(path: Path) -> Mapping[str, np.ndarray]:
    if not path.is_file():
        raise XnerError(
            f"There are no vectors at {path}, which `path` of {VIEW} names. Put them there, or "
            "name others: change `path` in the config.cfg of the teacher."
        )
    try:
        if path.suffix != ".npz":
            return _read_parquet(path)
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            raise ValueError("one array without a name, as numpy.save writes it; use numpy.savez")
        return cast(Mapping[str, np.ndarray], found)
    except (OSError, ValueError, KeyError, BadZipFile) as error:  # pyarrow's are of these
        raise XnerError(
            f"{path} cannot be read as vectors ({error}); expected .npz of one array a document, "
            "or Parquet with the columns doc_id and vector."
        ) from error


def _read_parquet(path: Path) -> dict[str, np.ndarray]:
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["doc_id", "vector"])
    missing = {"doc_id", "vector"} - {*table.column_names}
    if missing:
        raise ValueError(f"without {', '.join(sorted(missing))}")
    names, lists = table["doc_id"].to_pylist(), table["vector"].combine_chunks()
    if not hasattr(lists, "values"):
        raise ValueError(f"the column vector holds {lists.type}; expected a list of numbers a row")
    if empty := [
        name for name, null in zip(names, lists.is_null().to_pylist(), strict=True) if null
    ]:
        raise ValueError(f"no vector beside {empty[0]!r} (null); leave such rows out")
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise ValueError(
            f"{twice[0]!r} stands there twice; one row a document, its tokens in a row"
        )
    return {name: lists[i].values.to_numpy() for i, name in enumerate(names)}


def init(model: Model, X: Any = None, Y: Any = None) -> None:
    if X:
        cast(VectorShim, model.shims[0]).check(X)


def forward(
    model: Model, docs: Sequence[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list]]:
    shim = cast(VectorShim, model.shims[0])
    rows = np.concatenate([shim.rows(doc) for doc in docs])
    return per_document(model, rows, docs), lambda gradients: []
