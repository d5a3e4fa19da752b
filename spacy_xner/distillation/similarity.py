"""Teachers weighed by how much the target language looks like the languages that they know."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from ..corpora.raw import read_raw
from ..errors import XnerError
from .ensembles import Ensemble, weighted_mean
from .teachers import Teacher, shares
from .texts import Labelled

__all__ = ["SourceSimilarity", "make_cosine_similarity", "make_source_identifier"]

Texts = str | Path | list[str | Path]
# Sentence vectors of each source and of the target: sentences x width. Gives a weight a source.
Compare = Callable[[Sequence[np.ndarray], np.ndarray], np.ndarray]


class SourceSimilarity:
    """The mean of the teachers by the similarity of their source texts to the target's.

    Each similarity counts as often as the teacher's own weight says.

    encoder (Union[str, Path]): Encoder folder; the last layer, mean-pooled, stands for a sentence.
    sources (Mapping[str, Union[str, List]]): Text of each teacher's sources, by the teacher's name
        in `[distillation.teachers]`: files, raw or CoNLL.
    compare (Callable): From the vectors of the sources and of the target to a weight a source.
    sentences (int): Sentences of each source and of the target that are read.
    """

    def __init__(
        self,
        encoder: str | Path,
        sources: Mapping[str, Texts],
        compare: Compare,
        sentences: int,
    ) -> None:
        if sentences < 2:
            raise XnerError(
                f"[distillation.ensemble] sentences is {sentences}; expected 2 or more."
            )
        self.encoder = encoder
        self.sources = sources
        self.compare = compare
        self.sentences = sentences
        self.weights: np.ndarray | None = None

    def fit(self, documents: Iterable[Labelled], teachers: Sequence[Teacher]) -> None:
        given = shares(teachers)
        if len(teachers) == 1:
            self.weights = given
            return
        own = [self._read(teacher.name) for teacher in teachers]
        target = [doc.text for doc in islice(documents, 4 * self.sentences)][::4]
        if not target:
            raise XnerError("The soft labels hold no text of the target language to compare with.")
        similar = self.compare(*self._encode(own, target))
        weights = similar * given
        self.weights = (weights / weights.sum()).astype(np.float32)

    def _read(self, name: str) -> list[str]:
        if not self.sources.get(name):
            raise XnerError(
                f"[distillation.ensemble] sources has no text for the teacher {name}; it has "
                f"{', '.join(self.sources) or 'none'}. Name a file of its source language there, "
                "under the teacher's name in [distillation.teachers]."
            )
        given = self.sources[name]
        paths = given if isinstance(given, list) else [given]
        share = -(-self.sentences // len(paths))
        texts: list[str] = []
        for path in paths:
            found, _ = read_raw([path])
            if not found:
                raise XnerError(f"{path}, a source text of the teacher {name}, holds no text.")
            places = np.linspace(0, len(found) - 1, min(share, len(found))).astype(int)
            texts += [found[i] for i in places]
        return texts

    def _encode(
        self, sources: Sequence[Sequence[str]], target: Sequence[str]
    ) -> tuple[list[np.ndarray], np.ndarray]:
        from ..encoders.load import load_encoder
        from ..teacher.states import encode

        tokenizer, module = load_encoder(self.encoder)
        *known, unknown = (
            encode(tokenizer, module, texts, max_tokens=1).sentences[-1]
            for texts in [*sources, target]
        )
        return known, unknown

    def __call__(self, stack: np.ndarray) -> np.ndarray:
        return weighted_mean(stack, self.weights)


def make_cosine_similarity(
    encoder: str, sources: dict[str, Texts], sharpness: float = 20.0, sentences: int = 500
) -> Ensemble:
    """Create an ensemble by cosine of mean-pooled states: softmax(sharpness * mean cosine).

    encoder (str): Encoder folder.
    sources (Dict[str, Union[str, List]]): Source text by the teacher's name, see the class.
    sharpness (float): 0 makes all alike; encoders find all languages similar, so it is large.
    sentences (int): Sentences a language.
    RETURNS (Ensemble): The ensemble.
    """

    def compare(known: Sequence[np.ndarray], target: np.ndarray) -> np.ndarray:
        centre = _unit(target).mean(axis=0)
        return _softmax(sharpness * np.array([_unit(one).mean(axis=0) @ centre for one in known]))

    return SourceSimilarity(encoder, sources, compare, sentences)


def make_source_identifier(
    encoder: str,
    sources: dict[str, Texts],
    width: int = 64,
    gamma: float = 0.01,
    steps: int = 300,
    sentences: int = 500,
) -> Ensemble:
    """Create an ensemble by a learned identifier of source languages (after TSL).

    A bilinear form g(x)' M mu_k tells sources apart; a teacher's weight is the mean over the target
    of the softmax of the scores times 1/var, var being their variance over target and sources, as
    in the code of TSL (Wu et al. 2020). There g is mBERT; here it is any encoder, its
    sentence vectors of length 1, trained in one batch of `sentences` a source. Teachers' own
    weights, which TSL lacks, multiply what is found, and the student's loss is cross-entropy in
    place of the squared error of probabilities.

    encoder (str): Encoder folder; it stays frozen.
    sources (Dict[str, Union[str, List]]): Source text by the teacher's name, see the class.
    width (int): Of a language's embedding mu_k.
    gamma (float): Weight of the penalty that keeps the embeddings orthogonal.
    steps (int): Of Adam, over all sentences at once.
    sentences (int): Sentences a language.
    RETURNS (Ensemble): The ensemble.
    """

    def compare(known: Sequence[np.ndarray], target: np.ndarray) -> np.ndarray:
        return _mean_likeness(_identify(known, target, width, gamma, steps))

    return SourceSimilarity(encoder, sources, compare, sentences)


def _mean_likeness(scores: np.ndarray) -> np.ndarray:
    return np.asarray(_softmax(scores / max(scores.var(), 1e-9)).mean(axis=0))


def _identify(
    known: Sequence[np.ndarray], target: np.ndarray, width: int, gamma: float, steps: int
) -> np.ndarray:
    """Learn M and mu on the sources; score the target, sentences x sources."""
    import torch

    x = torch.from_numpy(np.concatenate([_unit(one) for one in known]).astype(np.float32))
    y = torch.from_numpy(np.repeat(np.arange(len(known)), [len(one) for one in known]))
    random = torch.Generator().manual_seed(0)
    M = torch.randn(x.shape[1], width, generator=random) * x.shape[1] ** -0.5
    P = torch.randn(len(known), width, generator=random) * width**-0.5
    M.requires_grad_()
    P.requires_grad_()
    optimizer = torch.optim.Adam([M, P], lr=0.01)
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            penalty = (P @ P.T - torch.eye(len(known))).square().sum()
            loss = torch.nn.functional.cross_entropy(x @ M @ P.T, y) + gamma * penalty
            loss.backward()
            optimizer.step()
    unknown = torch.from_numpy(_unit(target).astype(np.float32))
    return np.asarray((unknown @ M @ P.T).detach().numpy(), dtype=np.float64)


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))


def _softmax(scores: np.ndarray) -> np.ndarray:
    power = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(power / power.sum(axis=-1, keepdims=True))
