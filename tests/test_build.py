"""Wheels of students, and the check of what a build made."""

import json
import os
import subprocess
import sys
import zipfile

import pytest
import spacy
import srsly
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed

from spacy_xner.distillation.plain import plain_pipeline
from spacy_xner.distillation.tokenizer import set_rules

from .project_helpers import ROOT, put, result, script


def test_package_performance_is_in_the_terms_of_spacy():
    assert script("package").performance(result(am=40.0)) == {
        "ents_p": 0.5,
        "ents_r": 0.5,
        "ents_f": 0.5,
        "ents_f_by_file": {"am": 0.4},
    }


def test_a_wheel_says_what_gold_of_its_languages_was_seen():
    target_gold = script("package").target_gold
    assert target_gold("none: learned from soft labels", []).startswith("none: no gold")
    assert target_gold("100 sentences of hau.conll", []) == "100 sentences of hau.conll"
    assert target_gold("100 sentences of hau.conll", ["swa"]) == (
        "100 sentences of hau.conll; the gold of swa taught; none of the others was seen"
    )


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


SUBWORDS = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 64,
    "depth": 2,
    "embed_size": 500,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}


def train_student(path):
    """A stock `ner` that has learned a sentence of each language by heart, saved as `distill` does."""
    fix_random_seed(0)
    forms = {"@callbacks": "spacy-xner.composed_forms.v1"}
    nlp = spacy.blank("xx", config={"nlp": {"after_creation": forms}})
    set_rules(nlp.tokenizer)
    texts = script("check_build").SENTENCES.values()
    parser = {"@architectures": "spacy.TransitionBasedParser.v2", "state_type": "ner"}
    sizes = {"extra_state_tokens": False, "hidden_width": 64, "maxout_pieces": 2}
    nlp.add_pipe("ner", config={"model": {**parser, **sizes, "tok2vec": SUBWORDS}})
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


def test_wheel_of_a_transformer_student_asks_for_this_package(tmp_path):
    script("tiny_teacher").make_tiny_teacher().to_disk(tmp_path / "student")
    metrics = tmp_path / "student.json"
    srsly.write_json(metrics, result(hau=50.0))
    put(tmp_path / "raw" / "hau.txt", "Mutane sun zo.\n")
    packages = tmp_path / "packages"
    name = {"name": "xner_student_trf", "metrics": metrics, "raw": tmp_path / "raw"}
    script("package").main("sample", tmp_path / "student", packages, **name)
    (wheel,) = packages.glob("*/dist/xx_xner_student_trf-0.1.0-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (n for n in archive.namelist() if n.endswith("METADATA"))
        needs = archive.read(metadata).decode().splitlines()
    assert [line for line in needs if line.startswith("Requires-Dist: spacy-xner")]


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
    assert told["spacy_version"] == f">={spacy.__version__},<3.9.0"  # which spaCy checks
    assert told["performance"]["ents_f"] == 0.5
