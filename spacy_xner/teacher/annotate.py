"""Soft labels for raw text: the teacher's probabilities, shard by shard, resumable."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
from spacy.tokens import Doc

from ..corpora.documents import iter_documents
from ..corpora.soft_labels import SoftLabels, SoftLabelWriter
from ..errors import XnerError
from .sources import ProbabilitySource

__all__ = ["Progress", "annotate_documents", "text_fingerprint"]

SHARD_DOCS = 2000
BATCH_WORDS = 8192

Named = tuple[str, Doc]


@dataclass
class Progress:
    """How far an annotation has come.

    docs (int): Documents whose labels are on disk, those of earlier runs included.
    words (int): Words that this run has labelled.
    seconds (float): Time that this run has taken.
    share (float): Share of the text that is done, from 0 to 1.
    """

    docs: int = 0
    words: int = 0
    seconds: float = 0.0
    share: float = 0.0

    @property
    def words_per_second(self) -> float:
        return self.words / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float:
        return self.seconds * (1 - self.share) / self.share if self.share else float("inf")


def annotate_documents(
    source: ProbabilitySource,
    text: str | Path,
    output: str | Path,
    *,
    lang: str = "xx",
    shard_docs: int = SHARD_DOCS,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Write the soft labels of a text; go on where an interrupted run stopped.

    source (ProbabilitySource): The teacher.
    text (Union[str, Path]): Raw text (one text a line), CoNLL, `.spacy`, or a folder of those.
    output (Union[str, Path]): The soft-label folder.
    lang (str): Language code of the text, kept with every document.
    shard_docs (int): Documents in a shard.
    report (Callable[[Progress], None]): Called after every batch.
    RETURNS (Progress): What was done.
    RAISES: XnerError: The text is missing, empty or faulty, the folder belongs to another teacher
        or text, or the disk refuses a write.
    """
    text = Path(text)
    documents = iter_documents(text, source.nlp)
    first = next(documents, None)
    if first is None:
        raise XnerError(f"{text} holds no text to annotate. Expected one text a line.")
    writer = SoftLabelWriter(
        output,
        tags=source.tagset.tags,
        teacher=source.fingerprint,
        source=text_fingerprint(text, shard_docs),
        lang=lang,
        meta={"text": text.name, "shard_docs": shard_docs},
    )
    size = _size(text)
    progress = Progress()
    began, seen = time.perf_counter(), 0
    n_shards = 0
    for index, shard in enumerate(_shards(chain([first], documents), shard_docs)):
        n_shards += 1
        if index not in writer.finished:
            labels: list[SoftLabels] = []
            for batch in _batches(shard):
                labels.extend(_label(source, batch, lang))
                progress.words += sum(len(doc) for _, doc in batch)
                seen += _bytes(batch)
                progress.seconds = time.perf_counter() - began
                progress.share = min(1.0, seen / size)
                report(progress)
            place = {name: i for i, (name, _) in enumerate(shard)}
            writer.write(index, sorted(labels, key=lambda doc: place[doc.doc_id]))
        else:
            size = max(1, size - _bytes(shard))
        progress.docs += len(shard)
    writer.close(n_shards)
    return progress


def text_fingerprint(path: Path, shard_docs: int = SHARD_DOCS) -> str:
    """Give the digest of a text: the contents of its files and how they are cut into shards.

    path (Path): A file or a folder.
    shard_docs (int): Documents in a shard.
    RETURNS (str): 32 hex digits.
    RAISES: XnerError: There is no such file or folder.
    """
    digest = hashlib.sha256(f"{shard_docs}".encode())
    for file in _files(path):
        digest.update(file.name.encode("utf8") + b"\0")
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:32]


def _label(source: ProbabilitySource, batch: list[Named], lang: str) -> Iterator[SoftLabels]:
    docs = [doc for _, doc in batch]
    for (name, doc), probs in zip(batch, source.predict(docs), strict=True):
        starts = np.fromiter((token.idx for token in doc), dtype=np.int32, count=len(doc))
        lengths = np.fromiter((len(token) for token in doc), dtype=np.int32, count=len(doc))
        if hasattr(probs, "get"):  # a cupy array
            probs = probs.get()
        yield SoftLabels(
            name, lang, doc.text, starts, starts + lengths, np.asarray(probs, dtype=np.float16)
        )


def _shards(documents: Iterator[Named], size: int) -> Iterator[list[Named]]:
    while shard := list(islice(documents, size)):
        yield shard


def _batches(shard: list[Named]) -> Iterator[list[Named]]:
    """Cut a shard into batches of documents of like length, so that little padding is computed."""
    batch: list[Named] = []
    words = 0
    for item in sorted(shard, key=lambda named: len(named[1])):
        if batch and words + len(item[1]) > BATCH_WORDS:
            yield batch
            batch, words = [], 0
        batch.append(item)
        words += len(item[1])
    if batch:
        yield batch


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(f for f in path.iterdir() if f.is_file() and not f.name.startswith("."))
    if not path.is_file():
        raise XnerError(f"There is no text at {path}. Expected a file or a folder of files.")
    return [path]


def _size(path: Path) -> int:
    return max(1, sum(file.stat().st_size for file in _files(path)))


def _bytes(docs: list[Named]) -> int:
    return sum(len(doc.text.encode("utf8")) + 1 for _, doc in docs)
