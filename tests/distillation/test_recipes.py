"""Recipes are short: each on top of the student's config makes a whole one."""

from pathlib import Path

import pytest
from spacy.util import load_config
from thinc.api import Config

from spacy_xner.distillation.config import load_student_config

ROOT = Path(__file__).parents[2]


RECIPES = sorted((ROOT / "configs" / "recipes").glob("*.cfg"))


@pytest.mark.parametrize(
    # Those of `spacy xner rounds` name two configs; tests/distillation/test_rounds.py reads them.
    "recipe",
    [path for path in RECIPES if path.stem not in ("rounds", "together")],
    ids=lambda p: p.stem,
)
def test_a_recipe_fits_the_student_config(recipe):
    own = load_config(recipe, interpolate=False)
    base = load_config(ROOT / "configs" / "student.cfg", interpolate=False)
    whole = load_student_config(Config(base.merge(own))).interpolate()
    for section, block in own.items():
        for key, value in block.items():
            if isinstance(value, dict) and "@misc" in value:
                assert whole[section][key]["@misc"] == value["@misc"]
    assert whole["corpora"]["distillation"]["split"] == "train"
    assert set(whole["distillation"]["ensemble"]) >= {"@misc"}
