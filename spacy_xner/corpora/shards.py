"""Shards of soft labels as Parquet: to a table, from a file, and the checks on both ways."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..errors import XnerError
from ..safety import check_document_id, check_file_name
from ..tags import unsaid
from .manifest import Manifest, Shard

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "SoftLabels",
    "check_shard",
    "encode_shard",
    "read_shard",
    "to_table",
    "write_table",
]


@dataclass
class SoftLabels:
    """The probabilities of every tag for the tokens of one document.

    doc_id (str): Name of the document, unique in its corpus.
    lang (str): Language code of the text.
    text (str): The text.
    starts (np.ndarray): int32, first character of each token; sorted, tokens do not overlap.
    ends (np.ndarray): int32, character after the last of each token.
    probs (np.ndarray): float16, tokens x tags; rows sum to 1. A row of zeros says nothing of its
        token: no student learns from it, and among several teachers the others count.
    """

    doc_id: str
    lang: str
    text: str
    starts: np.ndarray
    ends: np.ndarray
    probs: np.ndarray


def to_table(docs: Sequence[SoftLabels], manifest: Manifest) -> "pa.Table":
    """Put documents in a table that tells its tags and teacher.

    docs (Sequence[SoftLabels]): Documents of a shard.
    manifest (Manifest): Manifest of the corpus.
    RETURNS (pa.Table): One row a document.
    RAISES: XnerError, if the offsets or probabilities of a document do not hold together.
    """
    import pyarrow as pa

    for doc in docs:
        _check_doc(doc, len(manifest.tags), manifest.unit)

    def nested(rows: list[np.ndarray], dtype: str) -> "pa.ListArray":
        offsets = np.cumsum([0, *(row.size for row in rows)], dtype="int32")
        flat = np.concatenate([row.ravel() for row in rows] or [np.zeros(0)]).astype(dtype)
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat))

    columns = {
        "doc_id": pa.array([doc.doc_id for doc in docs], pa.string()),
        "lang": pa.array([doc.lang for doc in docs], pa.string()),
        "text": pa.array([doc.text for doc in docs], pa.string()),
        "starts": nested([np.asarray(doc.starts) for doc in docs], "int32"),
        "ends": nested([np.asarray(doc.ends) for doc in docs], "int32"),
        "probs": nested([np.asarray(doc.probs) for doc in docs], "float16"),
    }
    return pa.table(columns).replace_schema_metadata(_file_metadata(manifest))


def write_table(table: "pa.Table", file: BinaryIO) -> None:
    """Write a table as the Parquet file of a shard.

    table (pa.Table): What `to_table` gave.
    file (BinaryIO): An open file.
    """
    import pyarrow.parquet as pq

    pq.write_table(table, file, compression="zstd", write_page_checksum=True)


def encode_shard(docs: Sequence[SoftLabels], manifest: Manifest) -> bytes:
    """Encode a shard as the bytes of its file.

    docs (Sequence[SoftLabels]): Documents of a shard.
    manifest (Manifest): Manifest of the corpus.
    RETURNS (bytes): A Parquet file.
    RAISES: XnerError, as `to_table`.
    """
    file = io.BytesIO()
    write_table(to_table(docs, manifest), file)
    return file.getvalue()


def _check_doc(doc: SoftLabels, n_tags: int, unit: str) -> None:
    _check_names(doc)
    starts, ends, probs = np.asarray(doc.starts), np.asarray(doc.ends), np.asarray(doc.probs)
    fault = None
    if starts.shape != ends.shape or probs.shape != (len(starts), n_tags):
        fault = (
            f"{starts.shape} starts, {ends.shape} ends and probabilities of shape {probs.shape}; "
            f"expected n, n and n x {n_tags}"
        )
    elif unit == "document" and (starts.tolist(), ends.tolist()) != ([0], [len(doc.text)]):
        fault = "other spans than one over the whole text, which a distribution a document needs"
    elif (
        unit == "token"
        and len(starts)
        and (
            starts[0] < 0
            or ends[-1] > len(doc.text)
            or np.any(starts >= ends)
            or np.any(starts[1:] < ends[:-1])
        )
    ):
        fault = f"offsets that overlap, are not sorted or leave its {len(doc.text)} characters"
    # float16 keeps three digits, so that a row of many tags is not exactly 1.
    elif not np.all(
        np.isclose(probs.sum(axis=1, dtype="float32"), 1.0, atol=0.02)
        | (unsaid(probs) & (unit == "token"))
    ) or np.any(probs < 0):
        fault = "rows of probabilities that do not sum to 1"
    if fault:
        raise XnerError(f"Soft labels of document {doc.doc_id!r} have {fault}.")


def _check_names(doc: SoftLabels) -> None:
    check_document_id(doc.doc_id)
    check_file_name(doc.lang, f"The language of document {doc.doc_id!r}")


def read_shard(folder: Path, shard: Shard, manifest: Manifest) -> list[SoftLabels]:
    """Read a shard from its folder.

    folder (Path): Folder of the corpus.
    shard (Shard): Which shard.
    manifest (Manifest): Its manifest.
    RETURNS (list[SoftLabels]): Its documents.
    RAISES: XnerError, if the file cannot be read or does not hold what the manifest says.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with (folder / shard.name).open("rb") as file:
            table = pq.read_table(file, page_checksum_verification=True)
            docs = _from_table(table, len(manifest.tags))
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise _damaged(folder, shard, str(error)) from error
    _check_counts(folder, shard, len(docs), sum(len(doc.starts) for doc in docs))
    for doc in docs:
        _check_names(doc)
    return docs


