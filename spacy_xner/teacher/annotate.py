"""Soft labels for raw text: the teacher's probabilities, shard by shard, resumable."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc

from ..corpora.documents import Text, iter_named_texts
from ..corpora.origin import set_origin
from ..corpora.soft_labels import SoftLabels, SoftLabelWriter
from ..errors import XnerError
from .loading import gold_seen
from .sources import ProbabilitySource
from .unknown import file_of, warn_of_unknown

__all__ = [
    "Progress",
    "Watch",
    "annotate_documents",
    "label_texts",
    "one_lang",
    "open_writer",
    "read_shards",
    "text_fingerprint",
]

SHARD_DOCS = 2000
BATCH_WORDS = 8192

Named = tuple[str, Doc]
NamedText = tuple[str, Text]


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
    lang: str | None = None,
    shard_docs: int = SHARD_DOCS,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Write the soft labels of a text; go on where an interrupted run stopped.

    source (ProbabilitySource): The teacher.
    text (Union[str, Path]): Raw text (one text a line), CoNLL, `.spacy`, or a folder of those.
    output (Union[str, Path]): The soft-label folder.
    lang (Optional[str]): Language code of the text, kept with every document. If not given, it is
        the name of a document's file, without suffix, in a folder, and "xx" for a single file.
    shard_docs (int): Documents in a shard; one shard at a time is in memory.
    report (Callable[[Progress], None]): Called after every batch.
    RETURNS (Progress): What was done.
    RAISES: XnerError: The text is missing, empty or faulty, the folder belongs to another teacher
        or text or another process writes to it, or the disk refuses a write.
    WARNS: UserWarning: The teacher's encoder does not know characters of a file.
    """
    text = Path(text)
    texts = read_shards(source, text, shard_docs)
    watch = Watch(text, report)
    with open_writer(source, text, output, lang=lang, shard_docs=shard_docs) as writer:
        for index, shard in enumerate(texts):
            if index in writer.finished:
                watch.skip(shard)
            else:
                labels = label_texts(
                    source, shard, one_lang(lang, text), inspect=watch.inspect, done=watch.done
                )
                writer.write(index, labels)
            watch.finish(shard)
        writer.close(watch.shards)
    return watch.progress


def read_shards(
    source: ProbabilitySource, text: Path, shard_docs: int
) -> Iterator[list[NamedText]]:
    """Read a text in shards.

    source (ProbabilitySource): The teacher, which knows how long a text may be.
    text (Path): The text.
    shard_docs (int): Documents in a shard.
    RETURNS (Iterator[List[Tuple[str, Text]]]): The shards; the first is read at once.
    RAISES: XnerError: There is no text.
    """
    texts = iter_named_texts(text, max_length=source.nlp.max_length)
    first = next(texts, None)
    if first is None:
        raise XnerError(f"{text} holds no text to annotate. Expected one text a line.")
    return _shards(chain([first], texts), shard_docs)


def open_writer(
    source: ProbabilitySource,
    text: Path,
    output: str | Path,
    *,
    lang: str | None = None,
    shard_docs: int = SHARD_DOCS,
) -> SoftLabelWriter:
    """Open the folder of a text's soft labels; arguments as for `annotate_documents`.

    RETURNS (SoftLabelWriter): The writer.
    RAISES: XnerError: The folder belongs to another teacher or text, or another process has it.
    """
    return SoftLabelWriter(
        output,
        tags=source.tagset.tags,
        teacher=source.fingerprint,
        source=text_fingerprint(text, shard_docs),
        lang=one_lang(lang, text) or _common_lang(text),
        meta={"text": text.name, "shard_docs": shard_docs, **_gold_seen(source)},
        unit=source.tagset.unit,
    )


def _gold_seen(source: ProbabilitySource) -> dict[str, str]:
    """What gold of the target the teacher saw, which its students and their wheels then say."""
    said = gold_seen(source.nlp)
    return {"target_gold": said} if said else {}


def one_lang(lang: str | None, text: Path) -> str | None:
    """Settle whether all documents have one language.

    lang (Optional[str]): What the user said.
    text (Path): The text.
    RETURNS (Optional[str]): The language; None where each document's file names its own.
    """
    return lang or (None if text.is_dir() else "xx")


