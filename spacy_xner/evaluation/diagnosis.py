"""Where a model errs and how well it knows it: confusion, calibration, hardest sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from spacy.tokens import Doc

from ..analysis.explanations import Explainer, Explanation, Span, entities_of
from ..corpora.origin import lang_of, origin_of
from ..errors import XnerError
from ..tags import spans_from_iob2
from ..teacher.sources import ProbabilitySource
from .gates import Gates, in_turn, read_gates
from .gold import TaggedSentence, doc_of

__all__ = ["Bin", "Diagnosis", "HardSentence", "calibration_error", "diagnose"]

BINS = 10
FLOOR = 1e-4


@dataclass(frozen=True)
class Bin:
    """Words that a model was about as sure of.

    confidence (float): Their mean probability, 0 to 1.
    accuracy (float): Share of them that were right, 0 to 1.
    n (int): How many.
    """

    confidence: float
    accuracy: float
    n: int


@dataclass(frozen=True)
class HardSentence:
    """A sentence that surprises the model.

    words (tuple[str, ...]): Its words.
    gold (tuple[Span, ...]): Entities that stand there.
    found (tuple[Span, ...]): Entities that the model finds.
    surprise (float): Mean negative log-probability of the gold types, nats a word.
    lang (str | None): What was said of its language.
    """

    words: tuple[str, ...]
    gold: tuple[Span, ...]
    found: tuple[Span, ...]
    surprise: float
    lang: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """What a model does on gold sentences.

    types (tuple[str, ...]): "O" and the types of model and gold.
    confusion (np.ndarray): Words, gold types x found types.
    bins (tuple[Bin, ...]): Words that the model calls an entity, by how sure it is.
    error (float): Expected calibration error over these, 0 to 1 (Guo et al. 2017, section 2).
    hardest (tuple[HardSentence, ...]): The worst first.
    explanations (tuple[Explanation, ...]): Of entities in some sentences.
    n (int): Sentences.
    gates (Gates | None): How far it looks beside the text; None of a model without views.
    """

    types: tuple[str, ...]
    confusion: np.ndarray
    bins: tuple[Bin, ...]
    error: float
    hardest: tuple[HardSentence, ...]
    explanations: tuple[Explanation, ...]
    n: int
    gates: Gates | None = None


def diagnose(
    source: ProbabilitySource,
    sentences: Sequence[TaggedSentence],
    *,
    hardest: int = 8,
    explained: int = 6,
) -> Diagnosis:
    """Run a model over gold sentences and see where it errs.

    source (ProbabilitySource): Teacher or student.
    sentences (Sequence[TaggedSentence]): Gold sentences.
    hardest (int): Hardest sentences kept.
    explained (int): Entities explained, in sentences of 5 to 25 words.
    RETURNS (Diagnosis): What was seen.
    RAISES: XnerError where there is no sentence.
    """
    if not sentences:
        raise XnerError("There is no gold sentence to look at.")
    vocab = source.nlp.vocab
    docs = [doc_of(vocab, sentence) for sentence in sentences]
    gold = [tuple(spans_from_iob2(sentence.tags)) for sentence in sentences]
    found = [tuple(spans) for spans in entities_of(source, docs)]
    probabilities = [np.asarray(rows, dtype=np.float64) for rows in source.predict(docs)]
    extra = {label for spans in gold for _, _, label in spans} - set(source.tagset.types)
    types = ("O", *source.tagset.types, *sorted(extra))
    true = [_types(len(doc), spans, types) for doc, spans in zip(docs, gold, strict=True)]
    said = [_types(len(doc), spans, types) for doc, spans in zip(docs, found, strict=True)]
    # O, then B and I of each type; types that the model does not know have no probability.
    sure = [np.pad(_by_type(rows), ((0, 0), (0, len(extra)))) for rows in probabilities]
    confusion = np.zeros((len(types), len(types)), dtype=np.int64)
    np.add.at(confusion, (np.concatenate(true), np.concatenate(said)), 1)
    bins = _bins(np.concatenate(sure), np.concatenate(true), np.concatenate(said))
    surprise = [
        float(-np.log(np.maximum(rows[np.arange(len(rows)), kinds], FLOOR)).mean())
        if len(rows)
        else 0.0
        for rows, kinds in zip(sure, true, strict=True)
    ]
    order = sorted(range(len(docs)), key=lambda i: -surprise[i])[:hardest]
    return Diagnosis(
        types,
        confusion,
        bins,
        calibration_error(bins),
        tuple(
            HardSentence(
                tuple(sentences[i].words), gold[i], found[i], surprise[i], lang_of(docs[i])
            )
            for i in order
        ),
        tuple(_explain(source, docs, found, explained)),
        len(sentences),
        read_gates(source, docs, gold, found),
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """Give the expected calibration error: |confidence - accuracy|, by how many words of each bin.

    Guo et al. (2017, section 2, equation 5), bins of equal width.

    bins (Sequence[Bin]): The bins.
    RETURNS (float): 0 to 1; 0 without words.
    """
    n = sum(each.n for each in bins)
    return sum(each.n * abs(each.confidence - each.accuracy) for each in bins) / n if n else 0.0


def _types(n: int, spans: Sequence[Span], types: Sequence[str]) -> np.ndarray:
    kinds = np.zeros(n, dtype=np.int64)
    for start, end, label in spans:
        kinds[start:end] = types.index(label)
    return kinds


def _by_type(rows: np.ndarray) -> np.ndarray:
    return np.concatenate([rows[:, :1], rows[:, 1::2] + rows[:, 2::2]], axis=1)


def _bins(sure: np.ndarray, true: np.ndarray, said: np.ndarray) -> tuple[Bin, ...]:
    """Only of words that are called an entity: the rest is O, and nearly always surely so."""
    entity = said > 0
    confidence = sure[np.arange(len(said)), said][entity]
    right = (true == said)[entity]
    at = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(float(confidence[at == i].mean()), float(right[at == i].mean()), int((at == i).sum()))
        for i in range(BINS)
        if np.any(at == i)
    )


def _explain(
    source: ProbabilitySource,
    docs: Sequence[Doc],
    found: Sequence[Sequence[Span]],
    wanted: int,
) -> list[Explanation]:
    explainer, explanations = Explainer(source), list[Explanation]()
    fit = [i for i, doc in enumerate(docs) if found[i] and 5 <= len(doc) <= 25]
    for i in in_turn(fit, [lang_of(docs[i]) for i in fit]):
        if len(explanations) >= wanted:
            break
        words, spaces = [t.text for t in docs[i]], [bool(t.whitespace_) for t in docs[i]]
        explanations += explainer.explain(words, spaces, found[i][:2], origin_of(docs[i]))
    return explanations[:wanted]
