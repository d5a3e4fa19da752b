"""How far a teacher's gates are open, and what the report says of them."""

import re

import numpy as np
import pytest
import spacy

from spacy_xner.cli.report import report
from spacy_xner.corpora.conll import Sentence
from spacy_xner.evaluation.diagnosis import diagnose
from spacy_xner.evaluation.gates import in_turn, read_gates
from spacy_xner.evaluation.report import Inputs, report_page
from spacy_xner.tags import TagSet
from spacy_xner.teacher.sources import load_source

from ..teacher.views.conftest import ROMANISED, begun, fused

WORDS = ["Musa", "ya", "tafi", "Kano"]


class Listening:
    """A teacher with two views, whose gates are 0.8 at capitals and 0.2 elsewhere.

    The second view is silent on words of two letters, or altogether.
    """

    views = ("sound", "names")

    def __init__(self, silent=False):
        self.nlp = spacy.blank("xx")
        self.tagset = TagSet.from_types(["PER"])
        self.fingerprint = "00"
        self.silent = silent
        self.languages = set()

    def predict(self, docs):
        self.languages |= {doc.user_data.get("xner_lang") for doc in docs}
        name, other = [0.1, 0.9, 0.0], [1.0, 0.0, 0.0]
        return [np.array([name if t.text[0].isupper() else other for t in d]) for d in docs]

    def gates(self, docs):
        return [np.array([self.row(t.text) for t in d], "float32").reshape(-1, 2) for d in docs]

    def row(self, word):
        openness = 0.8 if word[0].isupper() else 0.2
        return [openness, 0.0 if self.silent or len(word) == 2 else openness]


def sentence(words=WORDS, tags=("B-PER", "O", "O", "O")):
    return Sentence(list(words), list(tags), 1, "test/hau.conll")


def test_gates_are_averaged_over_words_that_a_view_tells_of():
    pytest.importorskip("shap")
    teacher = Listening()
    gates = diagnose(teacher, [sentence(), sentence(["Musa"], ["B-PER"])]).gates
    assert gates.views == ("sound", "names")
    assert gates.spoken == pytest.approx([1.0, 4 / 5])
    # Gold names are the two "Musa"; "Kano" is found and no gold name.
    assert gates.names == pytest.approx([0.8, 0.8])
    assert gates.others == pytest.approx([(0.2 + 0.2 + 0.8) / 3, (0.2 + 0.8) / 2])
    (only,) = gates.examples  # one word is no example
    assert only.found == ((0, 1, "PER"), (3, 4, "PER"))
    assert only.openness[:, 1] == pytest.approx([0.8, 0.0, 0.2, 0.8])


def test_views_are_told_name_and_language_in_predictions_and_explanations():
    pytest.importorskip("shap")
    teacher = Listening()
    found = diagnose(teacher, [sentence([*WORDS, "jiya"], ["B-PER", *"OOOO"])])
    assert [(each.text, each.doc_id, each.lang) for each in found.explanations] == [
        ("Musa", "hau:0", "hau"),
        ("Kano", "hau:0", "hau"),
    ]
    assert teacher.languages == {"hau"}


def test_examples_are_of_each_language_in_turn():
    assert in_turn([3, 4, 7, 8, 9], ["am", "am", "hau", "am", "hau"]) == [3, 7, 4, 9, 8]
    pytest.importorskip("shap")
    given = [sentence(words) for words in (["a", "b", "c", "Ada"], WORDS, WORDS, WORDS)]
    given.append(Sentence(WORDS, ["O"] * 4, 1, "test/swa.conll"))
    examples = diagnose(Listening(), given).gates.examples
    assert [each.lang for each in examples] == ["hau", "swa", "hau"]


def test_a_view_that_tells_of_no_word_has_no_mean():
    teacher = Listening(silent=True)
    doc = spacy.tokens.Doc(teacher.nlp.vocab, words=WORDS)
    gates = read_gates(teacher, [doc], [[(0, 1, "PER")]], [[]])
    assert gates.spoken == pytest.approx([1.0, 0.0])
    assert np.isnan([gates.names[1], gates.others[1]]).all()
    assert gates.examples == ()


def page_of(teacher):
    found = {"teacher": diagnose(teacher, [sentence()])}
    page = report_page(Inputs(diagnoses=found, files={"test": "gold"}, command="x"))
    return page[page.index('id="gates"') : page.index('id="hardest"')]


def test_the_page_shows_means_and_words_with_their_gates():
    pytest.importorskip("shap")
    pytest.importorskip("matplotlib")
    gates = page_of(Listening())
    cells = re.findall(r"<td[^>]*>(.*?)</td>", gates)
    assert cells == ["sound", "100", "0.80", "0.40", "names", "75", "0.80", "0.50"]
    assert re.findall(r">(\w+)<b>([\d.]+)</b>", gates)[4:] == [
        ("Musa", "0.80"),
        ("ya", "0.00"),
        ("tafi", "0.20"),
        ("Kano", "0.80"),
    ]
    assert ">Hausa (hau)<" in gates or ">hau<" in gates
    assert "<td>–</td>" in page_of(Listening(silent=True))


def test_the_page_says_in_one_line_that_a_plain_teacher_has_no_views():
    pytest.importorskip("shap")
    pytest.importorskip("matplotlib")
    plain = Listening()
    plain.views = ()
    gates = page_of(plain)
    assert "The teacher of this run has none." in gates
    assert "A gate" not in gates
    assert "Not here" not in gates


@pytest.mark.slow
def test_the_report_of_a_trained_multimodal_teacher_shows_its_gates(tmp_path):
    for library in ("shap", "matplotlib", "uroman"):
        pytest.importorskip(library)
    names = tmp_path / "names.tsv"
    names.write_text("Kano\tLOC\nMusa\tPER\n", "utf8")
    lists = {"@architectures": "spacy-xner.GazetteerView.v1", "files": [str(names)]}
    folder = tmp_path / "training" / "teacher" / "model-best"
    folder.parent.mkdir(parents=True)
    begun(fused({"romanised": ROMANISED, "names": lists})).to_disk(folder)
    gold = tmp_path / "corpus" / "test"
    gold.mkdir(parents=True)
    (gold / "hau.conll").write_text("Musa B-PER\nya O\ntafi O\nKano B-LOC\n", "utf8")
    source = load_source(folder)
    assert source.views == ("romanised", "names")
    (rows,) = source.gates([source.nlp.make_doc("Musa ya tafi Kano")])
    assert rows.tolist() == [[0.5, 0.5], [0.5, 0.0], [0.5, 0.0], [0.5, 0.5]]
    page = report(tmp_path).read_text("utf8")
    assert "<td>romanised</td><td>100</td><td>0.50</td><td>0.50</td>" in page
    assert "<td>names</td><td>50</td><td>0.50</td><td>–</td>" in page
