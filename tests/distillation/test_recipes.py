"""Recipes are short: each on top of the student's config makes a whole one."""

from pathlib import Path

import pytest
from spacy.util import load_config

from spacy_xner.distillation.config import (
    load_student_config,
    resolve_distillation,
    with_teachers,
)
from spacy_xner.distillation.recipe import load_recipe, with_recipes

from .made_up import tagged_sentences

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "configs" / "recipes"
BASE = ROOT / "configs" / "student.cfg"
ROUNDS = ("rounds", "together")  # they name two configs
RECIPES = sorted(path for path in FOLDER.rglob("*.cfg") if path.stem not in ROUNDS)


def values(section, above=""):
    """Values of a config by dotted key; of a function that is named, the arguments too."""
    found = {}
    for key, value in section.items():
        inside = isinstance(value, dict) and value
        found |= values(value, f"{above}{key}.") if inside else {above + key: value}
    return found


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    path = tmp_path_factory.mktemp("gold") / "gold.conll"
    blocks = ["\n".join(map(" ".join, zip(*one, strict=True))) for one in tagged_sentences(100)]
    path.write_text("\n\n".join(blocks) + "\n", "utf8")
    return str(path)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_on_top_of_the_student_config_is_built_as_it_says(recipe, gold):
    own = load_config(recipe, interpolate=False)
    paths = {key: gold if key == "gold" else f"of/{key}" for key in own["paths"]}
    paths.pop("sources", None)
    whole = load_student_config(
        with_recipes(BASE, [recipe]), {f"paths.{key}": path for key, path in paths.items()}
    )
    expected = values(own) | {f"paths.{key}": path for key, path in paths.items()}
    assert expected.items() <= values(whole).items()
    teachers = [f"of/{key}" for key in own["distillation"]["teachers"] if key != "gold"]
    few = ["of/gold_labels"] if "gold" in own["distillation"]["teachers"] else []
    assert with_teachers(whole, [])["paths"]["soft_labels"] == teachers + few
    block = resolve_distillation(whole.interpolate())  # refuses arguments that no function has
    plain = resolve_distillation(load_student_config(BASE).interpolate())
    for name in ("ensemble", "weighting"):
        function = getattr(block, name)
        is_plain = _kind(function) == _kind(getattr(plain, name))
        assert is_plain == (name not in own["distillation"])


def _kind(function):
    return getattr(function, "__qualname__", type(function).__qualname__)


@pytest.mark.parametrize("name", ROUNDS)
def test_a_recipe_of_rounds_changes_what_it_says_of_two_whole_configs(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    own = load_config(FOLDER / f"{name}.cfg", interpolate=False)
    recipe = load_recipe(FOLDER / f"{name}.cfg")
    assert recipe.rounds == own["rounds"]["rounds"]
    for student in ("assistant", "student"):
        base = values(load_student_config(own["rounds"][student]))
        made = values(getattr(recipe, student))
        differing = {key: value for key, value in made.items() if base.get(key) != value}
        assert differing == values(own[student])
        assert made.keys() == base.keys()  # a key that is none would be one more
        resolve_distillation(getattr(recipe, student).interpolate())
    assert recipe.assistant["distillation"]["max_steps"] == 60
    assert recipe.assistant["nlp"]["pipeline"] == ["transformer", "xner_teacher"]
    assert recipe.student["nlp"]["pipeline"] == ["ner"]
