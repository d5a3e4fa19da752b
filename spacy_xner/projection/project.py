"""Annotation projection as soft labels: tag, align, match, write; shard by shard, resumable."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np
from spacy.attrs import IDX, LENGTH
from spacy.tokens import Doc

from ..corpora.soft_labels import SoftLabels, SoftLabelWriter
from ..errors import XnerError
from ..tags import TagSet, decode, spans_from_iob2, unsaid
from ..teacher.annotate import SHARD_DOCS, Progress, text_fingerprint
from ..teacher.sources import ProbabilitySource
from .aligners import Aligner, Alignment, SentencePair
from .candidates import Candidates, token_spans
from .labels import Confidence, project
from .markers import translate_marked
from .matching import Match, Span, get_matcher
from .parallel import ParallelLine, ParallelText
from .translation import Translator

__all__ = ["ProjectionProgress", "Projector", "project_documents"]

BATCH_WORDS = 16384


@dataclass
class ProjectionProgress(Progress):
    """How far a projection has come; of the counts, what this run has done.

    pairs (int): Sentence pairs.
    kept (int): Pairs of which something is said.
    entities (int): Entities of the source side.
    projected (int): Those of them that were matched.
    """

    pairs: int = 0
    kept: int = 0
    entities: int = 0
    projected: int = 0


@dataclass
class Projector:
    """Projects a tagger's probabilities from sentences to their translations.

    source (ProbabilitySource): Tags the source sentences; its tokenizer cuts both sides.
    aligner (Aligner): Links their words.
    matching (str): "exact", "greedy" or "heuristic", see `matching`.
    candidates (Candidates | None): Spans of the target that may be entities; None for any.
    translator (Translator | None): From the source to the target language; if given, an entity is
        found through a translation of its marked sentence, aligned with the target, two texts of
        one language. Where the markers are lost, the direct alignment serves.
    confidence (Confidence): What is believed.
    RAISES: XnerError: The tagger gives categories, or there is no such matching.
    """

    source: ProbabilitySource
    aligner: Aligner
    matching: str = "exact"
    candidates: Candidates | None = None
    translator: Translator | None = None
    confidence: Confidence = field(default_factory=Confidence)

    def __post_init__(self) -> None:
        if not isinstance(self.source.tagset, TagSet):
            raise XnerError("The source pipeline gives categories; only entities are projected.")
        self.tagset: TagSet = self.source.tagset
        self._match = get_matcher(self.matching)

    @property
    def fingerprint(self) -> str:
        """RETURNS (str): Hex digest of all that decides what is projected."""
        parts = (self.candidates, self.translator)
        others = [part.fingerprint if part else None for part in parts]
        settings = (self.aligner.fingerprint, self.matching, *others, self.confidence)
        return hashlib.sha256(f"{self.source.fingerprint} {settings}".encode()).hexdigest()[:32]

    def pairs(self, lines: Sequence[ParallelLine]) -> list[SentencePair]:
        """Cut the sentences of both sides into words."""
        make_doc = self.source.nlp.make_doc
        return [
            SentencePair(line.number, make_doc(line.source), make_doc(line.target))
            for line in lines
        ]

    def __call__(
        self, pairs: Sequence[SentencePair], progress: ProjectionProgress | None = None
    ) -> list[np.ndarray]:
        """Project.

        pairs (Sequence[SentencePair]): Sentences and translations.
        progress (ProjectionProgress | None): Counts of entities to add to.
        RETURNS (list[np.ndarray]): float32, one a pair: target words x tags, zeros where nothing
            is said.
        """
        probs = [np.asarray(rows) for rows in self.source.predict([p.source for p in pairs])]
        entities = [self._entities(rows) for rows in probs]
        alignments = self.aligner(pairs)
        matches = self.match(pairs, entities, alignments)
        if progress is not None:
            progress.entities += sum(map(len, entities))
            progress.projected += sum(len({match.entity for match in one}) for one in matches)
        return [
            project(rows, spans, alignment, one, len(pair.target), self.confidence)
            for pair, rows, spans, alignment, one in zip(
                pairs, probs, entities, alignments, matches, strict=True
            )
        ]

    def match(
        self,
        pairs: Sequence[SentencePair],
        entities: Sequence[Sequence[Span]],
        alignments: Sequence[Alignment],
    ) -> list[list[Match]]:
        """Find the entities in the targets.

        pairs (Sequence[SentencePair]): The pairs.
        entities (Sequence[Sequence[Span]]): Entities of each source sentence, in words.
        alignments (Sequence[Alignment]): Links of each pair.
        RETURNS (list[list[Match]]): Matches of each pair, without overlap.
        """
        proposed: Sequence[list[Span] | None] = [None] * len(pairs)
        if self.candidates is not None:
            proposed = self.candidates(pairs)
        matches = [
            self._match(self._links(alignment), spans, len(pair.target), candidates)
            for pair, spans, alignment, candidates in zip(
                pairs, entities, alignments, proposed, strict=True
            )
        ]
        return matches if self.translator is None else self._refine(pairs, entities, matches)

    def _entities(self, probs: np.ndarray) -> list[Span]:
        tags = decode(probs, self.tagset)
        return [(start, end) for start, end, _ in spans_from_iob2(tags)]

    def _links(self, alignment: Alignment) -> np.ndarray:
        # One weak link more, as itermax likes to add, would part another entity's words.
        return alignment.links[alignment.scores >= self.confidence.link]

    def _refine(
        self,
        pairs: Sequence[SentencePair],
        entities: Sequence[Sequence[Span]],
        direct: Sequence[list[Match]],
    ) -> list[list[Match]]:
        assert self.translator is not None
        refined = list(direct)
        some = [i for i, spans in enumerate(entities) if spans]
        characters = [[_characters(pairs[i].source, span) for span in entities[i]] for i in some]
        texts = [pairs[i].source.text for i in some]
        marked = translate_marked(self.translator, texts, characters)
        docs = [self.source.nlp.make_doc(one.text) for one in marked]
        again = [replace(pairs[i], source=doc) for i, doc in zip(some, docs, strict=True)]
        for i, pair, one, alignment in zip(some, again, marked, self.aligner(again), strict=True):
            numbers = [number for _, _, number in one.spans]
            spans = token_spans(pair.source, [(start, end) for start, end, _ in one.spans])
            if len(spans) == len(numbers):
                found = self._match(self._links(alignment), spans, len(pair.target), None)
                named = [replace(match, entity=numbers[match.entity]) for match in found]
                refined[i] = _fill(named, direct[i])
        return refined


def _characters(doc: Doc, span: Span) -> Span:
    part = doc[span[0] : span[1]]
    return part.start_char, part.end_char


def _fill(matches: list[Match], others: Sequence[Match]) -> list[Match]:
    """Add matches of entities that have none, where their words are free."""
    found = list(matches)
    known = {match.entity for match in matches}
    for other in others:
        overlaps = any(one.start < other.end and other.start < one.end for one in found)
        if other.entity not in known and not overlaps:
            found.append(other)
    return found


def project_documents(
    projector: Projector,
    text: ParallelText,
    output: str | Path,
    *,
    lang: str = "xx",
    shard_docs: int = SHARD_DOCS,
    report: Callable[[ProjectionProgress], None] = lambda progress: None,
) -> ProjectionProgress:
    """Write the soft labels of the target side of parallel text; go on where a run stopped.

    The documents are those that `annotate` makes of the target file, so that both folders are
    teachers of one text. Only one shard is in memory at a time.

    projector (Projector): Projects.
    text (ParallelText): The two files.
    output (str | Path): The soft-label folder.
    lang (str): Language code of the target.
    shard_docs (int): Documents in a shard.
    report (Callable[[ProjectionProgress], None]): Called after every batch.
    RETURNS (ProjectionProgress): What was done.
    RAISES: XnerError: The folder belongs to other texts or settings, or the disk refuses a write.
    """
    source = text_fingerprint(text.source, shard_docs)
    teacher = hashlib.sha256(f"{projector.fingerprint} {source}".encode()).hexdigest()[:32]
    writer = SoftLabelWriter(
        output,
        tags=projector.tagset.tags,
        teacher=teacher,
        source=text_fingerprint(text.target, shard_docs),
        lang=lang,
        meta={"text": text.target.name, "projected_from": text.source.name},
    )
    progress = ProjectionProgress()
    began, left = time.perf_counter(), text.n_words
    n_shards = 0

    def done(lines: Sequence[ParallelLine]) -> None:
        progress.pairs += len(lines)
        progress.words += _words(lines)
        progress.seconds = time.perf_counter() - began
        progress.share = min(1.0, progress.words / max(1, left))
        report(progress)

    for index, shard in enumerate(_shards(text, shard_docs)):
        n_shards += 1
        progress.docs += len(shard)
        if index in writer.finished:
            left -= _words(shard)
            continue
        with projector.source.nlp.memory_zone():  # else its vocabulary would grow with the text
            labels: dict[int, SoftLabels] = {}
            for places in _batches(shard):
                lines = [shard[place] for place in places]
                names = [f"{text.target.stem}:{index * shard_docs + place}" for place in places]
                found = _label(projector, lines, names, lang, progress)
                labels.update(zip(places, found, strict=True))
                done(lines)
        writer.write(index, [labels[place] for place in range(len(shard))])
    writer.close(n_shards)
    return progress


def _label(
    projector: Projector,
    lines: Sequence[ParallelLine],
    names: Sequence[str],
    lang: str,
    progress: ProjectionProgress,
) -> list[SoftLabels]:
    labels = []
    pairs = projector.pairs(lines)
    for name, pair, rows in zip(names, pairs, projector(pairs, progress), strict=True):
        labels.append(_soft_labels(name, lang, pair.target, rows))
        progress.kept += not unsaid(rows).all()
    return labels


def _words(lines: Sequence[ParallelLine]) -> int:
    return sum(len(line.target.split()) for line in lines)


def _shards(text: ParallelText, size: int) -> Iterator[list[ParallelLine]]:
    lines = iter(text)
    while shard := list(islice(lines, size)):
        yield shard


def _batches(shard: Sequence[ParallelLine]) -> Iterator[list[int]]:
    """Cut a shard into batches of pairs of like length: places in the shard."""
    lengths = [len(line.source.split()) + len(line.target.split()) for line in shard]
    batch: list[int] = []
    words = 0
    for place in sorted(range(len(shard)), key=lengths.__getitem__):
        if batch and words + lengths[place] > BATCH_WORDS:
            yield batch
            batch, words = [], 0
        batch.append(place)
        words += lengths[place]
    if batch:
        yield batch


def _soft_labels(name: str, lang: str, doc: Doc, rows: np.ndarray) -> SoftLabels:
    starts, lengths = doc.to_array([IDX, LENGTH]).astype(np.int32).T
    return SoftLabels(name, lang, doc.text, starts, starts + lengths, rows.astype(np.float16))
