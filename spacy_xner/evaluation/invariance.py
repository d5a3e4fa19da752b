"""How often a pipeline finds the same entities in the same text written another way."""

import unicodedata
from collections.abc import Sequence

from spacy.language import Language

from .predict import predict_spans
from .scores import Span

__all__ = ["RECIPES", "unchanged"]

RECIPES = ("nfc-nfd", "newline", "batch")


def unchanged(nlp: Language, texts: Sequence[str], recipe: str) -> list[bool]:
    """Tell of each text whether its entities stay the same in another form.

    nlp (Language): Any pipeline that sets `doc.ents`.
    texts (Sequence[str]): Raw texts.
    recipe (str): "nfc-nfd": in both Unicode normal forms; entities are compared by where they stand
        in the composed text. "newline": with and without a line feed at the end. "batch": alone
        and in a batch with all others.
    RETURNS (list[bool]): One a text.
    """
    composed = [unicodedata.normalize("NFC", text) for text in texts]
    before = predict_spans(nlp, composed)
    if recipe == "nfc-nfd":
        decomposed = [unicodedata.normalize("NFD", text) for text in texts]
        after = predict_spans(nlp, decomposed)
        after = [_composed(*pair) for pair in zip(decomposed, after, strict=True)]
    elif recipe == "newline":
        after = predict_spans(nlp, [text + "\n" for text in composed])
    elif recipe == "batch":
        after = [predict_spans(nlp, [text])[0] for text in composed]
    else:
        raise ValueError(f"recipe is {recipe!r}; expected one of {', '.join(RECIPES)}")
    return [one == other for one, other in zip(before, after, strict=True)]


def _composed(text: str, spans: Sequence[Span]) -> list[Span]:
    """Count the offsets of a decomposed text in characters of the composed one."""

    def at(offset: int) -> int:
        return len(unicodedata.normalize("NFC", text[:offset]))

    return [(at(start), at(end), label) for start, end, label in spans]
