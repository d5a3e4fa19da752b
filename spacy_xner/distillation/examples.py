"""Examples of the reader: how often each comes, in which spelling, and what it carries."""

import math
import random
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import numpy as np
from spacy.tokens import Doc
from spacy.training import Example

from .tasks import PROBABILITIES, WEIGHTS, Task

__all__ = ["balanced", "in_normal_form", "make_example", "round_by_chance"]


_COUNTED = 2000


def round_by_chance(number: float, rng: random.Random) -> int:
    return int(number) + (rng.random() < number % 1)


def balanced(
    examples: Iterator[Example], threshold: float, task: Task, rng: random.Random
) -> Iterator[Example]:
    """Repeat the documents of rare types, counted in 2,000 at a time; see `SoftLabelReader`."""
    while several := list(islice(examples, _COUNTED)):
        held = [task.types_in(eg.reference) for eg in several]
        counts = Counter(name for names in held for name in names)
        limit = threshold * len(several)
        drawn = []
        for example, names in zip(several, held, strict=True):
            factor = max([1.0, *(math.sqrt(limit / counts[name]) for name in names)])
            drawn += [example] * round_by_chance(factor, rng)
        rng.shuffle(drawn)
        yield from drawn


def in_normal_form(doc: Doc, form: str) -> Doc:
    """Spell a document's tokens in a normal form; the tokens stay the same."""
    if unicodedata.is_normalized(form, doc.text):  # type: ignore[arg-type]
        return doc
    words = [unicodedata.normalize(form, token.text) for token in doc]  # type: ignore[arg-type]
    return Doc(doc.vocab, words=words, spaces=[bool(token.whitespace_) for token in doc])


def make_example(doc: Doc, probabilities: np.ndarray, weights: np.ndarray, task: Task) -> Example:
    reference = doc.copy()
    task.set_hard_label(reference, probabilities)
    reference.user_data[PROBABILITIES] = probabilities
    reference.user_data[WEIGHTS] = weights
    return Example(doc, reference)
