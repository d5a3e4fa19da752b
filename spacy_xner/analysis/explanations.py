"""Why a span has its type: Shapley values of the words, for any teacher or student.

The players are the words of a document. A coalition keeps its words, and the others are replaced,
never deleted: positions and length stay. The value is the log-odds that the span has its type.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from spacy.tokens import Doc

from ..corpora.origin import NOWHERE, Origin, origin_of, set_origin
from ..errors import XnerError
from ..tags import decode, spans_from_iob2
from ..teacher.sources import ProbabilitySource
from .extras import need
from .game import (
    CLIP,
    Bools,
    Floats,
    Game,
    Span,
    default_coalitions,
    entity_tags,
    log_odds,
    type_probability,
    word_masker,
)

__all__ = [
    "Explainer",
    "Explanation",
    "Span",
    "check_efficiency",
    "default_coalitions",
    "entities_of",
    "log_odds",
    "type_probability",
]

EXACT_WORDS = 9
REPLACEMENT = "…"


@dataclass(frozen=True)
class Explanation:
    """Why a span has its type.

    words (tuple[str, ...]): The words of the document.
    spaces (tuple[bool, ...]): Whether a space follows each.
    start (int): First word of the span.
    end (int): The word after its last.
    label (str): Its type.
    probability (float): Of the type, mean over the span's words.
    base (float): Log-odds with all words replaced, predicted apart from the values.
    value (float): Log-odds with all words there, predicted apart from the values.
    shap (tuple[float, ...]): What each word adds, in log-odds; they sum to `value - base`.
    exact (bool): Over all coalitions, or over a sample of them.
    evaluations (int): Documents that were predicted.
    doc_id (str | None): Name of the document, where it is known.
    lang (str | None): What was said of its language.
    """

    words: tuple[str, ...]
    spaces: tuple[bool, ...]
    start: int
    end: int
    label: str
    probability: float
    base: float
    value: float
    shap: tuple[float, ...]
    exact: bool
    evaluations: int
    doc_id: str | None = None
    lang: str | None = None

    @property
    def text(self) -> str:
        """RETURNS (str): The span."""
        return " ".join(self.words[self.start : self.end])

    @property
    def gap(self) -> float:
        """RETURNS (float): By how much efficiency fails: |sum of the values - (value - base)|."""
        return abs(sum(self.shap) - (self.value - self.base))

    def to_json(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): All fields, with `text` and `efficiency_gap`."""
        return {**asdict(self), "text": self.text, "efficiency_gap": self.gap}


