import unicodedata

import numpy as np
import pytest

from spacy_xner.errors import XnerError
from spacy_xner.teacher.views.matching import NameIndex
from spacy_xner.teacher.views.names import cldr_names, read_names

from .conftest import begun, fused, said, view_of

pytest.importorskip("rapidfuzz")
EXACT, ROMANISED, FUZZY = 0, 1, 2


def rows_of(nlp, text):
    return view_of(nlp).predict([said(nlp, text)])[0]


def column(nlp, label, kind, later=0):
    return 2 * (3 * view_of(nlp).shims[0].types.index(label) + kind) + later


@pytest.fixture
def nlp(names):
    return begun(
        fused({"names": {"@architectures": "spacy-xner.GazetteerView.v1", "files": [str(names)]}})
    )


def test_names_are_found_as_written_word_by_word(nlp):
    rows = rows_of(nlp, "from Zenith Bank to Lagos")
    assert rows[:, column(nlp, "ORG", EXACT)].tolist() == [0, 1, 0, 0, 0]
    assert rows[:, column(nlp, "ORG", EXACT, later=1)].tolist() == [0, 0, 1, 0, 0]
    assert rows[:, column(nlp, "LOC", EXACT)].tolist() == [0, 0, 0, 0, 1]
    assert not rows[:, column(nlp, "PER", EXACT)].any()
    assert not rows[0].any()
    assert not rows[3].any()


@pytest.fixture
def listed(tmp_path):
    path = tmp_path / "places.tsv"
    path.write_text("Guinea-Bissau\tLOC\n\u1ecc\u0300y\u1ecd\u0301\tLOC\nSt. Louis\tLOC\n", "utf8")
    view = {"@architectures": "spacy-xner.GazetteerView.v1", "files": [str(path)]}
    return begun(fused({"names": view}))


@pytest.mark.parametrize("text", ["to Guinea-Bissau", "to Guinea - Bissau", "to Guinea Bissau"])
def test_names_are_found_however_the_tokenizer_cuts_at_hyphens(listed, text):
    rows = rows_of(listed, text)
    assert rows[:, column(listed, "LOC", EXACT)].tolist() == [0, 1] + [0] * (len(rows) - 2)
    assert rows[:, column(listed, "LOC", EXACT, later=1)].tolist() == [0, 0] + [1] * (len(rows) - 2)


def test_a_comma_is_not_inside_a_name(listed):
    rows = rows_of(listed, "Guinea , Bissau")
    assert not rows[:, column(listed, "LOC", EXACT)].any()
    assert rows_of(listed, "St Louis")[0, column(listed, "LOC", EXACT)] == 1


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_found_in_both_normal_forms(listed, form):
    rows = rows_of(listed, unicodedata.normalize(form, "\u1ecc\u0300y\u1ecd\u0301"))
    assert rows[0, column(listed, "LOC", EXACT)] == 1


def test_short_words_are_not_compared_by_romanised_form():
    index = NameIndex({"Gene": 1, "Rooma": 2})
    assert not list(index.find(["ግን"]))  # "but"
    assert [found[0] for found in index.find(["රෝම"])] == [ROMANISED]


def test_names_are_found_in_another_script_and_case(nlp):
    for text in ("KOLN", "Koln", "KO\u0308LN", "КОЛН"):
        rows = rows_of(nlp, text)
        assert rows[0, column(nlp, "LOC", ROMANISED)] == 1
        assert rows[0, column(nlp, "LOC", EXACT)] == 0


@pytest.mark.parametrize("text", ["köln", "кол", "lagos", "lagosi"])
def test_words_in_lower_case_are_no_names_unless_a_list_writes_them_so(nlp, text):
    assert not rows_of(nlp, text).any()


def test_a_name_in_lower_case_is_found_as_a_list_writes_it():
    assert [found[0] for found in NameIndex({"e.tv": 1, "iqhude": 1}).find(["iqhude"])] == [EXACT]


def test_inflected_names_are_found_by_either_end():
    index = NameIndex({"Addisaba": 1, "Lagos": 2, "ኬንያ": 4})
    ((kind, types, similarity),) = index.find(["Addisabawi"])
    assert (kind, types) == (FUZZY, 1)
    assert similarity == pytest.approx(0.8)
    assert not list(index.find(["Xaddisabax"]))
    assert not list(index.find(["Lag"]))


def test_names_are_found_as_written_behind_a_prefix():
    index = NameIndex({"Addisaba": 1, "Lagos": 2, "ኬንያ": 4})
    assert list(index.find(["beAddisaba"])) == [(EXACT, 1, pytest.approx(0.8))]
    assert list(index.find(["የኬንያ"])) == [(EXACT, 4, pytest.approx(0.75))]
    assert not list(index.find(["to", "Lagos"]))
    assert not list(index.find(["beLag"]))
    assert not list(NameIndex({"Lagos": 2}, similarity=1.0).find(["eLagos"]))


