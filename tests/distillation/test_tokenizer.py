import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.util import registry

from spacy_xner.distillation.tokenizer import (
    add_norms,
    affix_rules,
    norm,
    set_rules,
    tokenizer_rules,
)
from spacy_xner.errors import XnerError

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def nfc(text):
    return unicodedata.normalize("NFC", text)


def nfd(text):
    return unicodedata.normalize("NFD", text)


@pytest.fixture(scope="module")
def ours():
    nlp = spacy.blank("xx")
    set_rules(nlp.tokenizer)
    return nlp


def split(nlp, text):
    return [token.text for token in nlp.make_doc(text)]


CASES = {
    "ethiopic": ("ተናገሩ። አበባ፣ ስም፡ስም ነው፡፡", "ተናገሩ ። አበባ ፣ ስም ፡ ስም ነው ፡፡"),
    "ethiopic inside": ("ሀ፤ለ፥ሐ፦መ፧ሠ፨", "ሀ ፤ ለ ፥ ሐ ፦ መ ፧ ሠ ፨"),
    "danda": ("गया। गया॥ ගියා෴", "गया । गया ॥ ගියා ෴"),
    "arabic": ("مرحبا، كيف؟ نعم؛", "مرحبا ، كيف ؟ نعم ؛"),
    "hyphen": ("zanga-zangar COVID-19 i‑Orlando 1936–2019", None),
    "apostrophe inside": ("ng'ombe jama’a ma‘aikata n'ime", "ng'ombe jama’a ma‘aikata n'ime"),
    "apostrophe first": ("'yan ‘Kano’", "' yan ‘ Kano ’"),
    "apostrophe after one letter": ("n' Ọ’ agencies'", "n' Ọ’ agencies '"),
    "letter apostrophe": ("ʼyan ʻokina", "ʼyan ʻokina"),
    "possessive": ("Nigeria's PEOPLE’S", "Nigeria 's PEOPLE ’S"),
    "numbers": ("1,000.50 12:30 -5 +2.5, 2020.", "1,000.50 12:30 -5 +2.5 , 2020 ."),
    "initials": ("U.S. Dr.Musa gida.ba", "U . S . Dr . Musa gida . ba"),
    "money": ("$5.20 ₦100 5% US$7", "$ 5.20 ₦ 100 5 % US $ 7"),
    "brackets": ("(APC) Foo[1]ya {x} 「東京」 «a» ‹b›", None),
    "ellipsis": ("ba... haka… --wai", "ba ... haka … -- wai"),
    "joiners": ("ක්‍රි. क्‍ष नमی‌خواهم", "ක්‍රි . क्‍ष नमی‌خواهم"),
    "emoji": ("👨‍👩‍👧! 👍🏽👍🏽wow❤️", "👨‍👩‍👧 ! 👍🏽 👍🏽 wow ❤️"),
    "handles": ("#tag @bbc AT&T a_b", "# tag @ bbc AT&T a_b"),
    "no english emoticons": ("(8) (Kano:) a.", "( 8 ) ( Kano : ) a ."),
}
CASES["hyphen"] = (CASES["hyphen"][0], "zanga - zangar COVID - 19 i ‑ Orlando 1936 – 2019")
CASES["brackets"] = (
    CASES["brackets"][0],
    "( APC ) Foo [ 1 ] ya { x } 「 東京 」 « a » ‹ b ›",
)


@pytest.mark.parametrize("name", CASES)
def test_splits_as_gold_corpora_do(ours, name):
    text, tokens = CASES[name]
    assert split(ours, text) == tokens.split(" ")


@pytest.mark.parametrize(
    "address",
    [
        "https://example.org/a/b?c=1,2",
        "http://example.org/dir/",
        "www.bbc.com/hausa",
        "punchng.com",
        "news.co.za/x",
        "t.co/Ab1",
        "first.last+x@mail.example.org",
    ],
)
def test_addresses_stay_whole_between_punctuation(ours, address):
    assert split(ours, f"({address}), {address}.") == ["(", address, ")", ",", address, "."]


def test_composed_and_decomposed_yoruba_split_alike_where_stock_does_not(ours):
    text = "Àjàyí-Adé. Ọ̀ṣun(Èkìtì) ṣé?"
    tokens = ["Àjàyí", "-", "Adé", ".", "Ọ̀ṣun", "(", "Èkìtì", ")", "ṣé", "?"]
    assert split(ours, nfc(text)) == [nfc(t) for t in tokens]
    assert split(ours, nfd(text)) == [nfd(t) for t in tokens]
    stock = spacy.blank("xx")
    assert len(split(stock, nfc(text))) != len(split(stock, nfd(text)))


