"""Word vectors for a student, taken from its teacher and given to any string.

The encoder reads each word type alone; its state, reduced by principal components, is what the
teacher knows of the word. A floret table (Boyd and Warmerdam, 2022: a vector is the mean of hashed
rows for the word and its character n-grams) is fitted to those vectors: words of the text get
nearly their own, unknown words what their n-grams tell. spaCy reads such a table without us.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vectors import Vectors

from ..errors import XnerError

__all__ = [
    "FloretSettings",
    "both_spellings",
    "count_words",
    "encode_words",
    "fit_floret",
    "reduce_width",
]


@dataclass(frozen=True)
class FloretSettings:
    """Shape and fit of a floret table.

    rows (int): Rows of the table.
    minn (int): Shortest n-gram, in characters; the word is wrapped in "<" and ">".
    maxn (int): Longest n-gram.
    hash_count (int): Rows that each n-gram adds, from 1 to 4.
    ridge (float): Penalty on the rows, in units of one word's weight.
    iterations (int): Of the conjugate gradient method.
    """

    rows: int = 100_000
    minn: int = 2
    maxn: int = 5
    hash_count: int = 1
    ridge: float = 0.3
    iterations: int = 30


def count_words(nlp: Language, texts: Iterable[str]) -> Counter[str]:
    """Count the word types of a text that hold a letter; spellings in NFD count as those in NFC.

    nlp (Language): Its tokenizer is the student's.
    texts (Iterable[str]): The text.
    RETURNS (Counter[str]): Frequency by word, in NFC.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(unicodedata.normalize("NFC", token.text) for token in nlp.tokenizer(text))
    return Counter({w: n for w, n in counts.items() if any(char.isalpha() for char in w)})


def both_spellings(words: Sequence[str]) -> tuple[list[str], list[int]]:
    """Give the words in NFC, and in NFD those that differ, which get the vectors of their twins.

    words (Sequence[str]): Word types in NFC.
    RETURNS (Tuple[List[str], List[int]]): Spellings, and the index of each one's word.
    """
    decomposed = [unicodedata.normalize("NFD", word) for word in words]
    twins = [i for i, word in enumerate(words) if decomposed[i] != word]
    return [*words, *(decomposed[i] for i in twins)], [*range(len(words)), *twins]


def encode_words(
    teacher: Language,
    words: Sequence[str],
    batch_size: int = 2048,
    report: Callable[[int], None] = lambda done: None,
) -> np.ndarray:
    """Let the teacher's encoder read every word alone.

    teacher (Language): A pipeline with a `transformer` pipe.
    words (Sequence[str]): Word types.
    batch_size (int): Words in a batch.
    report (Callable[[int], None]): Called with the number of words done.
    RETURNS (np.ndarray): One state a word, words x width.
    RAISES: XnerError: The pipeline has no `transformer`.
    """
    if "transformer" not in teacher.pipe_names:
        raise XnerError(
            f"Word vectors need the encoder of a teacher with a `transformer` pipe; this pipeline "
            f"has {', '.join(teacher.pipe_names) or 'no pipe'}."
        )
    pipe: Any = teacher.get_pipe("transformer")
    to_numpy = pipe.model.ops.to_numpy
    states = []
    for start in range(0, len(words), batch_size):
        docs = [Doc(teacher.vocab, words=[w]) for w in words[start : start + batch_size]]
        for data in pipe.predict(docs).doc_data:
            states.append(to_numpy(data.model_output.last_hidden_state)[0, 0])
        report(len(states))
    return np.stack(states).astype(np.float32)


def reduce_width(states: np.ndarray, width: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Keep the principal components; scale them to unit variance on the whole.

    states (np.ndarray): Words x encoder width.
    width (int): Components to keep.
    weights (Optional[Floats1d]): Weight of each word in mean and covariance.
    RETURNS (np.ndarray): Words x width.
    """
    share = np.ones(len(states)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = share / share.sum()
    centred = states - (share[:, None] * states).sum(axis=0)
    covariance = (centred * share[:, None]).T @ centred
    values, vectors = np.linalg.eigh(covariance)
    reduced = centred @ vectors[:, ::-1][:, :width]
    return (reduced / np.sqrt(values[::-1][:width].sum() / width)).astype(np.float32)


def fit_floret(words: Sequence[str], vectors: np.ndarray, settings: FloretSettings) -> Vectors:
    """Fit the rows of a floret table, so that the mean of a word's rows is its vector.

    Ridge regression: rows that many words share get what these have in common.

    words (Sequence[str]): Word types.
    vectors (np.ndarray): Words x width.
    settings (FloretSettings): Shape and fit.
    RETURNS (Vectors): A spaCy table in mode "floret".
    """
    table = _empty_table(settings, vectors.shape[1])
    design = _design(table, words, settings)
    rows = _ridge(design, vectors.astype(np.float32), settings.ridge, settings.iterations)
    table.data = np.ascontiguousarray(rows, dtype=np.float32)
    return table


def _empty_table(settings: FloretSettings, width: int) -> Vectors:
    return Vectors(
        mode="floret",
        data=np.zeros((settings.rows, width), dtype=np.float32),
        minn=settings.minn,
        maxn=settings.maxn,
        hash_count=settings.hash_count,
        hash_seed=2166136261,
        bow="<",
        eow=">",
    )


def _design(table: Vectors, words: Sequence[str], settings: FloretSettings) -> Any:
    """Words x rows, sparse: the share of each row in a word's mean."""
    from scipy.sparse import csr_matrix

    columns: list[int] = []
    shares: list[float] = []
    ends = [0]
    for word in words:
        hashes = [h for n in table._get_ngrams(word) for h in table._get_ngram_hashes(n)]
        columns.extend(h % settings.rows for h in hashes)
        shares.extend([1.0 / len(hashes)] * len(hashes))
        ends.append(len(columns))
    values = np.array(shares, dtype=np.float32)
    return csr_matrix((values, columns, ends), (len(words), settings.rows))


def _ridge(design: Any, target: np.ndarray, penalty: float, iterations: int) -> np.ndarray:
    """Solve ridge regression by conjugate gradients, all columns of the target at once."""
    # A row is reached through shares of about 1/30: the penalty is measured in squared shares.
    penalty = penalty * float(design.multiply(design).sum()) / len(target)
    transposed = design.T.tocsr()
    solution = np.zeros((design.shape[1], target.shape[1]), dtype=np.float32)
    residual = transposed @ target
    direction = residual.copy()
    norm = (residual**2).sum(axis=0)
    for _ in range(iterations):
        product = transposed @ (design @ direction) + penalty * direction
        step = norm / np.maximum((direction * product).sum(axis=0), 1e-12)
        solution += step * direction
        residual -= step * product
        fresh = (residual**2).sum(axis=0)
        direction = residual + (fresh / np.maximum(norm, 1e-12)) * direction
        norm = fresh
    return solution
