"""A run that was stopped at any moment goes on as if nothing had happened."""

import copy
import errno
import os
import shutil
import signal
import subprocess
import sys

import pytest
import spacy
from spacy.util import registry

from spacy_xner.errors import XnerError

from .made_up import CONFIG, config_of, run, soft_labels, tagged_sentences, weights, write_labels

STOP = {"at": None}
INFOS = []


class StoppedError(Exception):
    """Stands for whatever ends a process."""


@registry.callbacks("xner_test_stop")
def make_stop():
    def before_update(nlp, args):
        if args["step"] == STOP["at"]:
            raise StoppedError

    return before_update


@registry.loggers("xner_test_resume_recorder")
def make_recorder():
    def setup(nlp, stdout, stderr):
        def log(info):
            if info is not None:
                timeless = ("seconds", "other_scores", "output_path")
                INFOS.append(copy.deepcopy({k: v for k, v in info.items() if k not in timeless}))

        return log, lambda: None

    return setup


TEXT = (
    CONFIG.replace("max_epochs = 2", "max_epochs = 2\ncheckpoint_every = 1", 1)
    .replace(
        "[training.score",
        '[training.before_update]\n@callbacks = "xner_test_stop"\n[training.score',
    )
    .replace(
        '@loggers = "spacy.ConsoleLogger.v1"\nprogress_bar = false',
        '@loggers = "xner_test_resume_recorder"',
    )
)
GROWING = TEXT.replace(
    "size = 30\ntolerance = 0.2\ndiscard_oversize = false",
    "tolerance = 0.2\ndiscard_oversize = false\n[distillation.batcher.size]\n"
    '@schedules = "compounding.v1"\nstart = 20\nstop = 60\ncompound = 1.1',
)


def stop_at(step, labels, output, text=TEXT, **changes):
    """Begin a run that ends before the update after `step`."""
    STOP["at"] = step
    try:
        with pytest.raises(StoppedError):
            run(labels, output, config_of(text, **changes))
    finally:
        STOP["at"] = None
    INFOS.clear()


def resume(labels, output, text=TEXT, **changes):
    nlp, _ = run(labels, output, config_of(text, **changes), resume=True)
    return nlp


