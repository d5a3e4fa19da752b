import sys
from pathlib import Path

import pytest
import typer
from spacy.util import load_config, registry
from thinc.api import Config
from typer.testing import CliRunner

from spacy_xner.cli.init import describe, init, init_cli, language_config
from spacy_xner.distillation import tokenizer  # noqa: F401 (registers the callback)
from spacy_xner.errors import XnerError

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.fixture
def langcodes():
    pytest.importorskip("langcodes", reason="needs the extra spacy-xner[languages]")
    pytest.importorskip("language_data", reason="needs the extra spacy-xner[languages]")


@pytest.mark.parametrize(
    ("lang", "name", "script"),
    [
        ("hau", "Hausa", "Latn"),
        ("am", "Amharic", "Ethi"),
        ("tir", "Tigrinya", "Ethi"),
        ("si", "Sinhala", "Sinh"),
        ("pcm", "Nigerian Pidgin", "Latn"),
        ("ha-Arab", "Hausa (Arabic)", "Arab"),
    ],
)
def test_name_and_script_of_a_language_are_known(langcodes, lang, name, script):
    info = describe(lang)
    assert (info.name, info.script) == (name, script)


@pytest.mark.parametrize(
    ("script", "signs"),
    [("Ethi", "፡።፣፤፥፦፧፨"), ("Sinh", "෴"), ("Deva", "।॥"), ("Beng", "।॥"), ("Arab", "،؛؟۔")],
)
def test_punctuation_of_a_script_comes_from_unicode(script, signs):
    assert set(signs) <= set(describe("hau", script=script).punctuation)


def test_latin_has_no_punctuation_of_its_own():
    assert describe("hau", script="latn").punctuation == ""


def test_config_names_the_language_and_its_callback_resolves(tmp_path):
    raw = tmp_path / "am.txt"
    raw.write_text("ሰላም ነው።\n", encoding="utf8")
    path = init("am", output=tmp_path / "configs", text=raw, script="Ethi")
    assert path == tmp_path / "configs" / "am.cfg"
    assert "። ፣" in path.read_text("utf8")
    config = load_config(path, interpolate=True)
    assert config["nlp"]["lang"] == "xx"
    assert config["paths"]["raw"] == [str(raw)]
    resolved = registry.resolve(config["initialize"])
    assert callable(resolved["before_init"])


def test_config_goes_on_top_of_the_student_config(tmp_path):
    student = Config().from_disk(CONFIGS / "student.cfg", interpolate=False)
    own = Config().from_disk(init("si", output=tmp_path, script="Sinh"), interpolate=False)
    merged = Config(student).merge(own)
    assert merged.interpolate()["initialize"]["before_init"]["texts"] == ["corpus/raw/si.txt"]
    assert merged["components"] == student["components"]
    assert merged["nlp"]["lang"] == student["nlp"]["lang"]


def test_text_without_a_path_is_where_the_project_puts_it():
    text = language_config(describe("tir", script="Ethi"))
    assert 'raw = ["corpus/raw/tir.txt"]' in text
    assert "spacy project run all . --vars.target tir --vars.config configs/tir.cfg" in text


def test_existing_config_is_kept_unless_forced(tmp_path):
    path = init("hau", output=tmp_path, script="Latn")
    path.write_text("mine")
    with pytest.raises(XnerError, match=r"hau\.cfg: is there already\. Give --force"):
        init("hau", output=tmp_path, script="Latn")
    assert path.read_text() == "mine"
    init("hau", output=tmp_path, script="Latn", force=True)
    assert path.read_text() != "mine"


def test_unknown_code_says_what_was_tried_and_works_with_a_script(langcodes, tmp_path):
    with pytest.raises(XnerError, match=r"'xxq'.*tried the IANA registry.*--script"):
        describe("xxq")
    with pytest.raises(XnerError, match=r"'qaa'.*tried the IANA registry, CLDR's likely subtags"):
        describe("qaa")
    assert describe("xxq", script="Latn").name == "xxq"


def test_script_of_the_text_stands_in_where_none_is_known(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("ሰላም hello ሰላም ነው።", encoding="utf8")
    assert describe("qaa", text=text).script == "Ethi"


@pytest.mark.parametrize("code", ["", "klingon", "../hau", "h", "ha_Arab"])
def test_malformed_code_is_refused(code, tmp_path):
    with pytest.raises(XnerError, match="expected BCP 47 or ISO 639-3"):
        init(code, output=tmp_path, script="Latn")
    assert list(tmp_path.iterdir()) == []


def test_unknown_script_lists_the_known_ones():
    with pytest.raises(XnerError, match=r"Script 'Zzzz'.*Ethi.*Latn"):
        describe("hau", script="Zzzz")


def test_missing_langcodes_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "langcodes", None)
    with pytest.raises(XnerError, match=r"pip install spacy-xner\[languages\]"):
        describe("hau")
    assert describe("hau", script="Latn").name == "hau"


def run(*args):
    app = typer.Typer()
    app.command()(init_cli)
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    return result, " ".join(result.stdout.split())


def test_command_reports_scripts_and_signs_of_the_text(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("ሰላም ለዓለም abc\u200bde ነው።", encoding="utf8")
    result, out = run("am", "--script", "Ethi", "--text", text, "--output", tmp_path)
    assert result.exit_code == 0
    assert "Ethi 64.3%" in out
    assert "Latn 35.7%" in out
    assert "U+200B ZERO WIDTH SPACE: 1" in out
    assert "is written in" not in out
    assert "spacy project run all . --vars.target am" in out


def test_command_warns_of_another_script(tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("Gaskiya ta fi kwabo.", encoding="utf8")
    _, out = run("am", "--script", "Ethi", "--text", text, "--output", tmp_path)
    assert "is written in Latn, expected Ethi" in out
    assert "Only 0.0% of its letters are Ethi" in out
    assert "do not split" not in out


def test_command_warns_of_scripts_without_spaces(tmp_path):
    _, out = run("th", "--script", "Thai", "--output", tmp_path)
    assert "Thai is written without spaces between words" in out


def test_command_fails_without_a_traceback(tmp_path):
    result, out = run(
        "am", "--script", "Ethi", "--text", tmp_path / "none.txt", "--output", tmp_path
    )
    assert result.exit_code == 1
    assert "cannot be read as UTF-8" in out
    assert isinstance(result.exception, SystemExit)
    assert list(tmp_path.iterdir()) == []
