"""Mistakes on the command line end in a message and not in a traceback."""

import pytest
import spacy
from typer.testing import CliRunner

from spacy_xner.cli import app

from ..distillation.made_up import CONFIG


@pytest.fixture
def place(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": "Kano"}])
    nlp.to_disk(tmp_path / "ruler")
    (tmp_path / "hau.txt").write_text("Kano ce\n", "utf8")
    (tmp_path / "gold.conll").write_text("Kano B-LOC\nce O\n", "utf8")
    (tmp_path / "student.cfg").write_text(CONFIG, "utf8")
    return tmp_path


def told(*arguments):
    """What a command prints that the user got wrong."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    return " ".join(result.output.split())


@pytest.mark.skipif(spacy.prefer_gpu(), reason="there is a GPU")
@pytest.mark.parametrize("command", ["annotate", "distill", "evaluate", "project-labels", "rounds"])
def test_a_gpu_that_is_not_there(command, place):
    of = {
        "annotate": (place / "ruler", place / "hau.txt", place / "out", "--confidence", 0.9),
        "distill": (place / "student.cfg", "--teacher", place / "ruler", "--output", place / "s"),
        "evaluate": (place / "ruler", place / "gold.conll"),
        "project-labels": (
            *(place / "ruler", place / "hau.txt", place / "hau.txt", place / "out"),
            *("--encoder", place / "none"),
        ),
        "rounds": (
            *(place / "student.cfg", "--teacher", place / "ruler", "--text", place / "hau.txt"),
            *("--output", place / "out"),
        ),
    }
    assert "--gpu-id 0: " in told(command, *of[command], "--gpu-id", 0)


def test_an_option_that_is_none(place):
    given = (place / "student.cfg", "--teacher", place / "ruler", "--output", place / "s")
    assert "no option --bogus: expected --section.key VALUE" in told("distill", *given, "--bogus")


def test_a_language_code_that_is_none(place):
    given = (place / "ruler", place / "hau.txt", place / "out", "--confidence", 0.9)
    assert "--lang is '!!'" in told("annotate", *given, "--lang", "!!")


def test_an_output_that_cannot_be_written(place):
    output = place / "hau.txt" / "scores.json"
    assert "hau.txt" in told("evaluate", place / "ruler", place / "gold.conll", "--output", output)
    assert "hau.txt" in told("init", "hau", "--output", place / "hau.txt" / "configs")
