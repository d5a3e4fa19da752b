"""`spacy xner prepare`."""

import errno
import os

import pytest
import typer
from typer.testing import CliRunner

from spacy_xner.cli.prepare import prepare, prepare_cli
from spacy_xner.corpora.raw import Counts
from spacy_xner.errors import XnerError

app = typer.Typer()
app.command()(prepare_cli)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "raw.txt").write_text("Musa ya tafi .\nMUSA YA TAFI\nKano ce\n\n", "utf8")
    (tmp_path / "train.txt").write_text("Bello B-PER\nya O\nzo O\n. O\n\nAbuja B-LOC\n", "utf8")
    (tmp_path / "test.txt").write_text("Kano B-LOC\nce O\n", "utf8")
    return tmp_path


def test_output_holds_each_text_once_without_test_sentences(folder):
    counts = prepare(
        folder / "new" / "out.txt",
        [folder / "raw.txt", folder / "train.txt"],
        exclude=[folder / "test.txt"],
    )
    written = (folder / "new" / "out.txt").read_bytes().decode("utf8")
    assert written == "Musa ya tafi .\nBello ya zo.\nAbuja\n"
    assert counts == Counts(read=6, empty=1, duplicates=1, excluded=1, kept=3)


def test_preparing_prepared_text_changes_nothing(folder):
    prepare(folder / "one.txt", [folder / "raw.txt"])
    counts = prepare(folder / "two.txt", [folder / "one.txt"])
    assert (folder / "two.txt").read_bytes() == (folder / "one.txt").read_bytes()
    assert counts == Counts(read=2, kept=2)


def test_command_prints_every_count(folder):
    arguments = [folder / "out.txt", folder / "raw.txt", "--exclude", folder / "test.txt"]
    result = CliRunner().invoke(app, [*map(str, arguments), "--exclude", str(folder / "train.txt")])
    assert result.exit_code == 0
    printed = dict(line.split() for line in result.stdout.splitlines() if len(line.split()) == 2)
    assert printed == {
        "read": "4",
        "empty": "1",
        "duplicates": "1",
        "excluded": "1",
        "kept": "1",
        "repaired": "0",
    }
    assert (folder / "out.txt").read_text("utf8") == "Musa ya tafi .\n"


def test_fault_ends_the_command_with_a_message_and_no_output(folder):
    (folder / "bad.txt").write_bytes(b"Kano\nab\xff\n")
    result = CliRunner().invoke(app, [str(folder / "out.txt"), str(folder / "bad.txt")])
    assert result.exit_code == 1
    assert "line 2: byte 0xff at offset 7 is not UTF-8" in " ".join(result.stdout.split())
    assert not (folder / "out.txt").exists()


def test_nothing_left_is_refused(folder):
    with pytest.raises(XnerError, match="No text is left of 2 lines: 0 empty, 2 overlap"):
        prepare(folder / "out.txt", [folder / "train.txt"], exclude=[folder / "train.txt"])


def test_full_disk_keeps_the_old_file(folder, monkeypatch):
    def refuse(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (folder / "out.txt").write_text("old\n", "utf8")
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(XnerError, match=r"out.txt .*No space left on device. Free room"):
        prepare(folder / "out.txt", [folder / "raw.txt"])
    assert (folder / "out.txt").read_text("utf8") == "old\n"
    assert not list(folder.glob("*.tmp"))
