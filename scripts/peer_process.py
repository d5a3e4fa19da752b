"""Run one system, or one way to train, in a process of its own: `peer_costs.py` measures it.

Systems whose users have spaCy and nothing else run as there: torch, and what other packages add to
spaCy, are hidden.
"""

import importlib.util
import sys
import tempfile
from importlib.metadata import EntryPoint, distribution
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer()
FORMS = Path(__file__).resolve().parent.parent / "spacy_xner/distillation/forms.py"


@app.command()
def infer(
    system: Annotated[str, typer.Argument(help="Name of the system")],
    path: Annotated[Path, typer.Argument(help="Its folder")],
    text: Annotated[Path, typer.Argument(help="Raw text, a text a line")],
    batch_size: Annotated[int, typer.Option(help="Batch of the Hugging Face pipeline")] = 16,
) -> None:
    """Load a system and run it on a text."""
    from peer_systems import load, needs_spacy_alone

    if needs_spacy_alone(system):
        hide_the_rest()
    with tempfile.TemporaryDirectory() as scratch:
        run = load(system, path, Path(scratch), batch_size)
        run(text.read_text("utf8").splitlines())


@app.command()
def train(
    way: Annotated[str, typer.Argument(help="Name of the way to train")],
    work: Annotated[Path, typer.Argument(help="Folder of benchmark_main.py")],
    lang: Annotated[str, typer.Argument(help="Language of the text")],
    student: Annotated[Path, typer.Argument(help="Config of the student")],
    classifier: Annotated[Path, typer.Argument(help="The teacher as token classifier")],
    seconds: Annotated[float, typer.Argument(help="How long it trains")],
) -> None:
    """Train for some seconds."""
    import time

    from peer_race import Material

    with tempfile.TemporaryDirectory() as scratch:
        made = Material(work, lang, student, Path(scratch), classifier).ways()[way]()
        began = time.perf_counter()
        # A half: the loop of spaCy 4 has its teacher by then, and both are in memory.
        made.learn(0.0)
        while time.perf_counter() - began < seconds:
            made.learn(0.5)


def hide_the_rest() -> None:
    """Let spaCy find itself alone, with the one file that a student's wheel carries."""
    import catalogue

    hidden: Any = sys.modules
    hidden["torch"] = None
    found: dict[str, list[EntryPoint]] = {}
    for package in ("spacy", "spacy-legacy", "spacy-loggers"):
        for point in distribution(package).entry_points:
            found.setdefault(point.group, []).append(point)
    catalogue.AVAILABLE_ENTRY_POINTS = found
    spec: Any = importlib.util.spec_from_file_location("forms", FORMS)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


if __name__ == "__main__":
    app()
