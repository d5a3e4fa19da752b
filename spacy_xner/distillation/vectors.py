"""Word vectors for a student, taken from its teacher and given to any string.

The encoder reads each word type alone; its state, reduced by principal components, is what the
teacher knows of the word. A floret table (Boyd and Warmerdam, 2022: a vector is the mean of hashed
rows for the word and its character n-grams) is fitted to those vectors: words of the text get
nearly their own, unknown words what their n-grams tell. spaCy reads such a table without us.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vectors import Vectors
from thinc.types import Floats2d

from ..errors import XnerError

__all__ = ["FloretSettings", "count_words", "encode_words", "fit_floret", "reduce_width"]


@dataclass(frozen=True)
class FloretSettings:
    """Shape and fit of a floret table.

    rows (int): Rows of the table.
    minn (int): Shortest n-gram, in characters; the word is wrapped in "<" and ">".
    maxn (int): Longest n-gram.
    hash_count (int): Rows that each n-gram adds, from 1 to 4.
    epochs (int): Passes over the words.
    batch (int): Words in a batch.
    learn_rate (float): Of Adam, falling linearly to 0.
    drop_word (float): How often a word is fitted from its n-grams alone, as an unknown word is.
    """

    rows: int = 50_000
    minn: int = 2
    maxn: int = 5
    hash_count: int = 2
    epochs: int = 10
    batch: int = 2048
    learn_rate: float = 0.02
    drop_word: float = 0.5


def count_words(nlp: Language, texts: Iterable[str]) -> Counter[str]:
    """Count the word types of a text that hold a letter.

    nlp (Language): Its tokenizer is the student's.
    texts (Iterable[str]): The text.
    RETURNS (Counter[str]): Frequency by word.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(token.text for token in nlp.tokenizer(text))
    return Counter({w: n for w, n in counts.items() if any(char.isalpha() for char in w)})


def encode_words(
    teacher: Language,
    words: Sequence[str],
    batch_size: int = 2048,
    report: Callable[[int], None] = lambda done: None,
) -> Floats2d:
    """Let the teacher's encoder read every word alone.

    teacher (Language): A pipeline with a `transformer` pipe.
    words (Sequence[str]): Word types.
    batch_size (int): Words in a batch.
    report (Callable[[int], None]): Called with the number of words done.
    RETURNS (Floats2d): One state a word, words x width.
    RAISES: XnerError: The pipeline has no `transformer`.
    """
    if "transformer" not in teacher.pipe_names:
        raise XnerError(
            f"Word vectors need the encoder of a teacher with a `transformer` pipe; this pipeline "
            f"has {', '.join(teacher.pipe_names) or 'no pipe'}."
        )
    pipe = teacher.get_pipe("transformer")
    states = []
    for start in range(0, len(words), batch_size):
        docs = [Doc(teacher.vocab, words=[w]) for w in words[start : start + batch_size]]
        for data in pipe.predict(docs).doc_data:
            states.append(np.asarray(data.model_output.last_hidden_state)[0, 0])
        report(len(states))
    return np.stack(states).astype(np.float32)


def reduce_width(states: Floats2d, width: int, weights: np.ndarray | None = None) -> Floats2d:
    """Keep the principal components; scale them to unit variance on the whole.

    states (Floats2d): Words x encoder width.
    width (int): Components to keep.
    weights (Optional[Floats1d]): Weight of each word in mean and covariance.
    RETURNS (Floats2d): Words x width.
    """
    share = np.ones(len(states)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = share / share.sum()
    centred = states - (share[:, None] * states).sum(axis=0)
    covariance = (centred * share[:, None]).T @ centred
    values, vectors = np.linalg.eigh(covariance)
    reduced = centred @ vectors[:, ::-1][:, :width]
    return (reduced / np.sqrt(values[::-1][:width].sum() / width)).astype(np.float32)


def fit_floret(
    words: Sequence[str], vectors: Floats2d, settings: FloretSettings, seed: int = 0
) -> Vectors:
    """Fit the rows of a floret table, so that the mean of a word's rows is its vector.

    words (Sequence[str]): Word types.
    vectors (Floats2d): Words x width.
    settings (FloretSettings): Shape and fit.
    seed (int): Of the order of words.
    RETURNS (Vectors): A spaCy table in mode "floret".
    """
    import torch

    table = _empty_table(settings, vectors.shape[1])
    rows, lengths, own = _word_rows(table, words, settings)
    offsets = np.cumsum(lengths) - lengths
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    bag = torch.nn.EmbeddingBag(settings.rows, vectors.shape[1], mode="mean", sparse=True)
    torch.nn.init.zeros_(bag.weight)
    optimizer = torch.optim.SparseAdam(bag.parameters(), lr=settings.learn_rate)
    steps = settings.epochs * -(-len(words) // settings.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(settings.epochs):
        order = rng.permutation(len(words))
        for start in range(0, len(order), settings.batch):
            chosen = order[start : start + settings.batch]
            picked = [rows[offsets[i] : offsets[i] + lengths[i]] for i in chosen]
            for j in np.flatnonzero(rng.random(len(chosen)) < settings.drop_word):
                if len(picked[j]) > own[chosen[j]]:
                    picked[j] = picked[j][own[chosen[j]] :]
            sizes = np.array([len(p) for p in picked])
            predicted = bag(
                torch.from_numpy(np.concatenate(picked)),
                torch.from_numpy(np.cumsum(sizes) - sizes),
            )
            loss = ((predicted - torch.from_numpy(vectors[chosen])) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    table.data = bag.weight.detach().numpy().copy()
    return table


def _empty_table(settings: FloretSettings, width: int) -> Vectors:
    return Vectors(
        mode="floret",
        shape=(settings.rows, width),
        minn=settings.minn,
        maxn=settings.maxn,
        hash_count=settings.hash_count,
        hash_seed=2166136261,
        bow="<",
        eow=">",
    )


def _word_rows(
    table: Vectors, words: Sequence[str], settings: FloretSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of each word in a flat array, their number, and how many of them are the word's own."""
    rows: list[int] = []
    lengths = np.zeros(len(words), dtype=np.int64)
    own = np.zeros(len(words), dtype=np.int64)
    for i, word in enumerate(words):
        ngrams = table._get_ngrams(word)
        hashes = [h for ngram in ngrams for h in table._get_ngram_hashes(ngram)]
        rows.extend(h % settings.rows for h in hashes)
        lengths[i] = len(hashes)
        own[i] = len(table._get_ngram_hashes(ngrams[0])) if ngrams else 0
    return np.array(rows, dtype=np.int64), lengths, own
