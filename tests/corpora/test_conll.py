"""The strict CoNLL reader: what it takes, mends with a warning, and refuses with file and line."""

import builtins
import warnings

import pytest

from spacy_xner.corpora.conll import is_conll, load_conll, read_conll
from spacy_xner.errors import XnerError


@pytest.fixture
def write(tmp_path):
    def write(text, name="gold.txt"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf8"))
        return path

    return write


@pytest.fixture
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.usefixtures("no_warning")
@pytest.mark.parametrize(
    "text",
    [
        "Musa B-PER\nBello I-PER\nya O\n\nKano B-LOC\n",
        "Musa\tB-PER\nBello\tI-PER\nya\tO\n\nKano\tB-LOC\n",
        "Musa I-PER\nBello I-PER\nya O\n\nKano I-LOC\n",
        "Musa B-PER\nBello L-PER\nya O\n\nKano U-LOC\n",
        "Musa B-PER\r\nBello I-PER\r\nya O\r\n\r\nKano B-LOC\r\n",
        "\ufeffMusa B-PER\nBello I-PER\nya O\n\nKano B-LOC",
        "-DOCSTART- -X- O O\n\nMusa B-PER\nBello I-PER\nya O\n-DOCSTART- O\nKano B-LOC\n\n\n\n",
    ],
    ids=["space", "tab", "IOB1", "BILUO", "CRLF", "BOM-no-last-newline", "DOCSTART"],
)
def test_every_allowed_form_reads_the_same(write, text):
    sentences = read_conll(write(text))
    assert [s.words for s in sentences] == [["Musa", "Bello", "ya"], ["Kano"]]
    assert [s.tags for s in sentences] == [["B-PER", "I-PER", "O"], ["B-LOC"]]


def test_sentences_know_their_file_and_first_line(write):
    path = write("\n\nMusa B-PER\nya O\n\n\nKano B-LOC\n")
    assert [(s.line, s.path) for s in read_conll(path)] == [(3, str(path)), (7, str(path))]


@pytest.mark.usefixtures("no_warning")
def test_iob1_adjacent_entities_stay_apart(write):
    (sentence,) = read_conll(write("Musa I-PER\nBello I-PER\nSani B-PER\n"))
    assert sentence.tags == ["B-PER", "I-PER", "B-PER"]


def test_orphans_are_repaired_and_counted_in_one_warning(write):
    path = write("Musa B-PER\nya O\n\nKano I-LOC\nta O\nBello I-PER\n")
    with pytest.warns(UserWarning, match=r"gold.txt: 2 I- tags .* \(first in line 4\)") as caught:
        sentences = read_conll(path)
    assert len(caught) == 1
    assert sentences[1].tags == ["B-LOC", "O", "B-PER"]
    assert load_conll(path).orphans == [4, 6]


@pytest.mark.usefixtures("no_warning")
def test_unusual_characters_stay_in_their_token(write):
    # Zero-width joiner, soft hyphen, zero-width space, C1 control, line separator, next line, NBSP.
    words = ["ශ්\u200dරී", "co\xadop", "a\u200bb", "x\x9d", "p\u2028q", "n\x85m", "5\xa0000"]
    path = write("".join(f"{word} O\n" for word in words) + "Kano B-LOC\n")
    (sentence,) = read_conll(path)
    assert sentence.words == [*words, "Kano"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("Musa B-PER\nya\n", 2, "found no tag after 'ya'"),
        ("Musa\nya\n", 1, "Text without tags is no gold data"),
        ("Musa NNP B-NP B-PER\n", 1, "found 4 columns.*keep the first and the last column"),
        ("Musa  B-PER\n", 1, "Take away surplus spaces"),
        ("Musa B-PER \n", 1, "Take away surplus spaces"),
        ("ya O\n B-PER\n", 2, "or give the missing token"),
        ("ya O\nMusa PERSON\n", 2, "tag 'PERSON' belongs to no known scheme"),
        ("ya O\nMusa S-PER\n", 2, "write E- as L- and S- as U-"),
        ("\nMusa B-PER\nBello L-PER\n\nya O\nKano L-LOC\n", 6, "broken BILUO sequence: L-LOC"),
        ("Musa U-PER\n\nKano B-LOC\n", 3, "B-LOC is the last tag.*read as BILUO"),
    ],
)
def test_fault_is_refused_with_its_line(write, text, line, message):
    path = write(text)
    with pytest.raises(XnerError, match=rf"gold.txt, line {line}: .*{message}") as caught:
        read_conll(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n\n", " \r\n", "\ufeff"])
def test_empty_file_is_refused(write, text):
    with pytest.raises(XnerError, match=r"gold.txt is empty"):
        read_conll(write(text))


def test_file_of_document_marks_alone_is_refused(write):
    with pytest.raises(XnerError, match="holds no sentence"):
        read_conll(write("-DOCSTART- O\n\n"))


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(XnerError, match=r"none.txt cannot be read .*Check the path"):
        read_conll(tmp_path / "none.txt")


@pytest.mark.parametrize(("mark", "offset"), [(b"", 13), (b"\xef\xbb\xbf", 16)])
def test_wrong_encoding_is_refused_with_line_and_offset(write, mark, offset):
    path = write(mark + b"Musa B-PER\nMa\xe9l B-PER\n")
    with pytest.raises(XnerError, match=rf"line 2: byte 0xe9 at offset {offset}.*iconv"):
        read_conll(path)


def test_utf16_is_told_by_its_mark(write):
    with pytest.raises(XnerError, match=r"iconv -f utf-16 -t utf-8"):
        read_conll(write("Musa B-PER\n".encode("utf-16")))


def test_prose_is_told_to_be_no_gold(write):
    with pytest.raises(XnerError, match=r"found 4 columns.*Text without tags is no gold data"):
        read_conll(write("Musa went to Kano\n"))


def test_garbled_tokens_are_reported_and_left_without_the_option(write):
    path = write("CamiÃ³n O\nMedellÃ\xadn B-LOC\n")
    message = r"2 tokens look like .* \(first in line 1\).*fix_encoding"
    with pytest.warns(UserWarning, match=message) as caught:
        (sentence,) = read_conll(path)
    assert len(caught) == 1
    assert sentence.words == ["CamiÃ³n", "MedellÃ\xadn"]


def test_garbled_tokens_are_repaired_and_counted_with_the_option(write):
    path = write("CamiÃ³n O\nශ්\u200dරී O\nMedellÃ\xadn I-LOC\nde O\nx B-LOC\n")
    message = r"1 I- tags .*encoding of 2 tokens was repaired"
    with pytest.warns(UserWarning, match=message) as caught:
        (sentence,) = read_conll(path, fix_encoding=True)
    assert len(caught) == 1
    assert sentence.words == ["Camión", "ශ්\u200dරී", "Medellín", "de", "x"]


def test_repair_without_ftfy_names_the_extra(write, monkeypatch):
    real_import = builtins.__import__

    def without_ftfy(name, *args, **kwargs):
        if name == "ftfy":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_ftfy)
    with pytest.raises(XnerError, match=r"pip install spacy-xner\[repair\]"):
        read_conll(write("Kano B-LOC\n"), fix_encoding=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Musa B-PER\nya O\n", True),
        ("-DOCSTART- -X- O O\n\nMusa\tU-PER\n", True),
        ("Musa NNP B-NP B-PER\r\nya X X O\r\n", True),
        ("Musa B-PER\nya\nKano B-LOC\n", True),
        ("Musa ya tafi Kano.\nJiya ne.\n", False),
        ("Kano\nAbuja\n", False),
        ("", False),
    ],
)
def test_conll_is_told_from_raw_text_even_when_faulty(write, text, expected):
    assert is_conll(write(text)) is expected
