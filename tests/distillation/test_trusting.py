"""Teachers weighed by likeness and by gold; gold sentences as a teacher; texts by their weight."""

import unicodedata

import numpy as np
import pytest
import spacy

from spacy_xner.cli.few_shot import few_shot
from spacy_xner.corpora.few_shot import sample_gold
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.distillation import similarity
from spacy_xner.distillation.reader import PROBABILITIES, make_soft_label_reader
from spacy_xner.distillation.reliability import make_fitted_reliability, write_gold
from spacy_xner.distillation.teachers import Teacher
from spacy_xner.errors import XnerError

from .made_up import soft_labels, tagged_sentences, write_labels


@pytest.fixture
def gold(tmp_path):
    path = tmp_path / "gold.conll"
    sentences = [(w, t) for w, t in {" ".join(w): (w, t) for w, t in tagged_sentences()}.values()]
    blocks = ["\n".join(f"{w} {t}" for w, t in zip(*one, strict=True)) for one in sentences]
    path.write_text("\n\n".join(blocks) + "\n", "utf8")
    return path


def test_gold_is_a_teacher_whose_text_comes_as_often_as_it_weighs(gold, labels, tmp_path):
    corpus = write_gold(gold, tmp_path / "gold", 4, like=labels)
    reader = make_soft_label_reader(labels)
    reader.supervise([Teacher("raw", labels), Teacher("gold", corpus.path, weight=3.0)])
    assert reader.target_gold == ["4 sentences (seed 0)"]
    found = list(reader.shuffled(spacy.blank("xx"), seed=1))
    certain = [eg for eg in found if eg.reference.user_data[PROBABILITIES].max() == 1.0]
    assert (len(found), len(certain)) == (30 + 12, 12)


def test_command_writes_gold_under_the_tags_of_another_folder(gold, labels, tmp_path):
    few_shot(gold, tmp_path / "gold", k=4, seed=1, lang="hau", like=labels)
    corpus = SoftLabelCorpus(tmp_path / "gold")
    assert (corpus.n_docs, corpus.lang) == (4, "hau")
    assert corpus.tags == SoftLabelCorpus(labels).tags
    with pytest.raises(XnerError, match=r"k is 1000, but .*gold\.conll holds"):
        few_shot(gold, tmp_path / "more", k=1000)


def respelled(words, tags):
    """The same letters as raw text may have them: other signs, case, Unicode form and tokens."""
    words = [unicodedata.normalize("NFD", word) for word in words[:-1]]
    return ["\N{LEFT DOUBLE QUOTATION MARK}", *words[:-1], words[-1].upper() + "!"], [
        "O",
        *tags[:-1],
    ]


def judged(tmp_path, texts, ensemble):
    """A reader of two teachers of these texts: one is right, the other knows no place."""
    people = [(words, [tag if "PER" in tag else "O" for tag in tags]) for words, tags in texts]
    paths = [
        write_labels(tmp_path / name, soft_labels(says), teacher=name, source="cc")
        for name, says in (("aa", texts), ("bb", people))
    ]
    reader = make_soft_label_reader(paths)
    reader.supervise([], ensemble)
    next(iter(reader(spacy.blank("xx"))))
    return reader


def test_reliability_is_the_f1_on_gold_however_the_raw_text_spells_it(gold, tmp_path):
    drawn = sample_gold(gold, 8)
    texts = [respelled(one.words, one.tags) for one in drawn]
    reader = judged(tmp_path, texts, make_fitted_reliability(str(gold), 8))
    tags = [tag for one in drawn for tag in one.tags if tag != "O"]
    people = sum("PER" in tag for tag in tags)
    f1 = 2 * people / (people + len(tags))
    assert reader._fitted[0].weights == pytest.approx([1 / (1 + f1), f1 / (1 + f1)])
    assert reader.target_gold == ["8 sentences (seed 0)"]
    squared = judged(tmp_path / "2", texts, make_fitted_reliability(str(gold), 8, power=2.0))
    assert squared._fitted[0].weights[1] == pytest.approx(f1**2 / (1 + f1**2))


def test_gold_that_the_raw_text_lacks_is_told(gold, tmp_path):
    texts = [respelled(one.words, one.tags) for one in sample_gold(gold, 8)]
    with pytest.warns(UserWarning, match=r"3 of 8 gold sentences of .*gold\.conll stand in"):
        judged(tmp_path / "few", texts[:3], make_fitted_reliability(str(gold), 8))
    other = [(["Something", "else"], ["O", "O"])]
    with pytest.raises(XnerError, match=r"Only 0 of 8 gold sentences of .*gold\.conll stand in"):
        judged(tmp_path / "none", other, make_fitted_reliability(str(gold), 8))


