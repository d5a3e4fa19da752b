"""Which spans of the target may be entities, where that is known beforehand."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..errors import XnerError
from ..tags import TagSet, decode, spans_from_iob2
from ..teacher.sources import ProbabilitySource
from .aligners import SentencePair
from .markers import read_marked
from .matching import Span

__all__ = ["Candidates", "MarkedCandidates", "NerCandidates", "token_spans"]


class Candidates(Protocol):
    """Proposes spans of the target.

    fingerprint (str): Tells other candidates from these.
    """

    fingerprint: str

    def __call__(self, pairs: Sequence[SentencePair]) -> list[list[Span] | None]:
        """Give the spans of each pair's target, in tokens; None stands for every span."""
        ...


class NerCandidates:
    """The entities that a pipeline finds in the target, whatever their types.

    source (ProbabilitySource): The pipeline, of `teacher.sources.load_source`.
    RAISES: XnerError: It labels documents, not entities.
    """

    def __init__(self, source: ProbabilitySource) -> None:
        if not isinstance(source.tagset, TagSet):
            raise XnerError("Candidates are entities, but this pipeline gives categories.")
        self.tagset = source.tagset
        self.source = source
        self.fingerprint = source.fingerprint

    def __call__(self, pairs: Sequence[SentencePair]) -> list[list[Span] | None]:
        vocab = self.source.nlp.vocab  # a pipeline looks its strings up in its own
        found = self.source.predict([_copy(pair.target, vocab) for pair in pairs])
        tags = (decode(np.asarray(probs), self.tagset) for probs in found)
        return [[(start, end) for start, end, _ in spans_from_iob2(one)] for one in tags]


class MarkedCandidates:
    """What stands in brackets in a translation that was made of marked sentences.

    path (str | Path): Lines with brackets, which `markers.read_marked` takes out.
    fingerprint (str): Digest of the file.
    """

    def __init__(self, path: str | Path, fingerprint: str) -> None:
        self.path = Path(path)
        self.fingerprint = fingerprint
        with self.path.open("rb") as file:
            lengths = [len(line) for line in file]
        self._starts = np.cumsum([0, *lengths])

    def __call__(self, pairs: Sequence[SentencePair]) -> list[list[Span] | None]:
        with self.path.open("rb") as file:
            return [self._of(pair, self._line(file, pair.number)) for pair in pairs]

    def _line(self, file: BinaryIO, number: int) -> str:
        if number + 1 >= len(self._starts):
            return ""
        file.seek(int(self._starts[number]))
        return file.readline().decode("utf8")

    def _of(self, pair: SentencePair, line: str) -> list[Span] | None:
        text, spans = read_marked(line)
        if text != pair.target.text:
            raise XnerError(
                f"{self.path}, line {pair.number + 1} is not the marked form of the target text. "
                "Delete the target text and all files that begin with its name, and run the same "
                "command again."
            )
        return token_spans(pair.target, spans) or None


def _copy(doc: Doc, vocab: Vocab) -> Doc:
    spaces = [bool(token.whitespace_) for token in doc]
    return Doc(vocab, words=[token.text for token in doc], spaces=spaces)


def token_spans(doc: Doc, spans: Sequence[Span]) -> list[Span]:
    """Turn spans of characters into the spans of the tokens that they touch.

    doc (Doc): The document.
    spans (Sequence[Span]): First character, character after the last.
    RETURNS (list[Span]): First token, token after the last; those of no token are left out.
    """
    found = (doc.char_span(*span, alignment_mode="expand") for span in spans)
    return [(span.start, span.end) for span in found if span is not None and len(span)]
