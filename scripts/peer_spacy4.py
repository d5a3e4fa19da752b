"""The step of spaCy 4's `spacy distill`, which no released spaCy has, for spaCy 3."""

from collections.abc import Sequence

import numpy as np
from spacy.pipeline import EntityRecognizer
from spacy.tokens import Doc
from thinc.api import set_dropout_rate

__all__ = ["spacy4_update"]


def spacy4_update(
    student: EntityRecognizer, teacher: EntityRecognizer, docs: Sequence[Doc], *, drop: float = 0.0
) -> float:
    """Move a student towards a teacher of the same transitions; `Parser.distill` of spaCy 4.

    Both score the states that the student's own moves lead to; the gradient is the difference of
    their distributions over the moves (`TransitionSystem.get_teacher_student_loss`).

    student (EntityRecognizer): Learns.
    teacher (EntityRecognizer): Teaches; has the same labels, in the same order.
    docs (Sequence[Doc]): Documents without entities, the longest first.
    drop (float): Dropout rate.
    RETURNS (float): Cross-entropy summed over the states.
    """
    set_dropout_rate(student.model, drop)
    states = student.moves.init_batch(docs)
    tutor_model = teacher.model.predict(docs)
    model, finish_tok2vec = student.model.begin_update(docs)
    loss = 0.0
    while states:
        wanted = softmax(tutor_model.predict(states))
        scores, backprop = model.begin_update(states)
        predicted = softmax(scores)
        loss -= float((wanted * np.log(predicted + 1e-9)).sum())
        backprop((predicted - wanted).astype(np.float32))
        student.transition_states(states, scores)
        states = [state for state in states if not state.is_final()]
    finish_tok2vec(docs)
    model.clear_memory()
    return loss


def softmax(scores: np.ndarray) -> np.ndarray:
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)
