"""Corpus readers for spaCy configs."""

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import registry

from ..errors import XnerError
from .conll import Sentence, read_conll
from .detokenize import spaces
from .origin import set_origin
from .raw import Exclusion, drop_overlap

__all__ = ["create_conll_corpus_v1"]


@registry.readers("spacy-xner.ConllCorpus.v1")
def create_conll_corpus_v1(
    path: str | Path | list[str | Path],
    limit: int = 0,
    exclude: list[str | Path] = [],  # noqa: B006  (spaCy reads defaults of a config from here)
    fix_encoding: bool = False,
    temperature: float | None = None,
) -> Callable[[Language], Iterator[Example]]:
    """Make a reader of CoNLL files with entity tags, one example a sentence.

    path (str | Path | list[str | Path]): One CoNLL file or several, read one after another.
    limit (int): Most sentences to give, 0 for all.
    exclude (list[str | Path]): CoNLL or raw text files of dev and test sets; sentences that equal
        or contain one of theirs are dropped, and a warning tells how many.
    fix_encoding (bool): Repair tokens that were decoded with the wrong encoding, by ftfy.
    temperature (float | None): Balance the files, one a language: the share of each is its number
        of sentences to the power of 1 / temperature (Devlin et al. 2019 and XLM-R sample languages
        so). 1 keeps the files' own shares, a large number makes all alike; sentences of small
        files come again. `limit` is then the number of sentences drawn, 0 as many as there are.
    RETURNS (Callable[[Language], Iterator[Example]]): The reader; files are read once.
    RAISES: XnerError, on reading, if a file is missing or faulty or no sentence is left, and for a
        temperature of 0 or less.
    """
    paths = path if isinstance(path, list) else [path]
    if temperature is not None and not temperature > 0:
        raise XnerError(f"temperature is {temperature!r}; expected a number above 0, or null.")
    cached: list[Sentence] = []

    def read(nlp: Language) -> Iterator[Example]:
        if not cached and temperature is not None:
            files = [_load([one], exclude, fix_encoding) for one in paths]
            cached.extend(_balance(files, temperature, limit))
        elif not cached:
            cached.extend(_load(paths, exclude, fix_encoding)[: limit or None])
        for sentence in cached:
            yield _to_example(sentence, nlp)

    return read


def _load(paths: list[str | Path], exclude: list[str | Path], fix_encoding: bool) -> list[Sentence]:
    sentences = [s for path in paths for s in read_conll(path, fix_encoding=fix_encoding)]
    if exclude:
        exclusion = Exclusion.from_paths(exclude, fix_encoding=fix_encoding)
        n_read = len(sentences)
        sentences, dropped = drop_overlap(sentences, exclusion)
        if dropped:
            warnings.warn(
                f"{', '.join(map(str, paths))}: {dropped} of {n_read} sentences were dropped "
                "because they equal or contain a sentence of the files under `exclude`.",
                UserWarning,
                stacklevel=3,
            )
    if not sentences:
        raise XnerError(
            f"No sentence of {', '.join(map(str, paths))} is left: all overlap the files under "
            "`exclude`. Check that these are dev and test files."
        )
    return sentences


def _balance(files: list[list[Sentence]], temperature: float, limit: int) -> list[Sentence]:
    """Draw from each file by its size and the temperature, in an order that does not change."""
    shares = np.array([len(file) for file in files]) ** (1.0 / temperature)
    counts = np.rint((limit or sum(map(len, files))) * shares / shares.sum()).astype(int)
    drawn: list[Sentence] = []
    for file, n in zip(files, counts, strict=True):
        order = np.random.default_rng(0).permutation(len(file))
        drawn.extend(file[i] for i in np.resize(order, n))
    return drawn


def _to_example(sentence: Sentence, nlp: Language) -> Example:
    whitespace = spaces(sentence.words)
    predicted = Doc(nlp.vocab, words=sentence.words, spaces=whitespace)
    set_origin(predicted, sentence.doc_id, Path(sentence.path))
    reference = Doc(nlp.vocab, words=sentence.words, spaces=whitespace, ents=list(sentence.tags))
    return Example(predicted, reference)
