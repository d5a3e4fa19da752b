"""The `[distillation]` block: what it fills in, and what it refuses."""

from pathlib import Path

import pytest
import spacy
from typer.testing import CliRunner

from spacy_xner.cli import app
from spacy_xner.distillation import loop
from spacy_xner.distillation.config import load_student_config, resolve_distillation
from spacy_xner.distillation.recipe import with_recipes
from spacy_xner.errors import XnerError

from .made_up import CONFIG, config_of, run, soft_labels, tagged_sentences, write_labels

ROOT = Path(__file__).parents[2]


def with_key(line):
    return CONFIG.replace("[distillation]\n", f"[distillation]\n{line}\n")


def test_what_the_block_leaves_out_is_filled_in():
    block = resolve_distillation(load_student_config(config_of()).interpolate())
    assert (block.corpus, block.dropout, block.max_steps) == ("corpora.distillation", 0.1, 0)
    assert (block.temperature, block.alpha, block.checkpoint_every) == (1.0, 0.0, 0)
    assert block.entity_weight == 1.0
    # What it says itself stays: of a function that is named, only arguments are filled in.
    assert block.max_epochs == 2
    assert block.optimizer.learn_rate == 0.01


def test_another_optimizer_does_not_inherit_settings():
    text = CONFIG.replace('@optimizers = "Adam.v1"', '@optimizers = "SGD.v1"')
    block = load_student_config(config_of(text)).interpolate()["distillation"]
    assert block["optimizer"] == {"@optimizers": "SGD.v1", "learn_rate": 0.01}


def test_overrides_reach_into_the_block():
    overrides = {"distillation.alpha": 0.5, "distillation.optimizer.learn_rate": 0.5}
    block = load_student_config(config_of(), overrides)["distillation"]
    assert (block["alpha"], block["optimizer"]["learn_rate"]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("wrong", "nearest"),
    [("temprature", "temperature"), ("max_epoch", "max_epochs"), ("optimiser", "optimizer")],
)
def test_unknown_keys_are_refused_with_the_nearest(wrong, nearest, tmp_path):
    expected = f"no key '{wrong}'. Did you mean '{nearest}'"
    (tmp_path / "student.cfg").write_text(with_key(f"{wrong} = 1"), "utf8")
    with pytest.raises(XnerError, match=expected):
        load_student_config(tmp_path / "student.cfg")
    with pytest.raises(XnerError, match=expected):
        load_student_config(config_of(), {f"distillation.{wrong}": 1})


def test_unknown_keys_of_training_are_refused_too():
    with pytest.raises(XnerError, match=r"\[training\] has no key 'patiense'.*'patience'"):
        load_student_config(config_of(), {"training.patiense": 7})


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("temperature", 0, "a number above 0"),
        ("temperature", "high", "a number"),
        ("alpha", 1.5, "from 0 to 1"),
        ("entity_weight", 0, "a number above 0, or null"),
        ("entity_weight", "high", "a number above 0, or null"),
        ("entity_weight", True, "a number above 0, or null"),
        ("dropout", 1.0, "from 0 to under 1"),
        ("max_epochs", -1, "or more"),
        ("max_epochs", 0, "Nothing would end"),
        ("max_epochs", 1.5, "a whole number"),
        ("max_steps", -1, "or more"),
        ("checkpoint_every", -1, "or more"),
        ("batcher.sise", 3, "sise"),
    ],
)
def test_wrong_values_are_errors(key, value, expected):
    config = load_student_config(config_of(), {f"distillation.{key}": value})
    with pytest.raises(XnerError, match=expected):
        resolve_distillation(config.interpolate())


def test_a_missing_config_is_an_error(tmp_path):
    with pytest.raises(XnerError, match=r"no student config at .*student\.cfg"):
        load_student_config(tmp_path / "student.cfg")


@pytest.mark.parametrize("text", ["no section", "[a\nb = 1"])
def test_a_file_that_is_no_config_is_an_error(text, tmp_path):
    (tmp_path / "student.cfg").write_text(text, "utf8")
    with pytest.raises(XnerError, match=r"student\.cfg is not a config"):
        load_student_config(tmp_path / "student.cfg")


