"""`spacy xner tables`: render README's tables from the rows of results."""

import os
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from ..errors import XnerError

README = Path("README.md")
RESULTS = Path("docs/results")


def tables_cli(
    readme: Annotated[Path, typer.Argument(help="Markdown file with the markers")] = README,
    results: Annotated[
        Path, typer.Option("--results", help="Folder of the .jsonl files of rows")
    ] = RESULTS,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a table is stale")
    ] = False,
) -> None:
    """Render the tables of README from the rows of results, between their markers."""
    try:
        stale = tables(readme, results, check=check)
    except XnerError as err:
        msg.fail("No tables rendered", str(err), exits=1)
    if check and stale:
        msg.fail(f"Tables in {readme} are stale", "Run `spacy xner tables`.", exits=1)
    msg.good(f"Rendered the tables of {readme}" if stale else f"Tables of {readme} are up to date")


def tables(readme: Path = README, results: Path = RESULTS, *, check: bool = False) -> bool:
    """Render the tables of a README from rows of results.

    readme (Path): Markdown file with `<!-- results:NAME -->` markers.
    results (Path): Folder of the `.jsonl` files.
    check (bool): Write nothing.
    RETURNS (bool): Whether the README was stale.
    RAISES: XnerError where the README is missing or its markers are wrong.
    """
    from ..evaluation.tables import render_readme

    readme, results = Path(readme), Path(results)
    if not readme.is_file():
        raise XnerError(f"{readme}: no such file; expected a Markdown file with result markers.")
    old = readme.read_text("utf8")
    shown_as = Path(os.path.relpath(results, readme.parent)).as_posix()
    new = render_readme(old, results, shown_as=shown_as)
    if not check and new != old:
        readme.write_text(new, "utf8")
    return new != old
