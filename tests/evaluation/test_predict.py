"""Any pipeline that sets `doc.ents` is scored on gold tokens and on raw text."""

import unicodedata
from dataclasses import dataclass

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

from spacy_xner.errors import XnerError
from spacy_xner.evaluation.gold import GoldSentence, raw_text, read_gold
from spacy_xner.evaluation.predict import predict, predict_spans, predict_tags, summarise

from ..encoders.tiny import make_tiny

SENTENCES = [
    GoldSentence(["Amina", "ta", "je", "Kano", "."], ["B-PER", "O", "O", "B-LOC", "O"]),
    GoldSentence(["Adé", "Bello", ",", "Lagos"], ["B-PER", "I-PER", "O", "B-LOC"]),
    GoldSentence(["Babu"], ["O"]),
    GoldSentence(["Bankin", "Kano", "yana", "Lagos"], ["B-ORG", "I-ORG", "O", "B-LOC"]),
]


def ruler(*patterns):
    nlp = spacy.blank("xx")
    rules = [{"label": label, "pattern": text} for label, text in patterns]
    nlp.add_pipe("entity_ruler").add_patterns(rules)
    return nlp


@pytest.fixture(scope="module")
def nlp():
    return ruler(("PER", "Amina"), ("LOC", "Kano"), ("LOC", "Lagos"), ("PER", "Adé Bello"))


@Language.component("ends_first_token")
def ends_first_token(doc):
    doc.ents = [Span(doc, 0, 1, label=f"LEN{len(doc)}")]
    return doc


def test_tags_come_back_in_the_order_of_the_sentences(nlp):
    assert predict_tags(nlp, SENTENCES, batch_size=2) == [
        ["B-PER", "O", "O", "B-LOC", "O"],
        ["B-PER", "I-PER", "O", "B-LOC"],
        ["O"],
        ["O", "B-LOC", "O", "B-LOC"],
    ]


def test_gold_tokens_are_not_tokenised_again():
    nlp = spacy.blank("xx")
    nlp.add_pipe("ends_first_token")
    words = ["Abuja,", "(a.b)", "don't"]
    assert predict_tags(nlp, [GoldSentence(words, ["O"] * 3)]) == [["B-LEN3", "O", "O"]]


def test_spans_of_raw_text_are_character_offsets(nlp):
    assert predict_spans(nlp, ["Kano!", "A Lagos, Amina."]) == [
        [(0, 4, "LOC")],
        [(2, 7, "LOC"), (9, 14, "PER")],
    ]


def test_raw_text_attaches_punctuation_and_moves_offsets():
    text, spans = raw_text(SENTENCES[1])
    assert text == "Adé Bello, Lagos"
    assert [text[a:b] for a, b, _ in spans] == ["Adé Bello", "Lagos"]


def test_spaces_of_the_gold_data_win():
    sentence = GoldSentence(["a", "b", "."], ["O", "B-PER", "O"], spaces=[False, True, False])
    assert raw_text(sentence) == ("ab .", [(1, 2, "PER")])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_offsets_of_normal_forms_follow_the_normalised_words(form):
    found = []

    @dataclass
    class Watch:
        nlp: Language

        def __call__(self, doc):
            found.append(doc.text)
            return doc

    nlp = spacy.blank("xx")
    Language.component(f"watch_{form}", func=Watch(nlp))
    nlp.add_pipe(f"watch_{form}")
    result = predict(nlp, SENTENCES[1:2], f"raw-{form.lower()}")
    name = unicodedata.normalize(form, "Adé Bello")
    assert found[-1] == f"{name}, Lagos"
    assert result.gold == [[(0, len(name), "PER"), (len(name) + 2, len(name) + 7, "LOC")]]


def test_normalised_text_and_gold_meet(nlp):
    assert predict(nlp, SENTENCES, "raw-nfc").score()["recall"] == pytest.approx(500 / 6)
    # The pattern is NFC, so that it does not match the NFD name.
    assert predict(nlp, SENTENCES, "raw-nfd").score()["recall"] == pytest.approx(400 / 6)


def test_token_and_raw_scores_agree_with_spacy_evaluate(nlp):
    examples = []
    for sentence in SENTENCES:
        text, spans = raw_text(sentence)
        doc = nlp.make_doc(text)
        doc.set_ents([doc.char_span(start, end, label) for start, end, label in spans])
        examples.append(Example(nlp.make_doc(text), doc))
    theirs = nlp.evaluate(examples)
    for form in ("tokens", "raw"):
        ours = predict(nlp, SENTENCES, form).score()
        for key, name in (("precision", "ents_p"), ("recall", "ents_r"), ("f1", "ents_f")):
            assert ours[key] == pytest.approx(100 * theirs[name])
        for label, each in theirs["ents_per_type"].items():
            assert ours["per_type"][label]["f1"] == pytest.approx(100 * each["f"])


def test_trained_stock_ner_scores_as_spacy_evaluate_says():
    nlp = spacy.blank("xx")
    nlp.add_pipe("ner")
    examples = []
    for sentence in SENTENCES:
        gold = Doc(nlp.vocab, words=sentence.words, ents=sentence.tags)
        examples.append(Example(Doc(nlp.vocab, words=sentence.words), gold))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(4):
        nlp.update(examples, sgd=optimizer)
    theirs = nlp.evaluate([Example(Doc(nlp.vocab, words=e.x.text.split()), e.y) for e in examples])
    ours = predict(nlp, SENTENCES, "tokens").score()
    assert ours["f1"] == pytest.approx(100 * theirs["ents_f"])
    assert ours["n"] == 4


