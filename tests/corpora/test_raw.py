"""Raw text: normal forms, exclusion of test sentences, de-duplication, counts."""

import unicodedata

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_xner.corpora.conll import Sentence
from spacy_xner.corpora.raw import Counts, Exclusion, drop_overlap, normal_form, read_raw
from spacy_xner.errors import XnerError


@pytest.fixture
def write(tmp_path):
    def write(name, *lines):
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf8")
        return path

    return write


def test_normal_form_keeps_letters_and_digits_alone():
    assert normal_form("  Straße 12, «KANO»! ") == "strasse12kano"
    assert normal_form("... -- ?!") == ""


@pytest.mark.parametrize("text", ["Àjàyí bẹ́ẹ̀", "ọ̀rọ̀ Ṣọlá", "Ångström", "ශ්\u200dරී ලංකා"])
def test_normal_form_is_equal_for_composed_and_decomposed_text(text):
    forms = {normal_form(unicodedata.normalize(f, text)) for f in ("NFC", "NFD")}
    assert forms == {normal_form(text)}


def test_equal_and_contained_sentences_match_through_spacing_case_and_punctuation():
    exclusion = Exclusion(["The new governor visited Kano yesterday .", "He said so ."])
    assert exclusion.matches("the NEW governor visited kano yesterday!")
    assert exclusion.matches("Officials say the new governor visited Kano, yesterday, in peace.")
    assert exclusion.matches("he said so")
    assert not exclusion.matches("Yesterday he said so twice.")
    assert not exclusion.matches("The new governor visited Kano today.")


def test_tokens_without_letter_or_digit_do_not_count_towards_containment():
    exclusion = Exclusion([['"', "he", "said", "so", ".", '"']])
    assert not exclusion.matches("Yesterday he said so twice.")


def test_sentence_without_letters_excludes_nothing():
    exclusion = Exclusion(["- - - - - -"])
    assert not exclusion.matches("- - -")
    assert not exclusion.matches("Kano")
    assert len(exclusion) == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32 - 1))
def test_matches_agrees_with_plain_comparison(seed):
    # Few letters and short words, so that overlaps are frequent and some forms are short.
    rng = np.random.default_rng(seed)

    def sentence():
        sizes = rng.integers(1, 4, size=rng.integers(1, 8))
        return ["".join(rng.choice(list("ab."), size=size)) for size in sizes]

    excluded = [sentence() for _ in range(6)]
    text = " ".join(sentence() + sentence())
    form = normal_form(text)
    forms = [(normal_form("".join(s)), sum(any(map(str.isalnum, w)) for w in s)) for s in excluded]
    expected = any(f and (f == form or (n >= 5 and f in form)) for f, n in forms)
    assert Exclusion(excluded).matches(text) is expected


def test_drop_overlap_keeps_order_and_counts():
    def sentence(text):
        words = text.split()
        return Sentence(words, ["O"] * len(words), 1, "x")

    sentences = [sentence(t) for t in ("Kano is big .", "Abuja grows .", "kano IS big", "Lagos")]
    kept, dropped = drop_overlap(sentences, Exclusion(["Kano is big !"]))
    assert [s.words[0] for s in kept] == ["Abuja", "Lagos"]
    assert dropped == 2


def test_every_line_is_counted_once(write):
    raw = write(
        "raw.txt",
        "Musa  ya\ttafi\xa0Kano .",
        "",
        "...",
        "MUSA YA TAFI KANO",
        "Wannan ita ce jimlar gwaji ta farko",
        "Yau an ce wannan ita ce jimlar gwaji ta farko a nan",
        "Abuja",
    )
    exclusion = Exclusion(["Wannan ita ce jimlar gwaji ta farko ."])
    texts, counts = read_raw([raw], exclusion=exclusion)
    assert texts == ["Musa ya tafi Kano .", "Abuja"]
    assert counts == Counts(read=7, empty=2, duplicates=1, excluded=2, kept=2, repaired=0)


def test_conll_sentences_are_text_and_duplicates_cross_files(write):
    gold = write("gold.txt", "Musa B-PER", "ya O", "tafi O", ". O", "", "Kano B-LOC")
    raw = write("raw.txt", "Musa ya tafi", "Zariya")
    texts, counts = read_raw([gold, raw])
    assert texts == ["Musa ya tafi.", "Kano", "Zariya"]
    assert counts == Counts(read=4, duplicates=1, kept=3)


def test_exclusion_reads_conll_and_raw_files(write):
    gold = write("test.txt", "Musa B-PER", "ya O", "zo O")
    raw = write("dev.txt", "Bello ya tafi")
    exclusion = Exclusion.from_paths([gold, raw])
    assert exclusion.matches("Musa ya zo!")
    assert exclusion.matches("bello ya tafi")


def test_invisible_characters_within_a_line_stay(write):
    line = "ශ්\u200dරී co\xadop a\u200bb"
    texts, _ = read_raw([write("raw.txt", line)])
    assert texts == [line]


def test_byte_order_mark_and_carriage_returns_are_taken_off(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_bytes("\ufeffKano\r\nAbuja\r\n".encode())
    assert read_raw([path])[0] == ["Kano", "Abuja"]


def test_garbled_lines_are_reported_and_repaired_only_on_demand(write):
    raw = write("raw.txt", "el camiÃ³n", "la calle")
    with pytest.warns(UserWarning, match=r"1 lines look like .*line 1.*--fix-encoding"):
        texts, counts = read_raw([raw])
    assert (texts[0], counts.repaired) == ("el camiÃ³n", 0)
    texts, counts = read_raw([raw], fix_encoding=True)
    assert (texts, counts.repaired) == (["el camión", "la calle"], 1)


def test_no_break_space_of_a_garbled_letter_is_repaired_before_spaces_are(write):
    raw = write("raw.txt", "el barrio de BarberÃ\xa0 crece")
    texts, counts = read_raw([raw], fix_encoding=True)
    assert (texts, counts.repaired) == (["el barrio de Barberà crece"], 1)


def test_repair_reaches_the_exclusion_list_too(write):
    raw = write("raw.txt", "el camiÃ³n", "la calle")
    test = write("test.txt", "El O", "camiÃ³n O")
    exclusion = Exclusion.from_paths([test], fix_encoding=True)
    assert read_raw([raw], exclusion=exclusion, fix_encoding=True)[0] == ["la calle"]


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_empty_file_is_refused(tmp_path, content):
    path = tmp_path / "raw.txt"
    path.write_bytes(content)
    with pytest.raises(XnerError, match=r"raw.txt is empty"):
        read_raw([path])


def test_wrong_encoding_is_refused_with_its_line(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_bytes("Kano\nAbuja ta fi\n".encode("utf-16"))
    with pytest.raises(XnerError, match=r"raw.txt, line 1: byte 0xff at offset 0 is not UTF-8"):
        read_raw([path])
