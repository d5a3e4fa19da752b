"""Files of marked sentences: entities in brackets before translation and after it."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from ..corpora.files import atomic_write
from ..errors import XnerError
from ..tags import TagSet, decode, spans_from_iob2
from ..teacher.annotate import text_fingerprint
from ..teacher.sources import ProbabilitySource
from .candidates import MarkedCandidates
from .markers import read_marked, write_marked
from .parallel import iter_lines
from .translation import Translator, translate_file

__all__ = ["marked_candidates", "translate_marked_file"]

CHUNK = 1000


def translate_marked_file(
    translator: Translator,
    source: ProbabilitySource,
    text: str | Path,
    target: str | Path,
    *,
    report: Callable[[int], None] = lambda lines: None,
) -> None:
    """Translate a file with its entities in brackets; go on where an interrupted run stopped.

    Beside the target stand `<target>.source-marked` and `<target>.marked`, the lines with brackets,
    and `<target>.marked-by`, what they were made by.

    translator (Translator): Translates.
    source (ProbabilitySource): Finds the entities.
    text (str | Path): Text, a sentence a line.
    target (str | Path): The file to write, without brackets.
    report (Callable[[int], None]): Called with the lines done.
    RAISES: XnerError: As `translate_file`; `source` gives categories; or what stands there was
        begun with another text, tagger or translator.
    """
    target = Path(target)
    before = target.with_name(target.name + ".source-marked")
    after = _marked_path(target)
    _check_origin(
        target, [source.fingerprint, text_fingerprint(Path(text)), translator.fingerprint]
    )
    if not before.exists():
        with atomic_write(before) as file:
            for line in _mark(source, Path(text)):
                file.write(line.encode("utf8") + b"\n")
    if not after.exists():
        translate_file(translator, before, after, report=report)
    with atomic_write(target) as file:
        for line in iter_lines(after):
            file.write(read_marked(line)[0].encode("utf8") + b"\n")


def _check_origin(target: Path, origin: list[str]) -> None:
    """Refuse to go on with what was begun by others; write down by whom it is begun."""
    stamp, said = target.with_name(target.name + ".marked-by"), json.dumps(origin)
    if stamp.exists() and stamp.read_text("utf8") != said:
        raise XnerError(
            f"{stamp} says that {target} was begun with another text, tagger or translator. "
            f"Delete all files {target.name}.* beside it, or name another target."
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(stamp) as file:
        file.write(said.encode("utf8"))


def marked_candidates(target: str | Path) -> MarkedCandidates:
    """Give the bracketed spans of a file that `translate_marked_file` wrote.

    target (str | Path): The file without brackets.
    RETURNS (MarkedCandidates): The candidates.
    RAISES: XnerError: There is no marked file beside it.
    """
    path = _marked_path(Path(target))
    if not path.is_file():
        raise XnerError(
            f"{target} was not translated with markers: there is no {path.name} beside it. Delete "
            "or rename it, and it is made anew."
        )
    return MarkedCandidates(path, text_fingerprint(path))


def _marked_path(target: Path) -> Path:
    return target.with_name(target.name + ".marked")


def _mark(source: ProbabilitySource, text: Path) -> Iterator[str]:
    tagset = source.tagset
    if not isinstance(tagset, TagSet):
        raise XnerError("The source pipeline gives categories; only entities are marked.")
    lines = iter_lines(text)
    while chunk := list(islice(lines, CHUNK)):
        docs = [source.nlp.make_doc(line) for line in chunk]
        for doc, probs in zip(docs, source.predict(docs), strict=True):
            spans = spans_from_iob2(decode(np.asarray(probs), tagset))
            parts = [doc[start:end] for start, end, _ in spans]
            yield write_marked(doc.text, [(part.start_char, part.end_char) for part in parts])
