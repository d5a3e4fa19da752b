"""What a spaCy pipeline finds, on gold tokens and on raw text, beside what it should find.

A *form* names the text that a pipeline is given: `tokens` (the gold tokens) or `raw` (the words
detokenised, then the pipeline's own tokenizer), and `-nfc` or `-nfd` after it for the words in that
Unicode normal form, as in `raw-nfd`.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import XnerError
from ..tags import iob2_from_spans
from .gold import TaggedSentence, doc_of, normalise, raw_text
from .scores import (
    Counts,
    Span,
    bootstrap_interval,
    score,
    score_spans,
    span_counts,
    strict_spans,
)

__all__ = [
    "FORMS",
    "Prediction",
    "check_forms",
    "predict",
    "predict_spans",
    "predict_tags",
    "summarise",
]

FORMS = ("tokens", "tokens-nfc", "tokens-nfd", "raw", "raw-nfc", "raw-nfd")
BATCH_SIZE = 256
WARM_UP = 16


def predict_tags(
    nlp: Language, sentences: Sequence[TaggedSentence], *, batch_size: int = BATCH_SIZE
) -> list[list[str]]:
    """Tag gold tokens with whatever the pipeline puts into `doc.ents`.

    nlp (Language): Any pipeline that sets `doc.ents`; its tokenizer is not used.
    sentences (Sequence[TaggedSentence]): Gold sentences; only their words (and, if they have them,
        `spaces`) are read.
    batch_size (int): Sentences a batch of `nlp.pipe`.
    RETURNS (list[list[str]]): IOB2 tags of each sentence.
    """

    def make(sentence: TaggedSentence) -> Doc:
        return doc_of(nlp.vocab, sentence)

    def tags(doc: Doc) -> list[str]:
        return iob2_from_spans(len(doc), [(ent.start, ent.end, ent.label_) for ent in doc.ents])

    lengths = [sum(map(len, sentence.words)) for sentence in sentences]
    return _pipe_sorted(nlp, sentences, lengths, make, tags, batch_size)


def predict_spans(
    nlp: Language, texts: Sequence[str], *, batch_size: int = BATCH_SIZE
) -> list[list[Span]]:
    """Find entities in raw text with the pipeline's own tokenizer.

    nlp (Language): Any pipeline that sets `doc.ents`.
    texts (Sequence[str]): Raw texts.
    batch_size (int): Texts a batch of `nlp.pipe`.
    RETURNS (list[list[Span]]): `(start, end, type)` of each text's entities, in characters.
    """

    def spans(doc: Doc) -> list[Span]:
        return [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]

    return _pipe_sorted(nlp, texts, [len(text) for text in texts], str, spans, batch_size)


def _pipe_sorted(
    nlp: Language,
    items: Sequence[Any],
    lengths: Sequence[int],
    make: Callable[[Any], Doc | str],
    read: Callable[[Doc], Any],
    batch_size: int,
) -> list[Any]:
    """Longest first, so that a batch holds texts of one length and a lack of memory shows at once;
    results come back in the order of the items."""
    order = sorted(range(len(items)), key=lambda i: -lengths[i])
    results: list[Any] = [None] * len(items)
    docs = nlp.pipe((make(items[i]) for i in order), batch_size=batch_size)
    for i, doc in zip(order, docs, strict=True):
        results[i] = read(doc)
    return results


@dataclass
class Prediction:
    """What one pipeline found in one form of some sentences.

    form (str): One of `FORMS`.
    gold (list): Of each sentence, IOB2 tags (forms `tokens`) or character spans (forms `raw`).
    found (list): The same of the pipeline.
    words (int): Gold words.
    seconds (float): Time that the pipeline took.
    mapped (Counter[str]): How many entities of each label were mapped to another.
    """

    form: str
    gold: list[Any]
    found: list[Any]
    words: int
    seconds: float
    mapped: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: "Prediction") -> "Prediction":
        return Prediction(
            self.form,
            self.gold + other.gold,
            self.found + other.found,
            self.words + other.words,
            self.seconds + other.seconds,
            self.mapped + other.mapped,
        )

    def score(self) -> dict[str, Any]:
        """Precision, recall and F1, see `scores.score`."""
        if self.on_tokens:
            return score(self.gold, self.found)
        return score_spans(self.gold, self.found)

    def counts(self, label: str | None = None) -> Counts:
        """Right, predicted and gold entities of each sentence, for the bootstraps.

        label (Optional[str]): Count entities of this type only.
        RETURNS (Counts): Shape (sentences, 3).
        """
        gold, found = self.gold, self.found
        if self.on_tokens:
            gold, found = strict_spans(gold), strict_spans(found)
        if label is not None:
            gold, found = (
                [[span for span in spans if span[2] == label] for spans in items]
                for items in (gold, found)
            )
        return span_counts(gold, found)

    @property
    def on_tokens(self) -> bool:
        return self.form.startswith("tokens")

    def labels(self, items: Iterable[Collection[Any]]) -> Counter[str]:
        """How many entities of each label some of the items hold."""
        if self.on_tokens:
            return Counter(tag[2:] for tags in items for tag in tags if tag.startswith("B-"))
        return Counter(span[2] for spans in items for span in spans)


def predict(
    nlp: Language,
    sentences: Sequence[TaggedSentence],
    form: str = "tokens",
    *,
    batch_size: int = BATCH_SIZE,
    label_map: Mapping[str, str] | None = None,
) -> Prediction:
    """Run a pipeline over gold sentences in one form.

    nlp (Language): Any pipeline that sets `doc.ents`.
    sentences (Sequence[TaggedSentence]): Gold sentences.
    form (str): One of `FORMS`.
    batch_size (int): Sentences a batch of `nlp.pipe`.
    label_map (Mapping[str, str] | None): New names of predicted labels; "O" drops a label.
    RETURNS (Prediction): Gold and predicted entities, and the time.
    RAISES: XnerError for a form that does not exist.
    """
    check_forms([form])
    kind, _, normal_form = form.partition("-")
    if normal_form:
        normal = cast(Literal["NFC", "NFD"], normal_form.upper())
        sentences = [normalise(sentence, normal) for sentence in sentences]
    on_tokens = kind == "tokens"
    texts, gold = [], []
    for sentence in sentences:
        text, spans = ("", sentence.tags) if on_tokens else raw_text(sentence)
        texts.append(text)
        gold.append(spans)

    def run(n: int | None) -> list[Any]:
        if on_tokens:
            return predict_tags(nlp, sentences[:n], batch_size=batch_size)
        return predict_spans(nlp, texts[:n], batch_size=batch_size)

    run(WARM_UP)  # The first call allocates and loads; it is no measure of speed.
    start = time.perf_counter()
    found = run(None)
    seconds = time.perf_counter() - start
    words = sum(len(sentence.words) for sentence in sentences)
    result = Prediction(form, gold, found, words, seconds)
    counted = result.labels(found)
    mapping = dict(label_map or {})
    result.mapped = Counter({label: counted[label] for label in mapping if counted[label]})
    rename = _rename_tags if on_tokens else _rename_spans
    result.found = [rename(items, mapping) for items in found]
    return result


def check_forms(forms: Iterable[str]) -> None:
    """Refuse forms that do not exist.

    forms (Iterable[str]): Names of forms.
    RAISES: XnerError for a name that is none of `FORMS`.
    """
    for form in forms:
        if form not in FORMS:
            raise XnerError(f"There is no form {form!r}: expected one of {', '.join(FORMS)}.")


def _rename_tags(tags: list[str], mapping: Mapping[str, str]) -> list[str]:
    names = [mapping.get(tag[2:], tag[2:]) for tag in tags]
    return [
        "O" if tag == "O" or name == "O" else f"{tag[0]}-{name}"
        for tag, name in zip(tags, names, strict=True)
    ]


def _rename_spans(spans: list[Span], mapping: Mapping[str, str]) -> list[Span]:
    renamed = [(start, end, mapping.get(label, label)) for start, end, label in spans]
    return [span for span in renamed if span[2] != "O"]


def summarise(prediction: Prediction, *, bootstrap: int = 1000, seed: int = 0) -> dict[str, Any]:
    """Score a prediction, with its interval, speed and unexpected labels.

    prediction (Prediction): Of `predict`.
    bootstrap (int): Number of resamples for the 95% intervals; 0 leaves them out.
    seed (int): Of the resampling.
    RETURNS (dict[str, Any]): The keys of `scores.score`, `low`, `high` (95% interval of F1, and of
        the F1 of each type), `n_gold` (gold entities), `words_per_second`, `other_labels`
        (predicted entities of types that the gold data do not have; each counts as wrong) and
        `mapped_labels` (entities renamed by the label map).
    """
    result = prediction.score()
    if bootstrap:
        low, high = bootstrap_interval(prediction.counts(), n=bootstrap, seed=seed)
        result |= {"low": low, "high": high}
        for label, each in result["per_type"].items():
            low, high = bootstrap_interval(prediction.counts(label), n=bootstrap, seed=seed)
            each |= {"low": low, "high": high}
    known = prediction.labels(prediction.gold)
    found = prediction.labels(prediction.found)
    result["other_labels"] = {label: n for label, n in sorted(found.items()) if label not in known}
    result["n_gold"] = known.total()
    result["mapped_labels"] = dict(sorted(prediction.mapped.items()))
    result["words_per_second"] = prediction.words / max(prediction.seconds, 1e-9)
    return result
