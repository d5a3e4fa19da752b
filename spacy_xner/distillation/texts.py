"""A text and all teachers that label it: what ensembles and weightings learn from."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, zip_longest

import numpy as np

from ..corpora.soft_labels import SoftLabels
from ..errors import XnerError
from .tasks import Task
from .teachers import MappedCorpus, shares

__all__ = ["Labelled", "TaughtText", "group_by_text"]


@dataclass
class Labelled:
    """A document and what its teachers say of it.

    source (str): Fingerprint of the text that it belongs to.
    doc_id (str): Its name there.
    text (str): It.
    starts (np.ndarray): First character of each token.
    ends (np.ndarray): Character after each token.
    stack (np.ndarray): Teachers x tokens x IOB2 tags.
    tags (Sequence[str]): Names of its columns.
    """

    source: str
    doc_id: str
    text: str
    starts: np.ndarray
    ends: np.ndarray
    stack: np.ndarray
    tags: Sequence[str]


@dataclass
class TaughtText:
    """A text and its teachers, who share one tag set.

    corpora (List[MappedCorpus]): Their soft labels, cut into the same shards.
    """

    corpora: list[MappedCorpus] = field(default_factory=list)

    @property
    def n_shards(self) -> int:
        """RETURNS (int): Number of shards."""
        return len(self.corpora[0].corpus.shards)

    @property
    def weight(self) -> float:
        """RETURNS (float): Mean weight of its teachers: how often it comes beside other texts."""
        return float(np.mean([one.teacher.weight for one in self.corpora]))

    def read_shard(self, index: int) -> Iterator[tuple[SoftLabels, ...]]:
        """Read what all teachers say of each document.

        index (int): Which shard.
        YIELDS (Tuple[SoftLabels, ...]): A document, in the order of the teachers.
        RAISES: XnerError: They disagree on the documents.
        """
        for labels in zip_longest(*(one.read_shard(index) for one in self.corpora)):
            if any(one is None or one.doc_id != labels[0].doc_id for one in labels):
                found = {
                    teacher.teacher.name: one.doc_id if one else "nothing"
                    for teacher, one in zip(self.corpora, labels, strict=True)
                }
                raise XnerError(
                    f"Teachers disagree on the order of documents in shard {index}: {found}. "
                    "Annotate the same text with each."
                )
            yield labels

    def labelled(
        self, labels: Sequence[SoftLabels], starts: np.ndarray, ends: np.ndarray, task: Task
    ) -> Labelled:
        """Carry what the teachers say of a document over to tokens at these characters."""
        first = labels[0]
        stack = np.stack([task.align(one, starts, ends) for one in labels])
        source = self.corpora[0].corpus.source
        return Labelled(source, first.doc_id, first.text, starts, ends, stack, task.tagset.tags)

    def documents(self, task: Task) -> Iterator[Labelled]:
        """Read the whole text in the tokens of its first teacher, shards from all over it first.

        task (Task): Aligns the teachers.
        YIELDS (Labelled): The documents; whoever takes only the first ones has a fair sample.
        """
        n = self.n_shards
        spread = np.unique(np.linspace(0, n - 1, 4).round().astype(int)).tolist()[:n]
        for index in [*spread, *(i for i in range(n) if i not in spread)]:
            yield from self._documents(index, task)

    def sample(self, task: Task, shards: int = 4) -> Iterator[Labelled]:
        """Read some shards from all over the text.

        task (Task): Aligns the teachers.
        shards (int): How many.
        YIELDS (Labelled): Their documents.
        """
        n = self.n_shards
        for index in np.unique(np.linspace(0, n - 1, shards).round().astype(int)).tolist()[:n]:
            yield from self._documents(index, task)

    def _documents(self, index: int, task: Task) -> Iterator[Labelled]:
        for labels in self.read_shard(index):
            yield self.labelled(labels, labels[0].starts, labels[0].ends, task)


def group_by_text(corpora: Sequence[MappedCorpus]) -> list[TaughtText]:
    """Put together the teachers of each text.

    corpora (Sequence[MappedCorpus]): Soft labels of one or several texts.
    RETURNS (List[TaughtText]): The texts, in the order of their first teachers.
    RAISES: XnerError: The teachers do not share a tag set, label one text in different pieces or
        texts that were meant as one, or have weights that are negative or sum to 0.
    """
    groups: dict[str, TaughtText] = {}
    for one in corpora:
        _check_tags(corpora[0], one)
        group = groups.setdefault(one.corpus.source, TaughtText()).corpora
        path = one.teacher.path
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
    texts = list(groups.values())
    for text in texts:
        shares([one.teacher for one in text.corpora])
    _check_apart(texts)
    return texts


def _check_tags(first: MappedCorpus, one: MappedCorpus) -> None:
    path, names = one.teacher.path, f"teachers {one.teacher.name} and {first.teacher.name}"
    if one.tagset.unit != first.tagset.unit:
        raise XnerError(
            f"The soft labels in {path} have one distribution a {one.tagset.unit}, those in "
            f"{first.teacher.path} one a {first.tagset.unit} ({names}). One student learns "
            "entities or categories: name folders of one kind."
        )
    if one.tagset != first.tagset:
        raise XnerError(
            f"The soft labels in {path} have the tags {', '.join(one.tagset.tags)}, those in "
            f"{first.teacher.path} {', '.join(first.tagset.tags)} ({names}). One student learns "
            "one tag set: annotate with teachers that share it, or map the types of one with "
            "`labels` in [distillation.teachers]."
        )


def _check_apart(texts: Sequence[TaughtText]) -> None:
    """Tell of texts that were meant as one: labels of each are learned from, but not combined.

    Those that share names of documents are refused if they share half of their texts too, or are
    as long as one another; a warning tells of those that only share texts.
    """
    if len(texts) < 2:
        return
    first = [
        {doc.doc_id: doc.text for doc in group.corpora[0].corpus.read_shard(0)}
        if group.n_shards
        else {}
        for group in texts
    ]
    for (one, own), (two, other) in combinations(zip(texts, first, strict=True), 2):
        a, b = one.corpora[0], two.corpora[0]
        names = own.keys() & other.keys()
        shared = len(set(own.values()) & set(other.values()))
        is_near = 2 * shared >= max(1, len(own), len(other))
        is_as_long = (a.corpus.lang, a.corpus.n_docs) == (b.corpus.lang, b.corpus.n_docs)
        if names and (is_near or (is_as_long and any(own[x] != other[x] for x in names))):
            raise XnerError(
                f"{_mismatch(a, b)} Annotate one file with both, in shards of one size, or give "
                "files of different texts different names."
            )
        if is_near:
            warnings.warn(
                f"{_mismatch(a, b)} They count as different texts, of which each teacher labels "
                "one. Annotate one file with both to combine them.",
                UserWarning,
                stacklevel=2,
            )


def _mismatch(one: MappedCorpus, two: MappedCorpus) -> str:
    """Say how many texts only one of two teachers has."""
    own, other = ({doc.text for doc in each.corpus} for each in (one, two))
    return (
        f"Teachers {one.teacher.name} and {two.teacher.name} label texts that do not match: "
        f"{len(own - other)} texts are in {one.teacher.path} only, {len(other - own)} in "
        f"{two.teacher.path} only, {len(own & other)} in both."
    )
