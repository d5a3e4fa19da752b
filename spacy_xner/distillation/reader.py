"""The corpus that a student learns from: soft labels, carried over to the student's own tokens."""

import random
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..corpora.soft_labels import SoftLabelCorpus, SoftLabels
from ..errors import XnerError
from ..tags import TagSet, align_probabilities, decode, spans_from_iob2

__all__ = ["PROBABILITIES", "SoftLabelReader", "make_soft_label_reader"]

PROBABILITIES = "spacy-xner.probabilities"
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
    return SoftLabelReader(paths, split, held_out, normal_forms or [])


class SoftLabelReader:
    """Yields examples whose reference carries probabilities and the entities decoded from them.

    The same examples serve distillation (the probabilities) and stock `spacy train` (the entities,
    that is hard pseudo-labels). Only one shard a folder is in memory at a time.

    paths (Sequence[Union[str, Path]]): The soft-label folders.
    split (str): "all", "train" or "held_out".
    held_out (float): Share of documents held out.
    normal_forms (Sequence[str]): Unicode normal forms of which each document gets one.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        split: str,
        held_out: float,
        normal_forms: Sequence[str] = (),
    ) -> None:
        self.split = split
        self.held_out = held_out
        self.normal_forms = normal_forms
        self._texts = _group_by_text([SoftLabelCorpus(path) for path in paths])
        self.tagset = TagSet(self._texts[0][0].tags)

    @property
    def fingerprint(self) -> list[str]:
        """RETURNS (List[str]): Teacher and text of every folder, in order."""
        return [f"{corpus.teacher}:{corpus.source}" for corpus in self.corpora]

    @property
    def n_words(self) -> int:
        """RETURNS (int): Words of the texts in the teachers' tokens, held-out ones included."""
        return sum(text[0].n_tokens for text in self._texts)

    @property
    def corpora(self) -> list[SoftLabelCorpus]:
        """RETURNS (List[SoftLabelCorpus]): The folders."""
        return [corpus for text in self._texts for corpus in text]

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

    def _shards(self) -> Iterator[tuple[int, int]]:
        for text, corpora in enumerate(self._texts):
            for shard in range(len(corpora[0].shards)):
                yield text, shard

    def _examples(
        self, nlp: Language, shard: tuple[int, int], rng: random.Random
    ) -> Iterator[Example]:
        text, index = shard
        for labels in zip(*(c.read_shard(index) for c in self._texts[text]), strict=True):
            if self._wants(labels[0].doc_id):
                doc = nlp.make_doc(labels[0].text)
                if len(doc):
                    probabilities = self._mean(doc, labels)
                    if self.normal_forms:
                        doc = _in_normal_form(doc, rng.choice(self.normal_forms))
                    yield _example(doc, probabilities, self.tagset)

    def _wants(self, doc_id: str) -> bool:
        if self.split == "all":
            return True
        held_out = zlib.crc32(doc_id.encode("utf8")) / 2**32 < self.held_out
        return held_out == (self.split == "held_out")

    def _mean(self, doc: Doc, labels: Sequence[SoftLabels]) -> np.ndarray:
        if len({one.doc_id for one in labels}) > 1:
            raise XnerError(
                f"Teachers disagree on the order of documents: {[one.doc_id for one in labels]}. "
                "Annotate the same text with each."
            )
        starts = np.fromiter((token.idx for token in doc), dtype=np.int32, count=len(doc))
        ends = starts + np.fromiter((len(token) for token in doc), dtype=np.int32, count=len(doc))
        aligned = [
            align_probabilities(one.starts, one.ends, one.probs, starts, ends, self.tagset)
            for one in labels
        ]
        return np.mean(aligned, axis=0) if len(aligned) > 1 else aligned[0]


def _group_by_text(corpora: Iterable[SoftLabelCorpus]) -> list[list[SoftLabelCorpus]]:
    groups: dict[str, list[SoftLabelCorpus]] = {}
    first: SoftLabelCorpus | None = None
    for corpus in corpora:
        first = first or corpus
        if corpus.tags != first.tags:
            raise XnerError(
                f"The soft labels in {corpus.path} have the tags {', '.join(corpus.tags)}, those "
                f"in {first.path} {', '.join(first.tags)}. One student learns one tag set: "
                "annotate with teachers that share it."
            )
        group = groups.setdefault(corpus.source, [])
        if any(other.teacher == corpus.teacher for other in group):
            raise XnerError(
                f"{corpus.path} labels the same text with the same teacher as {group[0].path}. "
                "Give each folder once."
            )
        if any(len(other.shards) != len(corpus.shards) for other in group):
            raise XnerError(
                f"{corpus.path} and {group[0].path} label one text but are cut into different "
                "shards. Annotate the text anew with one of the teachers."
            )
        group.append(corpus)
    return list(groups.values())


def _in_normal_form(doc: Doc, form: str) -> Doc:
    """Spell a document's tokens in a normal form; the tokens stay the same."""
    if unicodedata.is_normalized(form, doc.text):  # type: ignore[arg-type]
        return doc
    words = [unicodedata.normalize(form, token.text) for token in doc]  # type: ignore[arg-type]
    return Doc(doc.vocab, words=words, spaces=[bool(token.whitespace_) for token in doc])


def _example(doc: Doc, probabilities: np.ndarray, tagset: TagSet) -> Example:
    reference = doc.copy()
    spans = spans_from_iob2(decode(probabilities, tagset))
    reference.set_ents([Span(reference, start, end, label=label) for start, end, label in spans])
    reference.user_data[PROBABILITIES] = probabilities
    return Example(doc, reference)
