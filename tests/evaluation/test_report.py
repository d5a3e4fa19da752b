"""The HTML report: what it shows, what it says is missing, and that a browser opens it."""

import importlib.util
import json
import re
from pathlib import Path

import numpy as np
import pytest
import spacy

from spacy_xner.cli.report import report
from spacy_xner.errors import XnerError
from spacy_xner.evaluation.charts import THEME
from spacy_xner.evaluation.diagnosis import Bin, calibration_error, diagnose
from spacy_xner.evaluation.gold import GoldSentence
from spacy_xner.evaluation.report import Inputs, report_page
from spacy_xner.tags import TagSet

pytest.importorskip("matplotlib")
pytest.importorskip("shap")
ROOT = Path(__file__).resolve().parents[2]
GOLD = [
    GoldSentence(["Musa", "ya", "tafi", "Kano", "jiya"], ["B-PER", "O", "O", "B-LOC", "O"]),
    GoldSentence(["Ladi", "<b>", "&"], ["B-PER", "O", "O"]),
]


class Always:
    """Calls capitalised words places, with a probability of 0.9."""

    def __init__(self):
        self.nlp = spacy.blank("xx")
        self.tagset = TagSet.from_types(["LOC", "PER"])
        self.fingerprint = "00"

    def predict(self, docs):
        place, other = [0.1, 0.9, 0, 0, 0], [1.0, 0, 0, 0, 0]
        return [np.array([place if t.text[0].isupper() else other for t in d]) for d in docs]


def metrics(f1):
    scores = {"f1": f1, "low": f1 - 5, "high": f1 + 5, "words_per_second": 1000.0}
    scores["per_type"] = {"LOC": {"f1": f1, "low": f1 - 5, "high": f1 + 5, "support": 3}}
    forms = {"forms": {"tokens": scores}}
    return {"files": {"test/hau.conll": forms}, "pooled": forms, "target_gold": "none"}


def inputs():
    diagnosis = diagnose(Always(), GOLD)
    return Inputs(
        metrics={"teacher": metrics(60.0), "student": metrics(54.0)},
        diagnoses={"student": diagnosis},
        curves={"student": [(0, 10.0), (100, 50.0)]},
        files={"metrics": "metrics/x.json", "test": "gold", "curves": "log"},
        command="spacy xner report .",
    )


def test_diagnosis_counts_confusion_calibration_and_surprise():
    found = diagnose(Always(), GOLD)
    assert found.types == ("O", "LOC", "PER")
    assert found.confusion.tolist() == [[5, 0, 0], [0, 1, 0], [0, 2, 0]]
    (only,) = found.bins
    assert (only.n, only.confidence, only.accuracy) == pytest.approx((3, 0.9, 1 / 3))
    assert found.error == pytest.approx(0.9 - 1 / 3)
    # One of three words is missed in the second sentence, one of five in the first.
    assert [each.words[0] for each in found.hardest] == ["Ladi", "Musa"]
    assert {each.text for each in found.explanations} == {"Musa", "Kano"}


def test_gold_types_that_the_model_lacks_are_counted_as_missed():
    found = diagnose(Always(), [GoldSentence(["musa", "Kano"], ["B-ORG", "B-LOC"])])
    assert found.types == ("O", "LOC", "PER", "ORG")
    assert found.confusion[3].tolist() == [1, 0, 0, 0]
    with pytest.raises(XnerError, match="no gold sentence"):
        diagnose(Always(), [])


def test_calibration_error_weighs_bins_by_their_words():
    assert calibration_error([Bin(0.9, 0.5, 1), Bin(0.6, 0.6, 3)]) == pytest.approx(0.1)
    assert calibration_error([]) == 0.0


def test_page_has_every_section_and_is_self_contained():
    page = report_page(inputs())
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert len(titles) == 11
    # By language, by type, speed, curves, confusion, calibration; no rows, so no baselines.
    assert page.count('class="chart"') == 6
    assert "On 1 language the student reaches 54.0 F1, its teacher 60.0: 90%." in page
    assert "&lt;b&gt;" in page
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)
    assert "url(http" not in page
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page
    assert not any(color in page for color in THEME)  # matplotlib's stand-ins for colours


def test_teacher_has_one_place_in_all_charts_and_ticks_of_speed_are_plain_numbers():
    given = inputs()
    given.curves["teacher"] = [(0, 0.0), (10, 60.0)]
    for role, speed in (("teacher", 4500.0), ("student", 16000.0)):
        forms = given.metrics[role]["pooled"]["forms"]
        forms["tokens"] = forms["tokens"] | {"words_per_second": speed}
    page = report_page(given)
    curves = page[page.index('id="curves"') : page.index('id="confusion"')]
    assert curves.index(">teacher<") < curves.index(">student<")
    speed = page[page.index('id="speed"') : page.index('id="curves"')]
    assert all(f">{tick}<" in speed for tick in ("2,000", "5,000", "10,000", "20,000"))
    assert "mathdefault" not in speed