ALPHABET = st.one_of(
    st.characters(categories=["L", "M", "N", "P", "S", "Zs"]),
    st.sampled_from("aáẹ́Ṣñ'’‘-.,:;!?()\"«»። ፡।≠≮\u200c\u200d\u0301\u0323\u0338;·`´5"),
)


@given(st.text(ALPHABET, max_size=12))
@settings(max_examples=300, deadline=None)
def test_every_text_splits_alike_in_both_normal_forms_and_loses_nothing(text):
    nlp = _shared()
    composed, decomposed = nlp.make_doc(nfc(text)), nlp.make_doc(nfd(text))
    assert composed.text == nfc(text)
    assert decomposed.text == nfd(text)
    assert [nfd(t.text) for t in composed] == [nfd(t.text) for t in decomposed]


@given(st.text(ALPHABET, min_size=1, max_size=8), st.sampled_from("\u200c\u200d"))
@settings(max_examples=200, deadline=None)
def test_no_token_begins_with_a_joiner_that_followed_a_character(text, joiner):
    doc = _shared().make_doc(f"a{''.join(text.split())}{joiner}b")
    assert [
        t.text for t in doc[1:] if t.text[0] in "\u200c\u200d" and not doc[t.i - 1].whitespace_
    ] == []


_SHARED = []


def _shared():
    if not _SHARED:
        _SHARED.append(spacy.blank("xx"))
        set_rules(_SHARED[0].tokenizer)
    return _SHARED[0]


def test_rules_are_ascii_safe_and_compile_the_same_every_time():
    first = affix_rules()
    affix_rules.cache_clear()
    assert affix_rules() == first
    assert first.prefix_search.encode("utf8").decode("utf8") == first.prefix_search


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Ọ̀ṣun", nfc("ọ̀ṣun")),
        (nfd("Ọ̀ṣun"), nfc("ọ̀ṣun")),
        ("Ya’yan", "ya'yan"),
        ("“", '"'),
        ("€", "$"),
        ("Kano", "kano"),
    ],
)
def test_norm_is_lower_composed_with_plain_apostrophes_and_base_norms(word, expected):
    assert norm(word) == expected


def test_only_words_with_several_spellings_get_norms():
    nlp = spacy.blank("xx")
    assert add_norms(nlp, ["Kano", "gida", "ተናገሩ"]) == 0
    assert len(nlp.vocab.lookups.get_table("lexeme_norm")) == 0


def test_no_more_norms_than_asked():
    nlp = spacy.blank("xx")
    assert add_norms(nlp, ["ṣé", "ọmọ", "ẹ̀kọ́"], max_norms=4) == 4
    assert len(nlp.vocab.lookups.get_table("lexeme_norm")) == 4


def test_running_and_reloaded_pipeline_give_all_spellings_the_same_norm(tmp_path):
    text = "Ẹ̀kọ́ jama’a wọ́n"
    # The accent first, as some keyboards type it; the dot below follows.
    accent_first = "E\u0300\u0323ko\u0301\u0323 jama'a wo\u0301\u0323n"
    composed = {"E\u0300": "È", "o\u0301": "ó"}
    for decomposed, letter in composed.items():
        accent_first = accent_first.replace(decomposed, letter)
    forms = [nfc(text), nfd(text), accent_first, nfd(text).lower(), nfc(text).upper()]
    nlp = spacy.blank("xx")
    set_rules(nlp.tokenizer)
    for form in forms:  # words known before the norms come
        nlp(form)
    assert {t.norm_ for t in nlp(nfd(text))} != {t.norm_ for t in nlp(nfc(text))}
    add_norms(nlp, ["Ẹ̀kọ́", "jama’a", "wọ́n"])
    nlp.to_disk(tmp_path / "model")
    loaded = spacy.load(tmp_path / "model")
    for pipeline in (nlp, loaded):
        norms = {tuple(t.norm_ for t in pipeline(form)) for form in forms}
        assert norms == {(nfc("ẹ̀kọ́"), "jama'a", nfc("wọ́n"))}
    other = "Kano – “gida” € ÀWỌN"
    assert [t.norm_ for t in nlp(other)] == [t.norm_ for t in loaded(other)]


