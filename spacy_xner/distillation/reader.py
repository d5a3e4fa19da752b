"""The corpus that a student learns from: soft labels, carried over to the student's own tokens."""

import copy
import random
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..corpora.soft_labels import SoftLabels
from ..errors import XnerError
from .ensembles import Ensemble, make_weighted_mean
from .tasks import PROBABILITIES, WEIGHTS, Task, task_of
from .teachers import MappedCorpus, Teacher, teachers_of
from .weightings import Weighting, make_even_weighting

__all__ = ["PROBABILITIES", "WEIGHTS", "SoftLabelReader", "make_soft_label_reader"]

_SPLITS = ("all", "train", "held_out")
_NORMAL_FORMS = ("NFC", "NFD")


def make_soft_label_reader(
    path: str | Path | list[str | Path],
    split: str = "all",
    held_out: float = 0.02,
    normal_forms: list[str] | None = None,
) -> "SoftLabelReader":
    """Create a reader of soft labels.

    path (Union[str, Path, List]): A soft-label folder, or several. Folders that label one text are
        teachers of it: the mean of their probabilities counts. Folders of different texts add up.
    split (str): "train", "held_out", or "all" for both.
    held_out (float): Share of the documents that "train" leaves to "held_out"; a document's name
        decides, so that both agree whatever is added.
    normal_forms (Optional[List[str]]): Unicode normal forms, "NFC" or "NFD" or both. Each
        document is read in one of them, by chance, so that a student learns all spellings; None
        leaves the text as it is.
    RETURNS (SoftLabelReader): A callable from a pipeline to examples.
    """
    if split not in _SPLITS:
        raise XnerError(f"split is {split!r}; expected one of {', '.join(_SPLITS)}.")
    if not 0 <= held_out < 1:
        raise XnerError(f"held_out is {held_out}; expected a share from 0 to under 1.")
    paths = [path] if isinstance(path, str | Path) else list(path)
    if not paths:
        raise XnerError("No soft-label folder was given. Expected at least one.")
    unknown = sorted(set(normal_forms or []) - set(_NORMAL_FORMS))
    if unknown:
        raise XnerError(
            f"normal_forms has {', '.join(unknown)}; expected some of {', '.join(_NORMAL_FORMS)}."
        )
    return SoftLabelReader(teachers_of(paths), split, held_out, normal_forms or [])