@pytest.fixture(scope="module", autouse=True)
def no_waiting_for_the_disk():
    """A killed process loses nothing that it wrote; only a loss of power would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("spacy_xner.corpora.files.os.fsync", lambda handle: None)
        yield


@pytest.fixture(scope="module")
def whole(labels, tmp_path_factory):
    """Weights of a run that nothing stopped, and what its logger was told."""
    INFOS.clear()
    output = tmp_path_factory.mktemp("whole")
    nlp, _ = run(labels, output, config_of(TEXT))
    return weights(nlp), list(INFOS), output


@pytest.mark.parametrize("step", [1, 4, 6, 7, 8, 11])
def test_resume_gives_the_weights_of_a_run_that_nothing_stopped(step, labels, whole, tmp_path):
    expected, infos, _ = whole
    assert infos[-1]["step"] > 11
    stop_at(step, labels, tmp_path)
    nlp = resume(labels, tmp_path)
    assert weights(nlp) == expected
    assert weights(spacy.load(tmp_path / "model-last")) == expected
    assert [info for info in infos if info["step"] > step] == INFOS


def test_steps_after_the_last_checkpoint_are_done_again(labels, whole, tmp_path):
    expected, infos, _ = whole
    changes = {"distillation__checkpoint_every": 3}
    stop_at(8, labels, tmp_path, **changes)
    nlp = resume(labels, tmp_path, **changes)
    assert weights(nlp) == expected
    assert [info["step"] for info in INFOS] == [i["step"] for i in infos if i["step"] > 6]


def test_a_schedule_of_batch_sizes_goes_on_where_it_stood(labels, tmp_path):
    nlp, _ = run(labels, tmp_path / "whole", config_of(GROWING))
    last = INFOS[-1]
    stop_at(last["step"] - 1, labels, tmp_path / "stopped", GROWING)
    assert weights(resume(labels, tmp_path / "stopped", GROWING)) == weights(nlp)
    assert INFOS[-1] == last


def test_resuming_a_finished_run_changes_nothing(labels, tmp_path):
    changes = {"distillation__max_steps": 5}
    nlp, _ = run(labels, tmp_path, config_of(TEXT, **changes))
    INFOS.clear()
    assert weights(resume(labels, tmp_path, **changes)) == weights(nlp)
    assert not INFOS


def test_the_soft_labels_may_have_moved(labels, whole, tmp_path):
    stop_at(4, labels, tmp_path / "out")
    moved = shutil.copytree(labels, tmp_path / "moved")
    assert weights(resume(moved, tmp_path / "out")) == whole[0]


def test_killed_between_two_renames_the_old_checkpoint_counts(labels, whole, tmp_path):
    stop_at(4, labels, tmp_path)
    (tmp_path / "checkpoint").rename(tmp_path / "checkpoint-old")
    (tmp_path / "checkpoint-new").mkdir()
    (tmp_path / "checkpoint-new" / "ner.model").write_bytes(b"half")
    assert weights(resume(labels, tmp_path)) == whole[0]
    assert not list(tmp_path.glob("checkpoint-*"))


def test_a_full_disk_is_told_and_the_run_can_be_resumed(labels, whole, tmp_path, monkeypatch):
    calls = []
    sync = os.fsync

    def full(handle):
        calls.append(handle)
        if len(calls) == 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr("spacy_xner.corpora.files.os.fsync", full)
        with pytest.raises(XnerError, match="Free room on the disk"):
            run(labels, tmp_path, config_of(TEXT))
    assert weights(resume(labels, tmp_path)) == whole[0]


def test_a_full_disk_under_the_model_is_told(labels, tmp_path, monkeypatch):
    def full(self, path, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("spacy.language.Language.to_disk", full)
    with pytest.raises(XnerError, match=r"model-last.*No space left on device"):
        run(labels, tmp_path, config_of(TEXT))


def test_another_config_is_an_error(labels, tmp_path):
    stop_at(4, labels, tmp_path)
    with pytest.raises(XnerError, match="another run: its config differs"):
        resume(labels, tmp_path, distillation__dropout=0.2)


def test_other_soft_labels_are_an_error(labels, tmp_path):
    stop_at(4, labels, tmp_path / "out")
    other = write_labels(tmp_path / "labels", soft_labels(tagged_sentences()), teacher="cc")
    with pytest.raises(XnerError, match="another run: its soft labels differs"):
        resume(other, tmp_path / "out")


def test_no_checkpoint_is_an_error(labels, tmp_path):
    with pytest.raises(XnerError, match="no checkpoint"):
        resume(labels, tmp_path)


def test_resuming_without_an_output_folder_is_an_error(labels):
    with pytest.raises(XnerError, match="nothing to resume"):
        resume(labels, None)


CODE = """
import os, signal
from spacy.util import registry

@registry.callbacks("xner_test_kill")
def make_kill():
    def before_update(nlp, args):
        if str(args["step"]) == os.environ.get("XNER_TEST_KILL_AT"):
            os.kill(os.getpid(), signal.SIGKILL)

    return before_update
"""


@pytest.mark.slow
def test_killed_with_signal_9_the_command_resumes_to_the_same_student(labels, whole, tmp_path):
    (tmp_path / "code.py").write_text(CODE, "utf8")
    text = TEXT.replace("xner_test_stop", "xner_test_kill").replace(
        '@loggers = "xner_test_resume_recorder"',
        '@loggers = "spacy.ConsoleLogger.v1"\nprogress_bar = false',
    )
    (tmp_path / "student.cfg").write_text(text, "utf8")
    command = [sys.executable, "-m", "spacy", "xner", "distill", str(tmp_path / "student.cfg")]
    command += ["--teacher", str(labels), "-o", str(tmp_path / "out")]
    command += ["--code", str(tmp_path / "code.py")]
    killed = subprocess.run(
        command, env={**os.environ, "XNER_TEST_KILL_AT": "8"}, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert "Resuming after step 8" in resumed.stdout
    assert weights(spacy.load(tmp_path / "out" / "model-last")) == whole[0]
