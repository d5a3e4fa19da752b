"""Gold target sentences: teachers weighed by them, and themselves as a teacher."""

import hashlib
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..corpora.conll import Sentence, read_conll
from ..corpora.detokenize import detokenize, spaces
from ..corpora.few_shot import sample_gold
from ..corpora.raw import normal_form
from ..corpora.soft_labels import SoftLabelCorpus, SoftLabels, SoftLabelWriter
from ..errors import XnerError
from ..tags import TagSet, align_probabilities
from .ensembles import Ensemble, weighted_mean
from .teachers import Teacher, shares
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
    tagset = TagSet.from_types(
        SoftLabelCorpus(like).tagset.types if like else _types(read_conll(path))
    )
    unknown = sorted(_types(drawn) - set(tagset.types))
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


def _types(sentences: Iterable[Sentence]) -> set[str]:
    return {tag[2:] for sentence in sentences for tag in sentence.tags if tag != "O"}


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
    """The mean of the teachers by their F1 on k gold target sentences (after RaRe).

    RaRe (Rahimi et al. 2019) ranks teachers by F1 over entities, trains a model on the
    hard labels of the best ones, of each as many as its F1 says, and then trains it further on the
    gold. Here all teachers count, their probabilities are averaged for each token, F1 is over
    words, and no gold teaches: `spacy xner few-shot` and `fine-tune` do that.

    The sentences are looked up in the raw text that the teachers labelled, so it must hold them,
    each as a text of its own; spaces, punctuation, case and Unicode form may differ.

    gold (Union[str, Path]): CoNLL file of the target language.
    k (int): Sentences to draw.
    seed (int): Which ones.
    power (float): Weights are F1 to this power; above 1 prefers the best, 0 takes all alike.
    RAISES: XnerError: `power` is negative, or see `sample_gold`.
    """

    def __init__(self, gold: str | Path, k: int, seed: int = 0, power: float = 1.0) -> None:
        if not power >= 0:
            raise XnerError(f"[distillation.ensemble] power is {power}; expected 0 or more.")
        forms = {normal_form(detokenize(one.words)): one for one in sample_gold(gold, k, seed)}
        self.gold, self.k, self.power = gold, k, power
        self.sentences = {form: sentence for form, sentence in forms.items() if form}
        self.types = _types(self.sentences.values())
        self.target_gold = _seen(k, seed)
        self.weights: np.ndarray | None = None

    def fit(self, documents: Iterable[Labelled], teachers: Sequence[Teacher]) -> None:
        given = shares(teachers)
        if len(teachers) == 1:
            self.weights = given
            return
        missing = dict(self.sentences)
        counts = np.zeros((len(teachers), 3))
        for doc in documents:
            sentence = missing.pop(normal_form(doc.text), None)
            if sentence is not None:
                counts += _counts(doc, sentence, self._tagset(doc))
            if not missing:
                break
        self._check(missing, teachers)
        f1 = 2 * counts[:, 0] / np.maximum(counts[:, 1] + counts[:, 2], 1)
        weights = f1**self.power * given
        if not weights.sum() > 0:
            names = ", ".join(teacher.name for teacher in teachers)
            raise XnerError(
                f"No teacher of {names} with a weight above 0 finds an entity of the {self.k} gold "
                f"sentences of {self.gold}: nothing to weigh by. Take a larger k."
            )
        self.weights = (weights / weights.sum()).astype(np.float32)

    def _tagset(self, doc: Labelled) -> TagSet:
        """Give the teachers' tags, which have to be those of the gold too."""
        tagset = TagSet(tuple(doc.tags))
        unknown = sorted(self.types - set(tagset.types))
        if unknown:
            raise XnerError(
                f"The gold sentences of {self.gold} have the types {', '.join(unknown)}, which no "
                f"teacher has: theirs are {', '.join(tagset.types)}. Rename them in the gold file, "
                "or the teachers' with `labels` in [distillation.teachers]."
            )
        return tagset

    def _check(self, missing: dict[str, Sentence], teachers: Sequence[Teacher]) -> None:
        if not missing:
            return
        found = len(self.sentences) - len(missing)
        text = (
            f"{found} of {len(self.sentences)} gold sentences of {self.gold} stand in the text of "
            f"{teachers[0].path}"
        )
        mend = "Add them to the raw text, a line each, and annotate it anew"
        if not found:
            raise XnerError(f"Only {text}: there is nothing to weigh the teachers by. {mend}.")
        warnings.warn(
            f"{text}; teachers are weighed by these. {mend} to weigh by all.",
            UserWarning,
            stacklevel=2,
        )

    def __call__(self, stack: np.ndarray) -> np.ndarray:
        return weighted_mean(stack, self.weights)


def _counts(doc: Labelled, sentence: Sentence, tagset: TagSet) -> np.ndarray:
    """Right, called and true words of entities for each teacher, teachers x 3.

    The words are the gold's, places counted in letters and digits, which both texts share.
    """
    tokens = [doc.text[start:end] for start, end in zip(doc.starts, doc.ends, strict=True)]
    starts, ends, spoken = _places(tokens)
    first, last, counted = _places(sentence.words)
    gold = np.array([_kind(tagset.index(tag)) for tag in sentence.tags])[counted]
    counts = np.zeros((len(doc.stack), 3))
    for row, probs in enumerate(doc.stack):
        aligned = align_probabilities(starts, ends, probs[spoken], first, last, tagset)
        called = _kind(aligned.argmax(axis=1))
        right = (called == gold) & (gold > 0)
        counts[row] = right.sum(), (called > 0).sum(), (gold > 0).sum()
    return counts


def _places(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First letter of each word and the one after it, and which words have letters or digits."""
    lengths = np.array([len(normal_form(word)) for word in words])
    ends = np.cumsum(lengths)
    spoken = lengths > 0
    return (ends - lengths)[spoken], ends[spoken], spoken


def _kind(column: Any) -> Any:
    """Type of a tag by its column: 0 for `O`, else from 1."""
    return (column + 1) // 2


def make_fitted_reliability(gold: str, k: int, seed: int = 0, power: float = 1.0) -> Ensemble:
    """Create an ensemble that trusts teachers by F1 on gold sentences (after RaRe), see the class.

    gold (str): CoNLL file of the target language.
    k (int): Sentences to draw.
    seed (int): Which ones.
    power (float): Weights are F1 to this power.
    RETURNS (Ensemble): The ensemble.
    """
    return FittedReliability(gold, k, seed, power)
