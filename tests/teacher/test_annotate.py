"""Annotation: every text once, in its order, whatever stops the run."""

import errno
import hashlib
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, DocBin
from typer.testing import CliRunner

from spacy_xner.cli import app
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.errors import XnerError
from spacy_xner.tags import TagSet
from spacy_xner.teacher import annotate as module
from spacy_xner.teacher.annotate import annotate_documents


class MadeUpSource:
    """Gives a token the probabilities that its text decides; may stop after some documents."""

    def __init__(self, fingerprint="aa11", types=("PER",), stop_after=None, stop=None):
        self.nlp = spacy.blank("xx")
        self.tagset = TagSet.from_types(types)
        self.fingerprint = fingerprint
        self.batches = []
        self.stop_after = stop_after
        self.stop = stop

    def predict(self, docs):
        self.batches.append([len(doc) for doc in docs])
        if self.stop_after is not None and sum(map(len, self.batches)) > self.stop_after:
            self.stop()
        return [
            np.array([self.row(token.text) for token in doc], dtype="float32").reshape(
                len(doc), len(self.tagset)
            )
            for doc in docs
        ]

    def row(self, word):
        digest = hashlib.sha256(word.encode("utf8")).digest()
        row = np.frombuffer(digest[: len(self.tagset)], dtype="uint8") + 1.0
        return row / row.sum()


class StoppedError(Exception):
    """Stands for whatever ends a process."""


def stop():
    raise StoppedError


TEXTS = [" ".join([f"w{i}x{j}" for j in range(1 + (i * 7) % 11)]) for i in range(23)]


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_text("\n".join(TEXTS) + "\n", "utf8")
    return path


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(module, "BATCH_WORDS", 20)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rows_of(folder):
    return {
        labels.doc_id: [round(float(value), 2) for value in labels.probs.ravel()]
        for labels in SoftLabelCorpus(folder)
    }


def test_texts_come_out_in_the_order_in_which_they_went_in(raw, tmp_path):
    source = MadeUpSource()
    done = annotate_documents(source, raw, tmp_path / "out", lang="hau", shard_docs=10)
    corpus = SoftLabelCorpus(tmp_path / "out")
    found = list(corpus)
    assert [labels.text for labels in found] == TEXTS
    assert [labels.doc_id for labels in found] == [f"raw:{i}" for i in range(23)]
    assert {labels.lang for labels in found} == {"hau"}
    assert len(corpus.shards) == 3
    assert (corpus.tags, corpus.teacher) == (("O", "B-PER", "I-PER"), "aa11")
    words = sum(len(text.split()) for text in TEXTS)
    assert (done.docs, done.words, done.share) == (23, words, 1.0)


def test_every_token_has_its_own_probabilities(raw, tmp_path):
    source = MadeUpSource()
    annotate_documents(source, raw, tmp_path / "out")
    for labels in SoftLabelCorpus(tmp_path / "out"):
        words = [labels.text[s:e] for s, e in zip(labels.starts, labels.ends, strict=True)]
        assert words == labels.text.split()
        expected = [source.row(word) for word in words]
        np.testing.assert_allclose(labels.probs, expected, atol=1e-3)


def test_the_teacher_reads_batches_of_like_length(raw, tmp_path):
    source = MadeUpSource()
    annotate_documents(source, raw, tmp_path / "out", shard_docs=10)
    assert all(len(batch) == 1 or sum(batch) <= 20 for batch in source.batches)
    for shard in (TEXTS[:10], TEXTS[10:20], TEXTS[20:]):
        read = []
        while len(read) < len(shard):
            read += source.batches.pop(0)
        assert read == sorted(len(text.split()) for text in shard)


def test_progress_is_told_after_every_batch(raw, tmp_path):
    told = []
    source = MadeUpSource()
    annotate_documents(
        source, raw, tmp_path / "out", report=lambda p: told.append((p.words, p.share, p.seconds))
    )
    assert [words for words, _, _ in told] == np.cumsum(list(map(sum, source.batches))).tolist()
    assert [share for _, share, _ in told] == sorted(share for _, share, _ in told)
    assert told[-1][1] == 1.0
    assert told[0][2] > 0


@pytest.mark.parametrize("stop_after", [0, 3, 10, 14, 22])
def test_a_stopped_run_goes_on_with_nothing_lost_and_nothing_twice(stop_after, raw, tmp_path):
    annotate_documents(MadeUpSource(), raw, tmp_path / "whole", shard_docs=5)
    stopped = MadeUpSource(stop_after=stop_after, stop=stop)
    with pytest.raises(StoppedError):
        annotate_documents(stopped, raw, tmp_path / "out", shard_docs=5)
    with pytest.raises(XnerError, match="not finished"):
        SoftLabelCorpus(tmp_path / "out")
    resumed = MadeUpSource()
    done = annotate_documents(resumed, raw, tmp_path / "out", shard_docs=5)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    # Only the shard that was not finished, and those behind it, were read again.
    assert sum(map(len, resumed.batches)) == 23 - stop_after // 5 * 5
    assert done.docs == 23


