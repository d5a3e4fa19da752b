"""Every registered name can be resolved, and every name that a config uses is registered."""

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
import spacy
from spacy.util import registry

ROOT = Path(__file__).parent.parent
OURS = list(distribution("spacy-xner").entry_points)
REGISTERED = [entry for entry in OURS if entry.group != "spacy_cli"]
CONFIGS = [*ROOT.glob("configs/*.cfg"), *ROOT.glob("spacy_xner/**/*.cfg")]
USED = sorted(
    {
        (kind, name)
        for path in CONFIGS
        for kind, name in re.findall(r'@(\w+) = "(spacy-xner\.[^"]+)"', path.read_text("utf8"))
    }
)


@pytest.mark.parametrize("entry", REGISTERED, ids=lambda entry: entry.name)
def test_every_entry_point_resolves(entry):
    kind = entry.group.removeprefix("spacy_")
    spacy.blank("xx")  # the first pipeline reads the factories
    found = registry.get(kind, entry.name)
    assert found is entry.load()
    assert callable(found)


def test_names_follow_their_pattern():
    names = {entry.name for entry in REGISTERED}
    assert "xner_teacher" in names
    pattern = re.compile(r"spacy-xner\.(([A-Z][a-z]*)+|[a-z]+(_[a-z]+)*)\.v\d+")
    assert [n for n in names - {"xner_teacher"} if not pattern.fullmatch(n)] == []


def test_the_metadata_that_is_installed_is_that_of_setup_py():
    listed = re.findall(r'"(spacy-xner\.\S+) = ', (ROOT / "setup.py").read_text("utf8"))
    installed = [entry.name for entry in REGISTERED if entry.name.startswith("spacy-xner.")]
    assert sorted(listed) == sorted(installed), "install the package again: pip install -e ."


@pytest.mark.parametrize(("kind", "name"), USED)
def test_every_name_in_a_config_resolves(kind, name):
    assert callable(registry.get(kind, name))


def test_configs_were_found():
    assert {path.name for path in CONFIGS} >= {"student.cfg", "teacher.cfg", "default.cfg"}
    assert len(USED) >= 4
