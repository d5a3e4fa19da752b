"""The pipeline component `xner_teacher`: a token classifier that says how sure it is."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, cast

import numpy as np
from spacy.attrs import ENT_IOB, ENT_TYPE, ORTH
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Config, Model, Optimizer, set_dropout_rate
from thinc.types import Floats2d, Ints1d

from ..errors import XnerError
from ..tags import TagSet, decode, spans_from_iob2
from .views.fusion import NAME as FUSION
from .views.fusion import gates_of

__all__ = ["DEFAULT_TEACHER_MODEL", "Teacher", "make_teacher", "teacher_score"]

default_model_config = """
[model]
@architectures = "spacy-xner.TokenClassifier.v1"
dropout = 0.1

[model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"
grad_factor = 1.0
upstream = "*"

[model.tok2vec.pooling]
@layers = "reduce_mean.v1"
"""
DEFAULT_TEACHER_MODEL = Config().from_str(default_model_config)["model"]


@Language.factory(
    "xner_teacher",
    assigns=["doc.ents", "token.ent_type", "token.ent_iob"],
    default_config={
        "model": DEFAULT_TEACHER_MODEL,
        "scorer": {"@scorers": "spacy-xner.teacher_scorer.v1"},
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def make_teacher(
    nlp: Language, name: str, model: Model[list[Doc], list[Floats2d]], scorer: Callable | None
) -> "Teacher":
    """Create a token classifier whose probabilities can teach a student.

    nlp (Language): The pipeline.
    name (str): The component's name in it.
    model (Model[List[Doc], List[Floats2d]]): Scores every tag of every token.
    scorer (Optional[Callable]): The scoring method.
    RETURNS (Teacher): The component.
    """
    return Teacher(nlp.vocab, model, name, scorer=scorer)


def teacher_score(examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
    """Score entities as spaCy's own `ner` does (precision, recall, F and per type)."""
    return get_ner_prf(examples, **kwargs)


def make_teacher_scorer() -> Callable:
    return teacher_score


class Teacher(TrainablePipe):
    """Sets `doc.ents` from the best valid IOB2 sequence and gives the probabilities behind it.

    vocab (Vocab): The shared vocabulary.
    model (Model[List[Doc], List[Floats2d]]): Scores every tag of every token.
    name (str): The component's name.
    scorer (Optional[Callable]): The scoring method.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], list[Floats2d]],
        name: str = "xner_teacher",
        *,
        scorer: Callable | None = teacher_score,
    ) -> None:
        self.vocab = vocab
        self.model = model
        self.name = name
        self.scorer = scorer
        self.cfg: dict[str, Any] = {"labels": []}

    @property
    def labels(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): The entity types, sorted."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): What `spacy init labels` stores."""
        return self.labels

    @property
    def tagset(self) -> TagSet:
        """RETURNS (TagSet): The IOB2 tags, in the order of the probabilities' columns."""
        return TagSet.from_types(self.labels)

    def add_label(self, label: str) -> int:
        """Add an entity type before initialisation.

        label (str): The type, such as "PER".
        RETURNS (int): 1 if it is new, else 0.
        """
        if label in self.labels:
            return 0
        if self.model.get_ref("output").has_dim("nO"):
            raise XnerError(
                f"Cannot add the label {label!r} to {self.name!r}: its model has been initialised "
                f"with {', '.join(self.labels)}. Add labels before `nlp.initialize`."
            )
        self.cfg["labels"] = sorted([*self.labels, label])
        self.vocab.strings.add(label)
        return 1

    def predict_probabilities(self, docs: Iterable[Doc]) -> list[Floats2d]:
        """Give the probability of every tag of every token: the soft labels.

        The pipes before this one (the `transformer`) must have seen the documents.

        docs (Iterable[Doc]): Documents, not changed.
        RETURNS (List[Floats2d]): One float32 array a document, tokens x tags; rows sum to 1;
            columns in the order of `tagset.tags`.
        """
        docs = list(docs)
        self._require_labels()
        if not any(len(doc) for doc in docs):
            return [self.model.ops.alloc2f(0, len(self.tagset)) for _ in docs]
        # The linear layer cannot be given a document without rows, nor the listener without data.
        full = [doc for doc in docs if len(doc)]
        scored = iter(self.model.predict(full))
        empty = self.model.ops.alloc2f(0, len(self.tagset))
        return [self.model.ops.softmax(next(scored), axis=1) if len(doc) else empty for doc in docs]

    @property
    def views(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): What it sees beside the text; empty for a plain teacher."""
        fusion = self._fusion()
        return () if fusion is None else tuple(fusion.attrs["views"])

    def gates(self, docs: Iterable[Doc]) -> list[Floats2d]:
        """Tell for each token how far the gate of each view is open.

        The pipes before this one (the `transformer`) must have seen the documents.

        docs (Iterable[Doc]): Documents, not changed.
        RETURNS (List[Floats2d]): One array a document, tokens x views, in the order of `views`;
            from 0 to 1, 0 where the view has nothing to say of the token.
        """
        fusion = self._fusion()
        if fusion is None:
            return [self.model.ops.alloc2f(len(doc), 0) for doc in docs]
        return gates_of(fusion, list(docs))

    def _fusion(self) -> Model[list[Doc], list[Floats2d]] | None:
        return next((node for node in self.model.walk() if node.name == FUSION), None)

    def predict(self, docs: Iterable[Doc]) -> list[Floats2d]:
        """Give the probabilities; see `predict_probabilities`."""
        return self.predict_probabilities(docs)

    def set_annotations(self, docs: Iterable[Doc], scores: list[Floats2d]) -> None:
        """Write the best valid tag sequence to `doc.ents`.

        docs (Iterable[Doc]): The documents.
        scores (List[Floats2d]): Their probabilities, tokens x tags.
        """
        to_numpy: Callable = self.model.ops.to_numpy
        for doc, probabilities in zip(docs, scores, strict=True):
            tags = decode(to_numpy(probabilities), self.tagset)
            doc.set_ents(
                [Span(doc, start, end, label=label) for start, end, label in spans_from_iob2(tags)]
            )

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Learn from gold entities; tokens without annotation are left out of the loss.

        examples (Iterable[Example]): The batch.
        drop (float): The dropout rate.
        sgd (Optional[Optimizer]): The optimizer.
        losses (Optional[Dict[str, float]]): Losses by component name, added to.
        RETURNS (Dict[str, float]): The losses.
        """
        losses = {} if losses is None else losses
        losses.setdefault(self.name, 0.0)
        validate_examples(examples, "Teacher.update")
        examples = list(examples)
        if not any(len(eg.predicted) for eg in examples):
            return losses
        # Documents without tokens stay in: a listener gives the whole batch of its transformer.
        set_dropout_rate(self.model, drop)
        scores, backprop = self.model.begin_update([eg.predicted for eg in examples])
        loss, gradient = self.get_loss(examples, scores)
        backprop(gradient)
        if sgd is not None:
            self.finish_update(sgd)
        losses[self.name] += loss
        return losses

    def get_loss(self, examples: Iterable[Example], scores: list[Floats2d]) -> tuple[float, list]:
        """Cross-entropy of the gold tags, mean over the batch's annotated tokens.

        examples (Iterable[Example]): The batch.
        scores (List[Floats2d]): Logits, one array a document, tokens x tags.
        RETURNS (Tuple[float, List[Floats2d]]): The loss and its gradient for each array.
        """
        ops = self.model.ops
        gold = [ops.asarray(self._gold(example)) for example in examples]
        known = max(1, sum(int((tags >= 0).sum()) for tags in gold))
        loss = 0.0
        gradients = []
        for tags, logits in zip(gold, scores, strict=True):
            gradient = ops.softmax(logits, axis=1)
            rows = ops.xp.flatnonzero(tags >= 0)
            loss -= float(ops.xp.log(gradient[rows, tags[rows]] + 1e-9).sum())
            gradient[rows, tags[rows]] -= 1
            gradient[ops.xp.flatnonzero(tags < 0)] = 0
            gradients.append(gradient / known)
        return loss / known, gradients

    def _gold(self, example: Example) -> Ints1d:
        """Index of each token's tag; -1 where the annotation is missing."""
        index = {None: -1, "-": -1, "O": 0}
        for k, label in enumerate(self.labels):
            # Tag by tag and not by `to_iob2`: a missing token may stand inside an entity.
            begin, inside = 1 + 2 * k, 2 + 2 * k
            index.update({f"B-{label}": begin, f"U-{label}": begin})
            index.update({f"I-{label}": inside, f"L-{label}": inside})
        ours, theirs = example.x, example.y
        if np.array_equal(ours.to_array(ORTH), theirs.to_array(ORTH)):
            # Alignment took as long as a tenth of a training step, and there is nothing to align.
            tags = [index.get(tag, -1) for tag in _iob_tags(theirs)]
        else:
            tags = [index.get(tag, -1) for tag in example.get_aligned_ner()]
        return cast(Ints1d, np.array(tags, dtype=np.int64))

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Sequence[str] | None = None,
    ) -> None:
        """Set the labels and the model's dimensions.

        get_examples (Callable[[], Iterable[Example]]): Gives the training examples.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[Sequence[str]]): Entity types; read from the examples if not given.
        """
        validate_get_examples(get_examples, "Teacher.initialize")
        types: Iterable[str] = labels or ()
        if labels is None:
            types = {ent.label_ for eg in get_examples() for ent in eg.reference.ents}
        for label in sorted(types):
            self.add_label(label)
        self._require_labels()
        docs = [eg.x for eg in islice(get_examples(), 10) if len(eg.x)] or [
            Doc(self.vocab, words=["hello"])
        ]
        sample = [self.model.ops.alloc2f(len(doc), len(self.tagset)) for doc in docs]
        self.model.initialize(X=docs, Y=sample)

    def _require_labels(self) -> None:
        if not self.labels:
            raise XnerError(
                f"The component {self.name!r} has no labels. Train it with annotated entities, or "
                "add labels with `add_label` before `nlp.initialize`."
            )


def _iob_tags(doc: Doc) -> list[str | None]:
    """Give each token's IOB2 tag, None where there is no annotation."""
    rows = doc.to_array([ENT_IOB, ENT_TYPE]).tolist()
    strings = doc.vocab.strings
    return [
        f"{'-IOB'[iob]}-{strings[label]}" if iob in (1, 3) else ("O" if iob == 2 else None)
        for iob, label in rows
    ]
