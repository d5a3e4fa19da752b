"""Rounds: an assistant student, its labels, the small student; each made once."""

import json

import pytest
import spacy

from spacy_xner.cli.rounds import rounds
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.distillation import loop
from spacy_xner.distillation import rounds as module
from spacy_xner.distillation.reader import make_soft_label_reader
from spacy_xner.distillation.recipe import load_recipe
from spacy_xner.errors import XnerError
from spacy_xner.teacher.annotate import Progress, text_fingerprint
from spacy_xner.teacher.sources import folder_fingerprint

from .made_up import CONFIG, soft_labels, tagged_sentences, weights, write_labels

# A token classifier like the transformer student, on a CNN, which takes no time.
COMPONENT = """[components.xner_teacher]
factory = "xner_teacher"
[components.xner_teacher.model]
@architectures = "spacy-xner.TokenClassifier.v1"
[components.xner_teacher.model.tok2vec]
"""
BEFORE, AFTER = CONFIG.split("[components.ner]\n")
ASSISTANT = (
    BEFORE.replace('["ner"]', '["xner_teacher"]')
    + COMPONENT
    + AFTER.split("[components.ner.model.tok2vec]\n")[1]
).replace("max_epochs = 2", "max_epochs = 2\ncheckpoint_every = 1", 1)
RECIPE = """
[rounds]
rounds = 2
assistant = "{folder}/assistant.cfg"
student = "{folder}/student.cfg"
[assistant]
[assistant.distillation]
max_epochs = 3
[student]
"""


