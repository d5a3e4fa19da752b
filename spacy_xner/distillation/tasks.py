"""What a student learns to do: the few things in which entities and categories differ.

Shared by all, and knowing none: shards and manifest (`corpora`), annotation and its resume
(`teacher.annotate`), reader, ensembles, weightings, `targets.soften`, loop, checkpoints, packaging.
A task says which component learns, how a teacher's rows come to the student's text, what their hard
label is, and how they move the component. The rows of a document are its tokens for `EntityTask`
and `TokenTask`, a single one for `CategoryTask`.

What differs, file by file: the names of columns in `tags.TagSet` and `categories.CategorySet`;
the gold in `corpora.conll` and `corpora.tsv`; the teachers in `teacher.adapters` and
`teacher.category_adapters` (for Hugging Face, `token_classifier` and `sequence_classifier`); the
tasks here, with a step of the component each in `parser`, `tokens` and `classifier`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..categories import CategorySet
from ..corpora.manifest import Tags
from ..corpora.soft_labels import SoftLabels
from ..errors import XnerError
from ..tags import TagSet, align_probabilities, decode, spans_from_iob2, unsaid
from .classifier import update_textcat
from .parser import soft_targets, update_ner
from .targets import soften
from .tokens import update_token_classifier

__all__ = [
    "PROBABILITIES",
    "WEIGHTS",
    "CategoryTask",
    "EntityTask",
    "Task",
    "TokenTask",
    "task_of",
    "tasks_of",
]

PROBABILITIES = "spacy-xner.probabilities"
WEIGHTS = "spacy-xner.weights"


class Task(Protocol):
    """One kind of supervision.

    factory (str): The spaCy component that learns.
    tagset (Union[TagSet, CategorySet]): What a row of probabilities is about.
    """

    factory: str
    tagset: Any

    def rename(self, names: Mapping[str, str]) -> tuple[Tags, np.ndarray]:
        """Give types other names.

        names (Mapping[str, str]): The new name of every type; "" drops a type where that can be.
        RETURNS (Tuple[Union[TagSet, CategorySet], np.ndarray]): The new set, and the matrix, old x
            new columns, that probabilities are multiplied with.
        """
        ...

    def align(self, labels: SoftLabels, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Carry a teacher's rows over to tokens at these characters: rows x tags."""
        ...

    def set_hard_label(self, doc: Doc, probabilities: np.ndarray) -> None:
        """Set what the probabilities say as gold of a document, for stock `spacy train`.

        Tokens of which they say nothing are missing annotation.
        """
        ...

    def types_in(self, doc: Doc) -> set[str]:
        """Tell which types the hard label of a document holds."""
        ...

    def update(
        self, pipe: Any, batch: Sequence[Example], *, drop: float, **settings: float
    ) -> float:
        """Move the component towards the batch's probabilities.

        pipe (Any): The component.
        batch (Sequence[Example]): Examples of the reader.
        drop (float): Dropout rate.
        **settings (float): `temperature`, `alpha`, `entity_weight`.
        RETURNS (float): The loss, summed.
        """
        ...


