"""The views of single words: how they look in Latin letters, and how they sound."""

import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_xner.errors import XnerError
from spacy_xner.teacher.views import extras, phones
from spacy_xner.teacher.views.phonetic import FEATURES, stretch
from spacy_xner.teacher.views.romanise import romanise
from spacy_xner.teacher.views.words import TypeCache

from .conftest import ROMANISED, begun, fused, said, view_of

PHONETIC = {"@architectures": "spacy-xner.PhoneticView.v1", "positions": 2}


@pytest.fixture(scope="module")
def phonetic():
    pytest.importorskip("epitran")
    return view_of(begun(fused({"phonetic": PHONETIC})))


@pytest.mark.parametrize(
    ("word", "form"),
    [
        *(("Lagos", "lagos"), ("Ìbàdàn", "ibadan"), ("I\u0300ba\u0300da\u0300n", "ibadan")),
        *(("ላጎስ", "laagose"), ("ලංකාව", "lankaava"), ("Straße", "strasse"), ("", "")),
    ],
)
def test_romanises(word, form):
    pytest.importorskip("uroman")
    assert romanise(word) == form


def test_composed_and_decomposed_words_have_one_row():
    view = view_of(begun(fused({"romanised": ROMANISED})))
    rows = view.predict([said(begun(fused({})), "Ọlọ́run O\u0323lo\u0323\u0301run")])[0]
    np.testing.assert_array_equal(rows[0], rows[1])


@pytest.mark.slow  # the tables of a language take seconds
@pytest.mark.parametrize(
    ("word", "lang", "tool", "ipa"),
    [
        ("ኢትዮጵያ", "am", "epitran", "itɨjopʼɨja"),
        ("ኢትዮጵያ", None, "epitran", "itɨjopʼɨja"),
        ("ලංකාව", "si", "epitran", "laŋkaːva"),
        ("Nwachukwu", "ibo", "africa-g2p", "ŋʷat͡ʃukʷu"),
        ("Charles", "en", "romanisation", "t͡ʃarles"),
        ("Charles", "train", "romanisation", "t͡ʃarles"),
        ("Charles", "am", "romanisation", "t͡ʃarles"),
        ("Cyrus", None, "romanisation", "sjrus"),
    ],
)
def test_transcribes_by_the_best_tool_there_is(word, lang, tool, ipa):
    pytest.importorskip("epitran")
    assert phones.tool_of(lang, word) == tool
    assert phones.transcribe(word, lang) == ipa


def test_a_language_that_no_tool_knows_is_read_by_romanisation_and_said_once(monkeypatch):
    pytest.importorskip("epitran")
    monkeypatch.setattr(phones, "_warned", set())
    phones._tool.cache_clear()
    with pytest.warns(UserWarning, match="No phonetic tool knows the language 'isl'"):
        assert phones.transcribe("Reykjavík", "is") == "rejkd͡ʒavik"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert phones.transcribe("Ísafjörður", "is")
        assert phones.transcribe("Москва", "is") == "moskva"


@pytest.mark.slow
def test_a_word_is_its_sounds_and_signs_are_no_sound(phonetic):
    nlp = begun(fused({}))
    word, sign, number, empty = (
        phonetic.predict([said(nlp, text)])[0] for text in ("Lagos", ".", "2024", "")
    )
    sounds = np.array(phones.segments_of("laɡos"), dtype="float32")
    np.testing.assert_allclose(word[0, :FEATURES], sounds[:3].mean(axis=0))
    np.testing.assert_allclose(word[0, FEATURES:], sounds[2:].mean(axis=0))
    assert not sign.any()
    assert not number.any()
    assert empty.shape == (0, 2 * FEATURES)


@pytest.mark.slow
def test_the_language_of_the_document_decides_how_a_word_sounds(phonetic):
    nlp = begun(fused({}))
    hausa, zulu = (phonetic.predict([said(nlp, "cira", lang)])[0] for lang in ("hau", "ibo"))
    assert not np.array_equal(hausa, zulu)


@given(n=st.integers(1, 30), positions=st.integers(1, 12))
def test_stretching_keeps_the_range_the_ends_and_every_sound(n, positions):
    sounds = np.eye(n, FEATURES * 2, dtype="float32")[:, :FEATURES] if n < FEATURES else None
    sounds = np.random.default_rng(n).integers(-1, 2, (n, FEATURES)) if sounds is None else sounds
    laid = stretch(sounds.tolist(), positions).reshape(positions, FEATURES)
    assert np.abs(laid).max() <= 1
    if positions >= n:
        np.testing.assert_array_equal(laid[0], sounds[0])
        np.testing.assert_array_equal(laid[-1], sounds[-1])
    assert (np.abs(laid).sum(axis=0) > 0)[: min(n, FEATURES)].all() or n >= FEATURES


def test_each_word_type_is_computed_once_and_memory_is_bounded():
    seen = []
    cache = TypeCache(lambda word: seen.append(word) or len(word), max_types=2)
    assert cache.distinct(["a", "bb", "a"])[0] == [1, 2]
    assert cache.distinct(["a", "bb", "a"])[1].tolist() == [0, 1, 0]
    assert seen == ["a", "bb"]
    assert cache("ccc") == 3
    assert len(cache._known) == 1


@pytest.mark.parametrize("module", ["uroman", "epitran", "babel", "rapidfuzz"])
def test_a_missing_library_is_named_with_its_pip_command(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(XnerError, match=rf"needs {module}.*pip install 'spacy-xner\[views\]'"):
        extras.need(module, "spacy-xner.SomeView.v1")


def test_a_teacher_without_its_extra_is_built_and_says_so_when_it_is_used(monkeypatch):
    from spacy_xner.teacher.views import romanise as module

    monkeypatch.setitem(sys.modules, "uroman", None)
    module._uroman.cache_clear()
    nlp = fused({"romanised": ROMANISED})
    assert view_of(nlp).attrs["needs"] == ["uroman"]
    with pytest.raises(XnerError, match=r"Romanisation needs uroman.*pip install"):
        module.romanise("ቃላቸው")
