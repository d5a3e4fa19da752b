"""What scripts/sentiment.py makes of a corpus, and how it scores."""

import importlib.util
import random
from pathlib import Path

import pytest
import spacy
from sklearn.metrics import f1_score

from spacy_xner.corpora.tsv import LabelledText, read_tsv
from spacy_xner.errors import XnerError

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
LABELS = ("negative", "neutral", "positive")


def script(name):
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def root(tmp_path):
    """Tweets of two languages, made up: `aa` and `bb`, each text the language, split and number."""
    for lang in ("aa", "bb"):
        for split, n in (("train", 12), ("dev", 3), ("test", 3)):
            rows = [f"{lang} {split} number {i}\t{LABELS[i % 3]}" for i in range(n)]
            if split == "train":
                rows += [f"{lang} test number 1\tpositive", f"{lang} TRAIN number 2!\tneutral"]
            path = tmp_path / "data" / lang / f"{split}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("tweet\tlabel\n" + "\n".join(rows) + "\n", "utf8")
    return tmp_path / "data"


def test_teacher_sees_no_text_of_the_target_and_raw_text_no_test_and_no_repeats(root, tmp_path):
    out = tmp_path / "corpus"
    script("sentiment_corpus").corpus(root, out, ["aa"], "bb", limit=5)
    for name in ("train", "dev"):
        assert {one.text[:2] for one in read_tsv(out / f"{name}.tsv")} == {"aa"}
    assert len(read_tsv(out / "train.tsv")) == 5
    raw = (out / "raw" / "bb.txt").read_text("utf8").splitlines()
    ordered = [f"bb train number {i}" for i in range(12)]
    assert sorted(raw) == sorted(ordered)
    assert raw != ordered, (
        "raw text in the order of a file that is sorted by label tells the labels"
    )
    assert [one.text for one in read_tsv(out / "gold.tsv")] == raw


def test_weighted_f1_is_that_of_scikit_learn_inside_its_interval():
    rng = random.Random(0)
    gold = rng.choices(LABELS, (5, 2, 1), k=200)
    predicted = [rng.choice([label, *LABELS]) for label in gold]
    scores = script("sentiment_scores").weighted_f1(gold, predicted)
    assert scores["value"] == pytest.approx(100 * f1_score(gold, predicted, average="weighted"))
    assert scores["low"] < scores["value"] < scores["high"]


def test_majority_is_the_most_frequent_category():
    texts = [LabelledText("a", "neutral"), LabelledText("b", "positive")]
    assert script("sentiment_scores").majority([*texts, texts[1]]) == "positive"


def test_gold_in_another_case_than_the_categories_is_no_miss():
    nlp = spacy.blank("xx")
    textcat = nlp.add_pipe("textcat")
    for name in LABELS:
        textcat.add_label(name)
    nlp.initialize()
    with pytest.raises(XnerError, match=r"No category 'Positive'.*Did you mean 'positive'. Case"):
        script("sentiment_scores").classify(nlp, [LabelledText("good", "Positive")])