@pytest.mark.parametrize("words", [["in", "Algeriaa"], ["(", "Algeriaa"], ["Algeriaa", "in"]])
def test_a_misspelled_name_begins_and_ends_with_a_name(words):
    index = NameIndex({"U Algeria": 1, "Algeria X": 1})
    assert not list(index.find(words))
    assert list(index.find(["U", "Algeriaa"]))


def test_short_words_are_compared_in_their_own_script():
    yemen, era = "የመን", "ዘመን"  # one edit apart when romanised
    index = NameIndex({yemen: 1, "Konstantin": 2})
    assert not list(index.find([era]))
    assert not list(NameIndex({"Yaman": 1}).find([era]))
    ((kind, types, similarity),) = index.find(["Константина"])
    assert (kind, types, similarity) == (FUZZY, 2, pytest.approx(10 / 11))


@pytest.mark.parametrize("similarity", [0.7, 0.8, 0.9, 1.0])
def test_edit_distance_is_cut_off_where_the_config_says(similarity):
    found = list(NameIndex({"Konstantin": 1}, similarity=similarity).find(["Konstantjx"]))
    assert bool(found) == (similarity <= 0.8)


def test_cldr_knows_names_in_the_target_language():
    found = dict(cldr_names(["en", "am", "sin"]))
    assert found["Ethiopia"] == found["ኢትዮጵያ"] == "territory"
    assert found["Lagos"] == "city"
    assert found["ශ්‍රී ලංකාව"] == "territory"
    assert found["አማርኛ"] == "language"


def test_cldr_is_not_asked_for_what_is_no_language():
    with pytest.raises(XnerError, match=r"names 'amharisch'.*Expected codes such as en"):
        list(cldr_names(["amharisch"]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", "Lagos\tLOC\nKano\n", r"a\.tsv, line 2: found 'Kano'; expected a name and its"),
        ("a.tsv", "Lagos\tLOC\tcity\n", "line 1: found .*one tab"),
        ("a.tsv", "Lagos\t\n", "line 1: .*Mend or delete"),
        ("LOC.txt", "Lagos\n\nKano\tLOC\n", r"LOC\.txt, line 3: .*ends in \.tsv"),
        ("LOC.txt", "", "LOC.txt"),
    ],
)
def test_a_broken_line_is_named_with_its_mend(tmp_path, name, content, message):
    (tmp_path / name).write_text(content, "utf8")
    with pytest.raises(XnerError, match=message):
        list(read_names(tmp_path / name))


def test_a_plain_list_has_its_type_from_its_name(tmp_path):
    (tmp_path / "LOC.txt").write_text("Lagos\n\nZuma Rock\n", "utf8")
    assert list(read_names(tmp_path / "LOC.txt")) == [("Lagos", "LOC"), ("Zuma Rock", "LOC")]


def test_a_list_that_is_not_there_is_named(tmp_path):
    view = {"@architectures": "spacy-xner.GazetteerView.v1", "files": [str(tmp_path / "no.tsv")]}
    nlp = fused({"names": view})
    with pytest.raises(XnerError, match=r"no list of names at .*no\.tsv, which `files` of"):
        begun(nlp)


def test_a_gazetteer_without_names_is_refused():
    with pytest.raises(XnerError, match="has no names: name lists under `files`"):
        begun(fused({"names": {"@architectures": "spacy-xner.GazetteerView.v1"}}))


def test_a_teacher_whose_list_is_gone_finds_the_same(nlp, names):
    before = rows_of(nlp, "from Zenith Bank to Lagosi")
    names.unlink()
    view = {"@architectures": "spacy-xner.GazetteerView.v1", "files": [str(names)]}
    loaded = fused({"names": view}).from_bytes(nlp.to_bytes())
    np.testing.assert_array_equal(rows_of(loaded, "from Zenith Bank to Lagosi"), before)


def test_many_names_are_looked_up_by_block():
    starts, ends = ("Ba", "Be", "Bi", "Bo", "Bu", "Da", "De", "Di"), ("al", "el", "il", "ol", "ul")
    index = NameIndex({f"{start}kkkk{end}": 1 for start in starts for end in ends})
    assert max(map(len, index._near.values())) == len(starts)
    assert [kind for kind, _, _ in index.find(["Bakkkkil"])] == [EXACT]
    assert [kind for kind, _, _ in index.find(["Bakkkil"])] == [FUZZY]
