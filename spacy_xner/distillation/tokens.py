"""Token probabilities as the target of a token classifier: soft cross-entropy.

TSL (Wu et al. 2020) takes the squared error of the two softmaxes. Both losses are least where the
student gives the teacher's distribution. But the gradient of the squared error by the logits is
multiplied with the student's own probabilities and vanishes where it is sure of a wrong tag, which
a student that begins with its teacher's weights is; that of cross-entropy is p - q, the same as for
`ner` and `textcat`, so that temperature, `alpha` and weights mean one thing for all students.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from spacy.tokens import Doc
from thinc.api import Optimizer, set_dropout_rate
from thinc.types import Floats2d

from ..errors import XnerError
from ..tags import TagSet

if TYPE_CHECKING:
    from ..teacher.component import Teacher

__all__ = ["update_token_classifier"]


def update_token_classifier(
    classifier: "Teacher",
    docs: Sequence[Doc],
    targets: Sequence[np.ndarray],
    tagset: TagSet,
    *,
    drop: float = 0.0,
    sgd: Optimizer | None = None,
) -> float:
    """Move a token classifier towards its teacher's distribution over one batch.

    As when it learns from gold, the gradient is the mean over the supervised tokens of the batch. A
    row of a target sums to the weight of its token; one of zeros leaves it unsupervised.

    classifier (Teacher): A component `xner_teacher`.
    docs (Sequence[Doc]): The student's documents; none empty.
    targets (Sequence[np.ndarray]): Weighted distribution of each, tokens x tags.
    tagset (TagSet): Names of the columns.
    drop (float): Dropout rate.
    sgd (Optional[Optimizer]): Updates the weights if given.
    RETURNS (float): Cross-entropy, mean over the supervised tokens.
    RAISES: XnerError: The classifier has other types than the targets.
    """
    if classifier.tagset != tagset:
        raise XnerError(
            f"The student's {classifier.name} has the types {', '.join(classifier.labels)}, its "
            f"soft labels {', '.join(tagset.types)}. Map those of the teacher with `labels` in "
            "[distillation.teachers], or begin with the encoder: [distillation] start = null."
        )
    ops = classifier.model.ops
    supervised = max(1, sum(int((target.sum(axis=1) > 0).sum()) for target in targets))
    set_dropout_rate(classifier.model, drop)
    scores, backprop = classifier.model.begin_update(list(docs))
    loss, gradients = 0.0, []
    for target, logits in zip(targets, scores, strict=True):
        wanted: Floats2d = ops.xp.asarray(target, dtype="f")
        predicted = ops.softmax(logits, axis=1)
        loss -= float((wanted * ops.xp.log(predicted + 1e-9)).sum())
        weight = wanted.sum(axis=1, keepdims=True)
        gradients.append((weight * predicted - wanted) / supervised)
    backprop(gradients)
    if sgd is not None:
        classifier.finish_update(sgd)
    return loss / supervised