class EntityTask:
    """Entities, a distribution over IOB2 tags a token; spaCy's `ner` learns.

    tagset (TagSet): The tags.
    """

    factory = "ner"

    def __init__(self, tagset: TagSet) -> None:
        self.tagset = tagset

    def rename(self, names: Mapping[str, str]) -> tuple[Tags, np.ndarray]:
        tagset = TagSet.from_types(name for name in names.values() if name)
        matrix = np.zeros((len(self.tagset), len(tagset)), dtype=np.float32)
        for row, tag in enumerate(self.tagset.tags):
            kind, _, name = tag.partition("-")
            new = f"{kind}-{names[name]}" if name and names[name] else "O"
            matrix[row, tagset.index(new)] = 1.0
        return tagset, matrix

    def align(self, labels: SoftLabels, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        return align_probabilities(
            labels.starts, labels.ends, labels.probs, starts, ends, self.tagset
        )

    def set_hard_label(self, doc: Doc, probabilities: np.ndarray) -> None:
        spans = spans_from_iob2(decode(probabilities, self.tagset))
        missing = unsaid(probabilities)
        for start, end, _ in spans:
            missing[start:end] = False
        doc.set_ents(
            [Span(doc, start, end, label=label) for start, end, label in spans],
            missing=[Span(doc, i, i + 1) for i in np.flatnonzero(missing).tolist()],
        )

    def types_in(self, doc: Doc) -> set[str]:
        return {ent.label_ for ent in doc.ents}

    def update(
        self, pipe: Any, batch: Sequence[Example], *, drop: float, **settings: float
    ) -> float:
        targets = []
        for eg in batch:
            target = soft_targets(eg.reference.user_data[PROBABILITIES], self.tagset, **settings)
            targets.append(target * eg.reference.user_data[WEIGHTS][:, None])
        return update_ner(pipe, [eg.predicted for eg in batch], targets, self.tagset, drop=drop)


class TokenTask(EntityTask):
    """Entities, a distribution over IOB2 tags a token; the token classifier learns.

    The student of TSL (Wu et al. 2020), but for the loss: cross-entropy, with weights of tokens and
    of entities, where TSL takes the mean squared error of probabilities.

    tagset (TagSet): The tags.
    """

    factory = "xner_teacher"

    def update(
        self, pipe: Any, batch: Sequence[Example], *, drop: float, **settings: float
    ) -> float:
        entity_weight = settings.pop("entity_weight", 1.0)
        targets = []
        for eg in batch:
            target = soften(eg.reference.user_data[PROBABILITIES], **settings)
            weights = np.outer(eg.reference.user_data[WEIGHTS], np.ones(len(self.tagset)))
            weights[:, 1:] *= entity_weight
            targets.append(target * weights)
        return update_token_classifier(
            pipe, [eg.predicted for eg in batch], targets, self.tagset, drop=drop
        )


class CategoryTask:
    """Categories, one distribution a document; spaCy's `textcat` learns.

    tagset (CategorySet): The categories.
    """

    factory = "textcat"

    def __init__(self, tagset: CategorySet) -> None:
        self.tagset = tagset

    def rename(self, names: Mapping[str, str]) -> tuple[Tags, np.ndarray]:
        dropped = [old for old, new in names.items() if not new]
        if dropped:
            raise XnerError(
                f"labels maps the category {', '.join(dropped)} to nothing, but each document has "
                "one category. Give it the name of another."
            )
        tagset = CategorySet.from_types(names.values())
        matrix = np.zeros((len(self.tagset), len(tagset)), dtype=np.float32)
        for row, name in enumerate(self.tagset.tags):
            matrix[row, tagset.index(names[name])] = 1.0
        return tagset, matrix

    def align(self, labels: SoftLabels, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        return np.asarray(labels.probs, dtype=np.float32)

    def set_hard_label(self, doc: Doc, probabilities: np.ndarray) -> None:
        best = int(probabilities[0].argmax())
        doc.cats = {name: float(i == best) for i, name in enumerate(self.tagset.tags)}

    def types_in(self, doc: Doc) -> set[str]:
        return {name for name, share in doc.cats.items() if share == 1.0}

    def update(
        self, pipe: Any, batch: Sequence[Example], *, drop: float, **settings: float
    ) -> float:
        entity_weight = settings.pop("entity_weight", 1.0)
        if entity_weight != 1.0:
            raise XnerError(
                f"[distillation] entity_weight is {entity_weight}, but categories have no `O` to "
                "weigh entities against. Leave it out."
            )
        rows = np.concatenate([eg.reference.user_data[PROBABILITIES] for eg in batch])
        weights = np.concatenate([eg.reference.user_data[WEIGHTS] for eg in batch])
        targets = soften(rows, **settings)
        if weights.ndim == 2:  # one a category
            weighed = targets * weights
            weights = weighed.sum(axis=1)
            targets = weighed / np.maximum(weights, np.finfo(np.float32).tiny)[:, None]
        docs = [eg.predicted for eg in batch]
        return update_textcat(pipe, docs, targets, self.tagset, weights=weights, drop=drop)


def tasks_of(tagset: Tags) -> tuple[Task, ...]:
    """Give the tasks that a set of tags or categories can stand for, by what a student may have.

    tagset (Union[TagSet, CategorySet]): The set.
    RETURNS (Tuple[Task, ...]): The tasks; the student learns with the first whose component it has.
    """
    if isinstance(tagset, CategorySet):
        return (CategoryTask(tagset),)
    return EntityTask(tagset), TokenTask(tagset)


def task_of(tagset: Tags) -> Task:
    """Give the first of the tasks of a set: all of them read its labels alike."""
    return tasks_of(tagset)[0]
