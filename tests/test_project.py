"""The steps of the project that are scripts, and what project.yml says about all of them."""

import hashlib
import re
from pathlib import Path

import pytest
import srsly
from spacy.util import load_config

from spacy_xner.cli.init import init
from spacy_xner.corpora.conll import read_conll
from spacy_xner.distillation.config import load_student_config
from spacy_xner.errors import XnerError

from .project_helpers import ROOT, put, result, script

GOLD = "Musa B-PER\nya O\ntafi O\nKano B-LOC\n. O\n\nAmina B-PER\nta O\nzo O\n. O\n"
OTHER = "Ladi B-PER\nta O\ndawo O\n"
TEST = "Sani B-PER\nda O\nBello B-PER\nsun O\nzo O\nAbuja B-LOC\n"


@pytest.fixture
def root(tmp_path):
    """A folder laid out as MasakhaNER: gold of English, raw text of two languages, gold of one."""
    root = tmp_path / "data"
    for split, text in (("train", "\n".join((GOLD, TEST, OTHER))), ("dev", GOLD), ("test", TEST)):
        put(root / "transfer_corpus" / "en" / f"{split}.txt", text)
    put(root / "transfer_corpus" / "hau" / "test.txt", TEST)
    put(root / "unlabelled" / "hau.txt", "Sun ce: SANI da Bello sun zo Abuja!\nMutane sun zo.\n")
    put(root / "unlabelled" / "tir.txt", "ሰላም ለዓለም።\nሰላም ለዓለም ።\nጽቡቕ እዩ።\n")
    return root


def make(root, output, targets, dataset="masakhaner", sources=("en",)):
    script("corpus").corpus(dataset, output, root, list(sources), list(targets))
    return sorted(path.name for path in (output / "test").iterdir())


def test_raw_text_and_gold_to_teach_hold_no_test_sentence(root, tmp_path):
    assert make(root, tmp_path / "corpus", ["hau"]) == ["hau.conll"]
    assert (tmp_path / "corpus" / "raw" / "hau.txt").read_text("utf8") == "Mutane sun zo.\n"
    # The rest of the training set stands in dev and test as well.
    assert (tmp_path / "corpus" / "train.conll").read_text("utf8") == OTHER + "\n"
    assert [s.words[0] for s in read_conll(tmp_path / "corpus" / "dev.conll")] == ["Musa", "Amina"]


def test_target_without_gold_is_left_out_of_the_evaluation(root, tmp_path, capsys):
    assert make(root, tmp_path / "corpus", ["hau", "tir"]) == ["hau.conll"]
    assert "No test gold for tir" in capsys.readouterr().out
    raw = (tmp_path / "corpus" / "raw" / "tir.txt").read_text("utf8")
    assert raw == "ሰላም ለዓለም።\nጽቡቕ እዩ።\n"


def test_source_language_is_scored_where_no_target_has_gold(root, tmp_path, capsys):
    assert make(root, tmp_path / "corpus", ["tir"]) == ["en.conll"]
    out = " ".join(capsys.readouterr().out.split())
    assert "The evaluation scores the test sets of en instead" in out
    assert (tmp_path / "corpus" / "test" / "en.conll").read_text("utf8") == TEST


def test_earlier_languages_do_not_stay_behind(root, tmp_path):
    make(root, tmp_path / "corpus", ["hau"])
    make(root, tmp_path / "corpus", ["tir"])
    assert [path.name for path in (tmp_path / "corpus" / "raw").iterdir()] == ["tir.txt"]


def test_sample_build_takes_a_new_language_from_the_data_root(root, tmp_path):
    make(root, tmp_path / "corpus", ["swa", "tir"], dataset="sample")
    lines = (tmp_path / "corpus" / "raw" / "swa.txt").read_text("utf8").splitlines()
    assert len(lines) >= 1000
    assert len((tmp_path / "corpus" / "raw" / "tir.txt").read_text("utf8").splitlines()) == 2


@pytest.mark.parametrize(
    ("targets", "dataset", "said"),
    [
        (["zul"], "masakhaner", r"There is no .*unlabelled.zul\.txt \(1 needed"),
        (["hau"], "conll", "'conll'; expected one of sample, masakhaner"),
        ([], "sample", "at least one language each"),
    ],
)
def test_what_is_missing_is_named(root, tmp_path, targets, dataset, said):
    with pytest.raises(XnerError, match=said):
        make(root, tmp_path / "corpus", targets, dataset=dataset)


def test_target_without_text_is_left_out(root, tmp_path, capsys):
    assert make(root, tmp_path / "corpus", ["hau", "si"]) == ["hau.conll"]
    assert "No raw text for si: left out" in capsys.readouterr().out


def test_source_language_needs_gold(root, tmp_path):
    with pytest.raises(XnerError, match=r"hau.train\.txt \(2 needed files are missing\)"):
        make(root, tmp_path / "corpus", ["hau"], sources=("hau",))


