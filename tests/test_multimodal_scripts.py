"""The benchmark of views trains, labels, distills and scores on a tiny encoder and the samples."""

import random
import shutil
import sys
from pathlib import Path

import pytest
from spacy.util import registry

from spacy_xner.corpora.conll import read_conll
from spacy_xner.evaluation.results import ResultRows

from .encoders.tiny import make_tiny

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "assets" / "samples"
pytest.importorskip("epitran")
pytest.importorskip("babel")


@pytest.fixture(scope="module", autouse=True)
def scripts():
    sys.path.insert(0, str(ROOT / "scripts"))
    yield
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture
def bench(tmp_path, monkeypatch):
    from benchmark_scores import Bench

    monkeypatch.chdir(ROOT)
    corpus = tmp_path / "corpus"
    for folder in ("raw", "test", "wikiann"):
        (corpus / folder).mkdir(parents=True)
    for split in ("train", "dev"):
        shutil.copy(SAMPLES / f"en/{split}.conll", corpus)
    lines = (SAMPLES / "am/raw.txt").read_text("utf8").splitlines()
    (corpus / "raw/am.txt").write_text("\n".join(random.Random(0).sample(lines, 30)), "utf8")
    shutil.copy(SAMPLES / "am/test.conll", corpus / "test/am.conll")
    shutil.copy(SAMPLES / "am/test.conll", corpus / "wikiann/am.conll")
    make_tiny("xlm-roberta", tmp_path / "encoder", lines[:200])
    (tmp_path / "counts").mkdir()
    return Bench(tmp_path, ResultRows(tmp_path / "rows.jsonl"))


def test_each_recipe_is_a_config_with_its_views_and_no_other(monkeypatch):
    from benchmark_multimodal import teacher_config
    from multimodal_scores import RECIPES

    monkeypatch.chdir(ROOT)
    for name, recipe in RECIPES.items():
        model = teacher_config(name).interpolate()["components"]["xner_teacher"]["model"]
        tok2vec = model["tok2vec"]
        assert tuple(tok2vec.get("views", ())) == recipe
        assert registry.architectures.get(tok2vec["@architectures"])


@pytest.mark.slow
def test_a_recipe_is_trained_distilled_and_scored_and_stands_then(bench, monkeypatch):
    import benchmark_multimodal
    import multimodal_scores

    monkeypatch.setattr(benchmark_multimodal, "WIKIANN", {"am": "amharic"})
    for name in ("plain", "all"):
        benchmark_multimodal.make_teacher(bench, name, 0)
        run = benchmark_multimodal.Run(name, "am", 0)
        benchmark_multimodal.make_student(bench, run)
        benchmark_multimodal.score_student(bench, run)
        benchmark_multimodal.score_teacher(bench, name, 0, ["am"])
    written = bench.rows.path.stat().st_mtime_ns
    benchmark_multimodal.score_student(bench, run)
    assert bench.rows.path.stat().st_mtime_ns == written
    multimodal_scores.summarise_views(bench, ["plain", "all"], ["am"], 1)
    f1 = bench.rows.find(metric="f1", benchmark="multimodal")
    assert {(r["recipe"], r["role"], r["test_set"]) for r in f1} == {
        (recipe, role, test_set)
        for recipe in ("plain", "all")
        for role in ("teacher", "student")
        for test_set in ("transfer_corpus", "wikiann_ipa")
    }
    assert {tuple(r["views"]) for r in f1} == {(), ("romanised", "phonetic", "gazetteer")}
    differences = bench.rows.find(metric="f1_difference", target="am", role="teacher")
    assert [r.get("test_set") for r in differences] == [None, "wikiann_ipa"]
    made = (bench.work / "teacher/all-0/meta.json").stat().st_mtime_ns
    benchmark_multimodal.make_teacher(bench, "all", 0)
    assert (bench.work / "teacher/all-0/meta.json").stat().st_mtime_ns == made


def test_words_and_sounds_are_paired_line_by_line(tmp_path):
    from multimodal_measures import word_pairs

    for split in ("train", "dev", "test"):
        (tmp_path / f"so.{split}.conll").write_text("Guri B-LOC\n, O\n\nIn O\n", "utf8")
        (tmp_path / f"so.{split}.ipa.conll").write_text("ɡuri B-LOC\n, O\n\nin O\nka O\n", "utf8")
    assert list(word_pairs(tmp_path, "so")) == [("Guri", "ɡuri")] * 3
    assert len(read_conll(tmp_path / "so.dev.conll")) == 2