def _from_table(table: "pa.Table", n_tags: int) -> list[SoftLabels]:
    def nested(name: str) -> list[np.ndarray]:
        column = table.column(name).combine_chunks()
        offsets = column.offsets.to_numpy()
        flat = column.values.to_numpy(zero_copy_only=False)
        return [flat[offsets[i] : offsets[i + 1]] for i in range(len(column))]

    return [
        SoftLabels(doc_id, lang, text, starts, ends, probs.reshape(len(starts), n_tags))
        for doc_id, lang, text, starts, ends, probs in zip(
            *(table.column(name).to_pylist() for name in ("doc_id", "lang", "text")),
            *(nested(name) for name in ("starts", "ends", "probs")),
            strict=True,
        )
    ]


def _damaged(folder: Path, shard: Shard, found: str) -> XnerError:
    return XnerError(
        f"Shard {folder / shard.name} is damaged: {found}. Run the command that made the soft "
        "labels again: it makes this shard anew and keeps the others."
    )


def check_shard(folder: Path, shard: Shard, manifest: Manifest) -> None:
    """Check what the footer of a shard tells, which costs no reading of its rows.

    folder (Path): Folder of the corpus.
    shard (Shard): Which shard.
    manifest (Manifest): Its manifest.
    RAISES: XnerError, if the file is missing, cut off, or of other tags, another teacher or another
        number of documents than the manifest says.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / shard.name
    if not path.is_file():
        raise _damaged(folder, shard, "the file is missing")
    try:
        footer = pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(folder, shard, f"no Parquet file, or cut off ({error})") from error
    stored = footer.metadata or {}
    for key, expected in _file_metadata(manifest).items():
        found = stored.get(key.encode(), b"").decode("utf8", "replace")
        if found != expected:
            raise _damaged(folder, shard, f"{key} is {found}, the manifest says {expected}")
    _check_counts(folder, shard, footer.num_rows, shard.tokens)


def _check_counts(folder: Path, shard: Shard, docs: int, tokens: int) -> None:
    if (docs, tokens) != (shard.docs, shard.tokens):
        raise _damaged(
            folder,
            shard,
            f"it holds {docs} documents and {tokens} tokens, "
            f"the manifest says {shard.docs} and {shard.tokens}",
        )


def _file_metadata(manifest: Manifest) -> dict[str, str]:
    return {"tags": json.dumps(manifest.tags, ensure_ascii=False), "teacher": manifest.teacher}