def test_what_is_missing_is_said_with_the_way_to_get_it():
    page = report_page(Inputs(rows=[], command="x"))
    assert page.count("Not here:") == 10
    assert "spacy xner evaluate" in page


def test_f1_by_type_is_shown_for_each_language_with_its_support():
    given = inputs()
    for role, f1 in (("teacher", 61.0), ("student", 47.0)):
        given.metrics[role]["files"]["test/am.conll"] = metrics(f1)["pooled"]
    page = report_page(given)
    types = page[page.index('id="types"') : page.index('id="baselines"')]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", types)
    lines = [cells[i : i + 5] for i in range(0, len(cells), 5)]
    assert [line[0].split(" (")[-1] for line in lines] == ["hau)", "am)", "all together"]
    assert lines[1][1:3] == ["LOC", "3"]
    assert lines[1][4].replace("\xa0", " ") == "47.0 (42.0 to 52.0)"
    assert "all languages together" not in types


def test_baselines_have_intervals_of_independent_test_sets():
    def row(recipe, target, value, wide):
        bounds = {"low": value - wide, "high": value + 2 * wide} if wide else {}
        return {
            "metric": "f1",
            "k": 0,
            "role": "student",
            "recipe": recipe,
            "target": target,
            "value": value,
            "sources": ["en"],
            "command": "x",
            **bounds,
        }

    rows = [row("a", "hau", 50.0, 3.0), row("a", "hau", 52.0, 3.0), row("a", "am", 30.0, 4.0)]
    rows += [row("b", "hau", 40.0, 0.0), row("b", "am", 20.0, 1.0)]
    page = report_page(Inputs(rows=rows, files={"rows": "r"}, command="x"))
    beside = page[page.index('id="baselines"') : page.index('id="speed"')].replace("\xa0", " ")
    # Means 51 and 30; half of the root of 9 and 16 below, twice that above.
    assert "40.5 (38.0 to 45.5)" in beside
    assert "<td>30.0</td>" in beside


def test_smoke_test_says_that_f1_means_nothing():
    given = inputs()
    given.smoke_test = True
    page = report_page(given)
    assert "This was a smoke test" in page
    assert "reaches" not in page


def test_command_reads_metrics_and_logs_of_a_folder(tmp_path):
    (tmp_path / "metrics").mkdir()
    (tmp_path / "training").mkdir()
    (tmp_path / "metrics" / "student.json").write_text(json.dumps(metrics(54.0)), "utf8")
    log = '{"step": 0, "score": 0.1}\n{"step": 5, "score": 0.5}\n{"step"'
    (tmp_path / "training" / "student-log.jsonl").write_text(log, "utf8")
    page = report(tmp_path).read_text("utf8")
    assert "metrics/student.json" in page
    assert "student-log.jsonl" in page
    assert page.count('class="chart"') == 4


def test_folders_without_results_and_damaged_metrics_are_named(tmp_path):
    with pytest.raises(XnerError, match="no such folder"):
        report(tmp_path / "none")
    with pytest.raises(XnerError, match="holds nothing to report"):
        report(tmp_path)
    with pytest.raises(XnerError, match="--results"):
        report(tmp_path, results=tmp_path / "rows")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "teacher.json").write_text("{}", "utf8")
    with pytest.raises(XnerError, match="no result of `spacy xner evaluate`"):
        report(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"benchmark": "main", "value": 1.0, "command": "x"}\n', "rows.jsonl: .*lacks metric"),
        ('{"metric": "é"}\n'.encode("latin-1"), r"rows.jsonl.*UTF-8"),
    ],
)
def test_rows_that_are_none_are_named(tmp_path, content, message):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "rows.jsonl").write_bytes(content)
    with pytest.raises(XnerError, match=message):
        report(tmp_path, results=tmp_path / "results")


@pytest.mark.slow
def test_chromium_opens_it_without_error_or_request(tmp_path):
    spec = importlib.util.spec_from_file_location("check", ROOT / "scripts" / "check_report.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    if script.browser() is None:
        pytest.skip("no Chromium on this machine")
    path = tmp_path / "report.html"
    path.write_text(report_page(inputs()), "utf8")
    assert script.check(path, tmp_path / "shot.png", charts=6) == []
    # The check itself can fail: an image from elsewhere, an error of a script.
    broken = '<img src="https://example.org/x.png"><script>nothing()</script>'
    path.write_text(report_page(inputs()).replace("</body>", f"{broken}</body>"), "utf8")
    assert len(script.check(path, tmp_path / "shot.png")) >= 2
