"""A student of configs/student.cfg, with word vectors, is what spaCy's users expect of a pipeline."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vectors import Vectors
from thinc.api import Config

from spacy_xner.distillation.loop import distill
from spacy_xner.errors import XnerError

from .made_up import entities, soft_labels, tagged_sentences, write_labels

SHIPPED = Path(__file__).parents[2] / "configs/student.cfg"
TEXTS = [" ".join(words) for words, _ in tagged_sentences(8)] + ["አቶ Chidi left Kano፣ ተናገሩ።"]
SOURCED = {
    "components.ner": {"source": "STUDENT"},
    "nlp.after_creation": {"@callbacks": "spacy-xner.composed_forms.v1"},
    "initialize.vectors": "STUDENT",
    "initialize.before_init": {
        "@callbacks": "spacy.copy_from_base_model.v1",
        "tokenizer": "STUDENT",
    },
}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    docs = soft_labels(tagged_sentences(150))
    return write_labels(tmp_path_factory.mktemp("labels") / "soft-labels", docs)


@pytest.fixture(scope="module")
def shipped(many, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shipped")
    nlp = spacy.blank("xx")
    data = np.random.default_rng(0).normal(size=(500, 96)).astype("float32")
    floret = Vectors(data=data, mode="floret", minn=2, maxn=4, hash_count=2)
    nlp.vocab.vectors.from_bytes(floret.to_bytes())
    nlp.to_disk(folder / "vectors")
    overrides = {"paths.vectors": str(folder / "vectors"), "distillation.max_epochs": 40}
    return distill(many, SHIPPED, folder / "student", overrides=overrides)[1]


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gold")
    for name, n, seed in (("train", 150, 0), ("dev", 20, 5)):
        vocab = spacy.blank("xx").vocab
        docs = [Doc(vocab, words=w, ents=tags) for w, tags in tagged_sentences(n, seed=seed)]
        DocBin(docs=docs).to_disk(folder / f"{name}.spacy")
    return folder


def sourced(shipped, path, **settings):
    """Write a config that sources the student as README says."""
    config = Config().from_disk(shipped / "config.cfg", interpolate=False)
    for dotted, value in SOURCED.items():
        section, key = dotted.split(".")
        if isinstance(value, dict):
            value = {k: v.replace("STUDENT", str(shipped)) for k, v in value.items()}
        config[section][key] = str(shipped) if value == "STUDENT" else value
    config["training"].update(settings)
    config.to_disk(path)
    return path


def spacy_command(*arguments):
    """Run a command of `spacy` as a user does; give what it printed."""
    command = [sys.executable, "-m", "spacy", *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_it_has_vectors_and_finds_entities(shipped):
    nlp = spacy.load(shipped)
    assert nlp.vocab.vectors.shape == (500, 96)
    found = [[ent.label_ for ent in doc.ents] for doc in nlp.pipe(TEXTS)]
    assert found == [["PER", "LOC"]] * len(TEXTS)


def test_it_is_sourced_into_a_config_with_its_vectors_and_its_tokenizer(shipped, tmp_path):
    config = sourced(shipped, tmp_path / "sourced.cfg")
    spacy_command("assemble", config, tmp_path / "assembled")
    nlp, other = spacy.load(shipped), spacy.load(tmp_path / "assembled")
    for text in TEXTS:
        assert [t.text for t in other(text)] == [t.text for t in nlp(text)]
        assert entities(other(text)) == entities(nlp(text))


def test_it_is_sourced_in_python_with_its_vectors(shipped):
    nlp, other = spacy.load(shipped), spacy.blank("xx")
    other.vocab.vectors, other.tokenizer = nlp.vocab.vectors, type(nlp.tokenizer)(other.vocab)
    other.tokenizer.from_bytes(nlp.tokenizer.to_bytes())
    other.add_pipe("sentencizer")
    other.add_pipe("ner", source=nlp)
    assert [entities(other(text)) for text in TEXTS] == [entities(nlp(text)) for text in TEXTS]


@pytest.mark.slow
def test_debug_data_and_training_go_on_from_it(shipped, gold, tmp_path):
    config = sourced(shipped, tmp_path / "further.cfg", max_steps=3, eval_frequency=3)
    paths = ("--paths.train", gold / "train.spacy", "--paths.dev", gold / "dev.spacy")
    assert "Corpus is loadable" in spacy_command("debug", "data", config, *paths)
    spacy_command("train", config, "--output", tmp_path / "further", *paths)
    further = spacy.load(tmp_path / "further/model-last")
    # A pipeline that had begun anew would know nothing after three steps.
    assert further.meta["performance"]["ents_f"] > 0.8


@pytest.mark.slow
def test_it_runs_in_two_processes(shipped):
    nlp = spacy.load(shipped)
    alone = [entities(doc) for doc in nlp.pipe(TEXTS)]
    assert [entities(doc) for doc in nlp.pipe(TEXTS, n_process=2, batch_size=3)] == alone


def test_without_vectors_the_error_names_the_command_that_makes_them(many):
    with pytest.raises(XnerError, match=r"'ner' reads word vectors.*spacy xner vectors"):
        distill(many, SHIPPED)
    with pytest.raises(XnerError, match=r"initialize.vectors is nowhere, which is neither"):
        distill(many, SHIPPED, overrides={"paths.vectors": "nowhere"})
