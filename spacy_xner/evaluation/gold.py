"""Gold sentences: read from CoNLL or `.spacy`, written as running text, normalised."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..corpora.conll import Sentence, read_conll
from ..corpora.detokenize import spaces as detokenized_spaces
from ..corpora.origin import set_origin
from ..errors import XnerError
from ..tags import iob2_from_spans, spans_from_iob2

__all__ = [
    "GoldSentence",
    "TaggedSentence",
    "doc_of",
    "normalise",
    "raw_text",
    "read_gold",
    "spaces_of",
]


class TaggedSentence(Protocol):
    """A gold sentence: `GoldSentence` and `corpora.conll.Sentence` are two."""

    words: list[str]
    tags: list[str]


@dataclass
class GoldSentence:
    """A gold sentence.

    words (list[str]): Gold tokens.
    tags (list[str]): IOB2 tags.
    spaces (list[bool] | None): Whether a space follows each word, where that is known.
    """

    words: list[str]
    tags: list[str]
    spaces: list[bool] | None = None


def read_gold(path: str | Path, *, fix_encoding: bool = False) -> Sequence[TaggedSentence]:
    """Read gold sentences.

    path (str | Path): A CoNLL file, or a `.spacy` file with entities (each document one sentence).
    fix_encoding (bool): Repair wrongly decoded tokens of a CoNLL file, see `read_conll`.
    RETURNS (Sequence[TaggedSentence]): The sentences in the order of the file, at least one.
    RAISES: XnerError where the file is missing, empty, not readable or without entity annotation.
    """
    path = Path(path)
    if not path.is_file():
        raise XnerError(f"{path}: no such file; expected gold data in CoNLL or .spacy format.")
    if path.suffix != ".spacy":
        return list(read_conll(path, fix_encoding=fix_encoding))
    try:
        docs = list(DocBin().from_disk(path).get_docs(Vocab()))
    except Exception as err:  # A damaged file fails in zlib, msgpack or numpy, each its own way.
        raise XnerError(f"{path}: no .spacy file that can be read ({err}). Write it anew.") from err
    sentences = [_from_doc(doc, path, i) for i, doc in enumerate(docs) if len(doc)]
    if not sentences:
        raise XnerError(f"{path}: holds no document with tokens; expected gold sentences.")
    return sentences


def _from_doc(doc: Doc, path: Path, index: int) -> GoldSentence:
    if not doc.has_annotation("ENT_IOB"):
        raise XnerError(
            f"{path}, document {index}: has no entity annotation; expected gold entities. Set "
            "doc.ents (or doc.set_ents([]) for none) before the file is written."
        )
    tags = iob2_from_spans(len(doc), [(ent.start, ent.end, ent.label_) for ent in doc.ents])
    words = [token.text for token in doc]
    return GoldSentence(words, tags, [bool(token.whitespace_) for token in doc])


def doc_of(vocab: Vocab, sentence: TaggedSentence) -> Doc:
    """Make a document of a gold sentence's words, without its tags.

    vocab (Vocab): Of the pipeline that will read it.
    sentence (TaggedSentence): Words and, if it has them, `spaces`; of a CoNLL file, its name and
        language come along, for a teacher that sees more than the text.
    RETURNS (Doc): The document.
    """
    doc = Doc(vocab, words=sentence.words, spaces=spaces_of(sentence))
    if isinstance(sentence, Sentence):
        set_origin(doc, sentence.doc_id, Path(sentence.path))
    return doc


def raw_text(sentence: TaggedSentence) -> tuple[str, list[tuple[int, int, str]]]:
    """Write a gold sentence as running text.

    sentence (TaggedSentence): Gold words and IOB2 tags; `spaces` if it has them, otherwise
        `corpora.detokenize.spaces` decides.
    RETURNS (tuple[str, list[tuple[int, int, str]]]): The text, and its gold entities as
        `(start, end, type)` in characters.
    """
    starts, ends, text = [], [], ""
    for word, space in zip(sentence.words, spaces_of(sentence), strict=True):
        starts.append(len(text))
        text += word
        ends.append(len(text))
        text += " " * space
    spans = [(starts[i], ends[j - 1], label) for i, j, label in spans_from_iob2(sentence.tags)]
    return text.rstrip(" "), spans


def spaces_of(sentence: TaggedSentence) -> list[bool]:
    """Tell after which words a space stands.

    sentence (TaggedSentence): A gold sentence.
    RETURNS (list[bool]): Its own `spaces`, or those of `corpora.detokenize.spaces`.
    """
    known = getattr(sentence, "spaces", None)
    return list(known) if known is not None else detokenized_spaces(sentence.words)


def normalise(sentence: TaggedSentence, form: Literal["NFC", "NFD"]) -> GoldSentence:
    """Put the words of a gold sentence into a Unicode normal form, each by itself.

    sentence (TaggedSentence): A gold sentence.
    form (Literal["NFC", "NFD"]): The normal form.
    RETURNS (GoldSentence): The same tags over normalised words; offsets in `raw_text` follow them.
    """
    words = [unicodedata.normalize(form, word) for word in sentence.words]
    return GoldSentence(words, list(sentence.tags), getattr(sentence, "spaces", None))
