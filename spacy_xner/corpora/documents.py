"""Documents to annotate, from every kind of file that holds text."""

from collections.abc import Iterator
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ..errors import XnerError
from .conll import is_conll, read_conll
from .detokenize import spaces
from .raw import read_texts

__all__ = ["iter_documents"]


def iter_documents(
    path: Path | str, nlp: Language, *, fix_encoding: bool = False
) -> Iterator[tuple[str, Doc]]:
    """Read texts as documents that carry no annotation, so that gold cannot come along.

    path (Path | str): A `.spacy` file, a CoNLL file, raw text of one text a line, or a folder,
        which stands for its files in sorted order.
    nlp (Language): Its vocabulary is shared; its tokenizer splits raw text. The other formats keep
        their tokens.
    fix_encoding (bool): Repair CoNLL and raw text that was decoded with the wrong encoding, by
        ftfy.
    YIELDS (tuple[str, Doc]): "<file name without suffix>:<number>", numbers from 0, and the text.
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
        for number, doc in enumerate(_read(file, nlp, fix_encoding)):
            yield f"{file.stem}:{number}", doc


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(f for f in path.iterdir() if f.is_file() and not f.name.startswith("."))
    if not files:
        raise XnerError(f"Folder {path} holds no file: expected .spacy, CoNLL or text files.")
    return files


def _read(path: Path, nlp: Language, fix_encoding: bool) -> Iterator[Doc]:
    if path.suffix == ".spacy":
        yield from _read_docbin(path, nlp)
    elif is_conll(path):
        for sentence in read_conll(path, fix_encoding=fix_encoding):
            yield Doc(nlp.vocab, words=sentence.words, spaces=spaces(sentence.words))
    else:
        yield from _read_raw(path, nlp, fix_encoding)


def _read_docbin(path: Path, nlp: Language) -> Iterator[Doc]:
    try:
        docs = list(DocBin().from_disk(path).get_docs(nlp.vocab))
    except Exception as error:  # zlib, msgpack and OS errors: spaCy wraps none of them
        raise XnerError(
            f"{path} cannot be read as spaCy documents ({error}): expected a file that "
            "DocBin.to_disk wrote. Make it again, for example with `spacy convert`."
        ) from error
    if not docs:
        raise XnerError(f"{path} holds no document.")
    for doc in docs:
        words, whitespace = [token.text for token in doc], [bool(t.whitespace_) for t in doc]
        yield Doc(nlp.vocab, words=words, spaces=whitespace)


def _read_raw(path: Path, nlp: Language, fix_encoding: bool) -> Iterator[Doc]:
    texts, _ = read_texts(path, fix_encoding=fix_encoding)
    for number, text in enumerate(texts, 1):
        if len(text) > nlp.max_length:
            raise XnerError(
                f"{path}, line {number}: {len(text)} characters, at most {nlp.max_length} are "
                "allowed in one text. Split it into paragraphs, one a line."
            )
        if text:
            yield nlp.make_doc(text)
