"""The scripts that measure annotation projection, on a tiny encoder."""

import re
import sys

import pytest

from .project_helpers import ROOT, put, script
from .projection.made_up import SENTENCES, TRANSLATIONS, FakeSource
from .teacher.conftest import encoder, tiny_of

__all__ = ["encoder", "tiny_of"]

GOLD = """Amina B-PER
Bello I-PER
ya O
ziyarci O
Kano B-LOC
. O
"""


@pytest.fixture
def quality(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "scripts"), *sys.path])
    module = script("projection_quality")
    monkeypatch.setattr(module, "LAYERS", (1, 2))
    return module


def test_quality_of_every_setting_is_measured_on_names_and_on_gold(quality, encoder, tmp_path):
    for suffix, lines in (("en", SENTENCES), ("hau", TRANSLATIONS)):
        put(tmp_path / f"parallel/en-hau/text.{suffix}", "".join(f"{line}\n" for line in lines))
    put(tmp_path / "transfer_corpus/hau/train.txt", GOLD)
    default = quality.Setting(layer=1)
    rows = list(
        quality.measure(FakeSource(), encoder, tmp_path, ["hau"], default=default, limit=10)
    )
    settings = quality.settings(default)
    verbatim = [row for row in rows if row["test_set"] == "verbatim"]
    assert len(verbatim) == len(settings) == 9
    assert [row["layer"] for row in verbatim].count(2) == 1
    # Amina Bello, Kano, Amina, Abuja: each stands in the target as it is in the source.
    assert {row["n"] for row in verbatim} == {4}
    assert all(0 <= row["value"] <= 100 for row in rows)
    assert {row["metric"] for row in rows if row["test_set"] == "gold"} == {
        *("f1", "precision", "recall")
    }
    assert sum(row["default"] for row in verbatim) == 1


def test_gold_without_an_entity_says_nothing_of_quality(quality, encoder, tmp_path):
    for suffix, lines in (("en", SENTENCES), ("hau", TRANSLATIONS)):
        put(tmp_path / f"parallel/en-hau/text.{suffix}", "".join(f"{line}\n" for line in lines))
    put(tmp_path / "transfer_corpus/hau/train.txt", re.sub("[BI]-...", "O", GOLD))
    default = quality.Setting(layer=1)
    rows = quality.measure(FakeSource(), encoder, tmp_path, ["hau"], default=default, limit=10)
    assert {row["test_set"] for row in rows} == {"verbatim"}
