"""What is saved is a pipeline for spaCy alone, of which spaCy's users can do what they like."""

import json
import subprocess
import sys

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from thinc.api import Config

from spacy_xner.distillation.plain import plain_pipeline

from ..spacy_commands import spacy_command
from .made_up import (
    CONFIG,
    config_of,
    entities,
    soft_labels,
    tagged_sentences,
    weights,
    write_labels,
)

TEXTS = [" ".join(words) for words, _ in tagged_sentences(8)]

ALONE = """
import importlib.metadata, json, sys

installed = importlib.metadata.distributions
importlib.metadata.distributions = lambda **kwargs: (
    found
    for found in installed(**kwargs)
    if found.metadata["Name"].replace("_", "-") not in ("spacy-xner", "spacy-transformers")
)

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("spacy_xner", "torch", "transformers", "pyarrow"):
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import spacy
nlp = spacy.load(sys.argv[1])
docs = list(nlp.pipe(json.loads(sys.argv[2]), n_process=2, batch_size=3))
print(json.dumps([[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in docs]))
"""


@pytest.fixture(scope="module")
def nlp(saved):
    return spacy.load(saved)


@pytest.fixture(scope="module")
def gold(tmp_path_factory):
    """Gold in spaCy's own format: enough for `debug data` to be content with."""
    folder = tmp_path_factory.mktemp("gold")
    for name, sentences in (
        ("train", tagged_sentences(150)),
        ("dev", tagged_sentences(20, seed=5)),
    ):
        vocab = spacy.blank("xx").vocab
        docs = [Doc(vocab, words=words, ents=tags) for words, tags in sentences]
        DocBin(docs=docs).to_disk(folder / f"{name}.spacy")
    return folder


def test_the_student_finds_what_its_teacher_found(nlp):
    for text, (words, tags) in zip(TEXTS, tagged_sentences(8), strict=True):
        gold = Doc(nlp.vocab, words=words, ents=tags)
        assert entities(nlp(text)) == entities(gold)


def test_it_says_that_it_saw_no_gold(nlp):
    assert nlp.meta["target_gold"] == "none: learned from soft labels"


def test_no_saved_file_names_this_package_or_torch(saved):
    files = [path for path in saved.rglob("*") if path.is_file()]
    assert {"config.cfg", "meta.json", "tokenizer", "model"} <= {path.name for path in files}
    for path in files:
        content = path.read_bytes().lower()
        for name in (b"spacy-xner", b"spacy_xner", b"torch"):
            assert name not in content, (path, name)


def test_only_spacys_own_pipes_are_in_it(nlp):
    assert [pipe.__class__.__module__.split(".")[0] for _, pipe in nlp.pipeline] == ["spacy"]
    assert nlp.meta["performance"]["ents_f"] > 0.8
    assert nlp.meta["spacy_version"].startswith(">=3.8")


def test_the_view_that_is_saved_leaves_the_pipeline_unchanged(nlp):
    ours = spacy.load(nlp.path)
    ours.config["training"]["before_to_disk"] = {"@callbacks": "spacy-xner.plain_pipeline.v1"}
    before = ours.config.to_str()
    plain = plain_pipeline(ours)
    assert ours.config.to_str() == before
    assert plain.config["training"]["before_to_disk"] is None
    assert weights(plain) == weights(ours)


