"""Pipelines that are missing or broken, as the commands that load one tell of them."""

import shutil
import warnings

import pytest
import spacy
from typer.testing import CliRunner

from spacy_xner.cli import app
from spacy_xner.errors import XnerError
from spacy_xner.teacher.loading import import_code, load_pipeline

CODE = """
from spacy.language import Language
from spacy.tokens import Span

@Language.component("xner_test_{name}", assigns=["doc.ents"])
def first_word(doc):
    doc.ents = [Span(doc, 0, 1, label="PER")]
    return doc
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner", config={"model": {"hidden_width": 8}}).add_label("LOC")
    nlp.initialize()
    nlp.to_disk(tmp_path_factory.mktemp("whole") / "pipeline")
    return tmp_path_factory.getbasetemp() / "whole0" / "pipeline"


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "pipeline")


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def configure(folder, old, new):
    config = (folder / "config.cfg").read_text("utf8")
    assert old in config
    (folder / "config.cfg").write_text(config.replace(old, new), "utf8")


FAULTS = {
    "no folder": (
        lambda folder: shutil.rmtree(folder),
        r"pipeline: no pipeline that spaCy can load \(OSError: .*Expected the folder",
    ),
    "no config": (
        lambda folder: (folder / "config.cfg").unlink(),
        r"no pipeline that spaCy can load \(OSError: .*config\.cfg",
    ),
    "config cut off": (
        lambda folder: cut(folder / "config.cfg"),
        r"config\.cfg or meta\.json cannot be used \(ConfigValidationError: .*line \d+",
    ),
    "config of nothing": (
        lambda folder: (folder / "config.cfg").write_bytes(b""),
        r"config\.cfg or meta\.json cannot be used .*no \[nlp\] section",
    ),
    "config in no encoding": (
        lambda folder: (folder / "config.cfg").write_bytes(b"\xff\xfe\x00"),
        r"config\.cfg or meta\.json cannot be used .*UnicodeDecodeError",
    ),
    "value of another type": (
        lambda folder: configure(folder, "hidden_width = 8", 'hidden_width = "a"'),
        r"config\.cfg or meta\.json cannot be used .*hidden_width",
    ),
    "meta cut off": (
        lambda folder: cut(folder / "meta.json"),
        r"config\.cfg or meta\.json cannot be used \(ValueError",
    ),
    "weights cut off": (
        lambda folder: cut(folder / "ner" / "model"),
        r"pipeline is damaged: .*ner cannot be read \(ValueError: Unpack failed.*again",
    ),
    "weights of something else": (
        lambda folder: (folder / "ner" / "model").write_bytes(b"abc"),
        r"pipeline is damaged: .*ner cannot be read \(ExtraData",
    ),
    "weights missing": (
        lambda folder: (folder / "ner" / "model").unlink(),
        r"pipeline is damaged: .*ner cannot be read \(FileNotFoundError",
    ),
    "weights of another shape": (
        lambda folder: configure(folder, "hidden_width = 8", "hidden_width = 9"),
        r"pipeline is damaged: .*ner cannot be read \(ValueError",
    ),
    "vocabulary cut off": (
        lambda folder: cut(folder / "vocab" / "vectors"),
        r"pipeline is damaged: .*vectors cannot be read \(ValueError",
    ),
    "unknown factory": (
        lambda folder: configure(folder, 'factory = "ner"', 'factory = "xner_test_nobodys"'),
        r"needs code that is not there: .*factory for 'xner_test_nobodys'.* Install the package "
        r"that registers it, or give the file that does with --code\.$",
    ),
    "unknown architecture": (
        lambda folder: configure(folder, "spacy.TransitionBasedParser.v2", "nobodys.Parser.v1"),
        r"needs code that is not there: .*'nobodys\.Parser\.v1'.*--code",
    ),
    "unknown language": (
        lambda folder: configure(folder, 'lang = "xx"', 'lang = "qqx"'),
        r"needs code that is not there: .*qqx.*--code",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_pipeline_says_where_it_is_broken_and_what_to_do(fault, folder):
    damage, message = FAULTS[fault]
    damage(folder)
    with pytest.raises(XnerError, match=message) as told:
        load_pipeline(folder)
    assert str(told.value).startswith(str(folder))
    assert len(str(told.value)) < 800


def test_a_whole_pipeline_is_loaded_by_path_and_by_the_text_of_it(whole):
    assert load_pipeline(whole).pipe_names == load_pipeline(str(whole)).pipe_names == ["ner"]


@pytest.mark.parametrize("command", ["annotate", "vectors", "evaluate"])
@pytest.mark.parametrize(
    "fault", ["no folder", "config cut off", "weights cut off", "unknown factory"]
)
def test_commands_print_it_without_a_traceback(command, fault, folder, tmp_path):
    FAULTS[fault][0](folder)
    (tmp_path / "raw.txt").write_text("Musa ya tafi\n", "utf8")
    (tmp_path / "gold.txt").write_text("Musa B-PER\nce O\n", "utf8")
    arguments = {
        "annotate": [folder, tmp_path / "raw.txt", tmp_path / "out"],
        "vectors": [folder, tmp_path / "out", tmp_path / "raw.txt"],
        "evaluate": [folder, tmp_path / "gold.txt"],
    }[command]
    done = CliRunner().invoke(app, [command, *map(str, arguments)])
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert str(folder) in done.output.replace("\n", "").replace("    ", "")
    assert not (tmp_path / "out").exists()


def custom(tmp_path, name):
    """Save a pipeline whose one component is the user's own; give the code that registers it."""
    spacy.blank("xx").to_disk(tmp_path / "pipeline")
    configure(tmp_path / "pipeline", "pipeline = []", 'pipeline = ["own"]')
    component = f'[components]\n\n[components.own]\nfactory = "xner_test_{name}"'
    configure(tmp_path / "pipeline", "[components]", component)
    (tmp_path / "raw.txt").write_text("Musa ya tafi\n", "utf8")
    code = tmp_path / "own.py"
    code.write_text(CODE.format(name=name), "utf8")
    return code


def test_annotate_takes_the_users_code(tmp_path):
    code = custom(tmp_path, "annotates")
    command = ["annotate", *(str(tmp_path / name) for name in ("pipeline", "raw.txt", "out"))]
    assert "--code" in CliRunner().invoke(app, command).output
    done = CliRunner().invoke(app, [*command, "--confidence", "0.8", "--code", str(code)])
    # The component was found; that it does not tell its types is another fault.
    assert "does not tell its entity types" in " ".join(done.output.split())


def test_vectors_takes_the_users_code(tmp_path):
    code = custom(tmp_path, "has_vectors")
    command = ["vectors", *(str(tmp_path / name) for name in ("pipeline", "out", "raw.txt"))]
    assert "--code" in CliRunner().invoke(app, command).output
    done = CliRunner().invoke(app, [*command, "--code", str(code)])
    assert "this pipeline has own" in " ".join(done.output.split())


def test_code_that_is_missing_or_raises_is_an_error(tmp_path):
    with pytest.raises(XnerError, match=r"--code .*own\.py: no such file"):
        import_code(tmp_path / "own.py")
    (tmp_path / "own.py").write_text("1 / 0\n", "utf8")
    with pytest.raises(XnerError, match=r"--code .*own\.py does not run: ZeroDivisionError"):
        import_code(tmp_path / "own.py")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        import_code(None)
