"""The phonetic view: how a word sounds, as articulatory features."""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import cast

import numpy as np
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ...corpora.origin import lang_of
from .phones import segments_of, transcribe
from .words import TypeCache, ViewShim, per_document, words_of

__all__ = ["build_phonetic_view_v1"]

FEATURES = 24


def build_phonetic_view_v1(
    positions: int = 6, lang: str | None = None
) -> Model[list[Doc], list[Floats2d]]:
    """Build a view of how words sound.

    A word is cut into as many stretches as there are positions; each is the mean of the
    articulatory features (panphon) of its sounds. With one position that is the mean of the word.

    positions (int): Stretches of a word.
    lang (Optional[str]): Language of documents that do not tell theirs. Soft labels and gold take
        it from `--lang` or the name of the file.
    RETURNS (Model[List[Doc], List[Floats2d]]): The view, tokens x (24 * positions).
    """
    return Model(
        "phonetic_view",
        forward,
        dims={"nO": FEATURES * positions},
        attrs={"needs": ["epitran", "africa_g2p", "panphon", "uroman", "langcodes"]},
        shims=[SoundShim(positions, lang)],
    )


class SoundShim(ViewShim):
    """Remembers the features of every word of a language.

    positions (int): Stretches of a word.
    lang (Optional[str]): Language of documents that do not tell theirs.
    """

    def __init__(self, positions: int, lang: str | None) -> None:
        super().__init__()
        self.positions, self.lang = positions, lang
        self.cache = TypeCache[tuple[str, str | None], np.ndarray](self._features_of)

    def _features_of(self, key: tuple[str, str | None]) -> np.ndarray:
        return stretch(segments_of(transcribe(*key)), self.positions)


def stretch(segments: Sequence[Sequence[float]], positions: int) -> np.ndarray:
    """Lay the sounds of a word over a fixed number of positions.

    segments (Sequence[Sequence[float]]): Features of each sound.
    positions (int): Number of positions; a sound may stand in several, or share one.
    RETURNS (np.ndarray): float32, positions x features in one row; zeros without a sound.
    """
    if not segments:
        return np.zeros(FEATURES * positions, dtype="float32")
    sounds = np.asarray(segments, dtype="float32")
    bounds = np.arange(positions + 1) * len(sounds) / positions
    first = np.floor(bounds[:-1]).astype(int)
    after = np.ceil(bounds[1:]).astype(int)
    return np.concatenate([sounds[i:j].mean(axis=0) for i, j in zip(first, after, strict=True)])


def forward(
    model: Model, docs: Sequence[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], list]]:
    shim = cast(SoundShim, model.shims[0])
    keys = chain.from_iterable(
        ((word, lang_of(doc) or shim.lang) for word in words_of(doc)) for doc in docs
    )
    known, which = shim.cache.distinct(keys)
    table = np.stack([*known, np.zeros(model.get_dim("nO"), dtype="float32")])
    return per_document(model, table[which], docs), lambda gradients: []
