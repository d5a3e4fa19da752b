"""Documents to annotate, from every kind of file."""

import pytest
import spacy
from spacy.tokens import DocBin

from spacy_xner.corpora.documents import iter_documents
from spacy_xner.errors import XnerError


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


@pytest.fixture
def folder(tmp_path, nlp):
    """A folder of one file of each kind, with a hidden one."""
    (tmp_path / "b.txt").write_text("Musa  ya tafi.\n\nKano\u2028Abuja\n", "utf8")
    (tmp_path / "a.conll").write_text("Musa B-PER\nya O\n. O\n\nKano B-LOC\n", "utf8")
    (tmp_path / ".hidden").write_text("x", "utf8")
    doc = nlp("Bello ya zo")
    doc.ents = [spacy.tokens.Span(doc, 0, 1, label="PER")]
    DocBin(docs=[doc]).to_disk(tmp_path / "c.spacy")
    return tmp_path


def test_folder_gives_its_files_in_order_with_numbered_names(folder, nlp):
    docs = [(name, doc.text, [t.text for t in doc]) for name, doc in iter_documents(folder, nlp)]
    assert docs == [
        ("a:0", "Musa ya.", ["Musa", "ya", "."]),
        ("a:1", "Kano", ["Kano"]),
        ("b:0", "Musa ya tafi.", ["Musa", "ya", "tafi", "."]),
        ("b:1", "Kano Abuja", ["Kano", "Abuja"]),
        ("c:0", "Bello ya zo", ["Bello", "ya", "zo"]),
    ]


def test_gold_entities_do_not_come_along(folder, nlp):
    for _, doc in iter_documents(folder, nlp):
        assert not doc.ents
        assert not doc.has_annotation("ENT_IOB")


def test_single_file_is_read_alone(folder, nlp):
    assert [name for name, _ in iter_documents(str(folder / "c.spacy"), nlp)] == ["c:0"]


def test_two_files_of_one_name_are_refused(folder, nlp):
    (folder / "b.conll").write_text("Kano B-LOC\n", "utf8")
    with pytest.raises(XnerError, match=r"b.conll and .*b.txt would give .* the same names"):
        list(iter_documents(folder, nlp))


def test_missing_path_and_empty_folder_are_refused(tmp_path, nlp):
    with pytest.raises(XnerError, match=r"none.txt cannot be read"):
        list(iter_documents(tmp_path / "none.txt", nlp))
    with pytest.raises(XnerError, match="holds no file"):
        list(iter_documents(tmp_path, nlp))


def test_damaged_and_empty_docbin_are_refused(tmp_path, nlp):
    path = tmp_path / "x.spacy"
    path.write_bytes(b"no zlib")
    with pytest.raises(XnerError, match=r"x.spacy cannot be read as spaCy documents"):
        list(iter_documents(path, nlp))
    DocBin().to_disk(path)
    with pytest.raises(XnerError, match="holds no document"):
        list(iter_documents(path, nlp))


def test_text_beyond_the_limit_of_the_pipeline_is_refused_with_its_line(tmp_path):
    nlp = spacy.blank("xx")
    nlp.max_length = 20
    (tmp_path / "x.txt").write_text("Kano\n" + "ab " * 10, "utf8")
    with pytest.raises(XnerError, match=r"x.txt, line 2: 29 characters, at most 20"):
        list(iter_documents(tmp_path / "x.txt", nlp))


def test_garbled_text_is_reported_and_repaired_on_demand(tmp_path, nlp):
    (tmp_path / "x.txt").write_text("el camiÃ³n\n", "utf8")
    with pytest.warns(UserWarning, match="1 lines look like"):
        assert next(iter_documents(tmp_path, nlp))[1].text == "el camiÃ³n"
    assert next(iter_documents(tmp_path, nlp, fix_encoding=True))[1].text == "el camión"


def test_one_long_token_and_twenty_thousand_tokens_pass(tmp_path, nlp):
    (tmp_path / "x.txt").write_text("k" * 5000 + "\n" + "Kano " * 20_000 + "\nKano\n", "utf8")
    assert [len(doc) for _, doc in iter_documents(tmp_path / "x.txt", nlp)] == [1, 20_000, 1]


def test_labels_of_tsv_do_not_come_along(tmp_path, nlp):
    path = tmp_path / "tweets.tsv"
    path.write_text("tweet\tlabel\nNa gode\tpositive\nBan so ba\tnegative\n", "utf8")
    assert [doc.text for _, doc in iter_documents(path, nlp)] == ["Na gode", "Ban so ba"]
