"""A teacher that is trained further on a few gold sentences."""

from pathlib import Path

import numpy as np
import pytest
import spacy

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.fine_tune import fine_tune
from spacy_xner.corpora.conll import read_conll
from spacy_xner.corpora.few_shot import sample_gold
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.errors import XnerError
from spacy_xner.teacher.sources import load_source

from .conftest import TAGGED, doc_of, examples_of, make_pipeline

CONFIG = Path(__file__).parents[2] / "configs" / "fine_tune.cfg"
FAST = {
    "training.max_steps": 40,
    "training.eval_frequency": 40,
    "training.optimizer.learn_rate.warmup_steps": 2,
    "training.optimizer.learn_rate.initial_rate": 0.005,
}


@pytest.fixture(scope="module")
def beginner(encoder, tmp_path_factory):
    """A teacher that knows its labels and nothing else."""
    nlp = make_pipeline(encoder)
    nlp.initialize(lambda: examples_of(nlp))
    folder = tmp_path_factory.mktemp("beginner") / "teacher"
    nlp.to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    path = tmp_path_factory.mktemp("gold") / "dev.conll"
    lines = [
        "\n".join(map(" ".join, zip(text.split(), tags, strict=True))) for text, tags in TAGGED
    ]
    path.write_text("\n\n".join(lines) + "\n", "utf8")
    return path


@pytest.mark.slow
def test_it_learns_the_sentences_that_were_drawn_and_says_so(beginner, gold, tmp_path):
    folder = fine_tune(CONFIG, beginner, gold, tmp_path, k=3, seed=1, overrides=FAST)
    drawn = [(one.words, one.tags) for one in sample_gold(gold, 3, 1)]
    assert [(one.words, one.tags) for one in read_conll(tmp_path / "gold.conll")] == drawn
    nlp = spacy.load(folder)
    tagged = [(" ".join(words), tags) for words, tags in drawn]
    before, after = (
        one.evaluate(examples_of(one, tagged))["ents_f"] for one in (spacy.load(beginner), nlp)
    )
    assert after > 0.8 > before
    seen = "3 sentences of dev.conll, drawn with seed 1"
    assert nlp.meta["target_gold"] == seen
    raw = tmp_path / "raw.txt"
    raw.write_text("\n".join(text for text, _ in TAGGED), "utf8")
    annotate(folder, raw, tmp_path / "soft")
    assert SoftLabelCorpus(tmp_path / "soft").meta["target_gold"] == seen
    annotate(beginner, raw, tmp_path / "zero-shot")
    assert "target_gold" not in SoftLabelCorpus(tmp_path / "zero-shot").meta


def test_it_begins_with_the_teachers_weights(beginner, gold, tmp_path):
    still = {
        **FAST,
        "training.max_steps": 1,
        "training.eval_frequency": 1,
        "training.optimizer.learn_rate.initial_rate": 0.0,
    }
    folder = fine_tune(CONFIG, beginner, gold, tmp_path, k=1, overrides=still)
    ours, theirs = (load_source(path, precision="fp32") for path in (folder, beginner))
    docs = [[doc_of(one.nlp, text) for text, _ in TAGGED] for one in (ours, theirs)]
    for got, expected in zip(ours.predict(docs[0]), theirs.predict(docs[1]), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-6)


def test_faults_are_told_before_anything_is_trained(beginner, gold, tmp_path):
    with pytest.raises(XnerError, match=r"k is 5, but .*dev\.conll holds 4 gold sentences"):
        fine_tune(CONFIG, beginner, gold, tmp_path / "out", k=5)
    dated = tmp_path / "dated.conll"
    dated.write_text("Jumatatu B-DATE\n", "utf8")
    with pytest.raises(XnerError, match=r"dated\.conll has the types DATE, which the teacher"):
        fine_tune(CONFIG, beginner, dated, tmp_path / "out", k=1)
    spacy.blank("xx").to_disk(tmp_path / "blank")
    with pytest.raises(XnerError, match="expected xner_teacher"):
        fine_tune(CONFIG, tmp_path / "blank", gold, tmp_path / "out", k=1)
    with pytest.raises(XnerError, match="no config at nothing"):
        fine_tune("nothing.cfg", beginner, gold, tmp_path / "out", k=1)
    assert not (tmp_path / "out").exists()
