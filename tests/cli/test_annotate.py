"""`spacy xner annotate`, from a pipeline whose entities are taken as they are."""

import pytest
import spacy

from spacy_xner.cli.annotate import annotate
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.errors import XnerError


@pytest.fixture
def run(tmp_path):
    text = tmp_path / "hau.txt"
    text.write_text("Kano ce\nMusa ya tafi\n", "utf8")

    def make(place, **options):
        nlp = spacy.blank("xx")
        nlp.add_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": place}])
        nlp.to_disk(tmp_path / place)
        annotate(tmp_path / place, text, tmp_path / "soft", confidence=0.75, **options)
        return SoftLabelCorpus(tmp_path / "soft")

    make.text = text
    return make


def test_entities_of_any_pipeline_become_probabilities(run):
    first, second = run("Kano")
    assert first.probs.tolist() == [[0.25, 0.75, 0.0], [1.0, 0.0, 0.0]]
    assert second.probs[:, 0].tolist() == [1.0, 1.0, 1.0]


def test_folder_of_another_teacher_is_an_error_unless_it_is_replaced(run):
    old = run("Kano").teacher
    with pytest.raises(XnerError, match="belongs to another teacher"):
        run("Musa")
    new = run("Musa", replace=True)
    assert new.teacher != old
    assert [labels.probs[0, 1] for labels in new] == [0.0, 0.75]


def test_folder_of_another_text_is_replaced(run):
    run("Kano")
    run.text.write_text("Musa\n", "utf8")
    assert [labels.text for labels in run("Kano", replace=True)] == ["Musa"]


def test_replace_keeps_finished_shards_of_the_same_teacher_and_text(run):
    (shard,) = run("Kano").shards
    written = shard.stat().st_mtime_ns
    assert run("Kano", replace=True).shards == [shard]
    assert shard.stat().st_mtime_ns == written