@pytest.mark.slow
def test_teacher_with_transformer_scores_as_spacy_evaluate_says(tmp_path):
    pytest.importorskip("spacy_transformers")
    words = [" ".join(sentence.words) for sentence in SENTENCES]
    encoder = make_tiny("xlm-roberta", tmp_path / "encoder", words)
    nlp = spacy.blank("xx")
    architecture = {"@architectures": "spacy-xner.TransformerModel.v1", "name": str(encoder)}
    nlp.add_pipe("transformer", config={"model": architecture | {"frozen": []}})
    nlp.add_pipe("xner_teacher")
    examples = []
    for sentence in SENTENCES:
        gold = Doc(nlp.vocab, words=sentence.words, ents=sentence.tags)
        examples.append(Example(Doc(nlp.vocab, words=sentence.words), gold))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer)
    theirs = nlp.evaluate([Example(Doc(nlp.vocab, words=e.x.text.split()), e.y) for e in examples])
    ours = predict(nlp, SENTENCES, "tokens", batch_size=2)
    assert ours.score()["f1"] == pytest.approx(100 * theirs["ents_f"])
    assert sum(ours.labels(ours.found).values()) > 0
    assert len(predict(nlp, SENTENCES, "raw").found) == 4


def test_labels_that_gold_lacks_are_reported_and_count_as_wrong():
    nlp = ruler(("GPE", "Kano"), ("GPE", "Lagos"), ("PER", "Amina"))
    for form in ("tokens", "raw"):
        result = summarise(predict(nlp, SENTENCES, form), bootstrap=0)
        assert result["other_labels"] == {"GPE": 4}
        assert result["precision"] == 20.0
        assert result["mapped_labels"] == {}


def test_label_map_renames_or_drops_and_is_reported():
    nlp = ruler(("GPE", "Kano"), ("GPE", "Lagos"), ("DATE", "Babu"))
    for form in ("tokens", "raw"):
        mapped = predict(nlp, SENTENCES, form, label_map={"GPE": "LOC", "DATE": "O", "X": "PER"})
        result = summarise(mapped, bootstrap=0)
        assert result["mapped_labels"] == {"DATE": 1, "GPE": 4}
        assert result["other_labels"] == {}
        assert result["precision"] == 75.0
        assert result["recall"] == 50.0


def test_summary_holds_interval_speed_and_support(nlp):
    result = summarise(predict(nlp, SENTENCES, "raw"), bootstrap=200, seed=1)
    assert result["low"] <= result["f1"] <= result["high"]
    assert result["n_gold"] == 6
    assert result["n"] == 4
    assert result["words_per_second"] > 0


@pytest.mark.parametrize("form", ["tokens", "raw"])
def test_each_type_has_its_interval(form, nlp):
    prediction = predict(nlp, SENTENCES, form)
    types = summarise(prediction, bootstrap=200)["per_type"]
    assert set(types) == {"LOC", "ORG", "PER"}
    for label, each in types.items():
        right, found, gold = prediction.counts(label).sum(axis=0)
        assert each["f1"] == pytest.approx(200 * right / (found + gold))
        assert each["low"] <= each["f1"] <= each["high"]
    assert types["LOC"]["low"] < types["LOC"]["high"]  # Kano is wrong in one of three sentences
    assert "low" not in summarise(prediction, bootstrap=0)["per_type"]["LOC"]


def test_predictions_of_two_files_pool(nlp):
    first, second = (predict(nlp, part, "raw") for part in (SENTENCES[:1], SENTENCES[1:]))
    pooled = first + second
    assert pooled.score() == predict(nlp, SENTENCES, "raw").score()
    assert pooled.words == 14
    assert pooled.seconds == first.seconds + second.seconds


def test_unknown_form_is_refused(nlp):
    with pytest.raises(XnerError, match=r"no form 'raw-nfkc'.*raw-nfd"):
        predict(nlp, SENTENCES, "raw-nfkc")


def test_gold_is_read_from_spacy_files_with_their_spaces(tmp_path):
    vocab = spacy.blank("xx").vocab
    doc = Doc(
        vocab, words=["A", "Kano", "!"], spaces=[True, False, False], ents=["O", "B-LOC", "O"]
    )
    DocBin(docs=[doc]).to_disk(tmp_path / "gold.spacy")
    (sentence,) = read_gold(tmp_path / "gold.spacy")
    assert (sentence.words, sentence.tags) == (["A", "Kano", "!"], ["O", "B-LOC", "O"])
    assert raw_text(sentence) == ("A Kano!", [(2, 6, "LOC")])


def test_gold_without_entities_or_readable_content_is_refused(tmp_path):
    bare = Doc(spacy.blank("xx").vocab, words=["A"])
    DocBin(docs=[bare]).to_disk(tmp_path / "bare.spacy")
    DocBin(docs=[]).to_disk(tmp_path / "none.spacy")
    (tmp_path / "cut.spacy").write_bytes((tmp_path / "bare.spacy").read_bytes()[:20])
    (tmp_path / "empty.txt").write_text("")
    for name, message in {
        "bare.spacy": "document 0: has no entity annotation",
        "none.spacy": "holds no document",
        "cut.spacy": "no .spacy file that can be read",
        "empty.txt": "empty.txt",
        "absent.txt": "no such file",
    }.items():
        with pytest.raises(XnerError, match=message):
            read_gold(tmp_path / name)
