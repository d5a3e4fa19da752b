"""From parallel text to soft labels, and on to a student."""

from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.util import load_config

from spacy_xner.cli.project_labels import project_labels
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.distillation.reader import PROBABILITIES, make_soft_label_reader
from spacy_xner.distillation.teachers import resolve_teachers
from spacy_xner.errors import XnerError
from spacy_xner.projection.candidates import NerCandidates
from spacy_xner.projection.labels import Confidence
from spacy_xner.projection.marked_files import marked_candidates, translate_marked_file
from spacy_xner.projection.parallel import ParallelText
from spacy_xner.projection.project import Projector, project_documents
from spacy_xner.tags import decode, unsaid
from spacy_xner.teacher.annotate import annotate_documents

from ..distillation.made_up import config_of, entities, run
from .made_up import (
    SENTENCES,
    TAGSET,
    TRANSLATIONS,
    DictionaryAligner,
    FakeSource,
    FakeTranslator,
    digest,
    write_pair,
)

ALL = Confidence(pair=0.0)


def projector_of(**settings):
    settings = {"confidence": ALL, "aligner": DictionaryAligner()} | settings
    return Projector(FakeSource(), **settings)


def said_of(folder):
    """Words of each document with the tag that is said of them, "" for none."""
    found = []
    for doc in SoftLabelCorpus(folder):
        words = [doc.text[i:j] for i, j in zip(doc.starts, doc.ends, strict=True)]
        tags = decode(doc.probs.astype("float32"), TAGSET)
        silent = unsaid(doc.probs)
        found.append([(w, "" if s else t) for w, t, s in zip(words, tags, silent, strict=True)])
    return found


def tagged(text):
    return [tuple(word.split("/")) for word in text.split()]


def test_entities_of_one_language_are_labels_of_the_other(tmp_path):
    text = ParallelText(*write_pair(tmp_path))
    done = project_documents(projector_of(), text, tmp_path / "out", lang="hau")
    assert said_of(tmp_path / "out") == [
        tagged("Amina/B-PER Bello/I-PER ya/ ziyarci/O Kano/B-LOC ./O"),
        tagged("sake/O kasuwa/O ./O"),
        tagged("sake/O Amina/B-PER ta/ bar/O Abuja/B-LOC ./O"),
    ]
    assert (done.pairs, done.kept, done.entities, done.projected) == (3, 3, 4, 4)
    assert SoftLabelCorpus(tmp_path / "out").lang == "hau"


def test_a_run_that_failed_goes_on_and_ends_as_one_that_did_not(tmp_path):
    text = ParallelText(*write_pair(tmp_path, SENTENCES * 3, TRANSLATIONS * 3))
    project_documents(projector_of(), text, tmp_path / "whole", shard_docs=2)
    broken = projector_of(aligner=DictionaryAligner(fails_at=3))
    with pytest.raises(RuntimeError):
        project_documents(broken, text, tmp_path / "out", shard_docs=2)
    again = projector_of()
    done = project_documents(again, text, tmp_path / "out", shard_docs=2)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")
    assert again.aligner.calls == 3
    assert (done.docs, done.pairs, done.share) == (9, 5, 1.0)


def test_other_settings_are_another_teacher(tmp_path):
    text = ParallelText(*write_pair(tmp_path))
    project_documents(projector_of(), text, tmp_path / "out")
    with pytest.raises(XnerError, match="belongs to another teacher"):
        project_documents(projector_of(matching="greedy"), text, tmp_path / "out")


def test_lines_without_text_are_left_out_as_annotate_does(tmp_path):
    paths = write_pair(tmp_path, ["", "Kano .", "Kano"], ["sake .", "", "Kano"])
    with pytest.warns(UserWarning, match="1 of 3 lines of .* have no translation"):
        text = ParallelText(*paths)
    project_documents(projector_of(), text, tmp_path / "out")
    assert said_of(tmp_path / "out") == [[("sake", ""), (".", "")], [("Kano", "B-LOC")]]
    annotate_documents(FakeSource(), paths[1], tmp_path / "annotated")
    ours, theirs = SoftLabelCorpus(tmp_path / "out"), SoftLabelCorpus(tmp_path / "annotated")
    assert ours.source == theirs.source
    assert [doc.doc_id for doc in ours] == [doc.doc_id for doc in theirs]


def test_identical_sides_are_warned_of_and_labelled_as_they_are(tmp_path):
    with pytest.warns(UserWarning, match="the same as in .* untranslated"):
        text = ParallelText(*write_pair(tmp_path, SENTENCES[:1], SENTENCES[:1]))
    project_documents(projector_of(), text, tmp_path / "out")
    assert [tag for _, tag in said_of(tmp_path / "out")[0]] == ["B-PER", "I-PER", "O", "B-LOC", "O"]


def test_a_pair_that_is_no_translation_is_kept_out_by_its_score(tmp_path):
    text = ParallelText(*write_pair(tmp_path, ["Amina left the market ."], ["Kano da Abuja ne ."]))
    done = project_documents(projector_of(confidence=Confidence(pair=0.3)), text, tmp_path / "out")
    assert done.kept == 0
    assert {tag for _, tag in said_of(tmp_path / "out")[0]} == {""}


