"""Translators, markers, and files that are translated."""

import pytest

from spacy_xner.errors import XnerError
from spacy_xner.projection.markers import read_marked, translate_marked, write_marked
from spacy_xner.projection.translation import (
    CTranslate2Translator,
    HuggingFaceTranslator,
    load_translator,
    translate_file,
)

from ..teacher.conftest import TEXTS
from .made_up import FakeTranslator


@pytest.fixture(scope="module")
def nllb(tmp_path_factory):
    """A tiny random NLLB: M2M100 with a tokenizer that has language codes."""
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizerFast

    from ..encoders.tiny import _frame, _unigram

    pieces = _unigram(TEXTS * 3, 300, ["<s>", "<pad>", "</s>", "<unk>"], "<unk>")
    _frame(pieces, "$A </s>", ["</s>"])
    tokenizer = NllbTokenizerFast(tokenizer_object=pieces)
    config = M2M100Config(
        vocab_size=len(tokenizer),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=300,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
    )
    folder = tmp_path_factory.mktemp("nllb") / "model"
    M2M100ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_a_seq2seq_model_translates_each_text_whatever_the_batch(tiny_of, monkeypatch):
    monkeypatch.setattr("spacy_xner.projection.translation.MAX_PIECES", 12)
    translator = HuggingFaceTranslator(tiny_of("mt5"), beams=1)
    together = translator.translate([TEXTS[0], "", TEXTS[3]])
    assert together[1] == ""
    assert [translator.translate([text]) for text in (TEXTS[0], TEXTS[3])] == [
        [together[0]],
        [together[2]],
    ]


def test_nllb_reads_one_language_and_begins_with_the_other(nllb, monkeypatch):
    translator = HuggingFaceTranslator(nllb, "eng_Latn", "hau_Latn", beams=1)
    seen = {}

    def generate(input_ids, attention_mask, **settings):
        seen.update(settings, first=input_ids[0, 0].item())
        return input_ids[:, :2]

    monkeypatch.setattr(translator.module, "generate", generate)
    assert len(translator.translate(["Amina Bello visited Lagos"])) == 1
    code = translator.tokenizer.convert_tokens_to_ids
    assert seen["first"] == code("eng_Latn")
    assert seen["forced_bos_token_id"] == code("hau_Latn")


@pytest.mark.parametrize("codes", [("eng", "hau_Latn"), ("eng_Latn", "hausa")])
def test_a_language_that_the_model_lacks_is_an_error(nllb, codes):
    with pytest.raises(XnerError, match=r"does not know the language '(eng|hausa)'"):
        load_translator(nllb, *codes)


def test_what_is_no_translator_is_an_error(tmp_path, tiny_of):
    with pytest.raises(XnerError, match="does not load as a translator"):
        load_translator(tiny_of("bert"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mt5", "nllb"])
def test_ctranslate2_translates_as_transformers_does(kind, tiny_of, nllb, tmp_path, monkeypatch):
    ctranslate2 = pytest.importorskip("ctranslate2")
    monkeypatch.setattr("spacy_xner.projection.translation.MAX_PIECES", 12)
    folder = nllb if kind == "nllb" else tiny_of(kind)
    codes = ("eng_Latn", "hau_Latn") if kind == "nllb" else ("", "")
    converter = ctranslate2.converters.TransformersConverter(
        str(folder), copy_files=["tokenizer.json", "tokenizer_config.json"]
    )
    converter.convert(str(tmp_path / "converted"))
    ours = load_translator(tmp_path / "converted", *codes, beams=1)
    assert isinstance(ours, CTranslate2Translator)
    theirs = load_translator(folder, *codes, beams=1)
    assert ours.translate(TEXTS[:3]) == theirs.translate(TEXTS[:3])


def test_markers_go_around_entities_and_come_off_again():
    marked = write_marked("Amina [sic] left Kano.", [(0, 5), (17, 21)])
    assert marked == "[Amina] (sic) left [Kano]."
    text, spans = read_marked(marked)
    assert text == "Amina (sic) left Kano."
    assert [text[start:end] for start, end in spans] == ["Amina", "Kano"]


@pytest.mark.parametrize(
    ("text", "plain", "inside"),
    [
        ("ta bar [ Kano ] .", "ta bar Kano .", ["Kano"]),
        ("[Kano", "Kano", []),
        ("Kano]", "Kano", []),
        ("[] Kano [ ]", "Kano", []),
        ("[Amina [Bello]", "Amina Bello", ["Bello"]),
        ("", "", []),
    ],
)
def test_broken_markers_are_dropped(text, plain, inside):
    found, spans = read_marked(text)
    assert found == plain
    assert [found[start:end] for start, end in spans] == inside


def test_markers_are_paired_by_likeness_and_not_by_order():
    class Turning(FakeTranslator):
        def translate(self, texts):
            turned = {"[Amina] left [Kano].": "Daga [Kanon] [Amina] ta tafi."}
            return [turned.get(text, text) for text in texts]

    [found] = translate_marked(Turning(), ["Amina left Kano."], [[(0, 5), (11, 15)]])
    assert found.text == "Daga Kanon Amina ta tafi."
    assert [(found.text[i:j], entity) for i, j, entity in found.spans] == [
        ("Kanon", 1),
        ("Amina", 0),
    ]


def test_one_entity_and_one_marker_belong_together_whatever_they_look_like():
    class Other(FakeTranslator):
        def translate(self, texts):
            return ["[ካኖ] ሄደች" for _ in texts]

    [found] = translate_marked(Other(), ["Kano"], [[(0, 4)]])
    assert found.spans == [(0, 2, 0)]


def test_a_translator_that_fails_half_way_goes_on_where_it_stopped(tmp_path):
    source, target = tmp_path / "text.en", tmp_path / "text.hau"
    source.write_text("".join(f"market {i}\n\n" for i in range(4)), "utf8")
    with pytest.raises(RuntimeError):
        translate_file(FakeTranslator(fails_at=3), source, target, chunk=2)
    assert not target.exists()
    part = tmp_path / "text.hau.part"
    part.write_bytes(part.read_bytes() + b"kasuw")  # cut off in the middle of a line
    again = FakeTranslator()
    translate_file(again, source, target, chunk=2)
    assert target.read_text("utf8") == "".join(f"kasuwa {i}\n\n" for i in range(4))
    assert again.calls == 2
    assert not part.exists()


def test_what_another_translator_began_is_not_gone_on_with(tmp_path):
    source, target = tmp_path / "text.en", tmp_path / "text.hau"
    source.write_text("market\nagain\n", "utf8")
    with pytest.raises(RuntimeError):
        translate_file(FakeTranslator(fails_at=2), source, target, chunk=1)
    other = FakeTranslator()
    other.fingerprint = "other"
    with pytest.raises(XnerError, match="begun by another translator"):
        translate_file(other, source, target)


def test_a_translation_begun_from_another_text_is_not_gone_on_with(tmp_path):
    source, target = tmp_path / "text.en", tmp_path / "text.hau"
    source.write_text("market\nagain\n", "utf8")
    with pytest.raises(RuntimeError):
        translate_file(FakeTranslator(fails_at=2), source, target, chunk=1)
    source.write_text("market\nother\n", "utf8")
    with pytest.raises(XnerError, match="from another text"):
        translate_file(FakeTranslator(), source, target)
