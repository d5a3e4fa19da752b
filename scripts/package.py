"""Make a wheel of the student, with a meta.json that says what it was built from."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import spacy
import srsly
import typer
from spacy.cli.package import package
from spacy.util import registry

from spacy_xner.distillation import forms

SMOKE_TEST = (
    "Built from this project's own sample corpora. It shows that the build works and is of no use "
    "on real text; its scores say nothing about any language."
)
FORMS = "spacy-xner.composed_forms.v1"
SAMPLES = Path("assets/samples")
DATASETS = {
    "sample": {"license": "MIT", "description": SMOKE_TEST, "sources": "assets/samples"},
    "masakhaner": {
        "license": "CC-BY-NC-4.0",
        "description": "People, organisations and places, learned from a teacher without gold of "
        "the target languages. The data's licence forbids commercial use.",
        "sources": "MasakhaNER 2.0 (CC-BY-NC 4.0), CoNLL-2003 (research only)",
    },
}


def performance(result: dict[str, Any]) -> dict[str, Any]:
    """Scores under the names that spaCy's pipelines use, as shares of 1.

    result (dict[str, Any]): What `spacy xner evaluate` wrote.
    RETURNS (dict[str, Any]): `ents_p`, `ents_r`, `ents_f`, and `ents_f_by_file`.
    """
    pooled = result["pooled"]["forms"]["tokens"]
    scores = {"ents_p": "precision", "ents_r": "recall", "ents_f": "f1"}
    files = {Path(path).stem: each["forms"]["tokens"] for path, each in result["files"].items()}
    return {name: pooled[key] / 100 for name, key in scores.items()} | {
        "ents_f_by_file": {name: each["f1"] / 100 for name, each in files.items()}
    }


def target_gold(seen: str, with_gold: list[str]) -> str:
    """Say what gold of the languages was seen.

    seen (str): What the student says itself, "none..." if it learned from soft labels alone.
    with_gold (list[str]): Those of its languages that taught its teacher.
    RETURNS (str): A sentence for `meta.json`.
    """
    said = [] if seen.startswith("none") else [seen]
    if with_gold:
        said.append(f"the gold of {', '.join(with_gold)} taught; none of the others was seen")
    return "; ".join(said) or "none: no gold of the target languages was seen"


@contextmanager
def _without_entry_points() -> Iterator[None]:
    """Let spaCy find callbacks in the code that is packaged, so that the wheel needs no other."""
    before, registry.callbacks.entry_points = registry.callbacks.entry_points, False
    try:
        yield
    finally:
        registry.callbacks.entry_points = before


def main(
    dataset: str,
    student: Path,
    output: Path,
    name: str = "xner_student",
    version: str = "0.1.0",
    metrics: Path = Path("metrics/student.json"),
    raw: Path = Path("corpus/raw"),
    source: str = "en",
) -> None:
    """Make a wheel of the student."""
    samples = {path.name for path in SAMPLES.iterdir()}
    languages = sorted(path.stem for path in raw.glob("*.txt"))
    # A sample build takes a language that has no samples from the real data.
    own = dataset == "sample" and samples.issuperset(languages)
    about = DATASETS["sample" if own else "masakhaner"]
    with_gold = sorted(set(source.split()) & set(languages))
    seen = str(srsly.read_json(student / "meta.json").get("target_gold") or "none")
    meta = {
        "description": about["description"],
        "license": about["license"],
        "author": "spacy-xner",
        "sources": [{"name": about["sources"], "license": about["license"]}],
        "spacy_version": f">={spacy.__version__},<3.9.0",
        "languages": languages,
        "target_gold": target_gold(seen, with_gold),
        "smoke_test": dataset == "sample",
        "performance": performance(srsly.read_json(metrics)),
    }
    output.mkdir(parents=True, exist_ok=True)
    # The package carries the code of what its config names, so that it does not require ours.
    code = FORMS in (student / "config.cfg").read_text("utf8")
    with tempfile.TemporaryDirectory() as folder, _without_entry_points():
        path = Path(folder) / "meta.json"
        srsly.write_json(path, meta)
        package(
            student,
            output,
            meta_path=path,
            name=name,
            version=version,
            code_paths=[Path(forms.__file__)] if code else [],
            create_sdist=False,
            create_wheel=True,
            force=True,
        )


if __name__ == "__main__":
    typer.run(main)
