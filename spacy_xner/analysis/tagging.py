"""Entities that a tagger of other languages finds in raw text, where nobody has labels."""

from dataclasses import replace

from ..teacher.sources import ProbabilitySource
from .explanations import entities_of
from .languages import LanguageText

__all__ = ["tag_language"]

BATCH = 256


def tag_language(
    language: LanguageText, tagger: ProbabilitySource, *, max_words: int = 5000
) -> LanguageText:
    """Let a tagger find entities in a language's raw text.

    language (LanguageText): The language; its labels are not looked at.
    tagger (ProbabilitySource): A model that finds entities, such as a teacher of a source language.
    max_words (int): Words that are read, so that languages compare.
    RETURNS (LanguageText): The same with `found`.
    """
    docs, total = [], 0
    for text in language.texts:
        docs.append(tagger.nlp.make_doc(text))
        total += len(docs[-1])
        if total >= max_words:
            break
    found: list[str] = []
    for start in range(0, len(docs), BATCH):
        batch = docs[start : start + BATCH]
        for doc, spans in zip(batch, entities_of(tagger, batch), strict=True):
            found += [doc[first:last].text for first, last, _ in spans]
    return replace(language, found=tuple(found))
