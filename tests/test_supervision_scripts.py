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
    import supervision_students as script

    for name in RECIPES:
        config = script.recipe_config(name)
        assert set(script.taught_by(name, config)) <= {"english", "multi_source", "projection"}
        paths = load_config(script.FOLDER / f"{name}.cfg").get("paths", {})
        sees_gold = bool({"gold", "gold_labels", "tuned"} & set(paths))
        assert sees_gold == (name in script.KS)


def test_word_vectors_are_of_a_teacher_that_the_recipe_has():
    from supervision_students import Run, recipe_config, vectors_of

    named = {
        name: vectors_of(Run(name, "zul", 0), recipe_config(name))
        for name in ("english", "multi-source", "uniform", "together")
    }
    assert named.pop("english") == "vectors/english/zul"
    assert set(named.values()) == {"vectors/without-yor-zul/zul"}


def test_what_is_made_of_something_is_made_again_when_that_is(tmp_path):
    from benchmark_scores import Bench

    bench, made = Bench(tmp_path, ResultRows(tmp_path / "rows.jsonl")), []

    def make(out):
        made.append(out.name.removesuffix(".part"))
        out.mkdir(parents=True)

    def build(setting, name="students/plain/hau-0"):
        bench.made("teacher/english", make, setting)
        bench.made("soft/english/hau", make, of=["teacher/english"])
        bench.made(name, make, "config", of=["soft/english/hau"])

    build("500 steps")
    build("500 steps")
    assert made == ["english", "hau", "hau-0"]
    build("600 steps")
    assert made == ["english", "hau", "hau-0"] * 2


def dev_row(recipe, target, value):
    keys = {"recipe": recipe, "target": target, "metric": "f1_dev", "seed": 0}
    return make_row(benchmark="supervision", value=value, command="command", **keys)


def test_the_recipe_of_a_target_is_chosen_by_the_dev_sets_of_other_languages(tmp_path):
    from benchmark_scores import Bench
    from supervision_scores import TARGETS, choose

    rows = ResultRows(tmp_path / "rows.jsonl")
    bench = Bench(tmp_path, rows)
    for target in TARGETS.split():
        rows.upsert([dev_row("plain", target, 50.0)])
        # On `si` alone, `bold` is far ahead; `part` lacks it.
        rows.upsert([dev_row("bold", target, 90.0 if target == "si" else 49.0)])
        if target != "si":
            rows.upsert([dev_row("part", target, 99.0)])
    chosen = {row["target"]: row for row in choose(bench, "command")}
    assert {lang: row["chosen"] for lang, row in chosen.items()} == {
        **dict.fromkeys(TARGETS.split(), "bold"),
        "si": "plain",
    }
    assert chosen["si"]["value"] == 50.0
    assert chosen["hau"]["value"] == pytest.approx((5 * 49 + 90) / 6)
    # Chosen anew, a row takes the place of what was chosen before.
    rows.upsert(chosen.values())
    rows.upsert([dev_row("bold", "hau", 0.0), dev_row("bold", "si", 0.0)])
    rows.upsert(choose(bench, "command"))
    assert [row["chosen"] for row in rows.find(metric="f1_dev_of_others")] == ["plain"] * 7


def test_only_rows_of_the_default_recipe_and_its_transformer_student_say_so(tmp_path):
    from benchmark_scores import Bench
    from supervision_scores import mark_default

    rows = ResultRows(tmp_path / "rows.jsonl")
    shared = {"benchmark": "supervision", "role": "student", "sources": ["en"], "target": "hau"}
    shared |= {"test_set": "transfer_corpus", "k": 0, "seed": 0, "metric": "f1"}
    for recipe in ("plain", "plain-transformer", "bold"):
        rows.upsert([make_row(**shared, recipe=recipe, value=1.0, default=True, command="c")])
    for default in ("bold", "plain"):
        mark_default(Bench(tmp_path, rows), default)
    assert {row["recipe"]: row["default"] for row in rows.read()} == {
        "plain": True,
        "plain-transformer": True,
        "bold": False,
    }


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