class Explainer:
    """Explains the entities of one source of probabilities.

    source (ProbabilitySource): Teacher or student, of `teacher.sources.load_source` with precision
        "fp32": in bf16 a text's log-odds change by 0.1 with the texts that share its batch.
    replacement (str | None): The word that stands for one that is left out; the encoder's mask
        token where it has one, otherwise "…".
    exact_words (int): Documents up to this many words are explained over all coalitions.
    coalitions (int | None): Coalitions that are predicted of longer ones; if not given, as many as
        `default_coalitions` says.
    clip (float): Distance that probabilities keep from 0 and 1.
    seed (int): Of the sample.
    batch_size (int): Documents predicted at once.
    """

    def __init__(
        self,
        source: ProbabilitySource,
        *,
        replacement: str | None = None,
        exact_words: int = EXACT_WORDS,
        coalitions: int | None = None,
        clip: float = CLIP,
        seed: int = 0,
        batch_size: int = 256,
    ) -> None:
        entity_tags(source)
        if not 0 < clip < 0.5 or (coalitions is not None and coalitions < 2):
            raise XnerError(
                f"clip is {clip}, coalitions {coalitions}; expected above 0 and below 0.5, and at "
                "least 2."
            )
        self.source = source
        self.replacement = replacement or _mask_of(source) or REPLACEMENT
        self.exact_words = exact_words
        self.coalitions = coalitions
        self.clip = clip
        self.seed = seed
        self.batch_size = batch_size

    def explain(
        self,
        words: Sequence[str],
        spaces: Sequence[bool],
        spans: Sequence[Span],
        origin: Origin = NOWHERE,
    ) -> list[Explanation]:
        """Explain some spans of one document; all of them share the predictions.

        words (Sequence[str]): The document's words.
        spaces (Sequence[bool]): Whether a space follows each.
        spans (Sequence[Span]): First word, word after the last, and type.
        origin (Origin): The document's name and language, which a teacher with views asks for.
        RETURNS (list[Explanation]): One a span.
        RAISES: XnerError for a span outside the document or of a type that the model has not.
        """
        for span in spans:
            self._check(span, len(words))
        if not spans:
            return []
        game = self._game(words, spaces, spans, origin)
        exact = len(words) <= self.exact_words
        shap_values = self._exact(game) if exact else self._sampled(game)
        # Predicted anew: the values sum to what their own game remembers, whatever the model is.
        again = self._game(words, spaces, spans, origin)
        both = np.ones((2, len(words)), bool)
        both[1] = False
        full, empty = again(both)
        probabilities = again.probability(both[0])
        return [
            Explanation(
                tuple(words),
                tuple(map(bool, spaces)),
                *span,
                float(probabilities[i]),
                float(empty[i]),
                float(full[i]),
                tuple(float(v) for v in shap_values[:, i]),
                exact,
                game.evaluations + again.evaluations,
                *origin,
            )
            for i, span in enumerate(spans)
        ]

    def values(
        self,
        words: Sequence[str],
        spaces: Sequence[bool],
        spans: Sequence[Span],
        kept: Bools,
        origin: Origin = NOWHERE,
    ) -> Floats:
        """Give the probability of each span's type for some coalitions.

        words (Sequence[str]): The document's words.
        spaces (Sequence[bool]): Whether a space follows each.
        spans (Sequence[Span]): The spans.
        kept (Bools): Coalitions x words; False for words that are replaced.
        origin (Origin): As for `explain`.
        RETURNS (Floats): Coalitions x spans.
        """
        game = self._game(words, spaces, spans, origin)
        game(kept)
        return np.stack([game.probability(row) for row in kept])

    def _game(
        self, words: Sequence[str], spaces: Sequence[bool], spans: Sequence[Span], origin: Origin
    ) -> Game:
        return Game(
            self.source,
            words,
            spaces,
            spans,
            replacement=self.replacement,
            clip=self.clip,
            batch_size=self.batch_size,
            origin=origin,
        )

    def _exact(self, game: Game) -> Floats:
        n = len(game.words)
        explainer = need("shap").explainers.Exact(game, word_masker(n))
        found = explainer(
            np.ones((1, n)), max_evals=2**n + 1, batch_size=self.batch_size, silent=True
        )
        return np.asarray(found.values, dtype=np.float64).reshape(n, -1)

    def _sampled(self, game: Game) -> Floats:
        """Fit a linear game to weighed coalitions (kernel SHAP, Lundberg and Lee 2017)."""
        n = len(game.words)
        state = np.random.get_state()  # shap draws from numpy's own generator
        try:
            np.random.seed(self.seed)
            explainer = need("shap").KernelExplainer(game, np.zeros((1, n)))
            found = explainer.shap_values(
                np.ones((1, n)),
                nsamples=self.coalitions or default_coalitions(n),
                l1_reg=False,
                silent=True,
            )
        finally:
            np.random.set_state(state)
        return np.asarray(found, dtype=np.float64).reshape(n, -1)

    def _check(self, span: Span, n: int) -> None:
        start, end, label = span
        if not 0 <= start < end <= n:
            raise XnerError(f"Span {start}-{end} does not lie in a document of {n} words.")
        if label not in self.source.tagset.types:
            raise XnerError(
                f"The model has no type {label!r}; it has {', '.join(self.source.tagset.types)}."
            )


def check_efficiency(explanations: Sequence[Explanation], limit: float = 1e-3) -> float:
    """Make sure that the values of each explanation sum to what they explain (Shapley 1953).

    explanations (Sequence[Explanation]): The explanations.
    limit (float): Largest gap allowed, in log-odds.
    RETURNS (float): The largest gap; 0 without explanations.
    RAISES: XnerError where it is above the limit.
    """
    gap = max((each.gap for each in explanations), default=0.0)
    if gap > limit:
        raise XnerError(
            f"The values miss the log-odds that they explain by {gap:.2g}, above {limit:g}: the "
            "model gives another answer for the same text each time. Switch its dropout off, and "
            'load it with precision="fp32".'
        )
    return gap


def entities_of(source: ProbabilitySource, docs: Sequence[Doc]) -> list[list[Span]]:
    """Find the entities that a user of the model sees.

    source (ProbabilitySource): The model.
    docs (Sequence[Doc]): Documents, not changed.
    RETURNS (list[list[Span]]): Of each document, spans of types that the model gives
        probabilities of.
    """
    vocab = source.nlp.vocab
    copies = [
        set_origin(
            Doc(vocab, words=[t.text for t in doc], spaces=[bool(t.whitespace_) for t in doc]),
            *origin_of(doc),
        )
        for doc in docs
    ]
    tags = entity_tags(source)
    known = set(tags.types)
    if source.nlp.pipe_names:
        return [
            [(e.start, e.end, e.label_) for e in doc.ents if e.label_ in known]
            for doc in source.nlp.pipe(copies)
        ]
    rows = source.predict(copies)
    return [spans_from_iob2(decode(np.asarray(each), tags)) for each in rows]


def _mask_of(source: ProbabilitySource) -> str | None:
    tokenizer = getattr(source, "tokenizer", None)
    return getattr(tokenizer, "mask_token", None)
