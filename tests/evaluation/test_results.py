"""Rows of results: identity, replacement, refusal, where they come from."""

import json
import multiprocessing
import sys
from pathlib import Path

import numpy as np
import pytest

from spacy_xner.errors import XnerError
from spacy_xner.evaluation import results
from spacy_xner.evaluation.results import (
    ResultRows,
    check_row,
    command_line,
    config_sha,
    file_sha,
    machine,
    make_row,
    versions,
)

F1_KEYS = ["recipe", "role", "sources", "target", "test_set", "k", "seed", "metric", "value"]


def row(**keys):
    base = {
        "benchmark": "main",
        "recipe": "plain",
        "role": "student",
        "sources": ["en"],
        "target": "hau",
        "test_set": "transfer_corpus",
        "k": 0,
        "seed": 0,
        "metric": "f1",
        "value": 50.0,
        "command": "make benchmark",
        "date": "2025-01-01",
    }
    return base | keys


def test_second_run_replaces_its_own_rows_and_no_other(tmp_path):
    rows = ResultRows(tmp_path / "docs" / "main.jsonl")
    assert rows.upsert([row(seed=0), row(seed=1), row(recipe="wide")]) == 0
    again = row(seed=1, value=52.5, low=50.0, high=55.0, n=10, date="2025-02-01", machine={"a": 1})
    assert rows.upsert([again]) == 1
    read = rows.read()
    assert [(each["recipe"], each["seed"], each["value"]) for each in read] == [
        ("plain", 0, 50.0),
        ("plain", 1, 52.5),
        ("wide", 0, 50.0),
    ]
    assert read[1] == again


def test_a_coefficient_is_replaced_whatever_its_variance_inflation(tmp_path):
    rows = ResultRows(tmp_path / "analysis.jsonl")
    for vif in (6.432227571215181, 6.432227571215346):  # a second run differs in the last digits
        rows.upsert([row(metric="coefficient", feature="mean_cosine@8", vif=vif)])
    assert [each["vif"] for each in rows.read()] == [6.432227571215346]


@pytest.mark.parametrize("key", ["command", "recipe", "views", "k", "against", "text"])
def test_another_value_of_an_identity_key_is_another_row(tmp_path, key):
    rows = ResultRows(tmp_path / "main.jsonl")
    values = {"views": ["ipa"], "k": 5, "text": "raw"}
    rows.upsert([row()])
    assert rows.upsert([row(**{key: values.get(key, "other")})]) == 0
    assert len(rows.read()) == 2


def test_file_is_one_object_a_line_with_sorted_keys_and_real_letters(tmp_path):
    rows = ResultRows(tmp_path / "main.jsonl")
    rows.upsert([row(system="Àjàyí", value=np.float32(41.5))])
    (line,) = (tmp_path / "main.jsonl").read_text("utf8").splitlines()
    assert list(json.loads(line)) == sorted(json.loads(line))
    assert "Àjàyí" in line
    assert json.loads(line)["value"] == 41.5


@pytest.mark.parametrize("key", [*F1_KEYS, "command", "benchmark"])
def test_f1_row_without_a_required_key_is_refused(tmp_path, key):
    faulty = row()
    del faulty[key]
    rows = ResultRows(tmp_path / "main.jsonl")
    with pytest.raises(XnerError, match=key):
        rows.upsert([row(), faulty])
    assert rows.read() == []


@pytest.mark.parametrize(
    "faulty",
    [
        {"value": float("nan")},
        {"value": True},
        {"value": 101.0},
        {"low": float("inf")},
        {"benchmark": "mian"},
        {"role": "pupil"},
        {"text": "words"},
        {"sources": "en"},
        {"config": object()},
    ],
)
def test_row_of_impossible_values_is_refused(faulty):
    with pytest.raises(XnerError):
        check_row(row(**faulty))


def test_row_of_another_metric_needs_less():
    check_row({"benchmark": "peers", "metric": "ratio", "value": 4.2, "command": "x"})


def test_broken_line_is_named(tmp_path):
    path = tmp_path / "main.jsonl"
    path.write_text(json.dumps(row()) + "\n{cut\n")
    with pytest.raises(XnerError, match=r"main\.jsonl, line 2"):
        ResultRows(path).read()


def test_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    rows = ResultRows(tmp_path / "main.jsonl")
    rows.upsert([row()])

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(XnerError, match="No space left"):
        rows.upsert([row(seed=1)])
    assert rows.read() == [row()]
    assert [path.name for path in tmp_path.iterdir()] == ["main.jsonl"]


def write_rows(path, worker):
    for i in range(20):
        ResultRows(path).upsert([row(seed=100 * worker + i)])


@pytest.mark.slow
def test_runs_that_write_at_once_lose_no_row(tmp_path):
    path = tmp_path / "main.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_rows, args=(path, i)) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(ResultRows(path).read()) == 60


def test_a_changed_config_replaces_the_row_of_the_same_command(tmp_path):
    rows = ResultRows(tmp_path / "main.jsonl")
    rows.upsert([row(config_sha="a", value=40.0), row(seed=1, config_sha="a")])
    assert rows.upsert([row(config_sha="b", value=50.0)]) == 1
    assert [(each["config_sha"], each["value"]) for each in rows.find(seed=0)] == [("b", 50.0)]
    assert rows.find(views=None) == []


def test_make_row_fills_in_where_it_comes_from():
    made = make_row(**row(date=None, command=None, views=None))
    assert made["versions"] == versions()
    assert made["machine"] == machine()
    assert made["command"] == command_line()
    assert len(made["date"]) == 10
    assert "views" not in made


def test_versions_name_what_decides_a_result():
    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"spacy", "thinc", "numpy", "spacy-xner"} <= set(found)


def test_machine_has_a_processor_and_no_name():
    import platform

    found = machine()
    assert set(found) == {"cpu", "cores", "bf16"}
    assert found["cores"] >= 1
    assert isinstance(found["bf16"], bool)
    assert platform.node() not in json.dumps(found)


def test_command_line_holds_no_path_of_this_machine(tmp_path, monkeypatch):
    work = tmp_path / "here"
    work.mkdir()
    monkeypatch.chdir(work)
    programs = Path(sys.executable).parent
    argv = [sys.executable, str(programs / "spacy"), "xner", "evaluate", f"{work}/m", str(work)]
    argv += [f"--data={tmp_path}/data", "a b"]
    assert command_line(argv) == "spacy xner evaluate m . --data=../data 'a b'"
    assert command_line([sys.executable, "-m", "bench"]).endswith(" -m bench")
    assert str(programs) not in command_line([sys.executable, "-m", "bench"])


def test_config_sha_follows_config_and_data_but_not_their_order(tmp_path):
    data = {"a": "1", "b": "2"}
    sha = config_sha("[x]", data)
    assert sha == config_sha("[x]", dict(reversed(data.items())))
    assert len({sha, config_sha("[y]", data), config_sha("[x]", {"a": "1"})}) == 3


def test_file_sha_follows_content_and_names(tmp_path):
    for name, text in (("a", "1"), ("b", "2")):
        (tmp_path / name).write_text(text)
    folder = file_sha(tmp_path)
    assert file_sha(tmp_path / "a") != file_sha(tmp_path / "b")
    (tmp_path / "a").rename(tmp_path / "c")
    assert file_sha(tmp_path) != folder


def test_public_names_exist():
    assert all(hasattr(results, name) for name in results.__all__)
