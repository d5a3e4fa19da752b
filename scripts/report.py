"""Print what a run of the project has come to, and how to load the student."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from wasabi import msg

from spacy_xner.cli.report import report

FORMS = ("tokens", "raw")
SYSTEMS = ("teacher", "student")
SHOWN = 100  # sentences of each test set that the HTML report looks at


def main(
    dataset: Annotated[str, typer.Argument(help="vars.dataset of the run")],
    metrics: Annotated[Path, typer.Argument(help="Folder of teacher.json and student.json")],
    packages: Annotated[Path, typer.Argument(help="Folder of the wheel")],
) -> None:
    """Print results, wheel and the line that loads the student, and write the HTML report."""
    results = {name: srsly.read_json(metrics / f"{name}.json") for name in SYSTEMS}
    header = ("F1", *(f"{name}, {form}" for form in FORMS for name in SYSTEMS))
    aligns = ("l", *"r" * (len(header) - 1))
    msg.table(list(rows(results)), header=header, divider=True, aligns=aligns)
    if dataset == "sample":
        msg.warn(
            "This was a smoke test: these F1 are no result",
            "Teacher and student learned from this project's own sample corpora and were scored on "
            "them. Build from real data with `--vars.dataset masakhaner`; see README.md.",
        )
    wheel = newest_wheel(packages)
    if wheel is None:
        msg.fail(f"There is no wheel in {packages}", "Run `spacy project run package`.", exits=1)
    # Rows of real benchmarks are no baselines of a smoke test.
    smoke_test = dataset == "sample"
    rows_of = metrics if smoke_test else None
    page = report(metrics.parent, results=rows_of, limit=SHOWN, smoke_test=smoke_test)
    msg.good(f"{page}: open it in a browser")
    module = wheel.name.split("-")[0]
    msg.good(f"{wheel} ({wheel.stat().st_size / 1e6:.1f} MB)")
    print(f'\n    pip install {wheel}\n    nlp = spacy.load("{module}")\n')


def rows(results: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Lay out F1 by test set.

    results (Mapping[str, Any]): What `spacy xner evaluate` wrote, by system.
    YIELDS (tuple[str, ...]): A test set, then F1 of teacher and student in each form; the last row
        is all test sets together.
    """
    for path in results["student"]["files"]:
        files = {name: result["files"].get(path) for name, result in results.items()}
        yield (Path(path).stem, *_scores(files))
    if len(results["student"]["files"]) > 1:
        yield ("all", *_scores({name: result["pooled"] for name, result in results.items()}))


def _scores(scored: Mapping[str, Any]) -> Iterator[str]:
    for form in FORMS:
        for name in SYSTEMS:
            forms = (scored[name] or {"forms": {}})["forms"]
            yield f"{forms[form]['f1']:.1f}" if form in forms else ""


def newest_wheel(packages: Path) -> Path | None:
    """Find the wheel that was made last.

    packages (Path): Folder that `scripts/package.py` wrote to.
    RETURNS (Path | None): The wheel, if there is one.
    """
    wheels = sorted(packages.glob("*/dist/*.whl"), key=lambda path: path.stat().st_mtime)
    return wheels[-1] if wheels else None


if __name__ == "__main__":
    typer.run(main)
