"""Recipes are short: each on top of the student's config makes a whole one."""

from pathlib import Path

import pytest
from spacy.util import load_config
from thinc.api import Config

from spacy_xner.distillation.config import load_student_config
from spacy_xner.distillation.recipe import load_recipe

ROOT = Path(__file__).parents[2]


FOLDER = ROOT / "configs" / "recipes"
ROUNDS = ("rounds", "together")  # they name two configs
RECIPES = sorted(path for path in FOLDER.glob("*.cfg") if path.stem not in ROUNDS)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
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


@pytest.mark.parametrize("name", ROUNDS)
def test_a_recipe_of_rounds_makes_two_whole_configs(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    recipe = load_recipe(FOLDER / f"{name}.cfg")
    assert recipe.assistant["nlp"]["pipeline"] == ["transformer", "xner_teacher"]
    assert recipe.student["nlp"]["pipeline"] == ["ner"]
    assert recipe.assistant["distillation"]["max_steps"] == 60
