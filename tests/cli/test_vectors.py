"""`spacy xner vectors`: what is in its place is whole, or is what was there before."""

import errno
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.language import Language

from spacy_xner.cli.vectors import vectors
from spacy_xner.distillation import vectors as module
from spacy_xner.errors import XnerError

WORDS = ["Musa", "ya", "tafi", "Kano"]


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Write vectors that depend on a seed, of a teacher without an encoder."""
    spacy.blank("xx").to_disk(tmp_path / "teacher")
    (tmp_path / "raw.txt").write_text(" ".join(WORDS) + "\n", "utf8")

    def run(seed=0, output=tmp_path / "vectors"):
        states = np.random.default_rng(seed).normal(size=(len(WORDS), 3)).astype("float32")
        monkeypatch.setattr(module, "encode_words", lambda *args, **kwargs: states)
        return vectors(tmp_path / "teacher", output, [tmp_path / "raw.txt"], width=3, rows=50)

    return run


def table(folder):
    return spacy.load(folder).vocab.vectors.get_batch(WORDS)


@pytest.fixture
def full_disk(monkeypatch):
    """Let pipelines be written in part, then have no room."""
    write = Language.to_disk

    def fill(nlp, path, **kwargs):
        write(nlp, path, **kwargs)
        (Path(path) / "vocab" / "vectors").write_bytes(b"")
        raise OSError(errno.ENOSPC, "No space left on device")

    def switch():
        monkeypatch.setattr(Language, "to_disk", fill)

    return switch


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_vectors_are_loaded_again_and_new_ones_take_their_place(make, tmp_path):
    first = make(seed=0).vocab.vectors.get_batch(WORDS)
    np.testing.assert_array_equal(table(tmp_path / "vectors"), first)
    second = make(seed=1).vocab.vectors.get_batch(WORDS)
    np.testing.assert_array_equal(table(tmp_path / "vectors"), second)
    assert np.abs(first - second).max() > 0.1
    assert names(tmp_path) == ["raw.txt", "teacher", "vectors"]


def test_a_full_disk_is_told_and_leaves_nothing(make, full_disk, tmp_path):
    full_disk()
    with pytest.raises(XnerError, match=r"written to .*vectors .*No space left.*Free room"):
        make()
    assert names(tmp_path) == ["raw.txt", "teacher"]


def test_a_full_disk_leaves_older_vectors_as_they_were(make, full_disk, tmp_path):
    first = make(seed=0).vocab.vectors.get_batch(WORDS)
    full_disk()
    with pytest.raises(XnerError, match="No space left"):
        make(seed=1)
    np.testing.assert_array_equal(table(tmp_path / "vectors"), first)
    assert names(tmp_path) == ["raw.txt", "teacher", "vectors"]


def test_a_folder_that_cannot_be_made_is_told(make, tmp_path):
    with pytest.raises(XnerError, match=r"could not be written to .*raw\.txt/sub/vectors"):
        make(output=tmp_path / "raw.txt" / "sub" / "vectors")


@pytest.mark.parametrize("other", ["pipeline", "files", "file"])
def test_what_holds_something_else_is_not_replaced(other, make, tmp_path):
    output = tmp_path / "other"
    if other == "pipeline":
        nlp = spacy.blank("xx")
        nlp.add_pipe("sentencizer")
        nlp.to_disk(output)
    elif other == "files":
        output.mkdir()
        (output / "notes.txt").write_text("mine", "utf8")
    else:
        output.write_text("mine", "utf8")
    before = names(output) if output.is_dir() else output.read_bytes()
    with pytest.raises(XnerError, match="other exists and holds something other than vectors"):
        make(output=output)
    assert (names(output) if output.is_dir() else output.read_bytes()) == before


def test_an_empty_folder_is_taken(make, tmp_path):
    (tmp_path / "vectors").mkdir()
    make()
    assert table(tmp_path / "vectors").shape == (4, 3)