class SoftLabelReader:
    """Yields examples whose reference carries probabilities and the hard labels read off them.

    The same examples serve distillation (the probabilities) and stock `spacy train` (the
    hard labels: entities, or a category). Only one shard a folder is in memory at a time.

    teachers (Sequence[Teacher]): The soft-label folders.
    split (str): "all", "train" or "held_out".
    held_out (float): Share of documents held out.
    normal_forms (Sequence[str]): Unicode normal forms of which each document gets one.
    """

    def __init__(
        self,
        teachers: Sequence[Teacher],
        split: str,
        held_out: float,
        normal_forms: Sequence[str] = (),
    ) -> None:
        self.split = split
        self.held_out = held_out
        self.normal_forms = normal_forms
        self.supervise(teachers)

    def supervise(
        self,
        teachers: Sequence[Teacher] = (),
        ensemble: Ensemble | None = None,
        weighting: Weighting | None = None,
    ) -> None:
        """Set who supervises, and how.

        teachers (Sequence[Teacher]): The soft-label folders; none keeps those of before. Those of
            one text are combined.
        ensemble (Optional[Ensemble]): How; the weighted mean if none is given.
        weighting (Optional[Weighting]): Weight of each token; all 1 if none is given.
        RAISES: XnerError: A folder is unfinished, or the teachers do not fit together.
        """
        self.weighting = weighting or make_even_weighting()
        if teachers:
            self._texts = _group_by_text([MappedCorpus(teacher) for teacher in teachers])
            self.tagset = self._texts[0].corpora[0].tagset
            self.task = task_of(self.tagset)
        for text in self._texts:
            # Other texts may have other teachers: each has an ensemble of its own.
            text.ensemble = copy.deepcopy(ensemble or make_weighted_mean())
            text.is_fitted = False

    @property
    def fingerprint(self) -> list[str]:
        """RETURNS (List[str]): Teacher and text of every folder, in order."""
        return [
            f"{one.corpus.teacher}:{one.corpus.source}"
            for text in self._texts
            for one in text.corpora
        ]

    @property
    def n_words(self) -> int:
        """RETURNS (int): Words of the texts in the teachers' tokens, held-out ones included."""
        return sum(text.corpora[0].corpus.n_tokens for text in self._texts)

    def sample(self) -> Iterator[np.ndarray]:
        """Combine the teachers on some shards, whatever the split.

        YIELDS (np.ndarray): One array a document, tokens of its first teacher x tags.
        """
        for text in self._texts:
            for stack in text.sample(self.task):
                yield text.combine(stack, self.task)

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read in the order of the files.

        nlp (Language): The student; its tokenizer cuts the texts.
        YIELDS (Example): `reference.user_data[PROBABILITIES]` holds tokens x tags.
        """
        rng = random.Random(0)
        for shard in self._shards():
            yield from self._examples(nlp, shard, rng)

    def shuffled(self, nlp: Language, seed: int) -> Iterator[Example]:
        """Read shards in random order and the documents of each in random order.

        nlp (Language): The student.
        seed (int): The same seed gives the same order.
        YIELDS (Example): As `__call__`.
        """
        rng = random.Random(seed)
        shards = list(self._shards())
        rng.shuffle(shards)
        for shard in shards:
            examples = list(self._examples(nlp, shard, rng))
            rng.shuffle(examples)
            yield from examples

    def _shards(self) -> Iterator[tuple["_Text", int]]:
        for text in self._texts:
            for shard in range(len(text.corpora[0].corpus.shards)):
                yield text, shard

    def _examples(
        self, nlp: Language, shard: tuple["_Text", int], rng: random.Random
    ) -> Iterator[Example]:
        text, index = shard
        for labels in text.read_shard(index):
            if self._wants(labels[0].doc_id):
                doc = nlp.make_doc(labels[0].text)
                if len(doc):
                    starts = np.fromiter((token.idx for token in doc), np.int32, len(doc))
                    lengths = np.fromiter((len(token) for token in doc), np.int32, len(doc))
                    stack = _aligned(labels, starts, starts + lengths, self.task)
                    combined = text.combine(stack, self.task)
                    weights = self.weighting(stack, combined)
                    if self.normal_forms:
                        doc = _in_normal_form(doc, rng.choice(self.normal_forms))
                    yield _example(doc, combined, weights, self.task)

    def _wants(self, doc_id: str) -> bool:
        if self.split == "all":
            return True
        held_out = zlib.crc32(doc_id.encode("utf8")) / 2**32 < self.held_out
        return held_out == (self.split == "held_out")


@dataclass
class _Text:
    """A text and all who label it."""

    corpora: list[MappedCorpus]
    ensemble: Ensemble = field(default_factory=make_weighted_mean)
    is_fitted: bool = False

    def combine(self, stack: np.ndarray, task: Task) -> np.ndarray:
        """Combine the teachers of one document; the first one makes the ensemble read a sample."""
        if not self.is_fitted:
            stacks = self.sample(task) if len(self.corpora) > 1 else []
            self.ensemble.fit(stacks, [one.teacher for one in self.corpora])
            self.is_fitted = True
        return self.ensemble(stack)

    def read_shard(self, index: int) -> Iterator[tuple[SoftLabels, ...]]:
        """Read what all teachers say of each document."""
        for labels in zip(*(one.read_shard(index) for one in self.corpora), strict=True):
            if len({one.doc_id for one in labels}) > 1:
                raise XnerError(
                    f"Teachers disagree on the order of documents: "
                    f"{[one.doc_id for one in labels]}. Annotate the same text with each."
                )
            yield labels

    def sample(self, task: Task, shards: int = 4) -> Iterator[np.ndarray]:
        """Stack the teachers on some shards: teachers x tokens of the first of them x tags."""
        n = len(self.corpora[0].corpus.shards)
        for index in np.unique(np.linspace(0, n - 1, shards).round().astype(int)).tolist()[:n]:
            for labels in self.read_shard(index):
                yield _aligned(labels, labels[0].starts, labels[0].ends, task)


def _aligned(
    labels: Sequence[SoftLabels], starts: np.ndarray, ends: np.ndarray, task: Task
) -> np.ndarray:
    return np.stack([task.align(one, starts, ends) for one in labels])


def _group_by_text(corpora: Sequence[MappedCorpus]) -> list[_Text]:
    groups: dict[str, _Text] = {}
    for one in corpora:
        first, path = corpora[0], one.teacher.path
        if one.tagset.unit != first.tagset.unit:
            raise XnerError(
                f"The soft labels in {path} have one distribution a {one.tagset.unit}, those in "
                f"{first.teacher.path} one a {first.tagset.unit}. One student learns entities or "
                "categories: name folders of one kind."
            )
        if one.tagset != first.tagset:
            raise XnerError(
                f"The soft labels in {path} have the tags {', '.join(one.tagset.tags)}, those in "
                f"{first.teacher.path} {', '.join(first.tagset.tags)}. One student learns one tag "
                "set: annotate with teachers that share it, or map the types of one with `labels` "
                "in [distillation.teachers]."
            )
        group = groups.setdefault(one.corpus.source, _Text([])).corpora
        if any(other.corpus.teacher == one.corpus.teacher for other in group):
            raise XnerError(
                f"{path} labels the same text with the same teacher as {group[0].teacher.path}. "
                "Give each folder once."
            )
        if any(len(other.corpus.shards) != len(one.corpus.shards) for other in group):
            raise XnerError(
                f"{path} and {group[0].teacher.path} label one text but are cut into different "
                "shards. Annotate the text anew with one of the teachers."
            )
        group.append(one)
    return list(groups.values())


def _in_normal_form(doc: Doc, form: str) -> Doc:
    """Spell a document's tokens in a normal form; the tokens stay the same."""
    if unicodedata.is_normalized(form, doc.text):  # type: ignore[arg-type]
        return doc
    words = [unicodedata.normalize(form, token.text) for token in doc]  # type: ignore[arg-type]
    return Doc(doc.vocab, words=words, spaces=[bool(token.whitespace_) for token in doc])


def _example(doc: Doc, probabilities: np.ndarray, weights: np.ndarray, task: Task) -> Example:
    reference = doc.copy()
    task.set_hard_label(reference, probabilities)
    reference.user_data[PROBABILITIES] = probabilities
    reference.user_data[WEIGHTS] = weights
    return Example(doc, reference)
