"""`spacy xner annotate`, from a pipeline whose entities are taken as they are."""

import pytest
import spacy
from typer.testing import CliRunner

from spacy_xner.cli import app
from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.progress import clock
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


def command(run, tmp_path, *options):
    run("Kano")
    arguments = [tmp_path / "Kano", run.text, tmp_path / "again", *options]
    done = CliRunner().invoke(app, ["annotate", *map(str, arguments)])
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize("value", ["0", "-0.5", "1.5", "nan"])
def test_a_confidence_out_of_range_is_an_error(run, tmp_path, value):
    code, told = command(run, tmp_path, "--confidence", value)
    assert code == 1
    assert f"confidence is {float(value)}; expected a probability above 0, at most 1" in told


def test_a_confidence_of_one_leaves_no_doubt(run, tmp_path):
    code, _ = command(run, tmp_path, "--confidence", "1")
    assert code == 0
    assert next(iter(SoftLabelCorpus(tmp_path / "again"))).probs[0].tolist() == [0.0, 1.0, 0.0]


def test_an_unknown_precision_is_an_error_of_any_teacher(run, tmp_path):
    code, told = command(run, tmp_path, "--confidence", "0.9", "--precision", "bf17")
    assert code == 1
    assert "precision is 'bf17'; expected one of auto" in told
    assert not (tmp_path / "again").exists()


def test_the_language_of_a_folders_documents_is_in_their_files_names(run, tmp_path):
    run("Kano")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "am.txt").write_text("ካኖ\n", "utf8")
    run.text.rename(tmp_path / "raw" / "hau.txt")
    annotate(tmp_path / "Kano", tmp_path / "raw", tmp_path / "again", confidence=0.75)
    assert [labels.lang for labels in SoftLabelCorpus(tmp_path / "again")] == ["am", "hau", "hau"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "00:00:00"),
        (59.9, "00:00:59"),
        (3_661, "01:01:01"),
        (86_399, "23:59:59"),
        (86_400, "1 d 00:00:00"),
        (10 * 86_400 + 2 * 3_600, "10 d 02:00:00"),
        (float("inf"), "?"),
    ],
)
def test_time_left_may_be_more_than_a_day(seconds, shown):
    assert clock(seconds) == shown
