"""Make a wheel of a sentiment student, `xx_xner_sentiment`, that needs spaCy alone."""

import tempfile
from pathlib import Path
from typing import Any

import spacy
import srsly
from sentiment_rows import Run
from spacy.cli.package import package

from spacy_xner.errors import XnerError

VERSION = "0.1.0"


def student_row(run: Run, target: str) -> dict[str, Any]:
    """Find the weighted F1 of the student of a target with seed 0.

    run (Run): What was measured.
    target (str): Its language.
    RETURNS (dict[str, Any]): The row.
    RAISES: XnerError: That student was not measured, or is not here any more.
    """
    keys = {"recipe": run.recipe, "role": "student", "seed": 0, "metric": "weighted_f1"}
    measured = run.bench.rows.find(**keys, config=str(run.student))
    rows = [
        row for row in measured if row["target"] == target and row["sources"] == run.sources(target)
    ]
    if not rows or not run.folder(target, 0).is_dir():
        names = ", ".join(sorted({row["target"] for row in measured})) or "none"
        raise XnerError(
            f"No student of {target!r} was measured here (--package-target): {run.bench.rows.path} "
            f"has {names}, and a student is to be in {run.folder(target, 0)}. Name one of the "
            "targets, or measure it with --target."
        )
    return rows[0]


def package_sentiment(run: Run, target: str, output: Path) -> None:
    """Package the student of a target with seed 0, and its row of the results.

    run (Run): What was measured.
    target (str): Its language.
    output (Path): Folder for the package and its wheel.
    RAISES: XnerError: See `student_row`.
    """
    row = student_row(run, target)
    meta = {
        "description": "Sentiment of tweets: positive, neutral or negative; learned from a teacher "
        "that saw no label of the language.",
        "license": "CC-BY-4.0",
        "author": "spacy-xner",
        "sources": [{"name": "AfriSenti (SemEval 2023)", "license": "CC-BY-4.0"}],
        "spacy_version": f">={spacy.__version__},<3.9.0",
        "languages": [target],
        "target_gold": "none: no label of the target language was seen",
        "performance": {"cats_weighted_f": row["value"] / 100},
    }
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "meta.json"
        srsly.write_json(path, meta)
        package(
            run.folder(target, 0),
            output,
            meta_path=path,
            name="xner_sentiment",
            version=VERSION,
            create_sdist=False,
            create_wheel=True,
            force=True,
        )
