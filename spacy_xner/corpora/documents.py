"""Documents to annotate, from every kind of file that holds text."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..errors import XnerError
from .conll import is_conll, read_conll
from .detokenize import spaces
from .origin import set_origin
from .raw import iter_texts
from .tsv import read_tsv

__all__ = ["Text", "iter_documents", "iter_named_texts"]


class Text(NamedTuple):
    """A text before a pipeline has seen it.

    text (str): The text.
    words (Optional[list[str]]): Its tokens, where the file says; else the pipeline cuts it.
    spaces (Optional[list[bool]]): Whether a space follows each.
    """

    text: str
    words: list[str] | None = None
    spaces: list[bool] | None = None

    def doc(self, nlp: Language) -> Doc:
        """Make a document.

        nlp (Language): Its vocabulary is shared; its tokenizer splits raw text.
        RETURNS (Doc): The document, without annotation.
        """
        if self.words is None:
            return nlp.make_doc(self.text)
        return Doc(nlp.vocab, words=self.words, spaces=self.spaces)


def iter_documents(
    path: Path | str, nlp: Language, *, fix_encoding: bool = False
) -> Iterator[tuple[str, Doc]]:
    """Read texts as documents that carry no annotation, so that gold cannot come along.

    path (Path | str): As for `iter_named_texts`.
    nlp (Language): Makes the documents, see `Text.doc`.
    fix_encoding (bool): Repair CoNLL and raw text that was decoded with the wrong encoding, by
        ftfy.
    YIELDS (tuple[str, Doc]): Name and document.
    RAISES: XnerError, as `iter_named_texts`.
    """
    texts = iter_named_texts(path, max_length=nlp.max_length, fix_encoding=fix_encoding)
    for name, text in texts:
        yield name, set_origin(text.doc(nlp), name)


def iter_named_texts(
    path: Path | str, *, max_length: int, fix_encoding: bool = False
) -> Iterator[tuple[str, Text]]:
    """Read texts one by one; of raw text, only one is in memory.

    path (Path | str): A `.spacy` file, a CoNLL file, `.tsv` of texts with a category (left out
        here), raw text of one text a line, or a folder, which stands for its files in sorted order.
        `.spacy` and CoNLL keep their tokens.
    max_length (int): Characters that a raw text may have.
    fix_encoding (bool): Repair CoNLL and raw text that was decoded with the wrong encoding, by
        ftfy.
    YIELDS (tuple[str, Text]): "<file name without suffix>:<number>", numbers from 0, and the text.
    RAISES: XnerError, if a file is missing or faulty or two files have one name without suffix.
    """
    names: dict[str, Path] = {}
    for file in _files(Path(path)):
        if file.stem in names:
            raise XnerError(
                f"{names[file.stem]} and {file} would give their documents the same names. "
                "Rename one."
            )
        names[file.stem] = file
        for number, text in enumerate(_read(file, max_length, fix_encoding)):
            yield f"{file.stem}:{number}", text


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(f for f in path.iterdir() if f.is_file() and not f.name.startswith("."))
    if not files:
        raise XnerError(f"Folder {path} holds no file: expected .spacy, CoNLL or text files.")
    return files


def _read(path: Path, max_length: int, fix_encoding: bool) -> Iterator[Text]:
    if path.suffix == ".spacy":
        yield from _read_docbin(path)
    elif path.suffix == ".tsv":
        for labelled in read_tsv(path):
            yield Text(labelled.text)
    elif is_conll(path):
        for sentence in read_conll(path, fix_encoding=fix_encoding):
            yield _of_tokens(sentence.words, spaces(sentence.words))
    else:
        yield from _read_raw(path, max_length, fix_encoding)


def _of_tokens(words: list[str], whitespace: list[bool]) -> Text:
    parts = (word + " " * space for word, space in zip(words, whitespace, strict=True))
    return Text("".join(parts), words, whitespace)


def _read_docbin(path: Path) -> Iterator[Text]:
    try:
        docs = list(DocBin().from_disk(path).get_docs(Vocab()))
    except Exception as error:  # zlib, msgpack and OS errors: spaCy wraps none of them
        raise XnerError(
            f"{path} cannot be read as spaCy documents ({error}): expected a file that "
            "DocBin.to_disk wrote. Make it again, for example with `spacy convert`."
        ) from error
    if not docs:
        raise XnerError(f"{path} holds no document.")
    for doc in docs:
        yield _of_tokens([token.text for token in doc], [bool(t.whitespace_) for t in doc])


def _read_raw(path: Path, max_length: int, fix_encoding: bool) -> Iterator[Text]:
    for number, text in enumerate(iter_texts(path, fix_encoding=fix_encoding), 1):
        if len(text) > max_length:
            raise XnerError(
                f"{path}, line {number}: {len(text)} characters, at most {max_length} are "
                "allowed in one text. Split it into paragraphs, one a line."
            )
        if text:
            yield Text(text)
