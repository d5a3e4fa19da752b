"""Annotation on a local Ray cluster of two CPUs: the folder that one machine makes."""

import importlib.util
import os
import pickle
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from typer.testing import CliRunner

from spacy_xner.cli import app
from spacy_xner.corpora.documents import Text
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.errors import XnerError
from spacy_xner.teacher import ray_engine
from spacy_xner.teacher.annotate import annotate_documents
from spacy_xner.teacher.ray_engine import annotate_on_ray, load_teacher

ROOT = Path(__file__).resolve().parents[2]
SHARD_DOCS = 4


def tiny():
    spec = importlib.util.spec_from_file_location("tiny", ROOT / "scripts" / "tiny_teacher.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny") / "teacher"
    tiny().make_tiny_teacher().to_disk(folder)
    return partial(load_teacher, folder, "fp32", {}, None)


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    pytest.importorskip("ray.data", reason="the extra [ray] is not installed as a whole")
    ray.init("local", num_cpus=2, log_to_driver=False, include_dashboard=False)
    yield ray
    ray.shutdown()


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_text("\n".join(tiny().make_text(30)), "utf8")
    return path


def assert_same(found, expected):
    one, other = SoftLabelCorpus(found), SoftLabelCorpus(expected)
    assert (one.tags, one.teacher, one.source, one.lang, one.meta) == (
        (other.tags, other.teacher, other.source, other.lang, other.meta)
    )
    assert [path.name for path in one.shards] == [path.name for path in other.shards]
    for a, b in zip(one, other, strict=True):
        assert (a.doc_id, a.lang, a.text) == (b.doc_id, b.lang, b.text)
        np.testing.assert_array_equal(a.starts, b.starts)
        np.testing.assert_allclose(a.probs, b.probs, atol=1e-3)  # float16
    names = {path.name for path in Path(found).iterdir()}
    assert names == {path.name for path in Path(expected).iterdir()}


class Killer:
    """A teacher that kills its process at a text, the first time that any process meets it."""

    def __init__(self, load, mark):
        self.load, self.mark = load, mark

    def __call__(self):
        source = self.load()
        predict = source.predict

        def dying(docs):
            if not self.mark.exists():
                self.mark.write_text("killed", "utf8")
                os.kill(os.getpid(), signal.SIGKILL)
            return predict(docs)

        source.predict = dying
        return source


@pytest.mark.slow
def test_ray_makes_the_folder_that_one_machine_makes(ray, load, raw, tmp_path):
    annotate_documents(load(), raw, tmp_path / "local", shard_docs=SHARD_DOCS)
    reports = []
    done = annotate_on_ray(
        load,
        load(),
        raw,
        tmp_path / "ray",
        shard_docs=SHARD_DOCS,
        report=lambda progress: reports.append(progress.share),
    )
    assert_same(tmp_path / "ray", tmp_path / "local")
    assert done.docs == 30
    assert len(reports) == 8
    assert reports[-1] == pytest.approx(1.0)
    assert reports == sorted(reports)


@pytest.mark.slow
def test_ray_goes_on_where_one_machine_stopped_and_keeps_the_tokens_of_spacy(ray, load, tmp_path):
    docs = [Doc(Vocab(), words=["a-b", f"c{i}"], spaces=[True, False]) for i in range(9)]
    DocBin(docs=docs).to_disk(tmp_path / "text.spacy")
    annotate_documents(load(), tmp_path / "text.spacy", tmp_path / "local", shard_docs=4)

    def stop(progress):
        if progress.docs:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        annotate_documents(
            load(), tmp_path / "text.spacy", tmp_path / "ray", shard_docs=4, report=stop
        )
    first = (tmp_path / "ray/part-00000.parquet").stat().st_mtime_ns
    done = annotate_on_ray(load, load(), tmp_path / "text.spacy", tmp_path / "ray", shard_docs=4)
    assert_same(tmp_path / "ray", tmp_path / "local")
    assert (tmp_path / "ray/part-00000.parquet").stat().st_mtime_ns == first
    assert (done.docs, done.words) == (9, 10)


@pytest.mark.slow
def test_a_killed_worker_loses_nothing(ray, load, raw, tmp_path):
    annotate_documents(load(), raw, tmp_path / "local", shard_docs=SHARD_DOCS)
    dying = Killer(load, tmp_path / "mark")
    annotate_on_ray(dying, load(), raw, tmp_path / "ray", shard_docs=SHARD_DOCS)
    assert (tmp_path / "mark").exists()
    assert_same(tmp_path / "ray", tmp_path / "local")


