"""The game whose players are the words of a document: the value of coalitions, and its mask."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from spacy.tokens import Doc

from ..corpora.origin import NOWHERE, Origin, set_origin
from ..errors import XnerError
from ..tags import TagSet
from ..teacher.sources import ProbabilitySource
from .extras import need

__all__ = [
    "CLIP",
    "Bools",
    "Floats",
    "Game",
    "Span",
    "default_coalitions",
    "entity_tags",
    "log_odds",
    "type_probability",
    "word_masker",
]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Span = tuple[int, int, str]

# Probabilities are clipped to this distance from 0 and 1: the beam's are often exactly these.
CLIP = 1e-3
# Words that are predicted for one document: a student reads some 4,000 a second of a core.
BUDGET = 6000


class Game:
    """The value of coalitions of a document's words; each coalition is predicted once.

    source (ProbabilitySource): Teacher or student.
    words (Sequence[str]): The document's words.
    spaces (Sequence[bool]): Whether a space follows each.
    spans (Sequence[Span]): First word, word after the last, and type.
    replacement (str): The word that stands for one that is left out.
    clip (float): Distance that probabilities keep from 0 and 1.
    batch_size (int): Documents predicted at once.
    origin (Origin): The document's name and language.
    """

    def __init__(
        self,
        source: ProbabilitySource,
        words: Sequence[str],
        spaces: Sequence[bool],
        spans: Sequence[Span],
        *,
        replacement: str,
        clip: float = CLIP,
        batch_size: int = 256,
        origin: Origin = NOWHERE,
    ) -> None:
        self.source = source
        self.words = list(words)
        self.spaces = list(map(bool, spaces))
        self.spans = list(spans)
        self.replacement = replacement
        self.clip = clip
        self.batch_size = batch_size
        self.origin = origin
        self._known: dict[bytes, Floats] = {}

    @property
    def evaluations(self) -> int:
        """RETURNS (int): Coalitions that were predicted."""
        return len(self._known)

    def __call__(self, kept: npt.ArrayLike) -> Floats:
        """Log-odds of each span's type, coalitions x spans."""
        rows = np.asarray(kept, dtype=bool).reshape(-1, len(self.words))
        self._predict(rows)
        return np.stack([log_odds(self._known[row.tobytes()], self.clip) for row in rows])

    def probability(self, kept: Bools) -> Floats:
        """Probability of each span's type for one coalition that was predicted."""
        return self._known[np.asarray(kept, dtype=bool).tobytes()]

    def _predict(self, rows: Bools) -> None:
        fresh = list(
            dict.fromkeys(key for row in rows if (key := row.tobytes()) not in self._known)
        )
        source, size, tags = self.source, self.batch_size, entity_tags(self.source)
        for start in range(0, len(fresh), size):
            batch = fresh[start : start + size]
            docs = [self._doc(np.frombuffer(key, dtype=bool)) for key in batch]
            for key, probabilities in zip(batch, source.predict(docs), strict=True):
                self._known[key] = np.array(
                    [type_probability(probabilities, tags, span) for span in self.spans]
                )

    def _doc(self, kept: Bools) -> Doc:
        words = [
            word if there else self.replacement
            for word, there in zip(self.words, kept, strict=True)
        ]
        doc = Doc(self.source.nlp.vocab, words=words, spaces=self.spaces)
        return set_origin(doc, *self.origin)


def entity_tags(source: ProbabilitySource) -> TagSet:
    """Give the tags of a model of entities.

    source (ProbabilitySource): The model.
    RETURNS (TagSet): Its IOB2 tags.
    RAISES: XnerError: The model has categories of documents, or no type.
    """
    tags = source.tagset
    if not isinstance(tags, TagSet):
        raise XnerError(
            f"The model has categories of documents ({', '.join(tags.tags)}); explanations are of "
            "entities. Expected a pipeline with `xner_teacher` or `ner`, or a token classifier."
        )
    if not tags.types:
        raise XnerError("The model knows no entity type, so there is nothing to explain.")
    return tags


def type_probability(probabilities: Any, tagset: TagSet, span: Span) -> float:
    """Give the probability that a span has its type: the mean over its words of B and I.

    probabilities (ArrayLike): Of each tag, words x tags.
    tagset (TagSet): The tags.
    span (Span): First word, word after the last, and type.
    RETURNS (float): 0 to 1.
    """
    start, end, label = span
    begin = tagset.index(f"B-{label}")
    rows = np.asarray(probabilities, dtype=np.float64)
    return float(rows[start:end, begin : begin + 2].sum(axis=1).mean())


def log_odds(probability: npt.ArrayLike, clip: float = CLIP) -> Floats:
    """Give log(p / (1 - p)), p kept from 0 and 1.

    probability (ArrayLike): 0 to 1.
    clip (float): The distance kept.
    RETURNS (Floats): Natural log-odds, of the same shape.
    """
    p = np.clip(np.asarray(probability, dtype=np.float64), clip, 1 - clip)
    result: Floats = np.log(p / (1 - p))
    return result


def default_coalitions(n: int) -> int:
    """Choose how many coalitions are predicted: many of short texts, fewer of long ones.

    n (int): Words of the document.
    RETURNS (int): As many as some 6,000 predicted words allow, but one with and one without each
        word at least, and no more than there are.
    """
    return min(2**n, max(2 * n + 2, BUDGET // n))


def word_masker(n: int) -> Any:
    """A masker over the words of one document, whose masks the game itself turns into text.

    n (int): Words of the document.
    RETURNS (Any): A `shap.maskers.Masker`.
    """
    base: Any = need("shap").maskers.Masker

    class WordMasker(base):
        """Gives the coalition; a word that is not in it is replaced when its Doc is made."""

        def __init__(self) -> None:
            self.shape = (1, n)
            self.clustering = None

        def __call__(self, mask: Any, x: Any) -> tuple[Any]:
            kept = (
                np.ones(n, bool) if mask is True else np.zeros(n, bool) if mask is False else mask
            )
            return (kept[None, :],)

        def invariants(self, x: Any) -> Any:
            return np.zeros((1, n), dtype=bool)

    return WordMasker()
