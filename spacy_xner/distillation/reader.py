"""The corpus that a student learns from: soft labels, carried over to the student's own tokens."""

import copy
import random
import zlib
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import numpy as np
from spacy.language import Language
from spacy.training import Example

from ..corpora.manifest import Tags
from ..errors import XnerError
from ..tags import unsaid
from .ensembles import Ensemble, make_weighted_mean
from .examples import balanced, in_normal_form, make_example, round_by_chance
from .tasks import PROBABILITIES, WEIGHTS, Task, task_of
from .teachers import MappedCorpus, Teacher, teachers_of
from .texts import Labelled, TaughtText, group_by_text
from .weightings import FittedWeighting, Weighting, make_even_weighting

__all__ = ["PROBABILITIES", "WEIGHTS", "SoftLabelReader", "make_soft_label_reader"]

_SPLITS = ("all", "train", "held_out")
_NORMAL_FORMS = ("NFC", "NFD")
_SHARDS_AT_ONCE = 8


def make_soft_label_reader(
    path: str | Path | list[str | Path],
    split: str = "all",
    held_out: float = 0.02,
    normal_forms: list[str] | None = None,
    balance: float = 0.0,
    max_held_out: int = 1000,
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
    balance (float): Documents of a type (a category: the most probable) that fewer than this share
        of the documents hold come more often in training: repeat factor sampling, see
        `SoftLabelReader`. 0 for none.
    max_held_out (int): Documents that "held_out" gives at most, roughly: spaCy keeps all documents
        that a student is held against in memory, some 70 kB each. "train" leaves the same ones out
        as without it.
    RETURNS (SoftLabelReader): A callable from a pipeline to examples.
    """
    if split not in _SPLITS:
        raise XnerError(f"split is {split!r}; expected one of {', '.join(_SPLITS)}.")
    if not 0 <= held_out < 1:
        raise XnerError(f"held_out is {held_out}; expected a share from 0 to under 1.")
    if not 0 <= balance <= 1:
        raise XnerError(f"balance is {balance}; expected a share of documents from 0 to 1.")
    paths = [path] if isinstance(path, str | Path) else list(path)
    if not paths:
        raise XnerError("No soft-label folder was given. Expected at least one.")
    unknown = sorted(set(normal_forms or []) - set(_NORMAL_FORMS))
    if unknown:
        raise XnerError(
            f"normal_forms has {', '.join(unknown)}; expected some of {', '.join(_NORMAL_FORMS)}."
        )
    if max_held_out < 1:
        raise XnerError(f"max_held_out is {max_held_out}; expected a number from 1 up.")
    return SoftLabelReader(
        teachers_of(paths), split, held_out, normal_forms or [], balance, max_held_out
    )


class SoftLabelReader:
    """Yields examples whose reference carries probabilities and the hard labels read off them.

    The same examples serve distillation (the probabilities) and stock `spacy train` (the
    hard labels: entities, or a category). A few shards a folder are in memory at a time.

    teachers (Sequence[Teacher]): The soft-label folders.
    split (str): "all", "train" or "held_out".
    held_out (float): Share of documents held out.
    normal_forms (Sequence[str]): Unicode normal forms of which each document gets one.
    balance (float): Threshold t of repeat factor sampling (Gupta et al. 2019, LVIS, section 4.4): a
        document comes max(1, sqrt(t / f)) times, f the share of the documents read with it
        that hold the rarest of its types; fractions by chance. Only `shuffled` does so.
    max_held_out (int): Documents that "held_out" gives at most, roughly.
    """

    def __init__(
        self,
        teachers: Sequence[Teacher],
        split: str,
        held_out: float,
        normal_forms: Sequence[str] = (),
        balance: float = 0.0,
        max_held_out: int = 1000,
    ) -> None:
        self.max_held_out = max_held_out
        self.split = split
        self.held_out = held_out
        self.normal_forms = normal_forms
        self.balance = balance
        self._corpora = [MappedCorpus(teacher) for teacher in teachers]
        # Not joined yet: the config may still say how the teachers' types are called.
        self._joined: list[TaughtText] | None = None
        self._set(None, None)

    def supervise(
        self,
        teachers: Sequence[Teacher] = (),
        ensemble: Ensemble | None = None,
        weighting: Weighting | None = None,
    ) -> None:
        """Set who supervises, and how.

        teachers (Sequence[Teacher]): The soft-label folders; none keeps those of before. Those of
            one text are combined. Different texts add up: the shards of the largest come once an
            epoch, those of another as often as its teachers' weight is that of the largest's.
        ensemble (Optional[Ensemble]): How; the weighted mean if none is given.
        weighting (Optional[Weighting]): Weight of each token; all 1 if none is given.
        RAISES: XnerError: A folder is unfinished, or the teachers do not fit together.
        """
        if teachers:
            self._corpora = [MappedCorpus(teacher) for teacher in teachers]
        self._joined = group_by_text(self._corpora)
        self._set(ensemble, weighting)

    def _set(self, ensemble: Ensemble | None, weighting: Weighting | None) -> None:
        self.weighting = weighting or make_even_weighting()
        self._ensemble = ensemble or make_weighted_mean()
        # Other texts may have other teachers: each has an ensemble of its own, once it is fitted.
        self._fitted: dict[int, Ensemble] = {}
        self._task: Task | None = None

    @property
    def _texts(self) -> list[TaughtText]:
        if self._joined is None:
            self._joined = group_by_text(self._corpora)
        return self._joined

    @property
    def tagset(self) -> Tags:
        """RETURNS (Union[TagSet, CategorySet]): What a row of probabilities is about."""
        return self._texts[0].corpora[0].tagset

    @property
    def task(self) -> Task:
        """RETURNS (Task): What the student does with the soft labels; `init_student` sets it."""
        if self._task is None:
            self._task = task_of(self.tagset)
        return self._task

    @task.setter
    def task(self, task: Task) -> None:
        self._task = task

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

    @property
    def target_gold(self) -> list[str]:
        """RETURNS (List[str]): What gold of the target the teachers and the ensemble saw."""
        seen = [one.corpus.meta.get("target_gold") for text in self._texts for one in text.corpora]
        seen.append(getattr(self._ensemble, "target_gold", None))
        return list(dict.fromkeys(filter(None, seen)))

    @property
    def n_docs(self) -> int:
        """RETURNS (int): Documents of the texts, held-out ones included."""
        return sum(text.corpora[0].corpus.n_docs for text in self._texts)

    def sample(self) -> Iterator[np.ndarray]:
        """Combine the teachers on some shards, whatever the split.

        YIELDS (np.ndarray): One array a document, tokens of its first teacher x tags.
        """
        for place, text in enumerate(self._texts):
            for doc in text.sample(self.task):
                yield self._combine(place, doc)

    def is_supervised(self) -> bool:
        """Tell whether any token has a weight; documents are read up to the first that has.

        RETURNS (bool): Whether; True where nothing is said, or no document is in the split, either
            of which is another fault.
        """
        is_silent = True
        for place, text in enumerate(self._texts):
            for doc in text.documents(self.task):
                if not self._wants(doc.doc_id):
                    continue
                combined = self._combine(place, doc)
                said = ~unsaid(combined)
                if self._weigh(place, doc, combined)[said].any():
                    return True
                is_silent = is_silent and not said.any()
        return is_silent

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read in the order of the files.

        nlp (Language): The student; its tokenizer cuts the texts.
        YIELDS (Example): `reference.user_data[PROBABILITIES]` holds tokens x tags.
        """
        rng = random.Random(0)
        for shard in self._shards():
            yield from self._examples(nlp, shard, rng)

    def shuffled(self, nlp: Language, seed: int) -> Iterator[Example]:
        """Read shards in random order, several by turns, and the documents of each in random order.

        Raw text often comes one place of news after another: a batch out of one shard would say
        little of the rest.

        nlp (Language): The student.
        seed (int): The same seed gives the same order.
        YIELDS (Example): As `__call__`.
        """
        rng = random.Random(seed)
        shards = [shard for shard in self._shards() for _ in range(self._times(shard[0], rng))]
        rng.shuffle(shards)
        for first in range(0, len(shards), _SHARDS_AT_ONCE):
            several = [
                self._examples(nlp, shard, rng, in_order=False)
                for shard in shards[first : first + _SHARDS_AT_ONCE]
            ]
            stream = (
                example for turn in zip_longest(*several) for example in turn if example is not None
            )
            yield from balanced(stream, self.balance, self.task, rng) if self.balance else stream

    def _shards(self) -> Iterator[tuple[int, int]]:
        for place, text in enumerate(self._texts):
            for shard in range(text.n_shards):
                yield place, shard

    def _times(self, place: int, rng: random.Random) -> int:
        """How often a shard comes in an epoch: by the weight of its text beside the largest one."""
        largest = max(self._texts, key=lambda text: text.corpora[0].corpus.n_tokens)
        if self._texts[place] is largest:
            return 1
        return round_by_chance(self._texts[place].weight / largest.weight, rng)

    def _combine(self, place: int, doc: Labelled) -> np.ndarray:
        """Combine the teachers of one document; the first one makes the ensemble read the text."""
        if place not in self._fitted:
            text = self._texts[place]
            # A sole teacher needs no judge.
            documents = text.documents(self.task) if len(text.corpora) > 1 else iter(())
            ensemble = copy.deepcopy(self._ensemble)
            ensemble.fit(documents, [one.teacher for one in text.corpora])
            self._fitted[place] = ensemble
        return self._fitted[place](doc.stack)

    def _weigh(self, place: int, doc: Labelled, combined: np.ndarray) -> np.ndarray:
        if isinstance(self.weighting, FittedWeighting):
            documents = self._texts[place].documents(self.task)
            self.weighting.fit(doc.source, ((one, self._combine(place, one)) for one in documents))
        return self.weighting(doc, combined)

    def _examples(
        self, nlp: Language, shard: tuple[int, int], rng: random.Random, in_order: bool = True
    ) -> Iterator[Example]:
        place, index = shard
        text = self._texts[place]
        documents = list(text.read_shard(index))
        if not in_order:
            rng.shuffle(documents)
        for labels in documents:
            if self._wants(labels[0].doc_id):
                doc = nlp.make_doc(labels[0].text)
                if len(doc):
                    starts = np.fromiter((token.idx for token in doc), np.int32, len(doc))
                    lengths = np.fromiter((len(token) for token in doc), np.int32, len(doc))
                    labelled = text.labelled(labels, starts, starts + lengths, self.task)
                    combined = self._combine(place, labelled)
                    if unsaid(combined).all():
                        continue
                    weights = self._weigh(place, labelled, combined)
                    if self.normal_forms:
                        doc = in_normal_form(doc, rng.choice(self.normal_forms))
                    yield make_example(doc, combined, weights, self.task)

    def _wants(self, doc_id: str) -> bool:
        if self.split == "all":
            return True
        place = zlib.crc32(doc_id.encode("utf8")) / 2**32
        if self.split == "train":
            return place >= self.held_out
        return place < min(self.held_out, self.max_held_out / max(1, self.n_docs))
