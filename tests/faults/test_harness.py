"""What counts the losses of killed runs sees each kind of loss, and kills for good."""

import importlib.util
import os
import random
import signal
import time
from pathlib import Path

import pytest

from ..distillation.made_up import soft_labels, tagged_sentences, write_labels

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
DOCS = soft_labels(tagged_sentences(12))


@pytest.fixture(scope="module")
def harness():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        path = SCRIPTS / "benchmark_faults.py"
        spec = importlib.util.spec_from_file_location("benchmark_faults", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture
def whole(tmp_path):
    return write_labels(tmp_path / "whole", DOCS, shard_docs=5)


def test_equal_folders_have_lost_nothing(harness, whole, tmp_path):
    again = write_labels(tmp_path / "again", DOCS, shard_docs=5)
    assert harness.lost_labels(whole, again) == 0


@pytest.mark.parametrize(
    ("docs", "lost"),
    [
        (DOCS[:11], 1),  # missing
        ([*DOCS, DOCS[0]], 1),  # twice
        ([*DOCS[:11], soft_labels(tagged_sentences(12), sure=0.7)[11]], 1),  # labelled otherwise
        (DOCS[:5], 7 + 2),  # missing, and two files
    ],
)
def test_each_loss_is_counted(docs, lost, harness, whole, tmp_path):
    found = write_labels(tmp_path / "found", docs, shard_docs=5)
    assert harness.lost_labels(whole, found) == lost


def test_a_leftover_file_is_counted(harness, whole, tmp_path):
    again = write_labels(tmp_path / "again", DOCS, shard_docs=5)
    (again / "part-00001.parquet.tmp").write_bytes(b"half")
    assert harness.lost_labels(whole, again) == 1


def test_a_run_is_killed_after_a_time_or_at_a_write(harness, tmp_path):
    code, seconds = harness.in_child(lambda: time.sleep(60), after=0.05)
    assert (code, seconds < 30) == (-signal.SIGKILL, True)

    def run(output):
        for name in "abc":
            os.mkdir(output / name)

    code, _ = harness.in_child(lambda: harness.die_at_write(run, tmp_path, 2))
    assert code == -signal.SIGKILL
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert harness.in_child(lambda: 3)[0] == 3


def test_runs_are_killed_until_there_were_enough_kills(harness, tmp_path):
    def run(output):
        output.mkdir(exist_ok=True)
        (output / "file").write_text("whole", "utf8")

    task = harness.Task("test", run, lambda expected, found: 0, seconds=0.01, writes=1)
    harness.kill_many(task, tmp_path, random.Random(0), 3, time.monotonic() + 60)
    assert task.kills >= 3
    assert task.faults == 0