def test_config_of_a_new_language_goes_on_top_of_the_student_config(tmp_path):
    own = init("tir", output=tmp_path, script="Ethi")
    own.write_text(own.read_text("utf8") + "\n[distillation]\ndropout = 0.3\n", "utf8")
    base = ROOT / "configs" / "student.cfg"
    output = tmp_path / "training" / "student.cfg"
    script("student_config").main(own, output, base, Path("corpus/raw"))
    whole, student = load_student_config(output), load_student_config(base)
    assert whole["distillation"]["dropout"] == 0.3
    assert whole["components"] == student["components"]
    texts = load_config(output, interpolate=True)["initialize"]["before_init"]["texts"]
    assert texts == ["corpus/raw/tir.txt"]


def test_student_config_of_the_project_gives_norms_to_its_raw_text():
    base = ROOT / "configs" / "student.cfg"
    config = script("student_config").student_config(base, base, Path("corpus/raw"))
    assert config.interpolate()["initialize"]["before_init"]["texts"] == ["corpus/raw"]
    rest = load_config(base, interpolate=False)
    rest["paths"]["raw"] = ["corpus/raw"]
    assert config == rest


def test_student_logs_its_learning_curve_where_the_project_says(tmp_path):
    base, log = ROOT / "configs" / "student.cfg", tmp_path / "student-log.jsonl"
    assert load_config(base, interpolate=True)["training"]["logger"]["output_file"] is None
    log.write_text("{}", "utf8")  # an earlier run's: spaCy's logger would write none
    script("student_config").main(base, tmp_path / "student.cfg", base, log=log)
    logger = load_config(tmp_path / "student.cfg", interpolate=True)["training"]["logger"]
    assert logger == {"@loggers": "spacy.ConsoleLogger.v3", "output_file": str(log)}
    assert not log.exists()


def test_teacher_logs_its_learning_curve_beside_itself(tmp_path, monkeypatch):
    put(tmp_path / "train.conll", GOLD)
    teacher = script("train_teacher")
    put(tmp_path / "teacher-log.jsonl", "{}")
    given = {}
    monkeypatch.setattr(teacher, "train", lambda *_, **options: given.update(options))
    config = ROOT / "configs" / "teacher.cfg"
    teacher.train_teacher(config, tmp_path / "teacher", tmp_path, tmp_path)
    logger = load_config(config, given["overrides"], interpolate=True)["training"]["logger"]
    assert logger["output_file"] == str(tmp_path / "teacher-log.jsonl")
    assert not (tmp_path / "teacher-log.jsonl").exists()


def test_report_shows_f1_by_language_and_the_line_that_loads_the_student(tmp_path, capsys):
    (tmp_path / "metrics").mkdir()
    for name, values in (
        ("teacher", {"am": 30.0, "hau": 60.0}),
        ("student", {"am": 31.5, "hau": 50.0}),
    ):
        srsly.write_json(tmp_path / "metrics" / f"{name}.json", result(**values))
    wheel = (
        tmp_path / "packages" / "xx_xner_student-0.1.0" / "dist" / "xx_xner_student-0.1.0-py3.whl"
    )
    put(wheel, "x" * 1_240_000)
    script("report").main("sample", tmp_path / "metrics", tmp_path / "packages")
    out = capsys.readouterr().out
    assert re.search(r"am +30\.0 +31\.5 +29\.0 +30\.5", out)
    assert re.search(r"all +50\.0 +50\.0 +49\.0 +49\.0", out)
    assert "smoke test: these F1 are no result" in out
    assert "(1.2 MB)" in out
    assert f"pip install {wheel}" in out
    assert 'nlp = spacy.load("xx_xner_student")' in out
    script("report").main("masakhaner", tmp_path / "metrics", tmp_path / "packages")
    assert "smoke test" not in capsys.readouterr().out


def test_workflow_is_in_the_order_of_its_commands_and_their_scripts_exist():
    project = srsly.read_yaml(ROOT / "project.yml")
    names = [command["name"] for command in project["commands"]]
    assert len(set(names)) == len(names)  # spaCy refuses the file otherwise
    assert [name for name in names if name in project["workflows"]["all"]] == (
        project["workflows"]["all"]
    )
    lines = "\n".join(line for command in project["commands"] for line in command["script"])
    for name in re.findall(r"scripts/\w+\.py", lines):
        assert (ROOT / name).is_file(), name
    assert set(re.findall(r"\$\{vars\.(\w+)\}", lines)) <= set(project["vars"])
    assert all(re.fullmatch("[0-9a-f]{32}", asset["checksum"]) for asset in project["assets"])


def test_checksums_of_the_assets_are_those_of_the_data_at_hand():
    data = ROOT.parent / "shared" / "data"
    if not data.is_dir():
        pytest.skip(f"{data} is not here")
    for asset in srsly.read_yaml(ROOT / "project.yml")["assets"]:
        dest = asset["dest"].removeprefix("assets/").removeprefix("masakhaner/")
        assert hashlib.md5((data / dest).read_bytes()).hexdigest() == asset["checksum"], dest
