"""The benchmark of recipes keeps gold of a target out of what is taught and chosen for it."""

from pathlib import Path

import pytest
from spacy.util import load_config

from spacy_xner.evaluation.results import ResultRows, make_row

ROOT = Path(__file__).parent.parent
RECIPES = sorted(path.stem for path in (ROOT / "configs/recipes").glob("*.cfg"))


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    monkeypatch.chdir(ROOT)


def test_no_teacher_that_serves_a_language_has_learned_from_its_gold():
    from supervision_teachers import SERVES, SOURCES, TARGETS

    assert set(SERVES) == set(TARGETS.split())
    for lang, name in SERVES.items():
        assert lang not in SOURCES[name]
    assert SOURCES["english"] == SOURCES["projection"] == ["en"]


def test_a_config_of_a_recipe_names_its_teachers_and_those_that_see_gold_of_the_target():
    import benchmark_supervision as script

    for name in RECIPES:
        config = script.recipe_config(name)
        assert set(script.taught_by(name, config)) <= {"english", "multi_source", "projection"}
        paths = load_config(script.FOLDER / f"{name}.cfg").get("paths", {})
        sees_gold = bool({"gold", "gold_labels", "tuned"} & set(paths))
        assert sees_gold == (name in script.KS)


def test_the_recipe_of_a_target_is_chosen_by_the_dev_sets_of_other_languages(tmp_path):
    from benchmark_scores import Bench
    from supervision_scores import choose

    rows = ResultRows(tmp_path / "rows.jsonl")
    # On `c` alone, `bold` is far ahead.
    for recipe, values in {"plain": (50, 50, 10), "bold": (49, 49, 90)}.items():
        for target, value in zip("abc", values, strict=True):
            keys = {"recipe": recipe, "target": target, "metric": "f1_dev", "seed": 0}
            rows.upsert([make_row(benchmark="supervision", value=float(value), **keys)])
    chosen = list(choose(Bench(tmp_path, rows), ["plain", "bold"], list("abc"), "command"))
    assert {row["target"]: row["recipe"] for row in chosen} == {
        "a": "bold",
        "b": "bold",
        "c": "plain",
    }
    assert [row["value"] for row in chosen] == [69.5, 69.5, 50.0]


def test_a_mean_is_of_a_seed_that_has_all_languages_that_are_compared():
    from supervision_scores import COMPARED, means

    rows = [
        {"recipe": "plain", "role": "student", "seed": seed, "target": lang, "value": 60.0 + seed}
        for seed in (0, 1, 2)
        for lang in COMPARED
        if (seed, lang) != (2, "zul")
    ]
    (row,) = means(rows, ["plain"], "command")
    assert (row["value"], row["n"]) == (60.5, 2)
    assert row["sd"] == pytest.approx(0.5**0.5)


def test_what_a_stage_took_is_a_row_with_the_words_of_its_text(tmp_path):
    from benchmark_scores import Bench
    from supervision_scores import speeds

    (tmp_path / "corpus/raw").mkdir(parents=True)
    (tmp_path / "corpus/raw/hau.txt").write_text("Sun je Kano .\nYau\n", "utf8")
    rows = ResultRows(tmp_path / "rows.jsonl")
    bench = Bench(tmp_path, rows, {"benchmark": "supervision", "command": "command"})
    for _ in range(2):  # what stands is not made, or timed, again
        bench.made("vectors/hau", lambda out: out.mkdir())
    (made,) = rows.read()
    assert (made["stage"], made["metric"]) == ("vectors/hau", "seconds")
    (speed,) = speeds(bench, "command")
    assert (speed["n"], speed["value"]) == (5, 5 / made["value"])