def test_candidates_limit_where_entities_can_be(tmp_path):
    class Shy(FakeSource):
        def _rows(self, doc):
            rows = super()._rows(doc)
            rows[[token.text == "Kano" for token in doc]] = rows[0] * 0 + np.eye(5)[0]
            return rows

    text = ParallelText(*write_pair(tmp_path))
    candidates = NerCandidates(Shy())
    project_documents(projector_of(candidates=candidates), text, tmp_path / "out")
    said = [tag for doc in said_of(tmp_path / "out") for _, tag in doc]
    assert said.count("B-PER") == 2
    assert said.count("B-LOC") == 1  # Abuja; Kano is no candidate


def test_refining_finds_an_entity_through_the_marked_translation(tmp_path):
    # Nothing links "Amina" to "Aminatu" directly; the translator writes it so.
    class Knowing(FakeTranslator):
        def translate(self, texts):
            return [text.replace("Amina", "Aminatu") for text in super().translate(texts)]

    text = ParallelText(*write_pair(tmp_path, ["Amina left Abuja"], ["Aminatu bar Abuja"]))
    project_documents(projector_of(), text, tmp_path / "direct")
    assert said_of(tmp_path / "direct") == [[("Aminatu", ""), ("bar", "O"), ("Abuja", "B-LOC")]]
    refining = projector_of(translator=Knowing())
    project_documents(refining, text, tmp_path / "refined")
    assert said_of(tmp_path / "refined") == [
        [("Aminatu", "B-PER"), ("bar", "O"), ("Abuja", "B-LOC")]
    ]


def test_refining_falls_back_on_the_direct_match_where_markers_are_lost(tmp_path):
    class Forgetful(FakeTranslator):
        def translate(self, texts):
            return [text.replace("[", "").replace("]", "") for text in texts]

    text = ParallelText(*write_pair(tmp_path))
    project_documents(projector_of(translator=Forgetful()), text, tmp_path / "refined")
    project_documents(projector_of(), text, tmp_path / "direct")
    assert said_of(tmp_path / "refined") == said_of(tmp_path / "direct")


def test_a_translation_with_markers_tells_where_entities_can_be(tmp_path):
    source, _ = write_pair(tmp_path)
    target = tmp_path / "translated.hau"
    with pytest.raises(RuntimeError):
        translate_marked_file(FakeTranslator(fails_at=1), FakeSource(), source, target)
    translate_marked_file(FakeTranslator(), FakeSource(), source, target)
    assert target.read_text("utf8").splitlines()[2] == "Amina bar Abuja sake ."
    text = ParallelText(source, target)
    projector = projector_of(candidates=marked_candidates(target))
    project_documents(projector, text, tmp_path / "out", shard_docs=2)
    assert said_of(tmp_path / "out")[2][:3] == [
        ("Amina", "B-PER"),
        ("bar", "O"),
        ("Abuja", "B-LOC"),
    ]
    target.write_text("other\ntext\nhere\n", "utf8")
    with pytest.raises(XnerError, match=r"line \d is not the marked form"):
        project_documents(projector, ParallelText(source, target), tmp_path / "other")


def test_marked_files_of_another_text_are_not_gone_on_with(tmp_path):
    source, target = tmp_path / "text.en", tmp_path / "text.hau"
    source.write_text("Musa market\n", "utf8")
    translate_marked_file(FakeTranslator(), FakeSource(), source, target)
    target.unlink()
    source.write_text("Ladi market\n", "utf8")
    with pytest.raises(
        XnerError, match=r"another text, tagger or translator. Delete all files text.hau"
    ):
        translate_marked_file(FakeTranslator(), FakeSource(), source, target)


def test_files_of_different_length_are_an_error_that_counts_both(tmp_path):
    with pytest.raises(XnerError, match=r"text.en has 3 lines and .*text.hau 2"):
        ParallelText(*write_pair(tmp_path, SENTENCES, TRANSLATIONS[:2]))


def test_files_without_a_pair_or_of_wrong_encoding_are_errors(tmp_path):
    with pytest.raises(XnerError, match="no line where both have text"):
        ParallelText(*write_pair(tmp_path, ["", "a"], ["b", ""]))
    source, target = write_pair(tmp_path)
    target.write_bytes("a\nb\nÀ\n".encode("latin1"))
    with pytest.raises(XnerError, match=r"text.hau, line 3: byte 0xc0 is not UTF-8"):
        ParallelText(source, target)
    with pytest.raises(XnerError, match="nowhere cannot be read"):
        ParallelText(source, tmp_path / "nowhere")


