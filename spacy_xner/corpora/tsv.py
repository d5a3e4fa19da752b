"""Labelled texts in TSV: a header, then a text and its category a line, as AfriSenti has them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spacy.language import Language
from spacy.training import Example
from spacy.util import registry

from ..categories import CategorySet
from ..errors import XnerError
from .encoding import read_lines

__all__ = ["LabelledText", "categories_of", "create_category_corpus_v1", "read_tsv"]

_LABEL = "label"


@dataclass(frozen=True)
class LabelledText:
    """A text with its gold category.

    text (str): The text, without white space around it.
    label (str): Its category.
    """

    text: str
    label: str


def read_tsv(path: str | Path, categories: Iterable[str] | None = None) -> list[LabelledText]:
    """Read a TSV file of texts and categories; quotes are characters of the text.

    path (Union[str, Path]): The file. Its header names two columns; the second is `label`.
    categories (Optional[Iterable[str]]): The categories that there may be; None takes those of the
        file.
    RETURNS (List[LabelledText]): One a line.
    RAISES: XnerError: There is no header, a row has not two fields, a text or a label is empty, or
        a label is none of the categories or written in two cases.
    """
    header, *lines = read_lines(path)
    names = header.split("\t")
    if len(names) != 2 or names[1].strip() != _LABEL:
        raise XnerError(
            f"{path}, line 1: found {header[:60]!r}; expected a header of two columns with a tab "
            f"between them, the second called {_LABEL!r}, such as 'tweet\\tlabel'."
        )
    known = CategorySet.from_types(categories) if categories is not None else None
    found: list[LabelledText] = []
    spellings: dict[str, tuple[str, int]] = {}
    for number, line in enumerate(lines, 2):
        place = f"{path}, line {number}"
        fields = line.split("\t")
        if len(fields) != 2:
            raise XnerError(
                f"{place}: found {len(fields)} fields; expected 2, a text and a label with one tab "
                "between them. A tab or a line break within the text has to go."
            )
        text, label = (field.strip() for field in fields)
        if not text or not label:
            raise XnerError(
                f"{place}: the {'label' if text else 'text'} is empty. Fill it in or delete the "
                "line."
            )
        if known is not None:
            try:
                known.index(label)
            except XnerError as error:
                raise XnerError(f"{place}: {error}") from None
        first, where = spellings.setdefault(label.casefold(), (label, number))
        if first != label:
            raise XnerError(
                f"{place}: label {label!r}, but line {where} has {first!r}. Labels differ in case "
                "alone: write them alike."
            )
        found.append(LabelledText(text, label))
    if not found:
        raise XnerError(f"{path} has a header and no row; expected a text and a label a line.")
    return found


def categories_of(texts: Iterable[LabelledText]) -> CategorySet:
    """Collect the categories of texts.

    texts (Iterable[LabelledText]): The texts.
    RETURNS (CategorySet): Their categories.
    RAISES: XnerError: There is one only, or two differ in case alone.
    """
    names = {one.label for one in texts}
    if len(names) < 2:
        raise XnerError(
            f"All texts have the label {', '.join(names)}; expected at least two categories. Is "
            "this the beginning of a file that is sorted by label?"
        )
    return CategorySet.from_types(names)


@registry.readers("spacy-xner.CategoryCorpus.v1")
def create_category_corpus_v1(
    path: str | Path | list[str | Path], limit: int = 0
) -> Callable[[Language], Iterator[Example]]:
    """Make a reader of TSV files of texts and categories, for spaCy's `textcat`.

    The categories are those that the pipeline's `textcat` knows already, as when it is evaluated,
    else those of the first file: a label that is none of them is an error and no further category.

    path (Union[str, Path, List]): One TSV file or several, read one after another.
    limit (int): Most texts to give, 0 for all.
    RETURNS (Callable[[Language], Iterator[Example]]): The reader; files are read once a set of
        categories.
    RAISES: XnerError: On reading, if a file is missing or faulty, see `read_tsv`, or a label is
        none of the categories.
    """
    paths = path if isinstance(path, list) else [path]
    cached: dict[tuple[str, ...], tuple[CategorySet, list[LabelledText]]] = {}

    def read(nlp: Language) -> Iterator[Example]:
        known = _labels(nlp)
        if known not in cached:
            cached[known] = _read_files(paths, known)
        categories, texts = cached[known]
        for text in texts[: limit or None]:
            yield to_example(text, categories.tags, nlp)

    return read


def _labels(nlp: Language) -> tuple[str, ...]:
    """The categories that the pipeline's classifiers know; none before they are initialised."""
    pipes = [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == "textcat"]
    return tuple(sorted({label for name in pipes for label in nlp.pipe_labels[name]}))


def _read_files(
    paths: Sequence[str | Path], known: Sequence[str]
) -> tuple[CategorySet, list[LabelledText]]:
    first = read_tsv(paths[0], known or None)
    categories = CategorySet.from_types(known) if known else categories_of(first)
    rest = [text for one in paths[1:] for text in read_tsv(one, categories.tags)]
    return categories, [*first, *rest]


def to_example(text: LabelledText, tags: Sequence[str], nlp: Language) -> Example:
    """Make an example of a text.

    text (LabelledText): The text.
    tags (Sequence[str]): All categories.
    nlp (Language): Cuts the text into tokens.
    RETURNS (Example): Its reference has `cats`.
    """
    predicted = nlp.make_doc(text.text)
    reference = predicted.copy()
    reference.cats = {tag: float(tag == text.label) for tag in tags}
    return Example(predicted, reference)