@pytest.mark.slow
def test_it_runs_without_this_package_in_two_processes(saved, nlp):
    result = subprocess.run(
        [sys.executable, "-c", ALONE, str(saved), json.dumps(TEXTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = [[tuple(ent) for ent in doc] for doc in json.loads(result.stdout)]
    assert found == [entities(nlp(text)) for text in TEXTS]


def test_it_can_be_sourced_into_another_pipeline(saved, nlp):
    other = spacy.blank("xx")
    other.tokenizer = nlp.tokenizer
    other.add_pipe("sentencizer")
    other.add_pipe("ner", source=nlp)
    assert [entities(other(text)) for text in TEXTS] == [entities(nlp(text)) for text in TEXTS]


def test_it_can_be_trained_further_in_python(saved):
    nlp = spacy.load(saved)
    nlp.get_pipe("ner").add_label("DATE")
    words, tags = ["Chidi", "left", "Kano", "yesterday"], ["B-PER", "O", "B-LOC", "B-DATE"]
    optimizer = nlp.resume_training()
    for _ in range(100):
        doc = Doc(nlp.vocab, words=words)
        nlp.update([Example(doc, Doc(nlp.vocab, words=words, ents=tags))], sgd=optimizer)
    assert [ent.label_ for ent in nlp("Chidi left Kano yesterday").ents] == ["PER", "LOC", "DATE"]


@pytest.mark.slow
def test_spacy_evaluate(saved, gold, tmp_path):
    spacy_command("evaluate", saved, gold / "dev.spacy", "--output", tmp_path / "scores.json")
    assert json.loads((tmp_path / "scores.json").read_text("utf8"))["ents_f"] > 0.8


@pytest.mark.slow
def test_spacy_benchmark_speed(saved, gold):
    printed = spacy_command(
        "benchmark", "speed", saved, gold / "dev.spacy", "--warmup", 0, "--batch-size", 20
    )
    assert "Mean:" in printed


@pytest.mark.slow
def test_spacy_debug_data_with_the_config_of_the_student(saved, gold):
    printed = spacy_command(
        "debug",
        "data",
        saved / "config.cfg",
        *("--paths.train", gold / "train.spacy", "--paths.dev", gold / "dev.spacy"),
    )
    assert "Corpus is loadable" in printed


@pytest.mark.slow
def test_spacy_debug_data_with_the_config_that_made_it(labels, tmp_path):
    many = write_labels(tmp_path / "labels", soft_labels(tagged_sentences(150)))
    (tmp_path / "base.cfg").write_text(CONFIG, "utf8")
    spacy_command("init", "fill-config", tmp_path / "base.cfg", tmp_path / "student.cfg")
    printed = spacy_command("debug", "data", tmp_path / "student.cfg", "--paths.soft_labels", many)
    assert "Corpus is loadable" in printed


@pytest.mark.slow
def test_spacy_assemble(saved, nlp, tmp_path):
    config = Config().from_disk(saved / "config.cfg", interpolate=False)
    config["components"]["ner"] = {"source": str(saved)}
    copied = {"@callbacks": "spacy.copy_from_base_model.v1", "tokenizer": str(saved)}
    config["initialize"]["before_init"] = copied
    config.to_disk(tmp_path / "assembled.cfg")
    spacy_command("assemble", tmp_path / "assembled.cfg", tmp_path / "assembled")
    assembled = spacy.load(tmp_path / "assembled")
    assert [entities(assembled(text)) for text in TEXTS] == [entities(nlp(t)) for t in TEXTS]


@pytest.mark.slow
def test_spacy_train_goes_on_with_gold(saved, gold, tmp_path):
    config = Config().from_disk(saved / "config.cfg", interpolate=False)
    config["components"]["ner"] = {"source": str(saved)}
    config["initialize"]["before_init"] = {
        "@callbacks": "spacy.copy_from_base_model.v1",
        "tokenizer": str(saved),
        "vocab": str(saved),
    }
    config.to_disk(tmp_path / "further.cfg")
    spacy_command(
        *("train", tmp_path / "further.cfg", "--output", tmp_path / "further"),
        *("--paths.train", gold / "train.spacy", "--paths.dev", gold / "dev.spacy"),
        *("--training.max_steps", 3, "--training.eval_frequency", 3),
    )
    further = spacy.load(tmp_path / "further" / "model-last")
    # A pipeline that had begun anew would know nothing after three steps.
    assert further.meta["performance"]["ents_f"] > 0.8
    assert weights(further) != weights(spacy.load(saved))


@pytest.mark.slow
def test_spacy_train_with_the_students_config_learns_hard_pseudo_labels(labels, tmp_path):
    (tmp_path / "student.cfg").write_text(CONFIG, "utf8")
    spacy_command(
        *("train", tmp_path / "student.cfg", "--output", tmp_path / "hard"),
        *("--paths.soft_labels", labels, "--training.max_epochs", 40),
    )
    hard = spacy.load(tmp_path / "hard" / "model-best")
    assert [ent.label_ for ent in hard("Chidi left Kano again .").ents] == ["PER", "LOC"]
    assert "spacy-xner" not in (tmp_path / "hard" / "model-best" / "config.cfg").read_text("utf8")


@pytest.mark.slow
def test_a_plain_spacy_ner_supervises_a_student_through_the_command_line(saved, tmp_path):
    texts = [" ".join(words) for words, _ in tagged_sentences(30)]
    (tmp_path / "raw.txt").write_text("\n".join(texts) + "\n", "utf8")
    config_of(distillation__max_epochs=8).to_disk(tmp_path / "student.cfg")
    soft, out = tmp_path / "soft", tmp_path / "out"
    for arguments in (
        ("annotate", saved, tmp_path / "raw.txt", soft, "--lang", "en"),
        ("distill", tmp_path / "student.cfg", "--teacher", soft, "--output", out),
    ):
        command = [sys.executable, "-m", "spacy", "xner", *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
    student = spacy.load(out / "model-best")
    assert [ent.label_ for ent in student("Chidi left Kano again .").ents] == ["PER", "LOC"]