class KilledError(Exception):
    pass


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr("spacy_xner.corpora.files.os.fsync", lambda handle: None)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Recipe, configs, a text and the soft labels of its teacher."""
    folder = tmp_path_factory.mktemp("rounds")
    (folder / "assistant.cfg").write_text(ASSISTANT, "utf8")
    (folder / "student.cfg").write_text(CONFIG, "utf8")
    (folder / "recipe.cfg").write_text(RECIPE.format(folder=folder), "utf8")
    sentences = tagged_sentences()
    (folder / "raw.txt").write_text("".join(" ".join(w) + "\n" for w, _ in sentences), "utf8")
    source = text_fingerprint(folder / "raw.txt")
    write_labels(folder / "labels", soft_labels(sentences), source=source)
    write_labels(folder / "gold", soft_labels(sentences[:3], sure=0.99), source="60", teacher="60")
    return folder


def go(place, output, teachers=("labels",), text="raw.txt", **overrides):
    folders = [place / name for name in teachers]
    overrides = {key.replace("__", "."): value for key, value in overrides.items()}
    return rounds(place / "recipe.cfg", folders, place / text, output, overrides=overrides)


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    output = tmp_path_factory.mktemp("whole")
    return go(place, output), output


def recorded(monkeypatch, scores):
    """Train nothing; give these scores, and tell who teaches whom."""
    taught = []

    def distill(corpus, config, output, **settings):
        teachers = config["distillation"]["teachers"].values()
        taught.append((output.name, [one["path"].split("/")[-2:] for one in teachers]))
        (output / "model-last").mkdir(parents=True)

    given = iter([*scores, 0.0])
    monkeypatch.setattr(module, "distill", distill)
    monkeypatch.setattr(module, "_score", lambda config, folder: next(given))
    monkeypatch.setattr(module, "load_source", lambda path: None)

    def annotate(source, text, output, lang):
        write_labels(output, soft_labels(tagged_sentences(3)), source=text_fingerprint(text))
        return Progress()

    monkeypatch.setattr(module, "annotate_documents", annotate)
    return taught


def test_the_student_learns_from_the_labels_of_the_assistant(place, whole):
    student, output = whole
    labels = SoftLabelCorpus(output / "round-1" / "labels")
    assert labels.teacher == folder_fingerprint(output / "round-1/assistant/model-last")
    assert labels.source == SoftLabelCorpus(place / "labels").source
    assert labels.n_docs == 30
    metrics = json.loads((output / "round-1/metrics.json").read_text("utf8"))
    assert 0 <= metrics["agreement"] <= 100
    assert metrics["labelled_docs"] == 30
    assert spacy.load(student).pipe_names == ["ner"]


def test_what_stands_is_not_made_again(place, whole, monkeypatch):
    student, output = whole

    def refuse(*args, **kwargs):
        raise AssertionError("made again")

    monkeypatch.setattr(module, "distill", refuse)
    monkeypatch.setattr(module, "annotate_documents", refuse)
    assert go(place, output) == student


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "name", "call"),
    [
        (loop, "save_checkpoint", 4),  # in the first assistant
        (module, "clear_checkpoints", 1),  # it is trained, and nothing tells so yet
        (module, "annotate_documents", 1),
        (module, "annotate_documents", 2),
        (module, "_score", 3),  # the student is trained
    ],
)
def test_a_killed_run_goes_on_to_the_same_student(
    place, whole, tmp_path, monkeypatch, target, name, call
):
    function, calls = getattr(target, name), []

    def killed(*args, **kwargs):
        calls.append(function(*args, **kwargs))
        if len(calls) == call:
            raise KilledError
        return calls[-1]

    with monkeypatch.context() as patch:
        patch.setattr(target, name, killed)
        with pytest.raises(KilledError):
            go(place, tmp_path)
    student = go(place, tmp_path)
    assert weights(spacy.load(student)) == weights(spacy.load(whole[0]))
    assert not list(tmp_path.glob("**/checkpoint*"))


def test_rounds_stop_when_the_agreement_no_longer_rises(place, tmp_path, monkeypatch):
    taught = recorded(monkeypatch, [80.0, 85.0, 85.0])
    go(place, tmp_path, rounds__rounds=5)
    assert not (tmp_path / "round-4").exists()
    assert taught[1:] == [
        ("assistant", [["round-1", "labels"]]),
        ("assistant", [["round-2", "labels"]]),
        ("student", [["round-2", "labels"]]),
    ]


def test_the_first_teachers_judge_every_round(place, tmp_path, monkeypatch):
    recorded(monkeypatch, [])
    judged = []

    def score(judge, folder):
        teachers = judge["distillation"]["teachers"].values()
        judged.append((folder.name, [one["path"] for one in teachers]))
        return float(len(judged))

    monkeypatch.setattr(module, "_score", score)
    go(place, tmp_path, rounds__rounds=3)
    first = [str(place / "labels")]
    assert judged == [*[("assistant", first)] * 3, ("student", first)]


def test_agreement_is_the_score_on_held_out_labels(place, whole):
    reader = make_soft_label_reader(place / "labels", "held_out", held_out=0.2)
    for number in (1, 2):
        folder = whole[1] / f"round-{number}"
        nlp = spacy.load(folder / "assistant/model-last")
        scores = nlp.evaluate(list(reader(nlp)))
        metrics = json.loads((folder / "metrics.json").read_text("utf8"))
        assert metrics["agreement"] == pytest.approx(100 * scores["ents_f"], abs=1e-3)


def test_soft_labels_of_other_texts_teach_in_all_rounds(place, tmp_path, monkeypatch):
    taught = recorded(monkeypatch, [80.0, 85.0])
    go(place, tmp_path, teachers=["labels", "gold"], rounds__rounds=2)
    assert [[path[-1] for path in paths] for _, paths in taught] == [["labels", "gold"]] * 3
    assert taught[2][1][0] == ["round-2", "labels"]


def test_the_text_must_be_that_of_a_teacher(place, tmp_path):
    (tmp_path / "other.txt").write_text("Something else\n", "utf8")
    with pytest.raises(XnerError, match=r"None of the soft-label folders .*is of the text"):
        go(place, tmp_path / "out", text=tmp_path / "other.txt")


def test_a_folder_of_another_recipe_is_not_gone_on_with(place, whole):
    with pytest.raises(XnerError, match=r"assistant\.json is of another run"):
        go(place, whole[1], assistant__distillation__alpha=0.5)


def test_nobody_teaches(place, tmp_path):
    with pytest.raises(XnerError, match="Nobody teaches"):
        go(place, tmp_path, teachers=[])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"rounds.rounds": 0}, "rounds is 0; expected a whole number from 1"),
        ({"rounds.round": 2}, r"unknown key of \[rounds\] 'round'. Did you mean 'rounds'"),
        ({"assistent.distillation.alpha": 1}, "Did you mean 'assistant'"),
        ({"rounds.student": None}, "has no student"),
        ({"rounds.student": "nothing.cfg"}, "no student config at nothing.cfg"),
        ({"student.distillation.temprature": 1}, "Did you mean 'temperature'"),
    ],
)
def test_a_faulty_recipe_is_told(place, overrides, message):
    with pytest.raises(XnerError, match=message):
        load_recipe(place / "recipe.cfg", overrides)


def test_a_recipe_that_is_missing_is_told():
    with pytest.raises(XnerError, match="no recipe at nothing"):
        load_recipe("nothing.cfg")


def test_sections_of_a_recipe_change_its_configs(place):
    recipe = load_recipe(place / "recipe.cfg", {"student.distillation.alpha": 0.5})
    assert recipe.assistant["distillation"]["max_epochs"] == 3
    assert recipe.student["distillation"]["max_epochs"] == 2
    assert recipe.student["distillation"]["alpha"] == 0.5