def test_a_finished_folder_is_not_made_again(raw, tmp_path):
    annotate_documents(MadeUpSource(), raw, tmp_path / "out", shard_docs=5)
    before = contents(tmp_path / "out")
    again = MadeUpSource()
    annotate_documents(again, raw, tmp_path / "out", shard_docs=5)
    assert not again.batches
    assert contents(tmp_path / "out") == before


def test_a_shard_cut_in_half_is_made_again_and_the_others_are_kept(raw, tmp_path):
    annotate_documents(MadeUpSource(), raw, tmp_path / "out", shard_docs=5)
    before = contents(tmp_path / "out")
    shard = tmp_path / "out" / "part-00002.parquet"
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    again = MadeUpSource()
    with pytest.warns(UserWarning, match=r"part-00002\.parquet is damaged"):
        annotate_documents(again, raw, tmp_path / "out", shard_docs=5)
    assert sum(map(len, again.batches)) == 5
    assert contents(tmp_path / "out") == before


def test_a_full_disk_is_told_and_the_run_can_be_resumed(raw, tmp_path, monkeypatch):
    annotate_documents(MadeUpSource(), raw, tmp_path / "whole", shard_docs=5)
    sync, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) == 9:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr("spacy_xner.corpora.files.os.fsync", full)
        with pytest.raises(XnerError, match="Free room on the disk"):
            annotate_documents(MadeUpSource(), raw, tmp_path / "out", shard_docs=5)
    annotate_documents(MadeUpSource(), raw, tmp_path / "out", shard_docs=5)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [({"fingerprint": "cc33"}, "another teacher"), ({"types": ("LOC",)}, "another tag set")],
)
def test_a_folder_of_another_teacher_is_an_error(changes, fault, raw, tmp_path):
    annotate_documents(MadeUpSource(), raw, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(XnerError, match=fault):
        annotate_documents(MadeUpSource(**changes), raw, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_a_folder_of_another_text_is_an_error(raw, tmp_path):
    annotate_documents(MadeUpSource(), raw, tmp_path / "out")
    raw.write_text("another text\n", "utf8")
    with pytest.raises(XnerError, match="another text"):
        annotate_documents(MadeUpSource(), raw, tmp_path / "out")


def test_another_size_of_shards_is_an_error(raw, tmp_path):
    annotate_documents(MadeUpSource(), raw, tmp_path / "out", shard_docs=5)
    with pytest.raises(XnerError, match="belongs to another"):
        annotate_documents(MadeUpSource(), raw, tmp_path / "out", shard_docs=6)


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n\n"])
def test_a_text_of_nothing_is_an_error_and_leaves_no_folder(text, tmp_path):
    (tmp_path / "raw.txt").write_text(text, "utf8")
    with pytest.raises(XnerError, match=r"raw\.txt"):
        annotate_documents(MadeUpSource(), tmp_path / "raw.txt", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["missing.txt", "empty"])
def test_a_text_that_is_not_there_is_an_error(name, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(XnerError, match=name):
        annotate_documents(MadeUpSource(), tmp_path / name, tmp_path / "out")


def test_text_in_another_encoding_is_an_error(tmp_path):
    (tmp_path / "raw.txt").write_bytes("Köln und Öl\n".encode("latin1"))
    with pytest.raises(XnerError, match="UTF-8"):
        annotate_documents(MadeUpSource(), tmp_path / "raw.txt", tmp_path / "out")


def test_long_documents_and_long_tokens_keep_every_token(tmp_path):
    long = " ".join(f"w{i % 50}" for i in range(20_000))
    (tmp_path / "raw.txt").write_text(f"{long}\n{'x' * 5_000}\none\n", "utf8")
    annotate_documents(MadeUpSource(), tmp_path / "raw.txt", tmp_path / "out")
    labels = list(SoftLabelCorpus(tmp_path / "out"))
    assert [len(doc.probs) for doc in labels] == [20_000, 1, 1]
    assert labels[1].ends.tolist() == [5_000]
    assert labels[0].ends[-1] == len(labels[0].text) == len(long)


def test_the_tokens_of_conll_are_kept_and_its_tags_are_not_seen(tmp_path):
    (tmp_path / "gold.conll").write_text("Kano B-LOC\n, O\nnow O\n\nChidi B-PER\n", "utf8")
    source = MadeUpSource()
    annotate_documents(source, tmp_path / "gold.conll", tmp_path / "out")
    found = list(SoftLabelCorpus(tmp_path / "out"))
    assert [doc.text for doc in found] == ["Kano, now", "Chidi"]
    assert found[0].starts.tolist() == [0, 4, 6]
    np.testing.assert_allclose(found[1].probs[0], source.row("Chidi"), atol=1e-3)


def test_spacys_own_format_is_read(tmp_path):
    vocab = spacy.blank("xx").vocab
    docs = [Doc(vocab, words=["a-b", "c"], spaces=[True, False]), Doc(vocab, words=["d"])]
    DocBin(docs=docs).to_disk(tmp_path / "text.spacy")
    annotate_documents(MadeUpSource(), tmp_path / "text.spacy", tmp_path / "out")
    found = list(SoftLabelCorpus(tmp_path / "out"))
    assert [(doc.doc_id, doc.text, doc.ends.tolist()) for doc in found] == [
        ("text:0", "a-b c", [3, 5]),
        ("text:1", "d ", [1]),
    ]


def test_a_folder_stands_for_its_files(tmp_path):
    (tmp_path / "raw").mkdir()
    for name in ("b", "a"):
        (tmp_path / "raw" / f"{name}.txt").write_text(f"{name} one\n{name} two\n", "utf8")
    annotate_documents(MadeUpSource(), tmp_path / "raw", tmp_path / "out", shard_docs=3)
    found = [doc.doc_id for doc in SoftLabelCorpus(tmp_path / "out")]
    assert found == ["a:0", "a:1", "b:0", "b:1"]


@pytest.fixture
def two_languages(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for lang in ("hau", "am"):
        (folder / f"{lang}.txt").write_text(f"{lang} one\n{lang} two\n", "utf8")
    return folder


def langs_of(folder):
    return [labels.lang for labels in SoftLabelCorpus(folder)]


def test_documents_of_a_folder_are_of_the_language_that_their_file_names(two_languages, tmp_path):
    annotate_documents(MadeUpSource(), two_languages, tmp_path / "out")
    assert langs_of(tmp_path / "out") == ["am", "am", "hau", "hau"]
    assert SoftLabelCorpus(tmp_path / "out").lang == "xx"
    (two_languages / "am.txt").unlink()
    annotate_documents(MadeUpSource(), two_languages, tmp_path / "one")
    assert langs_of(tmp_path / "one") == ["hau", "hau"]
    assert SoftLabelCorpus(tmp_path / "one").lang == "hau"


def test_a_language_that_is_given_holds_for_all_files(two_languages, raw, tmp_path):
    annotate_documents(MadeUpSource(), two_languages, tmp_path / "out", lang="swa")
    assert langs_of(tmp_path / "out") == ["swa"] * 4
    assert SoftLabelCorpus(tmp_path / "out").lang == "swa"


def test_a_single_file_is_of_no_known_language(raw, tmp_path):
    annotate_documents(MadeUpSource(), raw, tmp_path / "out")
    assert set(langs_of(tmp_path / "out")) == {"xx"} == {SoftLabelCorpus(tmp_path / "out").lang}


def test_a_folder_begun_with_another_language_is_gone_on_with(two_languages, tmp_path):
    stopped = MadeUpSource(stop_after=1, stop=stop)
    with pytest.raises(StoppedError):
        annotate_documents(stopped, two_languages, tmp_path / "out", lang="xx", shard_docs=1)
    resumed = MadeUpSource()
    annotate_documents(resumed, two_languages, tmp_path / "out", shard_docs=1)
    assert langs_of(tmp_path / "out") == ["xx", "am", "hau", "hau"]
    assert sum(map(len, resumed.batches)) == 3


def test_the_command_prints_the_fault_and_exits_with_one(raw, tmp_path):
    command = ["annotate", str(tmp_path / "nothing"), str(raw), str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "no pipeline that spaCy can load" in " ".join(result.output.split())


KILLED = """
import os, signal, sys
from pathlib import Path
from spacy_xner.teacher import annotate
from tests.teacher.test_annotate import MadeUpSource

annotate.BATCH_WORDS = 20
source = MadeUpSource(stop_after=13, stop=lambda: os.kill(os.getpid(), signal.SIGKILL))
annotate.annotate_documents(source, Path(sys.argv[1]), Path(sys.argv[2]), shard_docs=5)
"""


@pytest.mark.slow
def test_killed_with_signal_9_it_resumes_to_the_same_folder(raw, tmp_path, pytestconfig):
    annotate_documents(MadeUpSource(), raw, tmp_path / "whole", shard_docs=5)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(raw), str(tmp_path / "out")],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert {"part-00000.parquet", "part-00001.parquet"} <= contents(tmp_path / "out").keys()
    resumed = MadeUpSource()
    annotate_documents(resumed, raw, tmp_path / "out", shard_docs=5)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert sum(map(len, resumed.batches)) == 13
