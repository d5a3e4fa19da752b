"""`spacy xner report`: one HTML page of what a run has come to."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from wasabi import msg

from ..errors import XnerError

if TYPE_CHECKING:
    from ..evaluation.report import Inputs

__all__ = ["report", "report_cli"]

TEACHER = Path("training/teacher/model-best")
STUDENT = Path("training/student/model-last")
TEST = Path("corpus/test")
LIMIT = 200


def report_cli(
    folder: Annotated[Path, typer.Argument(help="Folder of the run: metrics/, training/, ...")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="HTML file [DIR/metrics/report.html]")
    ] = None,
    teacher: Annotated[
        Path | None, typer.Option("--teacher", help="[DIR/training/teacher/model-best]")
    ] = None,
    student: Annotated[
        Path | None, typer.Option("--student", help="[DIR/training/student/model-last]")
    ] = None,
    test: Annotated[
        list[Path] | None, typer.Option("--test", help="Gold files, or a folder [DIR/corpus/test]")
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--results", help="Folder of .jsonl rows [DIR/docs/results]")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="Sentences of each gold file that are looked at")
    ] = LIMIT,
    title: Annotated[str, typer.Option("--title", help="Heading")] = "Teacher and student",
    smoke_test: Annotated[
        bool, typer.Option("--smoke-test", help="Say that F1 means nothing (sample corpora)")
    ] = False,
) -> None:
    """Write one self-contained HTML page: scores, errors, calibration, explanations, provenance."""
    path = report(
        folder,
        output=output,
        teacher=teacher,
        student=student,
        test=test or (),
        results=results,
        limit=limit,
        title=title,
        smoke_test=smoke_test,
    )
    msg.good(f"Wrote the report ({path.stat().st_size / 1e3:.0f} kB)", str(path))


def report(
    folder: Path | str,
    *,
    output: Path | None = None,
    teacher: Path | None = None,
    student: Path | None = None,
    test: Sequence[Path] = (),
    results: Path | None = None,
    limit: int = LIMIT,
    title: str = "Teacher and student",
    smoke_test: bool = False,
) -> Path:
    """Write a report of a run.

    folder (Path | str): Folder of the run, laid out as the project's: `metrics/*.json` of
        `spacy xner evaluate`, models, `corpus/test`, `docs/results`, logs; any of them may lack.
    output (Path | None): The HTML file; `metrics/report.html` in the folder if not given.
    teacher (Path | None): The teacher, if it is elsewhere.
    student (Path | None): The student, if it is elsewhere.
    test (Sequence[Path]): Gold files or folders, if they are elsewhere.
    results (Path | None): Folder of rows, if it is elsewhere.
    limit (int): Sentences of each gold file that are looked at for errors.
    title (str): The heading.
    smoke_test (bool): Whether the page says that F1 means nothing.
    RETURNS (Path): The file.
    RAISES: XnerError where nothing can be reported, or a file that is named cannot be used.
    """
    from ..corpora.files import atomic_write
    from ..evaluation.provenance import command_line
    from ..evaluation.report import Inputs, report_page

    folder = Path(folder)
    if not folder.is_dir():
        raise XnerError(f"{folder}: no such folder; expected that of a run, with metrics/ in it.")
    inputs = Inputs(command=command_line(), smoke_test=smoke_test)
    _read_metrics(inputs, folder)
    _read_rows(inputs, results or folder / "docs" / "results", named=results is not None)
    _read_curves(inputs, folder / "training")
    models = {
        role: path
        for role, path, named in (
            ("teacher", teacher or folder / TEACHER, teacher is not None),
            ("student", student or folder / STUDENT, student is not None),
        )
        if named or path.exists()
    }
    _diagnose(inputs, models, list(test) or [folder / TEST], limit, named=bool(test))
    if not (inputs.metrics or inputs.rows or inputs.diagnoses):
        raise XnerError(
            f"{folder} holds nothing to report: no metrics/*.json, no docs/results/*.jsonl, and "
            f"no model with gold. Run `spacy xner evaluate --output {folder}/metrics/student.json`."
        )
    path = output or folder / "metrics" / "report.html"
    with atomic_write(path) as file:
        file.write(report_page(inputs, title).encode("utf8"))
    return path


def _read_metrics(inputs: "Inputs", folder: Path) -> None:
    for role in ("teacher", "student"):
        path = folder / "metrics" / f"{role}.json"
        if not path.exists():
            continue
        try:
            result: Any = json.loads(path.read_text("utf8"))
            result["files"], result["pooled"]["forms"]
        except (ValueError, KeyError, TypeError) as error:
            raise XnerError(
                f"{path} is no result of `spacy xner evaluate` ({type(error).__name__}: {error}). "
                "Run it again."
            ) from None
        inputs.metrics[role] = result
    if inputs.metrics:
        names = ", ".join(f"metrics/{role}.json" for role in inputs.metrics)
        inputs.files["metrics"] = f"{names} (spacy xner evaluate)"


def _read_rows(inputs: "Inputs", results: Path, *, named: bool) -> None:
    from ..evaluation.provenance import command_line
    from ..evaluation.results import ResultRows, check_row

    if named and not results.is_dir():
        raise XnerError(f"--results {results}: no such folder; expected .jsonl files of rows.")
    for path in sorted(results.glob("*.jsonl")):
        for row in ResultRows(path).read():
            try:
                check_row(row)
            except XnerError as error:
                raise XnerError(f"{path}: {error}") from None
            inputs.rows.append(row)
    if inputs.rows:
        inputs.files["rows"] = f"{command_line(['x', str(results)]).split()[-1]}/*.jsonl"


def _read_curves(inputs: "Inputs", folder: Path) -> None:
    """Read what spacy.ConsoleLogger.v3 wrote to its `output_file`."""
    found = []
    for path in sorted(folder.rglob("*log*.jsonl")) if folder.is_dir() else []:
        points = []
        for line in path.read_text("utf8", errors="replace").splitlines():
            try:
                row = json.loads(line)
                points.append((float(row["step"]), 100 * float(row["score"])))
            except (ValueError, KeyError, TypeError):
                continue  # a line that was cut off, or one without a score
        if points:
            inputs.curves[path.stem.removesuffix("-log")] = points
            found.append(path.name)
    if found:
        inputs.files["curves"] = f"{', '.join(found)} (spacy.ConsoleLogger.v3)"


def _diagnose(
    inputs: "Inputs", models: dict[str, Path], test: list[Path], limit: int, *, named: bool
) -> None:
    from ..evaluation.diagnosis import diagnose
    from ..evaluation.gold import TaggedSentence, read_gold
    from ..teacher.sources import load_source

    files: list[Path] = []
    for path in test:
        files += sorted(f for f in path.iterdir() if f.is_file()) if path.is_dir() else [path]
    files = [file for file in files if named or file.exists()]
    if not models or not files:
        return
    sentences: list[TaggedSentence] = []
    for file in files:
        sentences += list(read_gold(file))[:limit]
    for role, path in models.items():
        msg.info(f"{role}: {len(sentences)} sentences")
        inputs.diagnoses[role] = diagnose(load_source(path, precision="fp32"), sentences)
    said = f"first {limit} sentences of each of {', '.join(file.name for file in files)}"
    inputs.files["test"] = f"{' and '.join(models)} on the {said}"
