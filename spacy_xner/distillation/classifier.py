"""Probabilities of categories as the target of spaCy's `textcat`: soft cross-entropy."""

from collections.abc import Sequence

import numpy as np
from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc
from thinc.api import Optimizer, set_dropout_rate

from ..categories import CategorySet
from ..errors import XnerError
from ..teacher.category_adapters import softmax_of

__all__ = ["update_textcat"]

_LEAST = 1e-9


def update_textcat(
    textcat: TextCategorizer,
    docs: Sequence[Doc],
    targets: np.ndarray,
    categories: CategorySet,
    *,
    weights: np.ndarray | None = None,
    drop: float = 0.0,
    sgd: Optimizer | None = None,
) -> float:
    """Move a student's classifier towards its teacher's distribution over one batch.

    The gradient of the cross-entropy by the logits is p - q, summed over the documents. spaCy's own
    loss gives p - q to whatever layer is last, which is that gradient for `thinc.Softmax`, whose
    backward pass leaves the softmax out; for `softmax_activation` (`spacy.TextCatBOW.v3`), whose
    backward pass includes it, what comes before the softmax is -q / p.

    textcat (TextCategorizer): spaCy's own `textcat`, of exclusive classes.
    docs (Sequence[Doc]): The student's documents; none empty.
    targets (np.ndarray): Documents x categories, rows summing to 1.
    categories (CategorySet): Names of the columns.
    weights (Optional[np.ndarray]): One a document, from 0 up; all 1 if none is given.
    drop (float): Dropout rate.
    sgd (Optional[Optimizer]): Updates the weights if given.
    RETURNS (float): Cross-entropy summed over the documents.
    RAISES: XnerError: The student lacks a category, or its scores are no distribution, see
        `softmax_of`.
    """
    column = _columns(textcat, categories)
    softmax = softmax_of(textcat)
    xp = textcat.model.ops.xp
    wanted = np.zeros((len(docs), len(textcat.labels)), dtype=np.float32)
    wanted[:, column] = targets
    weight = xp.ones((len(docs), 1), dtype="f")
    if weights is not None:
        weight = xp.asarray(weights, dtype="f").reshape(-1, 1)
    wanted = xp.asarray(wanted)
    set_dropout_rate(textcat.model, drop)
    predicted, backprop = textcat.model.begin_update(list(docs))
    if softmax == "softmax_activation":
        gradient = -wanted / xp.maximum(predicted, _LEAST)
    else:
        gradient = predicted - wanted
    backprop(weight * gradient)
    if sgd is not None:
        textcat.finish_update(sgd)
    return float(-(weight * wanted * xp.log(xp.maximum(predicted, _LEAST))).sum())


def _columns(textcat: TextCategorizer, categories: CategorySet) -> list[int]:
    missing = [name for name in categories.tags if name not in textcat.labels]
    if missing:
        raise XnerError(
            f"The student knows no category {', '.join(missing)} that its teacher gives; it has "
            f"{', '.join(textcat.labels)}. Initialise it from the teacher's soft labels, or map "
            "the teacher's categories with `labels` in [distillation.teachers]."
        )
    extra = [name for name in textcat.labels if name not in categories.tags]
    if extra:
        raise XnerError(
            f"The student has the category {', '.join(extra)}, which its teacher does not know; "
            f"the soft labels have {', '.join(categories.tags)}. Take it out of the student's "
            "labels, or annotate with a teacher that gives it."
        )
    return [textcat.labels.index(name) for name in categories.tags]
