"""`spacy xner evaluate` as its users call it."""

import json
from pathlib import Path

import pytest
import spacy
import typer
from typer.testing import CliRunner

from spacy_xner.cli.evaluate import evaluate, evaluate_cli, parse_label_map
from spacy_xner.errors import XnerError

DATA = Path(__file__).parents[3] / "shared" / "data" / "transfer_corpus"
ONE = "Amina B-PER\nta O\nje O\nKano B-LOC\n. O\n\nBabu O\n"
TWO = "Lagos B-LOC\nda O\nKano B-LOC\n\nSani B-PER\nBello I-PER\n"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "one.txt").write_text(ONE, "utf8")
    (tmp_path / "two.txt").write_text(TWO, "utf8")
    return [tmp_path / "one.txt", tmp_path / "two.txt"]


def save(path, *patterns):
    nlp = spacy.blank("xx")
    rules = [{"label": label, "pattern": text} for label, text in patterns]
    nlp.add_pipe("entity_ruler").add_patterns(rules)
    nlp.to_disk(path)
    return str(path)


@pytest.fixture
def model(tmp_path):
    return save(tmp_path / "model", ("PER", "Amina"), ("LOC", "Kano"), ("GPE", "Lagos"))


@pytest.fixture
def worse(tmp_path):
    return save(tmp_path / "worse", ("PER", "Kano"))


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(evaluate_cli)
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])


def test_several_files_give_one_result_each_and_the_pooled_one(model, files):
    result = evaluate(model, files, bootstrap=50)
    assert list(result["files"]) == [str(path) for path in files]
    assert result["target_gold"] == "not stated by the pipeline"
    f1 = [each["forms"]["tokens"]["f1"] for each in result["files"].values()]
    assert f1 == [100.0, pytest.approx(40.0)]
    pooled = result["pooled"]["forms"]
    assert pooled["tokens"]["f1"] == pytest.approx(200 * 3 / 9)
    assert pooled["raw"]["f1"] == pytest.approx(200 * 3 / 9)
    assert pooled["tokens"]["n"] == 4
    assert pooled["raw"]["other_labels"] == {"GPE": 1}


def test_folder_stands_for_its_files(model, files, tmp_path):
    folder = tmp_path / "gold"
    folder.mkdir()
    paths = [file.rename(folder / file.name) for file in files]
    (folder / ".hidden").write_text("no gold", "utf8")
    assert list(evaluate(model, folder, bootstrap=0)["files"]) == [str(path) for path in paths]


def test_json_file_holds_what_the_function_returns(model, files, tmp_path):
    output = tmp_path / "new" / "scores.json"
    result = evaluate(model, files[0], output=output, bootstrap=50, forms=["raw-nfd"])
    assert json.loads(output.read_text("utf8")) == result
    assert list(result["pooled"]["forms"]) == ["raw-nfd"]
    assert not list(output.parent.glob("*.tmp"))


def test_result_is_the_same_for_a_loaded_pipeline_and_for_its_seed(model, files):
    first = evaluate(model, files, bootstrap=100, seed=5)["pooled"]["forms"]["tokens"]
    second = evaluate(spacy.load(model), files, bootstrap=100, seed=5)["pooled"]["forms"]["tokens"]
    first.pop("words_per_second"), second.pop("words_per_second")
    assert first == second


def test_second_pipeline_is_compared_by_paired_bootstrap(model, worse, files):
    compared = evaluate(model, files, against=worse, bootstrap=200)["pooled"]["forms"]["tokens"]
    other = compared["against"]
    assert other["f1"] == 0.0
    assert other["delta"] == pytest.approx(compared["f1"])
    assert other["low"] <= other["delta"] <= other["high"]
    same = evaluate(model, files, against=model, bootstrap=200)["pooled"]["forms"]["raw"]
    assert (same["against"]["delta"], same["against"]["p"]) == (0.0, 1.0)


def test_command_prints_tables_and_saves_json(run, model, files, tmp_path):
    output = tmp_path / "out.json"
    done = run(model, *files, "--output", output, "--map", "GPE=LOC", "--bootstrap", 50)
    assert done.exit_code == 0, done.output
    saved = json.loads(output.read_text("utf8"))
    assert saved["label_map"] == {"GPE": "LOC"}
    assert saved["pooled"]["forms"]["tokens"]["f1"] == pytest.approx(800 / 9)
    assert "88.9" in done.output
    assert "words per second" in done.output
    assert "two.txt" in done.output


def test_command_names_labels_that_gold_lacks(run, model, files):
    done = run(model, *files, "--bootstrap", 0)
    assert done.exit_code == 0, done.output
    assert "GPE (1)" in done.output
    assert "--map OLD=NEW" in done.output


def test_dash_prints_json_alone(run, model, files):
    done = run(model, files[0], "--output", "-", "--bootstrap", 20)
    assert json.loads(done.stdout)["pooled"]["forms"]["tokens"]["f1"] == 100.0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["absent", "one.txt"], "no pipeline that spaCy can load"),
        (["model", "absent.txt"], "no such file"),
        (["model", "one.txt", "one.txt"], "expected distinct files"),
        (["model", "one.txt", "--form", "row"], "no form 'row'"),
        (["model", "one.txt", "--map", "GPE"], "expected OLD=NEW"),
        (["model", "one.txt", "--code", "absent.py"], "absent.py"),
        (["model", "text.txt"], "text.txt"),
    ],
)
def test_mistakes_end_in_one_message_and_exit_code_1(
    run, model, files, tmp_path, monkeypatch, args, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("Babu tags a nan\n", "utf8")
    done = run(*args)
    assert done.exit_code == 1
    assert isinstance(done.exception, SystemExit)
    assert said in " ".join(done.output.split())


def test_label_map_of_the_command_line():
    assert parse_label_map(["GPE=LOC", "DATE=O", "GPE=LOC"]) == {"GPE": "LOC", "DATE": "O"}
    with pytest.raises(XnerError, match="already mapped to LOC"):
        parse_label_map(["GPE=LOC", "GPE=ORG"])


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data/transfer_corpus")
@pytest.mark.parametrize("lang", ["hau", "am", "yor"])
def test_gold_boundaries_survive_detokenising_real_text(lang):
    from spacy_xner.evaluation.gold import raw_text, read_gold

    for sentence in read_gold(DATA / lang / "test.txt")[:300]:
        text, spans = raw_text(sentence)
        joined = "".join(sentence.words)
        assert text.replace(" ", "") == joined.replace(" ", "")
        for start, end, _ in spans:
            assert text[start:end] == text[start:end].strip()
            assert end > start


def test_categories_are_not_scored_as_entities(files, model, tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("textcat").add_label("positive")
    with pytest.raises(XnerError, match="finds categories, not entities"):
        evaluate(nlp, files)
    tweets = tmp_path / "test.tsv"
    tweets.write_text("tweet\tlabel\nNa gode\tpositive\n", "utf8")
    with pytest.raises(XnerError, match=r"test.tsv is TSV of categories; expected CoNLL or .spacy"):
        evaluate(model, tweets)
