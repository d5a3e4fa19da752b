"""Soft labels for raw text: the teacher's probabilities, shard by shard, resumable."""

import hashlib
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc

from ..corpora.documents import iter_documents
from ..corpora.soft_labels import SoftLabels, SoftLabelWriter
from ..errors import XnerError
from .sources import ProbabilitySource

__all__ = ["Progress", "annotate_documents", "text_fingerprint"]

SHARD_DOCS = 2000
BATCH_WORDS = 8192
UNKNOWN_WARNING = 0.01

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
    shard_docs (int): Documents in a shard.
    report (Callable[[Progress], None]): Called after every batch.
    RETURNS (Progress): What was done.
    RAISES: XnerError: The text is missing, empty or faulty, the folder belongs to another teacher
        or text, or the disk refuses a write.
    WARNS: UserWarning: The teacher's encoder does not know characters of a file.
    """
    text = Path(text)
    one_lang = lang or (None if text.is_dir() else "xx")
    documents = iter_documents(text, source.nlp)
    first = next(documents, None)
    if first is None:
        raise XnerError(f"{text} holds no text to annotate. Expected one text a line.")
    writer = SoftLabelWriter(
        output,
        tags=source.tagset.tags,
        teacher=source.fingerprint,
        source=text_fingerprint(text, shard_docs),
        lang=one_lang or _common_lang(text),
        meta={"text": text.name, "shard_docs": shard_docs},
        unit=source.tagset.unit,
    )
    size = _size(text)
    progress = Progress()
    began, seen = time.perf_counter(), 0
    n_shards = 0
    warned: set[str] = set()
    for index, shard in enumerate(_shards(chain([first], documents), shard_docs)):
        n_shards += 1
        if index not in writer.finished:
            _warn_of_unknown(source, shard, text, warned)
            labels: list[SoftLabels] = []
            for batch in _batches(shard):
                of_batch = list(_label(source, batch, one_lang))
                labels += of_batch
                progress.words += sum(len(doc) for _, doc in batch)
                seen += _bytes(doc.text for doc in of_batch)
                progress.seconds = time.perf_counter() - began
                progress.share = min(1.0, seen / size)
                report(progress)
            place = {name: i for i, (name, _) in enumerate(shard)}
            writer.write(index, sorted(labels, key=lambda doc: place[doc.doc_id]))
        else:
            size = max(1, size - _bytes(doc.text for _, doc in shard))
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


def _label(source: ProbabilitySource, batch: list[Named], lang: str | None) -> Iterator[SoftLabels]:
    docs = [doc for _, doc in batch]
    for (name, doc), probs in zip(batch, source.predict(docs), strict=True):
        starts, ends = _row_spans(doc, source.tagset.unit)
        if hasattr(probs, "get"):  # a cupy array
            probs = probs.get()
        rows = np.asarray(probs, dtype=np.float16)
        yield SoftLabels(name, lang or _file_of(name), doc.text, starts, ends, rows)


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


def _file_of(name: str) -> str:
    return name.rpartition(":")[0]


def _warn_of_unknown(
    source: ProbabilitySource, shard: list[Named], text: Path, warned: set[str]
) -> None:
    """Warn once a file if the teacher's encoder reads nothing in many of its tokens."""
    tokenizer = getattr(source, "tokenizer", None)
    if tokenizer is None or tokenizer.unk_token_id is None:
        return
    words: dict[str, Counter[str]] = {}
    for name, doc in shard:
        if _file_of(name) not in warned:
            counts = words.setdefault(_file_of(name), Counter())
            counts.update(token.text for token in doc)
    for file, counts in words.items():
        # Few words hold a character that is unknown alone; only those are worth a look.
        lacking = _unknown(tokenizer, sorted(set().union(*counts)))
        unknown = _unknown(tokenizer, [word for word in counts if not lacking.isdisjoint(word)])
        share = sum(counts[word] for word in unknown) / max(1, counts.total())
        if share <= UNKNOWN_WARNING:
            continue
        warned.add(file)
        chars: Counter[str] = Counter()
        for word in unknown:
            chars.update(dict.fromkeys(lacking & set(word), counts[word]))
        frequent = sorted(chars, key=lambda char: (-chars[char], char))[:10]
        place = f"{file} in {text}" if text.is_dir() else text
        warnings.warn(
            f"{share:.0%} of the tokens of {place} are unknown to the teacher's encoder, "
            f"so that it labels them blindly. Characters that it lacks: {' '.join(frequent)}. "
            "Expect poor labels, or train a teacher on an encoder that knows them.",
            UserWarning,
            stacklevel=3,
        )


def _unknown(tokenizer: Any, words: list[str]) -> set[str]:
    """Words of which the tokenizer knows no piece but the bare mark of a word's beginning."""
    if not words:
        return set()
    nothing = {tokenizer.unk_token_id, tokenizer.convert_tokens_to_ids("▁")}
    pieces = tokenizer(
        [[word] for word in words], is_split_into_words=True, add_special_tokens=False
    )["input_ids"]
    unknown = tokenizer.unk_token_id
    return {w for w, ids in zip(words, pieces, strict=True) if unknown in ids and nothing >= {*ids}}


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


def _bytes(texts: Iterable[str]) -> int:
    return sum(len(text.encode("utf8")) + 1 for text in texts)
