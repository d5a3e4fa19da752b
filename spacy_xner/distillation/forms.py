"""Features of words in their composed form, so that NFC and NFD of a text are one to a model.

A pipeline's package carries this file (`spacy package --code`), which therefore imports nothing of
this project: what registers the callback in training registers it for users with spaCy alone.
"""

import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

from spacy.attrs import NORM, PREFIX, SHAPE, SUFFIX
from spacy.lang.lex_attrs import word_shape
from spacy.lang.norm_exceptions import BASE_NORMS
from spacy.language import Language
from spacy.strings import StringStore
from spacy.util import registry
from spacy.vectors import Vectors
from thinc.util import get_array_module

__all__ = ["ComposedVectors", "composed", "make_composed_forms", "norm"]

KNOWN = 50_000  # words whose vectors are kept
_TO_APOSTROPHE = str.maketrans(dict.fromkeys("’‘‛`´ʼʻ＇", "'"))


def composed(word: str) -> str:
    """Give the composed form (NFC), the same for all canonically equivalent spellings."""
    return unicodedata.normalize("NFC", word)


def norm(word: str) -> str:
    """Give the one norm of all spellings of a word: lower case, composed, plain apostrophes.

    word (str): A token.
    RETURNS (str): What spaCy's norm would be for the composed form, `BASE_NORMS` included.
    """
    word = composed(word)
    if word in BASE_NORMS:
        return BASE_NORMS[word]
    lower = composed(word.lower())
    return lower.translate(_TO_APOSTROPHE) if len(lower) > 1 else lower


def prefix(word: str) -> str:
    """Give spaCy's prefix, a character, of the composed form."""
    return composed(word)[0]


def suffix(word: str) -> str:
    """Give spaCy's suffix, three characters, of the composed form."""
    return composed(word)[-3:]


def shape(word: str) -> str:
    """Give spaCy's shape of the composed form."""
    return word_shape(composed(word))


class ComposedVectors(Vectors):
    """Floret vectors that hash the composed form of a word, in its own case, and once while known.

    To hash its n-grams takes a third of a student's time; so the vectors of up to 50,000 words
    (20 MB at width 96) are kept.
    """

    # spaCy gives vectors that are unpickled a store without the strings of their vocabulary.
    store: StringStore | None = None
    _of: Any = None  # the data that the known vectors are of
    _rows: dict[int | str, int]

    def get_batch(self, keys: Iterable[int | str]) -> Any:
        """Get vectors, as `spacy.vectors.Vectors.get_batch`.

        keys (Iterable[Union[int, str]]): Words or their hashes.
        RETURNS (Floats2d): Their vectors, words x width.
        """
        keys = keys.tolist() if hasattr(keys, "tolist") else list(keys)
        types = dict.fromkeys(keys)
        if self._of is not self.data or len(self._rows) + len(types) > KNOWN:
            self._of, self._rows, self._known = self.data, {}, self.data[:0]
        fresh = [key for key in types if key not in self._rows]
        if fresh:
            strings = self.strings if self.store is None else self.store
            vectors = super().get_batch([composed(strings.as_string(key)) for key in fresh])
            first = len(self._rows)
            self._rows.update((key, first + i) for i, key in enumerate(fresh))
            self._known = _with_room(self._known, first + len(fresh))
            self._known[first : first + len(fresh)] = vectors
        return self._known[[self._rows[key] for key in keys]]

    def __reduce__(self) -> tuple[Callable, tuple[bytes, StringStore]]:
        strings = self.strings if self.store is None else self.store
        return _unpickle_vectors, (self.to_bytes(), strings)


def _with_room(known: Any, size: int) -> Any:
    """Give an array of so many rows at least, the first of them those of `known`."""
    if len(known) >= size:
        return known
    larger = get_array_module(known).zeros((2 * size, known.shape[1]), dtype=known.dtype)
    larger[: len(known)] = known
    return larger


def _unpickle_vectors(data: bytes, strings: StringStore) -> ComposedVectors:
    vectors = ComposedVectors().from_bytes(data)
    vectors.store = strings
    return vectors


@registry.callbacks("spacy-xner.composed_forms.v1")
def make_composed_forms() -> Callable[[Language], Language]:
    """Create the callback for `[nlp] after_creation`: features and vectors of composed forms.

    RETURNS (Callable[[Language], Language]): Changes the vocabulary of the pipeline in place; what
        its documents hold as text stays as it was written.
    """
    return set_composed_forms


def set_composed_forms(nlp: Language) -> Language:
    """Let NORM, PREFIX, SUFFIX, SHAPE and floret vectors of a pipeline see composed forms.

    nlp (Language): The pipeline, changed in place.
    RETURNS (Language): It.
    """
    vocab: Any = nlp.vocab
    vocab.lex_attr_getters |= {NORM: norm, PREFIX: prefix, SUFFIX: suffix, SHAPE: shape}
    # The tokenizer's special cases have made lexemes already.
    for lexeme in vocab:
        word = lexeme.text
        if word:
            lexeme.prefix_, lexeme.suffix_ = prefix(word), suffix(word)
            lexeme.shape_ = shape(word)
        # Setting a norm adds to a table that is saved.
        if lexeme.norm_ != norm(word):
            lexeme.norm_ = norm(word)
    if not isinstance(vocab.vectors, ComposedVectors):
        vectors = ComposedVectors(strings=vocab.strings, name=vocab.vectors.name)
        if vocab.vectors.size:
            vectors.from_bytes(vocab.vectors.to_bytes())
        vocab.vectors = vectors
    return nlp
