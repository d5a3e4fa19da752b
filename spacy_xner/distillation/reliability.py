"""Gold target sentences: teachers weighed by them, and themselves as a teacher."""

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..corpora.conll import Sentence, read_conll
from ..corpora.detokenize import detokenize, spaces
from ..corpora.few_shot import sample_gold
from ..corpora.soft_labels import SoftLabelCorpus, SoftLabels, SoftLabelWriter
from ..errors import XnerError
from ..tags import TagSet, spans_from_iob2
from .ensembles import Ensemble, weighted_mean
from .teachers import Teacher
from .texts import Labelled

__all__ = ["FittedReliability", "make_fitted_reliability", "write_gold"]


def write_gold(
    path: str | Path,
    output: str | Path,
    k: int,
    *,
    seed: int = 0,
    lang: str = "xx",
    like: str | Path | None = None,
) -> SoftLabelCorpus:
    """Write k gold sentences as soft labels, each tag with probability 1.

    path (Union[str, Path]): CoNLL file.
    output (Union[str, Path]): Folder to write.
    k (int): How many sentences.
    seed (int): Which ones.
    lang (str): Their language.
    like (Optional[Union[str, Path]]): Soft-label folder whose tags to use; the gold file's own if
        none is given.
    RETURNS (SoftLabelCorpus): The folder.
    RAISES: XnerError: As `sample_gold`, or the gold has a type that `like` lacks.
    """
    drawn = sample_gold(path, k, seed)
    used = {tag[2:] for sentence in drawn for tag in sentence.tags if tag != "O"}
    tagset = TagSet.from_types(
        SoftLabelCorpus(like).tagset.types
        if like
        else {tag[2:] for sentence in read_conll(path) for tag in sentence.tags if tag != "O"}
    )
    unknown = sorted(used - set(tagset.types))
    if unknown:
        raise XnerError(
            f"The gold set {path} has the types {', '.join(unknown)}, which {like} lacks (it has "
            f"{', '.join(tagset.types)}). Rename them in the gold file."
        )
    name = f"gold-{Path(path).stem}-{k}-{seed}"
    docs = [_as_labels(f"{name}:{i}", lang, one, tagset) for i, one in enumerate(drawn)]
    source = hashlib.sha256("\n".join(doc.text for doc in docs).encode("utf8")).hexdigest()[:32]
    teacher = hashlib.sha256(repr([one.tags for one in drawn]).encode("utf8")).hexdigest()[:32]
    meta = {"text": str(path), "k": k, "seed": seed, "target_gold": _seen(k, seed)}
    writer = SoftLabelWriter(
        output, tags=tagset.tags, teacher=teacher, source=source, lang=lang, meta=meta
    )
    if 0 not in writer.finished:
        writer.write(0, docs)
    writer.close(1)
    return SoftLabelCorpus(output)


def _seen(k: int, seed: int) -> str:
    return f"{k} sentences (seed {seed})"


def _as_labels(doc_id: str, lang: str, sentence: Sentence, tagset: TagSet) -> SoftLabels:
    lengths = np.array([len(word) for word in sentence.words], dtype=np.int32)
    gaps = np.array(spaces(sentence.words), dtype=np.int32)
    ends = np.cumsum(lengths + gaps, dtype=np.int32) - gaps
    columns = [tagset.index(tag) for tag in sentence.tags]
    probs = np.eye(len(tagset), dtype=np.float16)[columns]
    return SoftLabels(doc_id, lang, detokenize(sentence.words), ends - lengths, ends, probs)


