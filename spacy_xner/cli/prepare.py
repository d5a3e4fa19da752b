"""`spacy xner prepare`: clean raw text for annotation."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..corpora.files import atomic_write
from ..corpora.raw import Counts, Exclusion, read_raw
from ..errors import XnerError

__all__ = ["prepare", "prepare_cli"]


def prepare_cli(
    output: Annotated[Path, typer.Argument(help="Text file to write, one text a line")],
    inputs: Annotated[
        list[Path],
        typer.Argument(help="Raw text, one text a line, or CoNLL files, whose tags are dropped"),
    ],
    exclude: Annotated[
        list[Path] | None,
        typer.Option(help="CoNLL or text file of dev or test sentences; repeatable"),
    ] = None,
    fix_encoding: Annotated[
        bool, typer.Option("--fix-encoding", help="Repair wrongly decoded text (ftfy)")
    ] = False,
) -> None:
    """Gather raw text: each text once, none that equals or contains a dev or test sentence."""
    try:
        counts = prepare(output, inputs, exclude=exclude or [], fix_encoding=fix_encoding)
    except XnerError as error:
        msg.fail("No text was written", str(error), exits=1)
    msg.table([(what, f"{count:,}") for what, count in asdict(counts).items()], aligns=("l", "r"))
    msg.good(f"Wrote {counts.kept:,} texts to {output}")


def prepare(
    output: Path | str,
    inputs: Iterable[Path | str],
    *,
    exclude: Iterable[Path | str] = (),
    fix_encoding: bool = False,
) -> Counts:
    """Write one file of clean raw text from raw text and CoNLL files.

    output (Path | str): File to write, one text a line; replaced as a whole or not at all.
    inputs (Iterable[Path | str]): Raw text files, one text a line, or CoNLL files, whose sentences
        are written as text without their tags.
    exclude (Iterable[Path | str]): CoNLL or raw text files; a text that equals or contains one of
        their sentences is dropped (after NFC, case folding, letters and digits only; containment
        for sentences of five tokens or more).
    fix_encoding (bool): Repair text that was decoded with the wrong encoding, by ftfy.
    RETURNS (Counts): What became of the lines.
    RAISES: XnerError, if a file cannot be read or written, or no text is left.
    """
    output = Path(output)
    exclusion = Exclusion.from_paths(exclude, fix_encoding=fix_encoding)
    texts, counts = read_raw(inputs, exclusion=exclusion, fix_encoding=fix_encoding)
    if not texts:
        raise XnerError(
            f"No text is left of {counts.read} lines: {counts.empty} empty, {counts.excluded} "
            "overlap the excluded files. Check that --exclude names dev and test files only."
        )
    with atomic_write(output) as file:
        file.write("".join(f"{text}\n" for text in texts).encode("utf8"))
    return counts
