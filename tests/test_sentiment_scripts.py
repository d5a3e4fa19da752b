"""What scripts/sentiment.py makes of a corpus, and how it scores."""

import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy
from sklearn.metrics import f1_score
from spacy.training import Example

from spacy_xner.corpora.tsv import LabelledText, read_tsv
from spacy_xner.errors import XnerError
from spacy_xner.evaluation.results import ResultRows

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


def textcat():
    """A bag of words that has learned to call texts by their number."""
    model = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "ngram_size": 1,
        "no_output_layer": False,
        "length": 64,
    }
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("textcat", config={"model": model})
    for name in LABELS:
        pipe.add_label(name)
    docs = [nlp.make_doc(f"number {i}") for i in range(3)]
    cats = [{name: float(name == LABELS[i]) for name in LABELS} for i in range(3)]
    examples = [Example.from_dict(doc, {"cats": one}) for doc, one in zip(docs, cats, strict=True)]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer)
    return nlp


def save_textcat(path):
    path.parent.mkdir(exist_ok=True)
    textcat().to_disk(path)


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


def test_probabilities_are_multiplied_before_the_best_is_taken():
    texts = [LabelledText("number 2", "positive")]
    classify = script("sentiment_scores").classify
    assert classify(textcat(), texts) == ["positive"]
    assert classify(textcat(), texts, np.array([1e6, 1.0, 1.0])) == ["negative"]


def test_majority_is_the_most_frequent_category():
    texts = [LabelledText("a", "neutral"), LabelledText("b", "positive")]
    assert script("sentiment_scores").majority([*texts, texts[1]]) == "positive"


def test_gold_in_another_case_than_the_categories_is_no_miss():
    with pytest.raises(XnerError, match=r"No category 'Positive'.*Did you mean 'positive'. Case"):
        script("sentiment_scores").classify(textcat(), [LabelledText("good", "Positive")])


@pytest.fixture
def scripts(monkeypatch):
    """Lets scripts import each other; gives a function that imports one by its name."""
    monkeypatch.syspath_prepend(SCRIPTS)
    monkeypatch.chdir(SCRIPTS.parent)
    names = {path.stem for path in SCRIPTS.glob("*.py")}
    before = set(sys.modules)
    yield importlib.import_module
    for name in names & (set(sys.modules) - before):
        del sys.modules[name]


@pytest.fixture
def measured(root, scripts, tmp_path, monkeypatch):
    """Runs the command on made-up tweets, small pipelines in place of what takes long."""
    sentiment = scripts("sentiment")
    read = []

    def encoder(out, keep_vocab_of):
        read.append({text for path in keep_vocab_of for text in path.read_text("utf8").split("\n")})
        out.mkdir()

    monkeypatch.setattr(sentiment, "encoder", encoder)
    monkeypatch.setattr(sentiment, "train_classifier", lambda _, out, *__: save_textcat(out))
    monkeypatch.setattr(sentiment, "vectors", lambda _, out, __: out.mkdir(parents=True))
    monkeypatch.setattr(
        sentiment, "distill", lambda _, __, out, **___: save_textcat(out / "model-last")
    )
    monkeypatch.setattr(sentiment, "supervise", lambda _, out, __: save_textcat(out / "model-last"))

    def run(languages="aa bb", target="", **settings):
        given = {"limit": 5, "seeds": 2, "package": None, "package_target": "aa", **settings}
        sentiment.main(
            data_root=root,
            work=tmp_path / "work",
            results=tmp_path / "rows.jsonl",
            languages=languages,
            target=target,
            student=sentiment.BALANCED,
            **given,
        )
        return ResultRows(tmp_path / "rows.jsonl")

    return run, read


@pytest.mark.slow
def test_encoder_reads_all_languages_whatever_the_target(measured):
    run, read = measured
    run(target="aa")
    assert {text[:2] for text in read[0] if text} == {"aa", "bb"}
    run(target="bb")
    assert len(read) == 1, "what stands is not made again"
    run(limit=6, languages="bb aa")
    assert len(read) == 1, "the texts are the same"


@pytest.mark.slow
def test_mean_is_of_all_languages_and_a_subset_does_not_take_its_place(measured, capsys):
    run, _ = measured
    rows = run(target="aa")
    ratio = {"metric": "ratio", "against": "teacher"}
    assert [row["target"] for row in rows.find(**ratio)] == ["aa"]
    assert "No mean: bb not measured with 2 seeds" in capsys.readouterr().out
    run()
    balanced = rows.find(metric="weighted_f1", role="teacher", recipe="balanced")
    assert [row["target"] for row in balanced] == ["aa", "bb"]
    (mean,) = rows.find(**ratio, target="mean")
    assert (mean["targets"], mean["n"]) == (["aa", "bb"], 2)
    assert mean["value"] == pytest.approx(1.0)
    run(target="bb", seeds=1)
    (kept,) = rows.find(**ratio, target="mean", seeds=2)
    assert kept == mean


@pytest.mark.slow
def test_speed_of_teacher_and_student_is_a_ratio_of_one_run(measured):
    run, _ = measured
    rows = run(target="aa")
    (ratio,) = rows.find(metric="speed_ratio", target="aa", role="student", against="teacher")
    assert ratio["low"] <= ratio["value"] <= ratio["high"]
    rates = rows.find(metric="words_per_second")
    assert [(row["role"], row["n"]) for row in rates] == [("teacher", 3), ("student", 3)]
    assert {row["config_sha"] for row in rates} == {ratio["config_sha"]}


@pytest.mark.slow
def test_what_is_wrong_is_told_without_a_traceback(measured, root, capsys):
    run, _ = measured

    def told():
        return " ".join(capsys.readouterr().out.split())

    with pytest.raises(SystemExit) as stop:
        run(target="aa", package=root, package_target="bb")
    assert stop.value.code == 1
    assert "No student of 'bb' was measured here" in told()
    with pytest.raises(SystemExit):
        run(languages="aa cc")
    assert "no folder cc" in told()
    path = root / "bb" / "dev.tsv"
    path.write_text("tweet\tlabel\ngood\tNeutral\n", "utf8")
    with pytest.raises(SystemExit):
        run()
    mend = "expected one of negative, neutral, positive. Did you mean 'neutral'? Case matters."
    assert f"dev.tsv, line 2: No category 'Neutral'; {mend}" in told()


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("XNER_OFFLINE") == "1", reason="needs PyPI")
def test_packaged_student_works_where_only_spacy_is(measured, scripts, tmp_path):
    run, _ = measured
    run(target="aa", package=tmp_path / "packages")
    (wheel,) = (tmp_path / "packages").glob("xx_xner_sentiment-*/dist/*.whl")
    python = scripts("check_build").install(str(wheel), tmp_path / "venv")
    code = (
        "import importlib.util, json, spacy; nlp = spacy.load('xx_xner_sentiment');"
        "print(json.dumps([nlp('number 2').cats, nlp.meta['languages'], nlp.meta['requirements'],"
        "[name for name in ('spacy_xner', 'torch') if importlib.util.find_spec(name)]]))"
    )
    run = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    cats, languages, requirements, beside = json.loads(run.stdout.splitlines()[-1])
    assert max(cats, key=cats.get) == "positive"
    assert (languages, requirements, beside) == (["aa"], [], [])