def test_gold_of_other_types_is_an_error_that_names_the_file(gold, tmp_path):
    texts = [respelled(one.words, one.tags) for one in sample_gold(gold, 8)]
    gold.write_text(gold.read_text("utf8").replace("LOC", "GPE"), "utf8")
    with pytest.raises(XnerError, match=r"gold\.conll have the types GPE, which no teacher has"):
        judged(tmp_path, texts, make_fitted_reliability(str(gold), 8))
    with pytest.raises(XnerError, match="power is -1"):
        make_fitted_reliability(str(gold), 8, power=-1)


def test_the_identifier_finds_the_source_that_the_target_is_like():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 16))
    known = [centre + rng.normal(scale=0.3, size=(50, 16)) for centre in centres]
    target = centres[1] + rng.normal(scale=0.3, size=(40, 16))
    scores = similarity._identify(known, target, 8, 0.01, 100)
    assert (scores.argmax(axis=1) == 1).all()


def test_scores_are_divided_by_their_variance():
    scores = np.array([[2.0, 0.0], [0.0, 0.0]])  # variance 0.75
    sure = 1 / (1 + np.exp(-2.0 / 0.75))
    weights = similarity._mean_likeness(scores)
    assert weights == pytest.approx([(sure + 0.5) / 2, (1 - sure + 0.5) / 2])
    # Scores that lie near one another tell sources apart as well as those that lie far apart.
    assert similarity._mean_likeness(scores / 4)[0] > weights[0]


def test_a_teacher_without_source_text_is_an_error_that_names_it():
    ensemble = similarity.make_cosine_similarity("encoder", {"english": "en.txt"})
    with pytest.raises(XnerError, match="no text for the teacher hausa; it has english"):
        ensemble.fit([], [Teacher("hausa", "a"), Teacher("english", "b")])


def test_texts_that_do_not_match_are_an_error_that_names_the_teachers(tmp_path):
    one = write_labels(tmp_path / "one", soft_labels(tagged_sentences(4)), teacher="aa")
    docs = soft_labels(tagged_sentences(4, seed=5))
    two = write_labels(tmp_path / "two", docs, teacher="bb", source="cc")
    with pytest.raises(XnerError, match=r"Teachers .*one and .*two label texts that do not match"):
        make_soft_label_reader([one, two]).supervise()


def test_texts_that_differ_in_a_line_are_told_with_how_many(tmp_path):
    docs = soft_labels([([f"Word{i}", "left"], ["O", "O"]) for i in range(6)])
    one = write_labels(tmp_path / "one", docs, teacher="aa")
    two = write_labels(tmp_path / "two", docs[1:], teacher="bb", source="cc")
    with pytest.raises(
        XnerError, match=r"1 texts are in .*one only, 0 in .*two only, 5 in both.*one file"
    ):
        make_soft_label_reader([one, two]).supervise()
    for i, doc in enumerate(docs):
        doc.doc_id = f"other:{i}"
    named = write_labels(tmp_path / "named", docs[2:], teacher="bb", source="dd")
    with pytest.warns(UserWarning, match=r"2 texts are in .*one only.*count as different texts"):
        make_soft_label_reader([one, named]).supervise()


def test_a_part_of_a_text_is_a_text_of_its_own(tmp_path, recwarn):
    docs = soft_labels([([f"Word{i}", "left"], ["O", "O"]) for i in range(6)])
    one = write_labels(tmp_path / "one", docs, teacher="aa")
    few = write_labels(tmp_path / "few", docs[:2], teacher="bb", source="cc")
    make_soft_label_reader([one, few]).supervise()
    assert not [each for each in recwarn if "do not match" in str(each.message)]


def test_an_unfinished_folder_is_an_error_that_names_the_teacher(labels, tmp_path):
    with pytest.raises(XnerError, match=r"\[distillation.teachers.hausa\] path: .*no manifest"):
        make_soft_label_reader(labels).supervise([Teacher("hausa", tmp_path)])


def test_rare_types_come_more_often(tmp_path):
    words = ["Amina", "left"]
    docs = soft_labels([(words, ["B-PER", "O"])] + [(words, ["O", "O"])] * 9)
    path = write_labels(tmp_path / "labels", docs)
    found = list(make_soft_label_reader(path, balance=0.4).shuffled(spacy.blank("xx"), 0))
    assert sum(bool(eg.reference.ents) for eg in found) == 2  # sqrt(0.4 / 0.1)
    assert len(found) == 11