def test_second_call_keeps_the_norms_of_the_first():
    nlp = spacy.blank("xx")
    add_norms(nlp, ["ṣé"])
    add_norms(nlp, ["ọmọ"])
    assert [t.norm_ for t in nlp(nfd("ṣé ọmọ"))] == [nfc("ṣé"), nfc("ọmọ")]


def test_callback_runs_from_a_config(tmp_path):
    text = tmp_path / "yor.txt"
    text.write_text("Ṣé wọ́n wá? Ṣé.\n", encoding="utf8")
    nlp = spacy.blank("xx")
    nlp.config["initialize"]["before_init"] = {
        "@callbacks": "spacy-xner.tokenizer_rules.v1",
        "texts": [str(text)],
    }
    nlp.initialize()
    assert [t.norm_ for t in nlp(nfd("Ṣé።"))] == [nfc("ṣé"), "።"]
    assert registry.callbacks.get("spacy-xner.tokenizer_rules.v1") is tokenizer_rules


def test_callback_names_the_text_that_is_missing(tmp_path):
    with pytest.raises(XnerError, match=r"nowhere\.txt: cannot be read as UTF-8 text"):
        tokenizer_rules([tmp_path / "nowhere.txt"])(spacy.blank("xx"))


def test_callback_refuses_another_tokenizer():
    nlp = spacy.blank("xx")
    nlp.tokenizer = str.split
    with pytest.raises(XnerError, match=r"expected spacy\.Tokenizer\.v1"):
        tokenizer_rules()(nlp)


CLEAN = """
import importlib.metadata, json, sys
real = importlib.metadata.distributions
importlib.metadata.distributions = lambda **k: (
    d for d in real(**k) if d.metadata["Name"] != "spacy-xner"
)
sys.modules["spacy_xner"] = None
import spacy
nlp = spacy.load(sys.argv[1])
texts = json.loads(sys.argv[2])
print(json.dumps([[[t.text, t.norm_] for t in nlp(x)] for x in texts]))
"""


@pytest.mark.slow
def test_saved_pipeline_behaves_the_same_where_the_package_is_missing(tmp_path):
    raw = tmp_path / "raw.txt"
    raw.write_text("Àjàyí-Adé. Wọ́n wá.\n", encoding="utf8")
    nlp = tokenizer_rules([raw])(spacy.blank("xx"))
    nlp.to_disk(tmp_path / "model")
    for file in (tmp_path / "model").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"spacy-xner" not in content, file
            assert b"spacy_xner" not in content, file
    texts = [nfd("Àjàyí-Adé. Wọ́n wá."), nfc("Àjàyí-Adé."), "ተናገሩ። 👍🏽", "Kano's «x»"]
    run = subprocess.run(
        [sys.executable, "-c", CLEAN, str(tmp_path / "model"), json.dumps(texts)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    expected = [[[t.text, t.norm_] for t in nlp(x)] for x in texts]
    assert json.loads(run.stdout) == expected
    assert expected[0][0][1] == expected[1][0][1] == nfc("àjàyí")


AFRICAN = ["hau", "swa", "yor", "ibo", "zul", "am", "pcm"]
GOLD = {
    **{code: f"transfer_corpus/{code}/dev.txt" for code in AFRICAN},
    "si": "ananya/dev.txt",
}


@pytest.mark.slow
@pytest.mark.parametrize("lang", GOLD)
def test_entity_borders_of_gold_are_token_borders(ours, lang):
    path = DATA / GOLD[lang]
    if not path.exists():
        pytest.skip(f"needs the real data {GOLD[lang]} in ../shared/data")
    conll = pytest.importorskip("spacy_xner.corpora.conll")
    detokenize = pytest.importorskip("spacy_xner.corpora.detokenize")
    tags = pytest.importorskip("spacy_xner.tags")
    found = total = 0
    for sentence in conll.read_conll(path):
        spaces = detokenize.spaces(sentence.words)
        text, starts = "", []
        for word, space in zip(sentence.words, spaces, strict=True):
            starts.append(len(text))
            text += word + " " * space
        for form in (nfc, nfd):
            doc = ours.make_doc(form(text))
            borders = {t.idx for t in doc}, {t.idx + len(t) for t in doc}
            for start, end, _ in tags.spans_from_iob2(sentence.tags):
                last = starts[end - 1] + len(sentence.words[end - 1])
                total += 1
                found += (
                    len(form(text[: starts[start]])) in borders[0]
                    and len(form(text[:last])) in borders[1]
                )
    assert found / total > 0.995, f"{lang}: {found} of {total}"