def label_texts(
    source: ProbabilitySource,
    texts: Sequence[NamedText],
    lang: str | None,
    *,
    inspect: Callable[[ProbabilitySource, list[Named]], None] = lambda source, docs: None,
    done: Callable[[int, list[SoftLabels]], None] = lambda words, labels: None,
) -> list[SoftLabels]:
    """Label the texts of a shard, in batches of like length.

    source (ProbabilitySource): The teacher.
    texts (Sequence[Tuple[str, Text]]): Names and texts.
    lang (Optional[str]): Their language; None takes it from their names.
    inspect (Callable): Called with the source and all documents before they are labelled.
    done (Callable): Called with words and labels of every batch.
    RETURNS (List[SoftLabels]): In the order of the texts.
    """
    labels: dict[str, SoftLabels] = {}
    # What the vocabulary learns from these documents goes with them: else it grew with the text.
    with source.nlp.memory_zone():
        docs = [
            (name, set_origin(text.doc(source.nlp), name, lang or file_of(name)))
            for name, text in texts
        ]
        inspect(source, docs)
        for batch in _batches(docs):
            of_batch = list(_label(source, batch, lang))
            labels.update((one.doc_id, one) for one in of_batch)
            done(sum(len(doc) for _, doc in batch), of_batch)
        del docs
    return [labels[name] for name, _ in texts]


class Watch:
    """Follows a run: what is done, what is left, what was warned of.

    text (Path): The text.
    report (Callable[[Progress], None]): Called after every batch.
    """

    def __init__(self, text: Path, report: Callable[[Progress], None]) -> None:
        self.progress = Progress()
        self.shards = 0
        self._text, self._report = text, report
        self._began, self._seen, self._size = time.perf_counter(), 0, _size(text)
        self._warned: set[str] = set()

    def inspect(self, source: ProbabilitySource, docs: list[Named]) -> None:
        warn_of_unknown(source, docs, self._text, self._warned)

    def done(self, words: int, labels: Iterable[SoftLabels]) -> None:
        self.add(words, _bytes(one.text for one in labels))

    def add(self, words: int, n_bytes: int) -> None:
        self._seen += n_bytes
        self.progress.words += words
        self.progress.seconds = time.perf_counter() - self._began
        self.progress.share = min(1.0, self._seen / self._size)
        self._report(self.progress)

    def skip(self, shard: Sequence[NamedText]) -> None:
        self._size = max(1, self._size - _bytes(text.text for _, text in shard))

    def finish(self, shard: Sequence[NamedText]) -> None:
        self.shards += 1
        self.progress.docs += len(shard)


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


def _label(source: ProbabilitySource, batch: list[Named], lang: str | None) -> Iterator[SoftLabels]:
    docs = [doc for _, doc in batch]
    for (name, doc), probs in zip(batch, source.predict(docs), strict=True):
        starts, ends = _row_spans(doc, source.tagset.unit)
        if hasattr(probs, "get"):  # a cupy array
            probs = probs.get()
        rows = np.asarray(probs, dtype=np.float16)
        yield SoftLabels(name, lang or file_of(name), doc.text, starts, ends, rows)


def _row_spans(doc: Doc, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """First and last character, exclusive, of what each row of probabilities is about."""
    if unit == "document":
        return np.array([0], dtype=np.int32), np.array([len(doc.text)], dtype=np.int32)
    starts, lengths = doc.to_array([IDX, LENGTH]).astype(np.int32).T
    return starts, starts + lengths


def _common_lang(folder: Path) -> str:
    """The name of a folder's only file, else spaCy's code for any language."""
    files = _files(folder)
    return files[0].stem if len(files) == 1 else "xx"


def _shards(texts: Iterator[NamedText], size: int) -> Iterator[list[NamedText]]:
    while shard := list(islice(texts, size)):
        yield shard


def _batches(docs: list[Named]) -> Iterator[list[Named]]:
    """Cut documents into batches of like length, so that little padding is computed."""
    batch: list[Named] = []
    words = 0
    for item in sorted(docs, key=lambda named: len(named[1])):
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


def _bytes(texts: Iterable[str]) -> int:
    return sum(len(text.encode("utf8")) + 1 for text in texts)