def test_an_override_of_a_section_that_is_not_there_is_an_error():
    with pytest.raises(XnerError, match=r"do not fit the config: vars\.size"):
        load_student_config(config_of(), {"vars.size": 1})


def test_a_pipeline_without_ner_is_an_error(labels):
    config = config_of(nlp__pipeline=[])
    config["components"] = {}
    with pytest.raises(XnerError, match='factory = "ner"'):
        run(labels, config=config)


def test_a_corpus_that_is_not_soft_labels_is_an_error(labels):
    text = CONFIG.replace(
        '@readers = "spacy-xner.SoftLabelCorpus.v1"', '@readers = "spacy.JsonlCorpus.v1"', 1
    ).replace('split = "train"\nheld_out = 0.2', "limit = 3", 1)
    text = text.replace("path = ${paths.soft_labels}\nlimit", 'path = "x.jsonl"\nlimit')
    with pytest.raises(XnerError, match="does not read soft labels"):
        run(labels, config=config_of(text))


def test_the_command_prints_the_fault_and_exits_with_one(labels, tmp_path):
    (tmp_path / "student.cfg").write_text(CONFIG, "utf8")
    command = ["distill", str(tmp_path / "student.cfg"), "--teacher", str(labels)]
    command += ["--output", str(tmp_path / "out"), "--distillation.temprature", "2"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "Did you mean 'temperature'" in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


RECIPE = """
[paths]
english = null
other = null
[distillation]
max_epochs = 1
[distillation.teachers]
[distillation.teachers.english]
path = ${paths.english}
[distillation.teachers.other]
path = ${paths.other}
[distillation.ensemble]
@misc = "spacy-xner.inferred_reliability.v1"
"""


def test_the_command_puts_a_recipe_on_top_of_a_config(labels, tmp_path):
    docs = soft_labels(tagged_sentences(), sure=0.7)
    other = write_labels(tmp_path / "other", docs, teacher="cc33")
    (tmp_path / "student.cfg").write_text(CONFIG, "utf8")
    (tmp_path / "recipe.cfg").write_text(RECIPE, "utf8")
    command = ["distill", str(tmp_path / "student.cfg"), "--recipe", str(tmp_path / "recipe.cfg")]
    command += ["--output", str(tmp_path / "out"), "--paths.english", str(labels)]
    result = CliRunner().invoke(app, [*command, "--paths.other", str(other)])
    assert result.exit_code == 0, result.output
    assert spacy.load(tmp_path / "out/model-last").pipe_names == ["ner"]
    result = CliRunner().invoke(app, [*command, "--paths.other", str(labels)])
    assert result.exit_code == 1
    assert "same teacher" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("uniform", r"uniform\.cfg has no \[nlp\], \[components\], \[corpora\].*--recipe"),
        ("balanced", r"balanced\.cfg has no \[nlp\], \[components\]: it is not the whole"),
        ("together", r"together\.cfg has \[rounds\].*spacy xner rounds"),
    ],
)
def test_a_recipe_in_place_of_a_config_is_an_error_that_tells_the_command(name, fault, labels):
    recipe = ROOT / f"configs/recipes/{name}.cfg"
    with pytest.raises(XnerError, match=fault):
        loop.distill(labels, recipe)


def test_recipes_of_rounds_go_on_top_of_no_config(tmp_path):
    (tmp_path / "student.cfg").write_text(CONFIG, "utf8")
    rounds = ROOT / "configs/recipes/rounds.cfg"
    with pytest.raises(XnerError, match=r"rounds\.cfg has \[rounds\].*spacy xner rounds"):
        with_recipes(tmp_path / "student.cfg", [rounds])
    with pytest.raises(XnerError, match=r"no recipe at nothing\.cfg"):
        with_recipes(tmp_path / "student.cfg", ["nothing.cfg"])


def test_the_command_asks_for_text_where_a_teacher_is_no_folder_of_soft_labels(tmp_path):
    (tmp_path / "student.cfg").write_text(CONFIG, "utf8")
    command = ["distill", str(tmp_path / "student.cfg"), "--teacher", str(tmp_path / "nothing")]
    result = CliRunner().invoke(app, [*command, "--output", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "--text" in result.output
