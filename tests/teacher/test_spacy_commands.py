"""What spaCy's users do with a saved pipeline, done with a teacher."""

import json

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from thinc.api import Config

from ..spacy_commands import spacy_command
from .conftest import TAGGED

COPIED = "spacy.copy_from_base_model.v1"


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    """Gold in spaCy's own format: enough for `debug data` to be content with."""
    path = tmp_path_factory.mktemp("gold") / "gold.spacy"
    vocab = spacy.blank("xx").vocab
    docs = [Doc(vocab, words=text.split(), ents=tags) for text, tags in TAGGED * 30]
    DocBin(docs=docs).to_disk(path)
    return path


def sourced(folder):
    """Give a config whose pipes are those of a saved teacher."""
    config = Config().from_disk(folder / "config.cfg", interpolate=False)
    for name in config["nlp"]["pipeline"]:
        config["components"][name] = {"source": str(folder)}
    config["initialize"]["before_init"] = {"@callbacks": COPIED, "tokenizer": str(folder)}
    return config


@pytest.mark.slow
def test_spacy_evaluate(teacher_folder, gold, tmp_path):
    spacy_command("evaluate", teacher_folder, gold, "--output", tmp_path / "scores.json")
    assert json.loads((tmp_path / "scores.json").read_text("utf8"))["ents_f"] == 1.0


@pytest.mark.slow
def test_spacy_benchmark_speed(teacher_folder, gold):
    printed = spacy_command(
        "benchmark", "speed", teacher_folder, gold, "--warmup", 0, "--batch-size", 20
    )
    assert "Mean:" in printed


@pytest.mark.slow
def test_spacy_debug_data(teacher_folder, gold):
    printed = spacy_command(
        *("debug", "data", teacher_folder / "config.cfg"),
        *("--paths.train", gold, "--paths.dev", gold),
    )
    assert "Corpus is loadable" in printed


@pytest.mark.slow
def test_spacy_assemble(teacher, teacher_folder, tmp_path):
    sourced(teacher_folder).to_disk(tmp_path / "assembled.cfg")
    spacy_command("assemble", tmp_path / "assembled.cfg", tmp_path / "assembled")
    assembled = spacy.load(tmp_path / "assembled")
    for text, _ in TAGGED:
        found, expected = assembled(text), teacher(text)
        assert [(e.text, e.label_) for e in found.ents] == [
            (e.text, e.label_) for e in expected.ents
        ]
        assert found.ents


@pytest.mark.slow
def test_spacy_train_goes_on_with_gold(teacher_folder, gold, tmp_path):
    sourced(teacher_folder).to_disk(tmp_path / "further.cfg")
    spacy_command(
        *("train", tmp_path / "further.cfg", "--output", tmp_path / "further"),
        *("--paths.train", gold, "--paths.dev", gold),
        *("--training.max_steps", 2, "--training.eval_frequency", 2),
    )
    further = spacy.load(tmp_path / "further" / "model-last")
    # A teacher that had begun anew would know nothing after two steps.
    assert further.meta["performance"]["ents_f"] > 0.8