def test_projection_and_annotation_are_teachers_of_one_text(tmp_path):
    paths = write_pair(tmp_path, SENTENCES * 10, TRANSLATIONS * 10)
    project_documents(projector_of(), ParallelText(*paths), tmp_path / "projected")
    annotate_documents(FakeSource(sure=0.6), paths[1], tmp_path / "annotated")
    folders = [tmp_path / "projected", tmp_path / "annotated"]
    first = next(iter(make_soft_label_reader(folders)(spacy.blank("xx"))))
    rows = first.reference.user_data[PROBABILITIES]
    person = TAGSET.index("B-PER")
    assert rows[0, person] == pytest.approx((0.97 + 0.6) / 2, abs=1e-3)
    assert rows[2, 0] == pytest.approx(0.6, abs=1e-3)  # "ya": only the annotation says something
    config = config_of()
    config["distillation"]["teachers"] = {folder.name: {"path": str(folder)} for folder in folders}
    student, _ = run([], config=config, output=tmp_path / "student")
    assert entities(student("Amina Bello ya ziyarci Kano ."))


def test_a_student_learns_from_projected_labels_alone(tmp_path):
    paths = write_pair(tmp_path, SENTENCES * 20, TRANSLATIONS * 20)
    project_documents(projector_of(), ParallelText(*paths), tmp_path / "projected")
    student, _ = run(tmp_path / "projected", config=config_of(distillation__max_epochs=6))
    found = entities(student("Amina Bello ya ziyarci Kano ."))
    assert (0, 11, "PER") in found


@pytest.fixture
def fake_models(monkeypatch):
    """The command with made-up models in place of folders."""
    monkeypatch.setattr("spacy_xner.teacher.sources.load_source", lambda *a, **k: FakeSource())
    monkeypatch.setattr(
        "spacy_xner.projection.translation.load_translator", lambda *a, **k: FakeTranslator()
    )


def test_the_command_reads_alignments_made_elsewhere(tmp_path, fake_models):
    source, target = write_pair(tmp_path, SENTENCES[:1], TRANSLATIONS[:1])
    links = tmp_path / "links"
    links.write_text("0-0 1-1 2-3 3-4 4-5\n", "utf8")
    done = project_labels("en", source, target, tmp_path / "out", alignments=links, lang="hau")
    assert (done.projected, done.kept) == (2, 1)
    assert said_of(tmp_path / "out")[0][:3] == [("Amina", "B-PER"), ("Bello", "I-PER"), ("ya", "")]
    links.write_text("0-0\n0-0\n", "utf8")
    with pytest.raises(XnerError, match="links has 2 lines, the texts have 1"):
        project_labels("en", source, target, tmp_path / "out", alignments=links)


def test_the_command_aligns_with_an_encoder_and_translates_what_is_missing(
    tmp_path, fake_models, encoder
):
    source, _ = write_pair(tmp_path)
    target = tmp_path / "made.hau"
    project_labels(
        "en",
        source,
        target,
        tmp_path / "out",
        encoder=encoder,
        layer=1,
        translator="model",
        translate="target",
        markers=True,
        confidence=ALL,
    )
    assert target.read_text("utf8").splitlines()[1] == "the kasuwa sake ."
    assert said_of(tmp_path / "out")[0][0] == ("Amina", "B-PER")


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({}, "give one of the two"),
        ({"encoder": "e", "alignments": "a"}, "give one of the two"),
        ({"encoder": "e", "translate": "both"}, "expected source or target"),
        ({"encoder": "e", "refine": True}, "need a --translator"),
        ({"encoder": "e", "translator": "t", "markers": True}, "expected --translate target"),
        ({"alignments": "a", "translator": "t", "refine": True}, "use --encoder"),
        (
            {"encoder": "e", "translator": "t", "refine": True, "translate": "source"},
            "make the source text first",
        ),
        ({"encoder": "e", "matching": "heuristic", "candidates": "c"}, "--candidates would not"),
        (
            {"encoder": "e", "translator": "t", "refine": True, "candidates": "c"},
            "Leave one of the two out",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_errors(tmp_path, settings, fault):
    with pytest.raises(XnerError, match=fault):
        project_labels("en", "a", "b", tmp_path / "out", **settings)


@pytest.mark.parametrize("limit", [{"pair": 7}, {"span": -0.1}])
def test_limits_of_confidence_are_shares(limit):
    with pytest.raises(XnerError, match="expected a number from 0 to 1"):
        Confidence(**limit)


def test_a_folder_that_says_nothing_is_told(tmp_path, fake_models, capsys):
    source, target = write_pair(tmp_path, SENTENCES[:1], TRANSLATIONS[:1])
    links = tmp_path / "links"
    links.write_text("0-0\n", "utf8")
    doubt = Confidence(pair=1.0)
    done = project_labels(
        "en", source, target, tmp_path / "out", alignments=links, confidence=doubt
    )
    assert done.kept == 0
    assert "Nothing is said of any text" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("recipe", "names"), [("projection", ["projection"]), ("both", ["english", "projection"])]
)
def test_a_recipe_names_its_teachers(recipe, names):
    root = Path(__file__).parents[2] / "configs"
    short = load_config(root / f"recipes/projection/{recipe}.cfg", interpolate=False)
    config = load_config(root / "student.cfg", interpolate=False).merge(short)
    config["paths"].update(dict.fromkeys(names, "folder"))
    teachers = resolve_teachers(config.interpolate()["distillation"]["teachers"])
    assert [teacher.name for teacher in teachers] == names
    assert {teacher.path for teacher in teachers} == {Path("folder")}
