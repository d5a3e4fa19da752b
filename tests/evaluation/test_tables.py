"""README's tables are those of the rows."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from spacy_xner.cli.tables import tables, tables_cli
from spacy_xner.errors import XnerError
from spacy_xner.evaluation.results import ResultRows
from spacy_xner.evaluation.tables import TABLES, render_readme, render_table

ROOT = Path(__file__).parents[2]


def f1(role, target, value, *, benchmark="main", **keys):
    base = {
        "benchmark": benchmark,
        "recipe": "default",
        "default": True,
        "role": role,
        "sources": ["en"],
        "target": target,
        "test_set": "transfer_corpus",
        "k": 0,
        "seed": 0,
        "text": "tokens",
        "metric": "f1",
        "value": value,
        "command": "make benchmark",
        "date": "2025-01-01",
    }
    return base | keys


ROWS = [
    f1("teacher", "en", 91.94),
    f1("teacher", "hau", 60.0),
    f1("teacher", "am", 32.0),
    *(f1("student", "hau", value, seed=seed) for seed, value in enumerate((53.0, 54.0, 55.0))),
    f1("student", "am", 32.0),
    f1("student", "hau", 57.0, recipe="vectors", default=False),
    f1("student", "am", 31.0, recipe="vectors", default=False),
    f1("student", "hau", 50.0, text="raw"),
    f1("student", "hau", 80.0, k=100),
    f1("baseline", "hau", 45.0),
]


@pytest.fixture
def results(tmp_path):
    ResultRows(tmp_path / "docs" / "results" / "main.jsonl").upsert(ROWS)
    return tmp_path / "docs" / "results"


@pytest.fixture
def readme(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(
        "# Title\n\n<!-- results:main -->\nold\n<!-- /results:main -->\n\nText.\n"
        "<!-- results:speed -->\n<!-- /results:speed -->\n",
        "utf8",
    )
    return path


def lines(name, results):
    return render_table(name, results).splitlines()


def test_main_table_shows_teacher_student_and_ratio_by_target(results):
    assert lines("main", results)[:5] == [
        "| F1 | en | hau | am | mean |",
        "| :-- | --: | --: | --: | --: |",
        "| teacher | 91.9 | 60.0 | 32.0 | 46.0 |",
        "| student |  | 54.0 | 32.0 | 43.0 |",
        "| student / teacher |  | 0.90 | 1.00 | 0.95 |",
    ]
    assert "`docs/results/main.jsonl`, measured by `make benchmark`" in lines("main", results)[-1]


def test_second_kind_of_student_has_its_own_lines(results):
    rows = [f1("student", "hau", 59.0, pipe="token_classifier")]
    ResultRows(results / "main.jsonl").upsert(rows)
    table = "\n".join(lines("main", results))
    assert "| student (ner) |  | 54.0 | 32.0 | 43.0 |" in table
    assert "| student (token_classifier) |  | 59.0 |  |  |" in table


def test_sample_build_never_reaches_a_table(results):
    before = {name: render_table(name, results) for name in TABLES}
    sample = [
        f1(role, target, 99.9, test_set="sample", recipe=recipe, text=text, seed=9)
        for role in ("teacher", "student")
        for target in ("hau", "sw")
        for recipe in ("default", "sample")
        for text in ("tokens", "raw")
    ]
    ResultRows(results / "main.jsonl").upsert(sample)
    keys = {"metric": "ratio", "against": "x", "test_set": "sample", "recipe": "infer"}
    ResultRows(results / "main.jsonl").upsert([f1("student", "hau", 9.99, **keys)])
    assert {name: render_table(name, results) for name in TABLES} == before


def test_row_measured_again_with_another_config_counts_once(results):
    row = f1("teacher", "hau", 70.0, config_sha="new", date="2025-06-01")
    old = f1("teacher", "hau", 10.0, config_sha="old", date="2025-05-01")
    path = results / "other"
    ResultRows(path / "main.jsonl").upsert([old])
    ResultRows(path / "main.jsonl").upsert([row])
    assert "| teacher | 70.0 | 70.0 |" in render_table("main", path)


def test_recipes_are_sorted_and_the_default_is_bold(results):
    assert [line.split(" | ")[0] for line in lines("recipes", results)[2:4]] == [
        "| vectors",
        "| **default**",
    ]


def test_a_recipe_that_lacks_a_language_comes_last(results):
    ResultRows(results / "main.jsonl").upsert(
        [f1("student", "hau", 99.0, recipe="partial", default=False)]
    )
    names = [line.split(" | ")[0] for line in lines("recipes", results)]
    assert names[2:5] == ["| vectors", "| **default**", "| partial"]


def test_one_language_with_two_test_sets_has_two_columns(results):
    ResultRows(results / "main.jsonl").upsert([f1("teacher", "am", 20.0, test_set="wikiann_ipa")])
    assert "am (transfer_corpus) | am (wikiann_ipa)" in lines("main", results)[0]


def test_views_are_shown_for_teachers_students_and_their_gain(results):
    keys = {"benchmark": "multimodal", "views": []}
    rows = [
        f1("teacher", "am", 34.0, **keys),
        f1("teacher", "am", 38.0, recipe="all", default=False, **keys | {"views": ["gazetteer"]}),
        f1("student", "am", 33.0, **keys),
        {
            "metric": "f1_difference",
            "role": "teacher",
            "recipe": "all",
            "target": "am",
            "value": 4.0,
            "p": 0.012,
            "command": "make benchmark",
            "date": "2025-01-01",
            "benchmark": "multimodal",
        },
    ]
    ResultRows(results / "multimodal.jsonl").upsert(rows)
    teachers = render_table("views-teachers", results).splitlines()
    assert [line for line in teachers if "all" in line] == ["| all | 38.0 | 38.0 |"]
    assert "| **default** | 33.0 | 33.0 |" in render_table("views-students", results)
    assert "| teacher | all | +4.0 (p 0.012) |" in render_table("views", results)


def test_speed_table_shows_ratio_and_interval(results):
    row = {
        "benchmark": "main",
        "recipe": "infer",
        "system": "student",
        "metric": "ratio",
        "against": "hf-pipeline",
        "value": 17.254,
        "low": 16.0,
        "high": 18.5,
        "command": "make speed",
    }
    ResultRows(results / "main.jsonl").upsert([row])
    assert "| infer student | hf-pipeline | 17.25 | 16.00 to 18.50 |" in lines("speed", results)


def analysis(metric, value, **keys):
    row = {"benchmark": "analysis", "metric": metric, "value": value, "command": "make analysis"}
    return row | keys


def test_tables_of_the_analysis(results):
    points = {"recipe": "published-points", "target": "all"}
    shap = {"recipe": "shap", "target": "hau", "role": "student", "n": 7}
    rows = [
        analysis("r2", 0.5, feature="fertility", p=0.0001, **points),
        analysis("spearman_within_target", 0.25, feature="fertility", **points),
        analysis("r2", 0.9, feature="cka@3", **points),  # a layer that nobody predicts with
        analysis("ndcg@3", 0.4, recipe="english", target="all"),
        analysis("top1_regret", 2.0, recipe="english", target="all"),
        analysis("ndcg@3", 0.9, recipe="english", target="hau"),
        analysis("comprehensiveness", 0.75, p=0.012, **shap),
        analysis(
            "comprehensiveness", 0.05, **shap | {"recipe": "random-student", "role": "baseline"}
        ),
        analysis("seconds", 1.54, **shap),
        analysis("cpu_seconds", 1.5, **shap),
        analysis("sampling_error_max", 0.1, words="3 to 8", **shap),
    ]
    ResultRows(results / "analysis.jsonl").upsert(rows)
    assert lines("transfer", results)[2:4] == ["| fertility | 0.50 | 0.25 | <0.001 |", ""]
    assert lines("rankings", results)[2:4] == ["| english | 0.400 | 2.0 |", ""]
    assert "| hau | student | 7 | 0.75, 0.05 | 0.012 |  |  | 1.5 (1.5) |  |" in lines(
        "explanations", results
    )


def test_rendering_replaces_only_what_stands_between_markers(readme, results):
    assert tables(readme, results) is True
    text = readme.read_text("utf8")
    assert text.startswith("# Title\n\n<!-- results:main -->\n| F1 |")
    assert "\nold\n" not in text
    assert "<!-- /results:main -->\n\nText.\n<!-- results:speed -->\n*Not measured yet.*" in text
    assert tables(readme, results) is False
    assert readme.read_text("utf8") == text


def test_check_fails_for_a_stale_readme_and_writes_nothing(readme, results):
    app = typer.Typer()
    app.command()(tables_cli)
    args = [str(readme), "--results", str(results)]
    old = readme.read_text("utf8")
    stale = CliRunner().invoke(app, [*args, "--check"])
    assert stale.exit_code == 1
    assert "stale" in stale.output
    assert readme.read_text("utf8") == old
    assert CliRunner().invoke(app, args).exit_code == 0
    assert CliRunner().invoke(app, [*args, "--check"]).exit_code == 0
    ResultRows(results / "main.jsonl").upsert([f1("teacher", "hau", 65.0)])
    assert CliRunner().invoke(app, [*args, "--check"]).exit_code == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "\n<!-- results:mian -->\n<!-- /results:mian -->\n",
            "line 2.*'mian'.*Did you mean 'main'",
        ),
        ("<!-- results:main -->\ntext\n", "line 1.*no partner"),
        ("<!-- /results:main -->\n", "no partner"),
        ("<!-- results:main -->\n<!-- /results:speed -->\n", "no partner"),
    ],
)
def test_wrong_markers_are_named(results, text, said):
    with pytest.raises(XnerError, match=said):
        render_readme(text, results)


def test_missing_readme_is_named(tmp_path):
    with pytest.raises(XnerError, match=r"README\.md: no such file"):
        tables(tmp_path / "README.md", tmp_path)


@pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="README.md is not written yet")
def test_tables_of_this_repository_are_up_to_date():
    assert tables(ROOT / "README.md", ROOT / "docs" / "results", check=True) is False


def peer(system, metric, value, recipe="infer", **keys):
    base = {"benchmark": "peers", "recipe": recipe, "system": system, "metric": metric}
    return base | {"value": value, "target": "hau", "command": "bench", **keys}


def test_systems_are_shown_beside_hugging_face_the_fastest_first(results):
    ratio = {"low": 9.0, "high": 11.04, "n": 5}
    rows = [
        peer("hf-pipeline", "words_per_second", 1000.4),
        peer("student", "words_per_second", 10000),
        peer("student", "ratio", 10.0, against="hf-pipeline", **ratio),
        peer("student", "ratio", 1.2, against="spacy-stock", **ratio),
        peer("student", "peak_mb", 384.4),
        peer("student", "disk_mb", 36.0),
        peer("student", "start_seconds", 1.25),
        peer("teacher-bf16", "share_of_limit", 30.0, recipe="annotate"),
        peer("student", "seconds", 5.0, words=50000),
    ]
    ResultRows(results / "peers.jsonl").upsert(rows)
    assert lines("peers", results)[:4] == [
        "| system | words/s | against hf-pipeline | peak MB | disk MB | start s |",
        "| :-- | --: | --: | --: | --: | --: |",
        "| student | 10,000 | 10.00 (9.00 to 11.04) | 384 | 36 | 1.2 |",
        "| hf-pipeline | 1,000 |  |  |  |  |",
    ]


def test_ways_to_train_are_shown_at_half_and_all_of_the_time(results):
    def scored(system, seconds, value, target="hau"):
        keys = {"seconds": seconds, "low": value - 1, "high": value + 1, "target": target}
        needed = {"role": "student", "k": 0, "seed": 0, "test_set": "conll", "sources": ["en"]}
        return peer(system, "f1", value, "train", **keys, **needed)

    of = {"against": "textbrewer", "low": -3.0, "high": -1.0, "p": 0.0004}
    rows = [
        *(scored("spacy-xner", s, f1) for s, f1 in ((100, 20.0), (200, 40.0), (400, 50.0))),
        *(scored("textbrewer", s, f1) for s, f1 in ((100, 5.0), (200, 30.0), (400, 52.0))),
        peer("spacy-xner", "f1_difference", -2.0, "train", seconds=400, **of),
        peer("spacy-xner", "words_per_second", 9000, "train"),
        peer("textbrewer", "peak_mb", 1500, "train"),
        peer("teacher", "words_per_second", 3000, "train"),
        scored("spacy-xner", 400, 45.0, "am"),
    ]
    ResultRows(results / "peers.jsonl").upsert(rows)
    assert [line.strip("| ").split(" | ") for line in lines("peers-train", results)[2:5]] == [
        ["textbrewer", "hau", "30.0", "52.0 (51.0 to 53.0)", "+2.0 (p <0.001)", "", "1,500"],
        ["spacy-xner", "hau", "40.0", "50.0 (49.0 to 51.0)", "", "9,000"],
        ["spacy-xner", "am", "", "45.0 (44.0 to 46.0)"],
    ]
