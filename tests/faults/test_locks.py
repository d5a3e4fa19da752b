"""One process writes a folder; the second is refused; what a killed one left is taken over."""

import errno
import os
import subprocess
import sys

import pytest

from spacy_xner.cli import annotate as command
from spacy_xner.corpora.locks import LOCK, lock_folder
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.errors import XnerError
from spacy_xner.teacher.annotate import annotate_documents

from ..corpora.soft_label_samples import DOCS, open_writer
from ..distillation.made_up import run, soft_labels, tagged_sentences, weights, write_labels
from ..teacher.test_annotate import MadeUpSource

fcntl = pytest.importorskip("fcntl")

HOLD = """
import fcntl, os, sys
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
file.write(f"process {os.getpid()} on elsewhere\\n")
file.flush()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def held(tmp_path):
    """A folder that another process writes to, and that process."""
    folder = tmp_path / "out"
    folder.mkdir()
    other = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", HOLD, str(folder / LOCK)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout.readline() == b"held\n"
    yield folder, other
    other.kill()
    other.communicate()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def refused(other, folder):
    words = rf"out is being written by process {other.pid} on elsewhere. Wait until it is done"
    return pytest.raises(XnerError, match=words)


def test_soft_labels_that_another_process_writes_are_refused_and_untouched(held):
    folder, other = held
    with refused(other, folder):
        open_writer(folder)
    assert names(folder) == [LOCK]


def test_annotate_is_refused_also_where_it_would_replace(held, tmp_path):
    folder, other = held
    (tmp_path / "raw.txt").write_text("Amina left Kano", "utf8")
    with refused(other, folder):
        annotate_documents(MadeUpSource(), tmp_path / "raw.txt", folder)
    with refused(other, folder):
        command._empty(folder)
    assert names(folder) == [LOCK]


def test_distill_is_refused(held, tmp_path):
    folder, other = held
    labels = write_labels(tmp_path / "labels", soft_labels(tagged_sentences()))
    (folder / "model-last").mkdir()
    with refused(other, folder):
        run(labels, folder)
    assert names(folder) == [LOCK, "model-last"]


def test_the_lock_of_a_killed_process_is_taken_over(held):
    folder, other = held
    other.kill()
    other.wait()
    assert "elsewhere" in (folder / LOCK).read_text("utf8")
    writer = open_writer(folder)
    assert f"process {os.getpid()} " in (folder / LOCK).read_text("utf8")
    writer.write(0, DOCS)
    writer.close(1)
    assert names(folder) == ["manifest.json", "part-00000.parquet"]
    assert len(SoftLabelCorpus(folder)) == len(DOCS)


def test_a_process_may_open_its_folder_again_and_lets_go_at_the_end(tmp_path):
    first = lock_folder(tmp_path)
    assert lock_folder(tmp_path) is first
    first.release()
    assert names(tmp_path) == []
    again = lock_folder(tmp_path)
    del first
    assert names(tmp_path) == [LOCK]
    del again
    assert names(tmp_path) == []


def test_a_lock_file_that_was_removed_meanwhile_does_not_count(tmp_path, monkeypatch):
    """Between opening and locking, whoever had the folder may have ended and removed the file."""
    lock = tmp_path / LOCK
    calls = []
    flock = fcntl.flock

    def flock_after_removal(file, how):
        calls.append(how)
        if len(calls) == 1:
            lock.unlink()
        flock(file, how)

    monkeypatch.setattr("fcntl.flock", flock_after_removal)
    held = lock_folder(tmp_path)
    assert len(calls) == 2
    assert f"process {os.getpid()} " in lock.read_text("utf8")
    held.release()


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.warns(UserWarning, match="cannot be locked .*only one process writes"):
        lock_folder(tmp_path)


def test_a_read_only_folder_is_told(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    (tmp_path / "raw.txt").write_text("Amina left Kano", "utf8")
    with pytest.raises(XnerError, match=r"Read-only file system\. See that the folder can be made"):
        annotate_documents(MadeUpSource(), tmp_path / "raw.txt", tmp_path / "out")


def test_a_full_disk_at_a_checkpoint_is_told_and_resumed(tmp_path, monkeypatch):
    labels = write_labels(tmp_path / "labels", soft_labels(tagged_sentences()))
    whole, _ = run(labels, tmp_path / "whole")
    calls = []

    def refuse(handle):
        calls.append(handle)
        if len(calls) > 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("spacy_xner.corpora.files.os.fsync", refuse)
    with pytest.raises(XnerError, match=r"No space left on device\. Free room on the disk"):
        run(labels, tmp_path / "out")
    monkeypatch.undo()
    assert not (tmp_path / "out" / LOCK).exists()
    again, _ = run(labels, tmp_path / "out", resume=True)
    assert weights(again) == weights(whole)
