"""Where a document comes from: its name and its language, kept in `doc.user_data`."""

from pathlib import Path

from spacy.tokens import Doc

__all__ = ["NOWHERE", "Origin", "doc_id_of", "lang_of", "origin_of", "set_origin"]

Origin = tuple[str | None, str | None]  # name and language
NOWHERE: Origin = (None, None)

_DOC_ID = "xner_doc_id"
_LANG = "xner_lang"


def set_origin(doc: Doc, doc_id: str | None = None, lang: str | Path | None = None) -> Doc:
    """Note where a document comes from; a teacher that sees more than the text asks for it.

    doc (Doc): The document.
    doc_id (Optional[str]): Its name, "<file name without suffix>:<number>" where it is of a file.
    lang (Optional[Union[str, Path]]): Code of its language; of a path, the file's name without
        suffix, which is the code or no code of any language.
    RETURNS (Doc): The document.
    """
    if doc_id is not None:
        doc.user_data[_DOC_ID] = doc_id
    if lang is not None:
        doc.user_data[_LANG] = lang.stem if isinstance(lang, Path) else lang
    return doc


def doc_id_of(doc: Doc) -> str | None:
    """RETURNS (Optional[str]): The document's name, where it is known."""
    return doc.user_data.get(_DOC_ID)


def lang_of(doc: Doc) -> str | None:
    """RETURNS (Optional[str]): What was said of the document's language, be it a code or not."""
    return doc.user_data.get(_LANG)


def origin_of(doc: Doc) -> Origin:
    """RETURNS (Origin): Both, as `set_origin` takes them."""
    return doc_id_of(doc), lang_of(doc)
