"""The steps of the project that are scripts, and what project.yml says about all of them."""

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, load_config

from spacy_xner.cli.init import init
from spacy_xner.corpora.conll import read_conll
from spacy_xner.distillation.config import load_student_config
from spacy_xner.distillation.plain import plain_pipeline
from spacy_xner.distillation.tokenizer import add_norms, set_rules
from spacy_xner.errors import XnerError

ROOT = Path(__file__).resolve().parent.parent
GOLD = "Musa B-PER\nya O\ntafi O\nKano B-LOC\n. O\n\nAmina B-PER\nta O\nzo O\n. O\n"
OTHER = "Ladi B-PER\nta O\ndawo O\n"
TEST = "Sani B-PER\nda O\nBello B-PER\nsun O\nzo O\nAbuja B-LOC\n"


def script(name):
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf8")


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


def result(**f1):
    files = {f"corpus/test/{lang}.conll": {"forms": scores(v)} for lang, v in f1.items()}
    return {"files": files, "pooled": {"forms": scores(50.0)}, "bootstrap": 1000}


def scores(f1):
    tokens = {"precision": f1, "recall": f1, "f1": f1}
    return {"tokens": tokens, "raw": tokens | {"f1": f1 - 1}}


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


def test_package_performance_is_in_the_terms_of_spacy():
    assert script("package").performance(result(am=40.0)) == {
        "ents_p": 0.5,
        "ents_r": 0.5,
        "ents_f": 0.5,
        "ents_f_by_file": {"am": 0.4},
    }


SEEN = {
    "importable": [],
    "pipes": {"tokenizer": "spacy.tokenizer", "ner": "spacy.pipeline.ner"},
    "entities": {
        **{lang: [] for lang in ("hau", "am", "si", "yor")},
        "swa": [["Dodoma", "LOC"]],
        "yor NFC": [["Ìbàdàn", "LOC"]],
        "yor NFD": [["I\u0300ba\u0300da\u0300n", "LOC"]],
    },
    "changed": [],
    "meta": {"smoke_test": True, "license": "MIT"},
}


def test_check_of_the_build_passes_a_plain_student():
    assert list(script("check_build").faults_of(SEEN, smoke_test=True)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"importable": ["torch"]}, "torch can be imported"),
        ({"pipes": {"ner": "spacy_xner.teacher.component"}}, "ner comes from spacy_xner"),
        ({"changed": ["am"]}, "am has another text"),
        ({"entities": SEEN["entities"] | {"swa": []}}, "No entity was found"),
        ({"meta": {"smoke_test": None}}, "smoke_test is None; expected True"),
    ],
)
def test_check_of_the_build_names_each_fault(change, said):
    (fault,) = script("check_build").faults_of(SEEN | change, smoke_test=True)
    assert said in fault


def test_check_of_a_release_asks_for_the_same_entities_in_both_normal_forms():
    found = {lang: [["Dodoma", "LOC"]] for lang in ("hau", "am", "si", "swa", "yor")}
    release = SEEN | {"meta": {"smoke_test": False}}
    seen = release | {"entities": SEEN["entities"] | found | {"yor NFD": []}}
    (fault,) = script("check_build").faults_of(seen, smoke_test=False)
    assert "the NFD form" in fault
    seen = release | {"entities": SEEN["entities"] | found | {"am": [], "si": []}}
    (fault,) = script("check_build").faults_of(seen, smoke_test=False)
    assert "No entity was found in the sentence in am, si" in fault


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


# Of spaCy's features NORM alone is the same for NFC and NFD; PREFIX, SUFFIX and SHAPE are not.
NORMS_ALONE = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 64,
    "depth": 2,
    "embed_size": 500,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
    "pretrained_vectors": None,
}


def train_student(path):
    """A stock `ner` that has learned a sentence of each language by heart, saved as `distill` does."""
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    set_rules(nlp.tokenizer)
    texts = script("check_build").SENTENCES.values()
    add_norms(nlp, [token.text for text in texts for token in nlp.make_doc(text)])
    parser = {"@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner"}
    sizes = {"extra_state_tokens": False, "hidden_width": 64, "maxout_pieces": 2}
    nlp.add_pipe("ner", config={"model": {**parser, **sizes, "tok2vec": NORMS_ALONE}})
    examples = []
    for text in texts:
        doc = nlp.make_doc(text)
        words, spaces = [t.text for t in doc], [bool(t.whitespace_) for t in doc]
        tags = ["B-PER" if i == 1 else "O" for i in range(len(doc))]
        examples.append(Example(doc, Doc(nlp.vocab, words, spaces, ents=tags)))
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    plain_pipeline(nlp).to_disk(path)


@pytest.mark.slow
@pytest.mark.skipif(os.environ.get("XNER_OFFLINE") == "1", reason="needs PyPI")
def test_packaged_student_works_where_only_spacy_is(tmp_path):
    train_student(tmp_path / "student")
    metrics = tmp_path / "student.json"
    srsly.write_json(metrics, result(hau=50.0))
    packages = tmp_path / "packages"
    put(tmp_path / "raw" / "hau.txt", "Mutane sun zo.\n")
    script("package").main(
        "sample", tmp_path / "student", packages, metrics=metrics, raw=tmp_path / "raw"
    )
    check = [sys.executable, ROOT / "scripts" / "check_build.py", packages]
    run = subprocess.run(check, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "works with spaCy alone" in run.stdout
    (meta,) = packages.glob("*/meta.json")
    told = json.loads(meta.read_text("utf8"))
    assert told["languages"] == ["hau"]
    assert told["smoke_test"] is True
    assert told["requirements"] == []
    assert told["performance"]["ents_f"] == 0.5
