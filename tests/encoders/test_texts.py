import pytest

from spacy_xner.encoders.texts import read_text, text_files
from spacy_xner.errors import XnerError


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf8")
    return path


def test_conll_gives_its_words_with_spaces_and_as_running_text_but_no_tags(tmp_path):
    path = write(tmp_path / "a.txt", "Lagos B-LOC\n, O\nAmina B-PER\n\nKöln B-LOC\n. O\n")
    assert list(read_text(path)) == ["Lagos , Amina", "Lagos, Amina", "Köln .", "Köln."]


def test_raw_text_gives_its_lines(tmp_path):
    path = write(tmp_path / "a.txt", "Amina visited Lagos.\nNobody knows.\n")
    assert list(read_text(path)) == ["Amina visited Lagos.", "Nobody knows."]


def test_wrongly_decoded_text_is_repaired_where_asked(tmp_path):
    pytest.importorskip("ftfy")
    path = write(tmp_path / "a.txt", "Una compañía en España.\n".encode().decode("latin-1"))
    assert list(read_text(path, fix_encoding=True)) == ["Una compañía en España."]


def test_folder_gives_all_files_but_dev_test_and_hidden_ones(tmp_path):
    names = ["hau/train.txt", "hau/dev.txt", "hau/test.txt", "raw.txt", "testimony.txt"]
    train, dev, test, raw, testimony = (write(tmp_path / name, "a b\n") for name in names)
    write(tmp_path / ".cache" / "x.txt", "a b\n")
    devtest = write(tmp_path / "en-si" / "devtest.si", "a b\n")
    files, left_out = text_files([tmp_path])
    assert files == [train, raw, testimony]
    assert left_out == [devtest, dev, test]


def test_file_that_is_named_is_taken_once_even_if_it_is_a_dev_file(tmp_path):
    dev = write(tmp_path / "dev.txt", "a b\n")
    train = write(tmp_path / "train.txt", "a b\n")
    assert text_files([dev, tmp_path, train]) == ([dev, train], [])


def test_folder_of_test_files_alone_is_refused(tmp_path):
    write(tmp_path / "test.txt", "a b\n")
    with pytest.raises(XnerError, match="no text file beside 1 dev and test files"):
        text_files([tmp_path])


def test_missing_path_is_named(tmp_path):
    with pytest.raises(XnerError, match=r"nothing at .*absent\.txt"):
        text_files([tmp_path / "absent.txt"])
