"""Labelled texts in TSV: what is read, and what is refused with line and mend."""

import pytest
import spacy

from spacy_xner.categories import CategorySet
from spacy_xner.corpora.tsv import LabelledText, create_category_corpus_v1, read_tsv
from spacy_xner.errors import XnerError

HEADER = "tweet\tlabel\n"


def tsv(tmp_path, body, header=HEADER):
    path = tmp_path / "texts.tsv"
    path.write_text(header + body, "utf8")
    return path


def test_quotes_are_text_and_examples_have_all_categories(tmp_path):
    path = tsv(tmp_path, '"good\tpositive\nbad"\tnegative\n')
    assert read_tsv(path) == [LabelledText('"good', "positive"), LabelledText('bad"', "negative")]
    first = next(iter(create_category_corpus_v1(path)(spacy.blank("xx"))))
    assert first.reference.cats == {"negative": 0.0, "positive": 1.0}
    assert first.predicted.cats == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("good\tpositive\nbad negative\n", "line 3: found 1 fields; expected 2"),
        ("go\tod\tpositive\n", "line 2: found 3 fields"),
        (" \tpositive\n", "line 2: the text is empty"),
        ("good\t\n", "line 2: the label is empty"),
        ("good\tpositive\nfine\tPositive\n", "line 3: label 'Positive', but line 2 has 'positive'"),
        ("", "has a header and no row"),
    ],
)
def test_broken_rows_are_named_by_line(tmp_path, body, message):
    with pytest.raises(XnerError, match=message):
        read_tsv(tsv(tmp_path, body))


def test_label_that_is_no_category_and_label_in_other_case(tmp_path):
    path = tsv(tmp_path, "good\tmixed\n")
    with pytest.raises(XnerError, match="line 2: No category 'mixed'; expected one of neg, pos"):
        read_tsv(path, ["pos", "neg"])
    path = tsv(tmp_path, "good\tPOS\n")
    with pytest.raises(XnerError, match="Did you mean 'pos'"):
        read_tsv(path, ["pos", "neg"])


def two_files(tmp_path, label):
    one, other = tmp_path / "one.tsv", tmp_path / "other.tsv"
    one.write_text(HEADER + "good\tpositive\nbad\tnegative\n", "utf8")
    other.write_text(HEADER + f"fine\tpositive\nnice\t{label}\n", "utf8")
    return one, other


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        ("Positive", "Did you mean 'positive'. Case matters"),
        ("postive", "Did you mean 'positive'.$"),
        ("mixed", "expected one of negative, positive.$"),
    ],
)
def test_label_that_the_first_file_does_not_have_is_no_further_category(tmp_path, label, hint):
    reader = create_category_corpus_v1(list(two_files(tmp_path, label)))
    with pytest.raises(XnerError, match=rf"other.tsv, line 3: No category '{label}'.*{hint}"):
        list(reader(spacy.blank("xx")))


def test_file_is_held_against_the_categories_that_the_pipeline_knows(tmp_path):
    one, other = two_files(tmp_path, "Positive")
    nlp = spacy.blank("xx")
    textcat = nlp.add_pipe("textcat")
    for name in ("negative", "neutral", "positive"):
        textcat.add_label(name)
    first = next(iter(create_category_corpus_v1(one)(nlp)))
    assert first.reference.cats == {"negative": 0.0, "neutral": 0.0, "positive": 1.0}
    with pytest.raises(XnerError, match=r"other\.tsv, line 3: No category 'Positive'"):
        list(create_category_corpus_v1(other)(nlp))


def test_header_is_expected(tmp_path):
    with pytest.raises(XnerError, match=r"line 1: found 'good.*expected a header"):
        read_tsv(tsv(tmp_path, "bad\tnegative\n", header="good\tpositive\n"))


@pytest.mark.parametrize("names", [("a",), ("b", "a"), ("a", "a"), ("A", "a"), (" ", "a")])
def test_categories_that_are_no_set_are_refused(names):
    with pytest.raises(XnerError):
        CategorySet(names)
