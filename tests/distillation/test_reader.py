"""The reader of soft labels: splits, several teachers, order, the student's own tokens."""

import unicodedata
from collections import Counter

import numpy as np
import pytest
import spacy

from spacy_xner.corpora.soft_labels import SoftLabels
from spacy_xner.distillation.reader import PROBABILITIES, make_soft_label_reader
from spacy_xner.distillation.tokenizer import tokenizer_rules
from spacy_xner.errors import XnerError
from spacy_xner.tags import TagSet

from .made_up import TAGSET, soft_labels, sure_of, tagged_sentences, write_labels


@pytest.fixture(scope="module")
def nlp():
    return spacy.blank("xx")


def texts_of(examples):
    return [example.reference.text for example in examples]


def probabilities_of(examples):
    return [example.reference.user_data[PROBABILITIES] for example in examples]


def test_all_gives_every_document_in_the_order_of_the_files(labels, nlp):
    found = list(make_soft_label_reader(labels)(nlp))
    assert texts_of(found) == [" ".join(words) for words, _ in tagged_sentences()]


def test_train_and_held_out_together_are_all(labels, nlp):
    every, train, held_out = (
        texts_of(make_soft_label_reader(labels, split, 0.3)(nlp))
        for split in ("all", "train", "held_out")
    )
    assert len(train) > len(held_out) > 0
    assert sorted(train + held_out) == sorted(every)


def test_what_is_held_out_stays_held_out_when_documents_are_added(tmp_path, nlp):
    docs = soft_labels(tagged_sentences(60))
    few = write_labels(tmp_path / "few", docs[:30])
    many = write_labels(tmp_path / "many", docs, source="cc33", shard_docs=7)
    of_few = texts_of(make_soft_label_reader(few, "held_out", 0.3)(nlp))
    of_many = texts_of(make_soft_label_reader(many, "held_out", 0.3)(nlp))
    assert of_few == of_many[: len(of_few)]
    assert len(of_few) < len(of_many)


def test_entities_are_decoded_from_the_probabilities(labels, nlp):
    example = next(iter(make_soft_label_reader(labels)(nlp)))
    words, tags = tagged_sentences()[0]
    assert [token.text for token in example.reference] == words
    assert [ent.text for ent in example.reference.ents] == entity_texts(words, tags)
    assert not example.predicted.ents


def entity_texts(words, tags):
    found = []
    for word, tag in zip(words, tags, strict=True):
        if tag.startswith("B"):
            found.append(word)
        elif tag.startswith("I"):
            found[-1] += f" {word}"
    return found


def test_two_teachers_of_one_text_are_averaged(tmp_path, nlp):
    sentences = tagged_sentences(4)
    one = write_labels(tmp_path / "one", soft_labels(sentences, sure=0.9), teacher="aa")
    two = write_labels(tmp_path / "two", soft_labels(sentences, sure=0.6), teacher="bb")
    both = make_soft_label_reader([one, two])
    found = probabilities_of(both(nlp))
    assert len(found) == 4
    for probs, (_, tags) in zip(found, sentences, strict=True):
        np.testing.assert_allclose(probs, sure_of(tags, sure=0.75), atol=1e-3)
    assert both.fingerprint == ["aa:bb22", "bb:bb22"]


def test_folders_of_different_texts_add_up(tmp_path, nlp):
    one = write_labels(tmp_path / "one", soft_labels(tagged_sentences(4)))
    two = write_labels(tmp_path / "two", soft_labels(tagged_sentences(3, seed=1)), source="cc33")
    reader = make_soft_label_reader([one, two])
    assert len(list(reader(nlp))) == 7
    n_words = sum(len(words) for words, _ in tagged_sentences(4) + tagged_sentences(3, seed=1))
    assert reader.n_words == n_words


def test_other_tags_are_an_error_that_names_both_folders(tmp_path, labels):
    tagset = TagSet.from_types(["ORG"])
    docs = soft_labels([(["Zenith", "Bank"], ["B-ORG", "I-ORG"])], tagset)
    other = write_labels(tmp_path / "other", docs, tagset=tagset, source="cc33")
    with pytest.raises(XnerError, match="One student learns one tag set") as caught:
        make_soft_label_reader([labels, other]).supervise()
    for expected in (str(labels), str(other), "B-ORG", "B-PER"):
        assert expected in str(caught.value)


def test_the_same_teacher_twice_is_an_error(tmp_path, labels):
    copy = write_labels(tmp_path / "copy", soft_labels(tagged_sentences()))
    with pytest.raises(XnerError, match="same text with the same teacher"):
        make_soft_label_reader([labels, copy]).supervise()


def test_one_text_in_other_shards_is_an_error(tmp_path, labels):
    docs = soft_labels(tagged_sentences())
    other = write_labels(tmp_path / "other", docs, teacher="cc", shard_docs=30)
    with pytest.raises(XnerError, match="different shards"):
        make_soft_label_reader([labels, other]).supervise()


