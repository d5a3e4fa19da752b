"""A teacher as a student knows it: a folder of soft labels, its weight, its names for the types."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from ..corpora.soft_labels import SoftLabelCorpus, SoftLabels
from ..errors import XnerError
from .tasks import task_of

__all__ = ["MappedCorpus", "Teacher", "resolve_teachers", "shares", "teachers_of"]


@dataclass(frozen=True)
class Teacher:
    """One entry of `[distillation.teachers]`.

    name (str): Its name there.
    path (Path): Its folder of soft labels.
    weight (float): How much it counts beside others of the same text. A teacher of a text of its
        own, such as gold sentences, has it read that often for each time that the largest text is.
    labels (Mapping[str, str]): Other names for its types; several may become one, and what is
        called "" is no entity. Types that are not named keep their name.
    """

    name: str
    path: Path
    weight: float = 1.0
    labels: Mapping[str, str] = field(default_factory=dict)


def teachers_of(paths: Sequence[str | Path]) -> list[Teacher]:
    """Make teachers of plain folders: weight 1, types as they are.

    paths (Sequence[Union[str, Path]]): Soft-label folders.
    RETURNS (List[Teacher]): Named by their folders.
    """
    return [Teacher(str(path), Path(path)) for path in paths]


def resolve_teachers(block: Mapping[str, Any]) -> list[Teacher]:
    """Read `[distillation.teachers]`.

    block (Mapping[str, Any]): Settings by the teacher's name.
    RETURNS (List[Teacher]): The teachers, in the order of the config.
    RAISES: XnerError: An entry has no path, an unknown key, or a weight that is none.
    """
    known = [f.name for f in fields(Teacher) if f.name != "name"]
    teachers = []
    for name, entry in block.items():
        place = f"[distillation.teachers.{name}]"
        if not isinstance(entry, Mapping) or not entry.get("path"):
            raise XnerError(f"{place} has no path. Expected the folder of its soft labels.")
        unknown = sorted(set(entry) - set(known))
        if unknown:
            raise XnerError(
                f"{place} has no key {', '.join(map(repr, unknown))}. Known keys: "
                f"{', '.join(known)}."
            )
        weight = entry.get("weight", 1.0)
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < inf:
            raise XnerError(f"{place} weight is {weight!r}; expected a number from 0 up.")
        labels = entry.get("labels") or {}
        if not isinstance(labels, Mapping):
            raise XnerError(
                f'{place} labels is {labels!r}; expected a map such as {{"GPE":"LOC"}}.'
            )
        teachers.append(Teacher(name, Path(entry["path"]), float(weight), dict(labels)))
    return teachers


def shares(teachers: Sequence[Teacher]) -> np.ndarray:
    """Give the weights of the teachers of one text as shares of all.

    teachers (Sequence[Teacher]): The teachers.
    RETURNS (np.ndarray): float32, one a teacher, summing to 1.
    RAISES: XnerError: A weight is negative or no number, or all are 0.
    """
    for teacher in teachers:
        if not 0 <= teacher.weight < inf:
            raise XnerError(
                f"The weight of the teacher {teacher.name} is {teacher.weight}; expected a number "
                "from 0 up."
            )
    weights = np.array([teacher.weight for teacher in teachers], dtype=np.float32)
    if not weights.sum() > 0:
        raise XnerError(
            f"The weights of {', '.join(teacher.name for teacher in teachers)} sum to 0; "
            "expected at least one teacher of each text with a weight above 0."
        )
    return np.asarray(weights / weights.sum())


class MappedCorpus:
    """A teacher's soft labels under the names that its settings give to its types.

    teacher (Teacher): The settings.
    RAISES: XnerError: The folder is no finished one, or `labels` names a type that it lacks.
    """

    def __init__(self, teacher: Teacher) -> None:
        self.teacher = teacher
        try:
            self.corpus = SoftLabelCorpus(teacher.path)
        except XnerError as error:
            if teacher.name == str(teacher.path):
                raise
            raise XnerError(f"[distillation.teachers.{teacher.name}] path: {error}") from error
        tagset = self.corpus.tagset
        unknown = sorted(set(teacher.labels) - set(tagset.types))
        if unknown:
            raise XnerError(
                f"labels of the teacher {teacher.name} names {', '.join(unknown)}, but its soft "
                f"labels in {teacher.path} have the types {', '.join(tagset.types)}."
            )
        names = {name: teacher.labels.get(name, name) for name in tagset.types}
        if not any(names.values()):
            raise XnerError(f"labels of the teacher {teacher.name} leave no entity type.")
        self.tagset, self._matrix = tagset, None
        if teacher.labels:
            self.tagset, self._matrix = task_of(tagset).rename(names)

    def read_shard(self, index: int) -> Iterator[SoftLabels]:
        """Read one shard.

        index (int): Which.
        YIELDS (SoftLabels): The documents, their columns those of `tagset`.
        """
        for labels in self.corpus.read_shard(index):
            if self._matrix is not None:
                labels.probs = (labels.probs.astype(np.float32) @ self._matrix).astype(np.float16)
            yield labels
