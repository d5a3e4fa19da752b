"""README's Python runs, and what it names exists."""

import re
import shlex
from pathlib import Path

import pytest
import srsly
from mktestdocs import grab_code_blocks
from spacy.cli import app as spacy_app
from typer.main import get_command

from spacy_xner.cli import app
from spacy_xner.cli.tables import tables

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf8")
BLOCKS = grab_code_blocks(README, lang="python")


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_python_of_the_readme_runs(number, monkeypatch):
    monkeypatch.chdir(ROOT)
    exec(compile(BLOCKS[number], f"README.md, Python block {number + 1}", "exec"), {})


def test_readme_has_python_to_run():
    assert len(BLOCKS) >= 3
    assert all("assert" in block for block in BLOCKS)


def test_commands_and_options_of_the_readme_exist():
    commands = get_command(app).commands
    lines = [line for line in re.findall(r"spacy xner [^`\n]*", README) if "COMMAND" not in line]
    for line in lines:
        name = line.split()[2]
        assert name in commands, line
        options = {opt for param in commands[name].params for opt in param.opts}
        # `distill` takes config values as --section.key.
        given = {each for each in re.findall(r"--[\w.-]+", line) if "." not in each}
        assert given <= options | {"--help"}, line
    assert {line.split()[2] for line in lines} == set(commands)


def test_vars_and_steps_of_the_readme_are_those_of_the_project():
    project = srsly.read_yaml(ROOT / "project.yml")
    assert set(re.findall(r"--vars\.(\w+)", README)) <= set(project["vars"])
    steps = re.findall(r"^\| (\w+) \| `(?:spacy|python)", README, re.MULTILINE)
    assert steps == project["workflows"]["all"]


def test_spacy_takes_the_project_commands_of_the_readme(monkeypatch):
    monkeypatch.chdir(ROOT)
    workflows = srsly.read_yaml(ROOT / "project.yml")
    known = {*workflows["workflows"], *(command["name"] for command in workflows["commands"])}
    run = get_command(spacy_app).commands["project"].commands["run"]
    lines = re.findall(r"spacy project run ((?:[^`\n\\]|\\\n)*)", README)
    assert len(lines) >= 5
    for line in lines:
        given = run.make_context("run", shlex.split(line, comments=True)).params
        assert given["subcommand"] in known, line
        assert given["project_dir"] == Path.cwd() or str(given["project_dir"]) == ".", line


def test_links_of_the_readme_lead_somewhere():
    targets = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


@pytest.mark.parametrize(
    "name", ["README.md", "docs/experiments.md", "docs/peers.md", "docs/multimodal.md"]
)
def test_tables_are_those_of_the_rows(name):
    assert not tables(ROOT / name, ROOT / "docs/results", check=True), "run `spacy xner tables`"