class FittedReliability:
    """The mean of the teachers by their F1 on k gold target sentences (RaRe, Rahimi et al. 2019).

    The sentences are looked up in the raw text that the teachers labelled, so it must hold them.

    gold (Union[str, Path]): CoNLL file of the target language.
    k (int): Sentences to draw.
    seed (int): Which ones.
    power (float): Weights are F1 to this power; above 1 prefers the best.
    """

    def __init__(self, gold: str | Path, k: int, seed: int = 0, power: float = 1.0) -> None:
        drawn = sample_gold(gold, k, seed)
        self.gold, self.k, self.power = gold, k, power
        self.sentences = {detokenize(sentence.words): sentence for sentence in drawn}
        self.target_gold = _seen(k, seed)
        self.weights: np.ndarray | None = None

    def fit(self, documents: Iterable[Labelled], teachers: Sequence[Teacher]) -> None:
        if len(teachers) == 1:
            self.weights = np.ones(1, dtype=np.float32)
            return
        missing = dict(self.sentences)
        counts = np.zeros((len(teachers), 3))
        for doc in documents:
            sentence = missing.pop(doc.text, None)
            if sentence is not None:
                counts += _counts(doc, sentence)
            if not missing:
                break
        self._check(missing, teachers)
        f1 = 2 * counts[:, 0] / np.maximum(counts[:, 1] + counts[:, 2], 1)
        weights = f1**self.power * np.array([teacher.weight for teacher in teachers])
        if not weights.sum() > 0:
            names = ", ".join(teacher.name for teacher in teachers)
            raise XnerError(
                f"No teacher of {names} finds an entity of the {self.k} gold sentences of "
                f"{self.gold}, or their weights are 0: nothing to weigh by. Take a larger k."
            )
        self.weights = (weights / weights.sum()).astype(np.float32)

    def _check(self, missing: dict[str, Sentence], teachers: Sequence[Teacher]) -> None:
        if not missing:
            return
        found = len(self.sentences) - len(missing)
        text = (
            f"{found} of {len(self.sentences)} gold sentences of {self.gold} stand in the text of "
            f"{teachers[0].path}"
        )
        if 2 * found < len(self.sentences):
            raise XnerError(f"Only {text}. Add them to the raw text and annotate it anew.")
        warnings.warn(f"{text}; teachers are weighed by these.", UserWarning, stacklevel=2)

    def __call__(self, stack: np.ndarray) -> np.ndarray:
        return weighted_mean(stack, self.weights)


def _counts(doc: Labelled, sentence: Sentence) -> np.ndarray:
    """Right, called and true entity tokens of each teacher, teachers x 3."""
    lengths = np.array([len(word) for word in sentence.words])
    gaps = np.array(spaces(sentence.words), dtype=int)
    starts = np.cumsum(lengths + gaps) - gaps - lengths
    best = doc.stack.argmax(axis=2)
    gold = np.zeros(best.shape[1], dtype=int)
    for first, last, label in spans_from_iob2(sentence.tags):
        end = starts[last - 1] + lengths[last - 1]
        gold[(doc.starts < end) & (doc.ends > starts[first])] = _kind(doc, label)
    kinds = (best + 1) // 2
    right = ((kinds == gold) & (gold > 0)).sum(axis=1)
    return np.stack([right, (kinds > 0).sum(axis=1), np.full(len(best), (gold > 0).sum())], 1)


def _kind(doc: Labelled, label: str) -> int:
    """Number of a type among those of the teachers, from 1."""
    if f"B-{label}" not in doc.tags:
        raise XnerError(
            f"The gold sentences have the type {label}, which no teacher has: their tags are "
            f"{', '.join(doc.tags)}. Rename it in the gold file."
        )
    return (list(doc.tags).index(f"B-{label}") + 1) // 2


def make_fitted_reliability(gold: str, k: int, seed: int = 0, power: float = 1.0) -> Ensemble:
    """Create an ensemble that trusts teachers by their F1 on gold sentences, see the class.

    gold (str): CoNLL file of the target language.
    k (int): Sentences to draw.
    seed (int): Which ones.
    power (float): Weights are F1 to this power.
    RETURNS (Ensemble): The ensemble.
    """
    return FittedReliability(gold, k, seed, power)