def test_teachers_with_the_documents_in_another_order_are_an_error(tmp_path, labels, nlp):
    docs = soft_labels(tagged_sentences())
    other = write_labels(tmp_path / "other", docs[1:] + docs[:1], teacher="cc")
    with pytest.raises(XnerError, match="disagree on the order"):
        list(make_soft_label_reader([labels, other])(nlp))


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"split": "dev"}, "'dev'"),
        ({"held_out": 1.0}, "1.0"),
        ({"held_out": -0.1}, "-0.1"),
        ({"normal_forms": ["NFC", "nfd"]}, "has nfd; expected some of NFC, NFD"),
    ],
)
def test_wrong_settings_are_errors(labels, settings, fault):
    with pytest.raises(XnerError, match=fault):
        make_soft_label_reader(labels, **settings)


def test_no_folder_is_an_error():
    with pytest.raises(XnerError, match="No soft-label folder"):
        make_soft_label_reader([])


def test_shuffled_is_a_permutation_that_its_seed_decides(labels, nlp):
    reader = make_soft_label_reader(labels)
    in_order = texts_of(reader(nlp))
    one, again, other = (texts_of(reader.shuffled(nlp, seed)) for seed in (1, 1, 2))
    assert one == again
    assert len({tuple(in_order), tuple(one), tuple(other)}) == 3
    assert sorted(one) == sorted(other) == sorted(in_order)


def test_what_comes_first_is_from_all_over_the_text(tmp_path, nlp):
    docs = soft_labels([([f"Ada{i}", "ya"], ["B-PER", "O"]) for i in range(100)])
    reader = make_soft_label_reader(write_labels(tmp_path / "labels", docs, shard_docs=20))
    found = texts_of(reader.shuffled(nlp, 0))
    # Five shards by turns: two of each in the first ten.
    shards = [int(text.split()[0].removeprefix("Ada")) // 20 for text in found]
    assert Counter(shards[:10]) == dict.fromkeys(range(5), 2)
    assert Counter(shards) == dict.fromkeys(range(5), 20)


def test_probabilities_follow_the_tokens_of_the_student(tmp_path):
    # The teacher cuts at spaces, the student's rules cut the Ethiopic full stop off.
    text = "ከበደ ወደ ባሕር ዳር።"
    starts, ends = np.array([0, 4, 7, 11]), np.array([3, 6, 10, 14])
    probs = sure_of(["B-PER", "O", "B-LOC", "I-LOC"]).astype("float16")
    doc = SoftLabels("raw:0", "am", text, starts.astype("int32"), ends.astype("int32"), probs)
    reader = make_soft_label_reader(write_labels(tmp_path / "labels", [doc]))
    student = tokenizer_rules()(spacy.blank("xx"))
    [example] = reader(student)
    assert [token.text for token in example.predicted] == ["ከበደ", "ወደ", "ባሕር", "ዳር", "።"]
    found = example.reference.user_data[PROBABILITIES]
    np.testing.assert_allclose(found[:4], probs.astype("float32"), atol=1e-6)
    # The stop is part of the teacher's last word: what was B there continues, O stays.
    inside = TAGSET.index("I-LOC")
    assert found[4, inside] == pytest.approx(0.925, abs=1e-3)
    assert found[4, 0] == pytest.approx(0.025, abs=1e-3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-3)


def test_documents_are_read_in_both_normal_forms_with_the_same_labels(tmp_path):
    sentence = (["Adé", "lọ", "sí", "Ìbàdàn", "."], ["B-PER", "O", "O", "B-LOC", "O"])
    path = write_labels(tmp_path / "labels", soft_labels([sentence] * 40))
    student = tokenizer_rules()(spacy.blank("xx"))
    examples = list(make_soft_label_reader(path, normal_forms=["NFC", "NFD"])(student))
    composed = {unicodedata.is_normalized("NFC", eg.predicted.text) for eg in examples}
    assert composed == {True, False}
    for eg in examples:
        words = [unicodedata.normalize("NFC", token.text) for token in eg.predicted]
        assert words == sentence[0]
        assert [ent.label_ for ent in eg.reference.ents] == ["PER", "LOC"]
    one_form = make_soft_label_reader(path, normal_forms=["NFD"])(student)
    assert {eg.predicted.text for eg in one_form} == {
        unicodedata.normalize("NFD", examples[0].predicted.text)
    }


def test_documents_without_tokens_are_left_out(tmp_path, nlp):
    docs = soft_labels([([], []), *tagged_sentences(2)])
    reader = make_soft_label_reader(write_labels(tmp_path / "labels", docs))
    assert len(list(reader(nlp))) == 2


def test_a_large_folder_holds_few_documents_out_and_trains_on_none_of_them(tmp_path):
    labels = write_labels(tmp_path / "labels", soft_labels(tagged_sentences(200)), shard_docs=50)
    texts = {}
    for split in ("train", "held_out"):
        for most in (5000, 20):
            reader = make_soft_label_reader(labels, split, 0.5, max_held_out=most)
            texts[split, most] = [eg.reference.text for eg in reader(spacy.blank("xx"))]
    assert texts["train", 20] == texts["train", 5000]
    assert 5 <= len(texts["held_out", 20]) <= 40 < len(texts["held_out", 5000])
    few = make_soft_label_reader(labels, "held_out", 0.5, max_held_out=20)
    assert few.n_docs == 200


def test_a_limit_that_leaves_nothing_out_is_refused(labels):
    with pytest.raises(XnerError, match="max_held_out is 0; expected a number from 1 up"):
        make_soft_label_reader(labels, "held_out", max_held_out=0)
