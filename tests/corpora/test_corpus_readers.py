"""The corpus reader that spaCy configs name."""

import warnings

import pytest
import spacy
from spacy.util import registry

from spacy_xner.corpora.readers import create_conll_corpus_v1
from spacy_xner.errors import XnerError


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


@pytest.fixture
def gold(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text(
        "Musa B-PER\nBello I-PER\nya O\ntafi O\n. O\n\n"
        "Kano B-LOC\n\n"
        "Garin O\nKano B-LOC\nyana O\nda O\ngirma O\nsosai O\n",
        "utf8",
    )
    return path


def texts(read, nlp):
    return [example.reference.text for example in read(nlp)]


@pytest.mark.slow
def test_reader_resolves_from_a_config_as_spacy_train_would(gold):
    config = {"corpora": {"train": {"@readers": "spacy-xner.ConllCorpus.v1", "path": str(gold)}}}
    resolved = registry.resolve(config)
    assert len(list(resolved["corpora"]["train"](spacy.blank("xx")))) == 3


def test_examples_hold_gold_entities_and_blank_predictions(gold, nlp):
    example, *_ = create_conll_corpus_v1(gold)(nlp)
    assert example.reference.text == "Musa Bello ya tafi."
    assert [(e.text, e.label_) for e in example.reference.ents] == [("Musa Bello", "PER")]
    assert [token.ent_iob_ for token in example.reference] == ["B", "I", "O", "O", "O"]
    assert not example.predicted.has_annotation("ENT_IOB")
    assert example.get_aligned_ner() == ["B-PER", "L-PER", "O", "O", "O"]


def test_limit_and_several_files(gold, nlp):
    assert len(texts(create_conll_corpus_v1(gold, limit=2), nlp)) == 2
    assert len(texts(create_conll_corpus_v1([gold, gold], limit=0), nlp)) == 6


def test_excluded_sentences_are_dropped_and_counted(gold, nlp, tmp_path):
    test = tmp_path / "test.txt"
    test.write_text("KANO B-LOC\n. O\n\ngarin O\nKano B-LOC\nyana O\nda O\ngirma O\n", "utf8")
    read = create_conll_corpus_v1(gold, exclude=[test])
    with pytest.warns(UserWarning, match="2 of 3 sentences were dropped") as caught:
        assert texts(read, nlp) == ["Musa Bello ya tafi."]
    assert len(caught) == 1


def test_second_epoch_gives_the_same_examples_without_reading_again(gold, nlp):
    read = create_conll_corpus_v1(gold)
    first = texts(read, nlp)
    gold.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert texts(read, nlp) == first


def test_excluding_everything_is_refused(gold, nlp):
    with (
        pytest.warns(UserWarning, match="3 of 3"),
        pytest.raises(XnerError, match=r"No sentence of .*train.txt is left"),
    ):
        list(create_conll_corpus_v1(gold, exclude=[gold])(nlp))


def test_encoding_is_repaired_on_demand(tmp_path, nlp):
    path = tmp_path / "es.txt"
    path.write_text("MedellÃ\xadn B-LOC\n", "utf8")
    with pytest.warns(UserWarning, match="encoding of 1 tokens was repaired"):
        assert texts(create_conll_corpus_v1(path, fix_encoding=True), nlp) == ["Medellín"]


def test_temperature_balances_files_and_repeats_the_sentences_of_small_ones(tmp_path, nlp):
    for name, n in {"big": 90, "small": 10}.items():
        lines = (f"{name}{i} B-PER\n\n" for i in range(n))
        (tmp_path / f"{name}.conll").write_text("".join(lines), "utf8")
    files = [tmp_path / "big.conll", tmp_path / "small.conll"]

    def drawn(**settings):
        given = texts(create_conll_corpus_v1(files, **settings), nlp)
        return [[t for t in given if t.startswith(name)] for name in ("big", "small")]

    assert list(map(len, drawn(temperature=1.0))) == [90, 10]
    assert list(map(len, drawn(temperature=2.0))) == [75, 25]
    big, small = drawn(temperature=1e9, limit=60)
    assert (len(set(big)), len(set(small)), len(small)) == (30, 10, 30)
    assert drawn(temperature=1e9, limit=60) == [big, small]
    with pytest.raises(XnerError, match="temperature is 0"):
        create_conll_corpus_v1(files, temperature=0)
