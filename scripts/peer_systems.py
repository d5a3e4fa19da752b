"""The systems of one comparison: which are there, where each stands, and how each is loaded."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from peers import (
    STOCK,
    System,
    export_classifier,
    export_onnx,
    export_same_width,
    load_hf,
    load_onnx,
    spacy_pipeline,
    stock_ner,
)
from wasabi import msg

__all__ = ["annotation", "export", "load", "needs_spacy_alone", "recipe_of", "teachers"]

LEFT_OUT = (ImportError, OSError, ValueError, RuntimeError)


def teachers() -> list[str]:
    """Give the names of the teacher in each precision that this processor computes in."""
    from spacy_xner.teacher.precision import has_bf16

    return ["teacher-fp32", *(["teacher-bf16"] if has_bf16("cpu") else [])]


def recipe_of(system: str) -> str:
    """Give the `recipe` of a system's rows."""
    return "annotate" if system.startswith("teacher") else "infer"


def needs_spacy_alone(system: str) -> bool:
    """Tell whether a system's users have spaCy and nothing else of ours."""
    return system == "student" or system.startswith("spacy-") or system in STOCK


def export(teacher: Path, student: Path, folder: Path) -> dict[str, Path]:
    """Write the systems that are no pipelines of ours; say which are left out, and why.

    teacher (Path): Our teacher.
    student (Path): Our student.
    folder (Path): Folder to write into.
    RETURNS (Dict[str, Path]): Folder of each system.
    """
    from spacy_xner.teacher.sources import load_source

    folder.mkdir(parents=True, exist_ok=True)
    found = {**dict.fromkeys(teachers(), teacher), "student": student}
    source = load_source(teacher, precision="fp32")
    makers: dict[str, Callable[[Path], Path]] = {
        "spacy-same-width": lambda out: export_same_width(student, out),
        **{name: partial(_installed, package) for name, package in STOCK.items()},
        "hf-pipeline": lambda out: export_classifier(source, out),
        "onnxruntime": lambda out: export_onnx(found["hf-pipeline"], out),
    }
    for name, make in makers.items():
        try:
            found[name] = make(folder / name)
        except LEFT_OUT as error:
            reason = str(error).strip() or "no reason given"
            msg.warn(f"{name} is left out", f"{type(error).__name__}: {reason.splitlines()[0]}")
    return found


def _installed(package: str, folder: Path) -> Path:
    """Folder of an installed pipeline that this spaCy can load and run; nothing is written."""
    import spacy

    path = Path(spacy.load(package).path)
    stock_ner(path)("Kano")
    return path


def load(system: str, path: Path, scratch: Path, batch_size: int = 16) -> System:
    """Load one system.

    system (str): Its name.
    path (Path): Where `export` put it.
    scratch (Path): Folder for what it writes.
    batch_size (int): Batch of the Hugging Face pipeline.
    RETURNS (Callable[[List[str]], Any]): Does all the work on raw texts before it returns.
    """
    if system.startswith("teacher-"):
        from spacy_xner.teacher.sources import load_source

        return annotation(load_source(path, precision=system.partition("-")[2]), scratch)
    if system == "hf-pipeline":
        return load_hf(path, batch_size)
    if system == "onnxruntime":
        return load_onnx(path)
    return spacy_pipeline(stock_ner(path))


def annotation(source: Any, folder: Path) -> System:
    """Annotation from raw strings to a finished folder, a new one each time: it would resume."""
    import tempfile

    from spacy_xner.teacher.annotate import annotate_documents

    def run(batch: list[str]) -> Any:
        text = Path(tempfile.mkdtemp(dir=folder)) / "text.txt"
        text.write_text("\n".join(batch), "utf8")
        return annotate_documents(source, text, text.with_suffix(""))

    return run
