"""The benchmark beside peers goes through with a tiny teacher, and counts what it says it counts."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spacy_xner.evaluation.gold import GoldSentence
from spacy_xner.evaluation.predict import Prediction
from spacy_xner.evaluation.results import ResultRows

from .encoders.tiny import make_tiny
from .teacher.conftest import TAGGED, TEXTS, make_pipeline, train

ROOT = Path(__file__).parent.parent
LINES = [*TEXTS, *(text for text, _ in TAGGED)] * 4
GOLD = [GoldSentence(text.split(), tags) for text, tags in TAGGED]


@pytest.fixture(scope="module", autouse=True)
def scripts():
    sys.path.insert(0, str(ROOT / "scripts"))
    yield
    sys.path.remove(str(ROOT / "scripts"))


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """What benchmark_main.py leaves behind, of a tiny encoder that knows its sentences by heart."""
    from spacy_xner.cli.vectors import vectors
    from spacy_xner.distillation.loop import distill
    from spacy_xner.teacher.annotate import annotate_documents
    from spacy_xner.teacher.sources import load_source

    work = tmp_path_factory.mktemp("work")
    raw, test = work / "corpus/raw/hau.txt", work / "corpus/test/hau.conll"
    for path in (raw, test):
        path.parent.mkdir(parents=True)
    raw.write_text("\n".join(LINES), "utf8")
    sentences = [
        "".join(f"{word} {tag}\n" for word, tag in zip(text.split(), tags, strict=True))
        for text, tags in TAGGED
    ]
    test.write_text("\n".join(sentences), "utf8")
    (work / "corpus/train.conll").write_text("\n".join(sentences), "utf8")
    nlp = make_pipeline(make_tiny("xlm-roberta", work / "encoder", TEXTS * 3))
    train(nlp, 120)
    nlp.to_disk(work / "teacher")
    annotate_documents(load_source(work / "teacher"), raw, work / "soft/hau")
    vectors(work / "teacher", work / "vectors", [raw], rows=1000)
    overrides = {"paths.vectors": str(work / "vectors"), "distillation.max_steps": 3}
    student, _ = distill(work / "soft/hau", ROOT / "configs/student.cfg", overrides=overrides)
    (work / "distillation").mkdir()
    student.to_disk(work / "distillation/hau-0")
    return work


@pytest.fixture(scope="module")
def systems(work, tmp_path_factory):
    import peer_systems

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peer_systems, "STOCK", {"spacy-stock": "xx_is_not_installed"})
        folder = tmp_path_factory.mktemp("scratch") / "systems"
        return peer_systems.export(work / "teacher", work / "distillation/hau-0", folder)


@pytest.fixture
def bench(work, systems, tmp_path):
    from peer_bench import Bench

    return Bench(work, "hau", ResultRows(tmp_path / "peers.jsonl"), LINES, 2, tmp_path, systems)


def test_hugging_face_gets_the_teacher_itself(work, systems):
    """A word's scores are those of its first piece that holds a character, as the teacher reads it."""
    import torch
    from peers import load_hf
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    from spacy_xner.teacher.loading import load_pipeline

    nlp, text = load_pipeline(work / "teacher"), TAGGED[0][0]
    folder = systems["hf-pipeline"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer([text], return_tensors="pt")
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = model(**inputs).logits[0]
    pieces = list(zip(inputs.tokens(), inputs.word_ids(), strict=True))
    of_words = [None if piece == "▁" else word for piece, word in pieces]
    firsts = [of_words.index(word) for word in range(len(text.split()))]
    found = logits[firsts].softmax(dim=-1).numpy()
    doc = nlp(text)
    expected = nlp.get_pipe("xner_teacher").predict_probabilities([doc])[0]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert tuple(model.config.id2label.values()) == nlp.get_pipe("xner_teacher").tagset.tags
    groups = {each["entity_group"] for each in load_hf(folder)([text])[0]}
    assert groups
    assert groups <= set(nlp.get_pipe("xner_teacher").labels)


def test_stock_ner_of_the_same_width_has_the_weights_but_not_the_class_of_vectors(work, systems):
    import spacy
    from spacy.vectors import Vectors

    from spacy_xner.teacher.loading import load_pipeline

    ours = load_pipeline(work / "distillation/hau-0")
    stock = spacy.load(systems["spacy-same-width"])
    assert type(stock.vocab.vectors) is Vectors
    assert type(ours.vocab.vectors) is not Vectors
    texts = [text.lower() for text, _ in TAGGED[:3]]  # no composed forms, no rules at work
    words = [[token.text for token in ours(text)] for text in texts]
    assert words == [[token.text for token in stock(text)] for text in texts]
    for text in texts:
        of = [nlp.get_pipe("ner").model.get_ref("tok2vec") for nlp in (ours, stock)]
        one, other = (t.predict([n(text)])[0] for t, n in zip(of, (ours, stock), strict=True))
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_onnx_gives_the_tags_of_the_classifier(systems):
    if "onnxruntime" not in systems:
        pytest.skip("onnx or onnxruntime is not installed: extra [peers]")
    import torch
    from peers import load_onnx
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    folder = systems["hf-pipeline"]
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    ids = AutoTokenizer.from_pretrained(folder)([TEXTS[0]], return_tensors="pt")
    with torch.inference_mode():
        expected = model(**ids).logits.argmax(dim=-1).numpy()
    np.testing.assert_array_equal(load_onnx(systems["onnxruntime"])([TEXTS[0]])[0], expected)


def test_student_runs_in_a_process_without_torch(bench, systems):
    from peer_costs import process

    code = "import sys; sys.argv[1:] = sys.argv[2:]; import runpy; sys.path.insert(0, 'scripts')\n"
    code += "try: runpy.run_path('scripts/peer_process.py', run_name='__main__')\n"
    code += "except SystemExit as end: assert not end.code\n"
    code += "assert sys.modules['torch'] is None and 'spacy_xner' not in sys.modules"
    command = process("infer", "student", systems["student"], bench.text_file(3))
    subprocess.run([command[0], "-c", code, *command[1:]], check=True, cwd=ROOT)


def test_what_is_not_installed_is_left_out(systems):
    assert "spacy-stock" not in systems
    assert {"student", "hf-pipeline", "spacy-same-width", "teacher-fp32"} <= set(systems)


def test_all_parts_write_their_rows(bench, monkeypatch):
    import benchmark_peers
    from peer_plots import plot
    from peer_systems import teachers

    monkeypatch.setattr(benchmark_peers, "BATCHES", (4, 8))
    monkeypatch.setattr(benchmark_peers, "matrix_flops", lambda dtype, width: 1e12)

    benchmark_peers.infer(bench)
    benchmark_peers.limit(bench)
    benchmark_peers.growth(bench, [50, 100], teacher_words=50)
    rows, teacher = bench.rows, teachers()[-1]
    for system in bench.systems:
        assert len(rows.find(system=system, metric="words_per_second")) == 1
        assert len(rows.find(system=system, metric="ratio")) == len(bench.systems) - 1
    assert 0 < rows.find(metric="share_of_time_in_encoder")[0]["value"] < 100
    grown = {(r["system"], r["words"]) for r in rows.find(metric="seconds")}
    assert grown == {("student", 50), ("student", 100), (teacher, 50)}
    plot(rows, bench.scratch)
    assert (bench.scratch / "peers-growth.svg").exists()
    n = len(rows.read())
    benchmark_peers.growth(bench, [50, 100], teacher_words=50)
    assert len(rows.read()) == n


def test_ways_to_train_learn_and_are_scored_at_the_same_times(bench, monkeypatch):
    import peer_race
    from peer_race import OURS, made_ways, train

    def at_once(material, vectors, only):
        ways, set_up = made_ways(material, vectors, only)
        assert min(set_up[way] for way in ways if way != "textbrewer") > 5.0
        return ways, dict.fromkeys(ways, 0.5)

    monkeypatch.setattr(peer_race, "vectors_seconds", lambda material: 5.0)
    monkeypatch.setattr(peer_race, "made_ways", at_once)
    train(bench, seconds=2.0, points=2)
    f1 = bench.rows.find(metric="f1")
    ways = {row["system"] for row in f1}
    assert {OURS, "spacy-update", "spacy-v4-loop"} <= ways
    assert {(row["system"], row["seconds"]) for row in f1} == {(w, s) for w in ways for s in (1, 2)}
    for way in ways:
        parts = ("set_up_seconds", "labelling_seconds", "training_seconds")
        spent = [bench.rows.find(system=way, metric=part)[0]["value"] for part in parts]
        assert sum(spent) >= 2
        assert (spent[1] == 0) == (way == "textbrewer")
    differences = {row["against"] for row in bench.rows.find(metric="f1_difference")}
    assert differences == ways - {OURS}


def test_only_the_ways_that_are_asked_for_are_set_up():
    from peer_race import OURS, made_ways

    class Material:
        def ways(self):
            return dict.fromkeys([OURS, "spacy-update", "spacy-v4-loop"], object)

    assert list(made_ways(Material(), 0.0, ["spacy-update"])[0]) == [OURS, "spacy-update"]
    assert len(made_ways(Material(), 0.0)[0]) == 3


def test_costs_are_of_processes_of_their_own(bench, monkeypatch):
    import peer_costs

    started = []

    def peak_mb(command):
        started.append(command[2:4])
        return 1.0

    monkeypatch.setattr(peer_costs, "peak_mb", peak_mb)
    monkeypatch.setattr(peer_costs, "packed_mb", lambda folder, archive: 2.0)
    peer_costs.cost(bench)
    trained = [name for kind, name in started if kind == "train"]
    assert trained == ["spacy-xner", "spacy-update", "spacy-v4-loop", "textbrewer"]
    for system in bench.systems:
        assert [name for _, name in started].count(system) == peer_costs.STARTS + 1
        assert bench.rows.find(system=system, metric="disk_mb")[0]["value"] == 2


class Reader:
    """A way to train that takes no time, and what it was told of the time that has gone by."""

    def __init__(self, labels):
        self.words, self.labelled, self.labels, self.shares = 0, 0, labels, []

    def learn(self, share):
        self.shares.append(share)
        self.words += 10
        self.labelled += 10 if self.labels else 0

    def predict(self, gold):
        return Prediction("tokens", [s.tags for s in gold], [s.tags for s in gold], 1, 1.0)


def test_labels_and_set_up_are_on_the_clock(monkeypatch):
    import peer_training

    ticks = iter(range(10**6))
    monkeypatch.setattr(peer_training.time, "perf_counter", lambda: next(ticks))
    ways = {"labelled": Reader(True), "raw": Reader(False)}
    set_up = {"labelled": 6.0, "raw": 0.0}
    points = list(
        peer_training.race(ways, set_up, GOLD, labelling_rate=10, seconds=20, points=2, turn=2)
    )
    # A batch takes a second, and a second more where it was labelled beforehand.
    assert [(p.way, p.seconds, p.words) for p in points] == [
        ("labelled", 10.0, 20),
        ("raw", 10.0, 100),
        ("labelled", 20.0, 70),
        ("raw", 20.0, 200),
    ]
    last = points[2]
    assert (last.set_up, last.labelling, last.training) == (6.0, 7.0, 7.0)
    assert ways["labelled"].shares[0] == 0.3


def test_first_pass_alone_needs_labels(work, bench):
    from peer_race import Material
    from peer_training import HardLabels

    way = HardLabels(Material.of(bench).prepare())
    way.learn(0.0)
    assert way.labelled == way.words > 0
    while way.labelled == way.words:
        way.learn(0.0)
    first = way.labelled
    way.learn(0.0)
    assert way.labelled == first < way.words


def test_teacher_of_spacy_4_learns_before_it_teaches(bench):
    from peer_race import Material

    way = Material.of(bench).ways()["spacy-v4-loop"]()
    way.learn(0.1)
    assert (way.words, way.labelled > 0) == (0, True)
    labelled = way.labelled
    way.learn(0.5)
    assert way.words > 0
    assert way.labelled == labelled


def test_student_of_textbrewer_learns_from_pieces_that_stand_for_words(bench):
    pytest.importorskip("textbrewer", reason="TextBrewer is not installed: extra [peers]")
    from peer_race import Material
    from peer_textbrewer import standing_pieces

    way = Material.of(bench).ways()["textbrewer"]()
    batch = way.tokenizer([TEXTS[0], TEXTS[3]], padding=True, return_tensors="pt")
    chosen = standing_pieces(batch, way.tokenizer)
    assert chosen.sum(axis=1).tolist() == [len(TEXTS[0].split()), len(TEXTS[3].split())]
    before = way.predict(GOLD).score()["f1"]
    for _ in range(10):
        way.learn(0.1)
    assert way.words > 0
    assert way.predict(GOLD).found != []
    assert 0 <= before <= 100


def test_settings_of_the_exported_models_are_readable(systems):
    config = json.loads((systems["hf-pipeline"] / "config.json").read_text("utf8"))
    assert config["id2label"]["0"] == "O"