@pytest.mark.slow
def test_another_teacher_on_a_node_is_refused(ray, load, raw, tmp_path):
    def load_other():
        source = load()
        source.fingerprint = "cc33"
        return source

    with pytest.raises(XnerError, match="Ray stopped"):
        annotate_on_ray(load_other, load(), raw, tmp_path / "ray", shard_docs=SHARD_DOCS)
    assert not (tmp_path / "ray" / ray_engine.STAGING).exists()


@pytest.fixture
def without_ray(monkeypatch):
    """The same staging, actor and writing, all in this process; what Ray would send is pickled."""

    def label(ray, staging, cluster, arguments):
        sent = pickle.loads(pickle.dumps((*arguments, staging.filesystem)))
        annotator = ray_engine.Annotator(*sent)
        for file in reversed(staging.files):  # in any order
            yield from annotator(pa.table({"file": [file]})).to_pylist()

    monkeypatch.setattr(ray_engine, "_import_ray", lambda: None)
    monkeypatch.setattr(ray_engine, "_connect", lambda ray, cluster: None)
    monkeypatch.setattr(ray_engine, "_label", label)


@pytest.mark.parametrize("kind", ["txt", "conll", "folder"])
def test_what_actors_make_is_what_one_machine_makes(kind, without_ray, load, raw, tmp_path):
    text = raw
    if kind == "conll":
        text = tmp_path / "raw.conll"
        text.write_text("Kano B-LOC\n, O\nnow O\n\nChidi B-PER\n" * 5, "utf8")
    elif kind == "folder":
        text = tmp_path / "raw"
        text.mkdir()
        for lang in ("am", "hau"):
            (text / f"{lang}.txt").write_text(raw.read_text("utf8"), "utf8")
    annotate_documents(load(), text, tmp_path / "local", shard_docs=SHARD_DOCS)
    done = annotate_on_ray(load, load(), text, tmp_path / "ray", shard_docs=SHARD_DOCS)
    assert_same(tmp_path / "ray", tmp_path / "local")
    for name in ("manifest.json", "part-00000.parquet"):
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()
    if kind != "conll":  # of which the tags are never read
        assert done.share == pytest.approx(1.0)
    again = annotate_on_ray(load, load(), text, tmp_path / "ray", shard_docs=SHARD_DOCS)
    assert (again.docs, again.words) == (done.docs, 0)


def test_an_actor_with_another_teacher_refuses_to_work(without_ray, load, raw, tmp_path):
    source = load()
    source.fingerprint = "cc33"
    with pytest.raises(XnerError, match=r"another teacher: found .*, expected cc33. Copy the same"):
        annotate_on_ray(load, source, raw, tmp_path / "out", shard_docs=SHARD_DOCS)
    assert not (tmp_path / "out" / ray_engine.STAGING).exists()


def test_a_staging_folder_that_is_named_keeps_what_else_is_in_it(without_ray, load, raw, tmp_path):
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging/mine").write_text("x", "utf8")
    cluster = ray_engine.Cluster(staging=str(tmp_path / "staging"))
    annotate_on_ray(load, load(), raw, tmp_path / "out", cluster=cluster)
    assert [path.name for path in (tmp_path / "staging").iterdir()] == ["mine"]


def test_a_text_is_staged_with_all_that_a_worker_needs(tmp_path):
    staging = ray_engine._Staging(str(tmp_path / "staged" / "run"))
    staging.write(3, [("a:0", Text("x y")), ("a:1", Text("z.", ["z", "."], [False, False]))])
    (row,) = pq.read_table(staging.files[0]).to_pylist()
    assert row["shard"] == 3
    assert [text["words"] for text in row["texts"]] == [None, ["z", "."]]
    staging.remove(with_parent=True)
    assert list(tmp_path.iterdir()) == []


def test_where_ray_is_missing_the_extra_is_named(load, raw, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(XnerError, match=r"pip install 'spacy-xner\[ray\]'"):
        annotate_on_ray(load, load(), raw, tmp_path / "out")


def test_an_unknown_engine_is_told(tmp_path):
    command = ["annotate", "x", "y", str(tmp_path / "out"), "--engine", "spark"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "expected one of local, ray" in " ".join(result.output.split())
