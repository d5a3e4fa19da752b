"""What a sentiment classifier is worth: weighted F1 with its interval, and words per second."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from spacy.language import Language

from spacy_xner.categories import CategorySet
from spacy_xner.corpora.tsv import LabelledText
from spacy_xner.errors import XnerError

BOOTSTRAP = 1000


def weighted_f1(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """F1 of each category weighed by its share of the gold, as scikit-learn's "weighted".

    gold (Sequence[str]): Gold categories.
    predicted (Sequence[str]): Categories that were predicted for the same texts.
    RETURNS (dict[str, float]): `value`, and `low` and `high` of a 95% bootstrap over texts; all in
        per cent.
    """
    names = sorted({*gold, *predicted})
    true = np.array([names.index(name) for name in gold])
    found = np.array([names.index(name) for name in predicted])
    rng = np.random.default_rng(0)
    draws = [
        _score(true[i], found[i], len(names))
        for i in rng.integers(len(true), size=(BOOTSTRAP, len(true)))
    ]
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"value": _score(true, found, len(names)), "low": float(low), "high": float(high)}


def _score(true: np.ndarray, found: np.ndarray, n: int) -> float:
    hits = np.bincount(true[true == found], minlength=n)
    support = np.bincount(true, minlength=n)
    f1 = 2 * hits / np.maximum(support + np.bincount(found, minlength=n), 1)
    return float(100 * (f1 * support).sum() / support.sum())


def majority(texts: Sequence[LabelledText]) -> str:
    """Give the most frequent category."""
    return Counter(one.label for one in texts).most_common(1)[0][0]


def classify(
    nlp: Language, texts: Sequence[LabelledText], factors: np.ndarray | None = None
) -> list[str]:
    """Predict one category a text.

    nlp (Language): A pipeline with `textcat`.
    texts (Sequence[LabelledText]): The texts.
    factors (Optional[np.ndarray]): What its probabilities are multiplied with, a number a category
        in the order of their names.
    RETURNS (list[str]): The most probable category of each.
    RAISES: XnerError: A gold label is none of the pipeline's categories.
    """
    known = CategorySet.from_types(nlp.pipe_labels.get("textcat", ()))
    for label in sorted({one.label for one in texts}):
        try:
            known.index(label)
        except XnerError as error:
            raise XnerError(f"The gold has a label that the pipeline does not: {error}") from None
    weights = np.ones(len(known.tags)) if factors is None else factors
    factor = dict(zip(known.tags, weights, strict=True))
    docs = nlp.pipe((one.text for one in texts), batch_size=64)
    return [max(doc.cats, key=lambda name: doc.cats[name] * factor[name]) for doc in docs]
