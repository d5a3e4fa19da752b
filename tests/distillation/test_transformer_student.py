"""The transformer student: the token classifier, learned from soft labels."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy
import srsly
from spacy.cli.package import get_third_party_dependencies
from spacy.tokens import Doc
from thinc.api import Adam, Config

from spacy_xner.distillation import loop
from spacy_xner.distillation.reader import make_soft_label_reader
from spacy_xner.distillation.student import with_start
from spacy_xner.distillation.tokens import update_token_classifier
from spacy_xner.errors import XnerError
from spacy_xner.tags import TagSet
from spacy_xner.teacher.sources import load_source

from ..encoders.tiny import make_tiny
from .made_up import (
    TAGSET,
    config_of,
    run,
    soft_labels,
    sure_of,
    tagged_sentences,
    weights,
    write_labels,
)

CONFIG = Path(__file__).parents[2] / "configs" / "student_trf.cfg"
SENTENCES = [" ".join(words) for words, _ in tagged_sentences()]


@pytest.fixture(scope="session")
def encoder(tmp_path_factory):
    return make_tiny("xlm-roberta", tmp_path_factory.mktemp("tiny") / "encoder", SENTENCES)


def overrides_of(encoder, steps, **changes):
    small = {
        "paths.encoder": str(encoder),
        "components.transformer.model.precision": "fp32",
        "components.transformer.model.frozen": [],
        "corpora.dev.split": "all",
        "distillation.max_steps": steps,
        "distillation.entity_weight": 1.0,
        "distillation.dropout": 0.0,
        "distillation.checkpoint_every": 1,
        "distillation.batcher.size": 120,
        "distillation.optimizer.learn_rate.warmup_steps": 1,
        "distillation.optimizer.learn_rate.initial_rate": 0.005,
        "training.eval_frequency": 1000,
    }
    return small | {key.replace("__", "."): value for key, value in changes.items()}


def train(labels, output, encoder, steps, resume=False, **changes):
    out = io.StringIO()
    overrides = overrides_of(encoder, steps, **changes)
    nlp, _ = loop.distill(
        labels, CONFIG, output, overrides=overrides, resume=resume, stdout=out, stderr=out
    )
    return nlp


@pytest.fixture(scope="session")
def student(labels, encoder, tmp_path_factory):
    """A student that knows its soft labels; tests must not train it."""
    output = tmp_path_factory.mktemp("transformer-student")
    return train(labels, output, encoder, 100), output / "model-last"


def probabilities(nlp, texts=SENTENCES):
    docs = [nlp.make_doc(text) for text in texts]
    for doc in docs:
        nlp.get_pipe("transformer")(doc)
    return np.concatenate(nlp.get_pipe("xner_teacher").predict_probabilities(docs))


def targets(nlp, labels):
    reader = make_soft_label_reader(labels)
    found = {eg.text: eg.reference.user_data["spacy-xner.probabilities"] for eg in reader(nlp)}
    return np.concatenate([found[text] for text in SENTENCES])


@pytest.mark.slow
def test_the_probabilities_come_near_the_soft_labels(labels, encoder, student, tmp_path):
    nlp, _ = student
    wanted = targets(nlp, labels)
    beginner = train(labels, None, encoder, 1)
    before = np.abs(probabilities(beginner) - wanted).mean()
    after = np.abs(probabilities(nlp) - wanted).mean()
    assert before > 0.1
    assert after < 0.03
    assert nlp.meta["target_gold"] == "none: learned from soft labels"


def test_a_saved_student_gives_the_same_and_annotates(student):
    nlp, folder = student
    source = load_source(folder, precision="fp32")
    docs = [source.nlp.make_doc(text) for text in SENTENCES]
    again = np.concatenate(source.predict(docs))
    np.testing.assert_allclose(again, probabilities(nlp), atol=1e-5)
    assert source.tagset == TAGSET


def test_a_package_of_it_requires_what_its_components_come_from(student):
    needed = get_third_party_dependencies(Config().from_disk(student[1] / "config.cfg"))
    names = {requirement.split(">=")[0] for requirement in needed}
    assert {"spacy-xner", "spacy-transformers"} <= names


@pytest.mark.slow
def test_resume_gives_the_student_of_a_run_that_nothing_stopped(
    labels, encoder, tmp_path, monkeypatch
):
    monkeypatch.setattr("spacy_xner.corpora.files.os.fsync", lambda handle: None)
    whole = train(labels, tmp_path / "whole", encoder, 8)

    class KilledError(Exception):
        pass

    save = loop.save_checkpoint

    def save_and_stop(output, at, nlp, optimizer):
        save(output, at, nlp, optimizer)
        if at.step == 5:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_and_stop)
        with pytest.raises(KilledError):
            train(labels, tmp_path / "part", encoder, 8)
    resumed = train(labels, tmp_path / "part", encoder, 8, resume=True)
    np.testing.assert_array_equal(probabilities(resumed), probabilities(whole))


def test_begun_with_a_teacher_it_has_the_teachers_weights(labels, encoder, student):
    teacher, folder = student
    still = {"distillation__optimizer__learn_rate__initial_rate": 0.0}
    nlp = train(labels, None, "no encoder is read", 1, paths__start=str(folder), **still)
    np.testing.assert_allclose(probabilities(nlp), probabilities(teacher), atol=1e-5)


def test_what_gold_the_beginning_saw_is_told_by_the_student(labels, saved, tmp_path):
    start = shutil.copytree(saved, tmp_path / "start")
    meta = srsly.read_json(start / "meta.json")
    assert meta["target_gold"] == "none: learned from soft labels"
    one_step = {"distillation.max_steps": 1}
    plain, _ = run(labels, None, overrides={**one_step, "distillation.start": str(start)})
    assert plain.meta["target_gold"] == "none: learned from soft labels"
    srsly.write_json(start / "meta.json", {**meta, "target_gold": "10 sentences of dev"})
    nlp, _ = run(labels, None, overrides={**one_step, "distillation.start": str(start)})
    assert nlp.meta["target_gold"] == "10 sentences of dev"


def test_a_run_is_not_resumed_from_another_beginning(labels, encoder, student, tmp_path):
    train(labels, tmp_path, encoder, 2)
    with pytest.raises(XnerError, match="another run: its start differs"):
        train(labels, tmp_path, encoder, 2, resume=True, paths__start=str(student[1]))


def test_a_teacher_of_other_types_is_no_beginning(encoder, student, tmp_path):
    tagset = TagSet.from_types(["PER"])
    docs = soft_labels([(["Amina", "left"], ["B-PER", "O"])] * 3, tagset)
    labels = write_labels(tmp_path / "labels", docs, tagset=tagset)
    with pytest.raises(XnerError, match=r"has the types LOC, PER, its soft labels PER"):
        train(labels, None, encoder, 1, paths__start=str(student[1]))


def test_a_beginning_without_the_students_components_is_refused(saved):
    config = config_of(distillation__max_steps=1)
    config["distillation"]["start"] = str(saved)
    config["nlp"]["pipeline"] = ["transformer"]
    with pytest.raises(XnerError, match="none of which the student has"):
        with_start(config)


def test_a_small_student_may_begin_with_another_one(labels, saved):
    # Averages begin at zero, so that those of a few steps are no weights to compare.
    still = {"learn_rate": 0.0, "use_averages": False}
    overrides = {f"distillation.optimizer.{key}": value for key, value in still.items()}
    nlp, _ = run(labels, None, overrides={**overrides, "distillation.start": str(saved)})
    assert weights(nlp) == weights(spacy.load(saved))


@pytest.fixture
def classifier():
    nlp = spacy.blank("xx")
    tok2vec = {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "width": 8,
        "depth": 1,
        "embed_size": 100,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
        "pretrained_vectors": None,
    }
    model = {"@architectures": "spacy-xner.TokenClassifier.v1", "tok2vec": tok2vec}
    pipe = nlp.add_pipe("xner_teacher", config={"model": model})
    for label in TAGSET.types:
        pipe.add_label(label)
    spacy.util.fix_random_seed(0)
    nlp.initialize()
    return pipe


def gradients(pipe, rows):
    """Head's gradient of one update on (words, weight of their tokens)."""
    head = pipe.model.get_ref("output")
    for name in head.param_names:
        if head.has_grad(name):
            head.set_grad(name, head.get_grad(name) * 0)
    docs = [Doc(pipe.vocab, words=words) for words, _ in rows]
    wanted = [sure_of(["B-PER"] * len(words)) * weight for words, weight in rows]
    update_token_classifier(pipe, docs, wanted, TAGSET)
    return head.get_grad("W").copy()


def test_tokens_of_weight_zero_move_nothing(classifier):
    known, unknown = ["Amina", "left"], ["Kano", "is", "far"]
    alone = gradients(classifier, [(known, 1.0)])
    np.testing.assert_allclose(
        gradients(classifier, [(known, 1.0), (unknown, 0.0)]), alone, atol=1e-6
    )
    assert np.abs(alone).max() > 0.01


def test_a_batch_of_weight_zero_moves_nothing(classifier):
    def parameters():
        nodes = enumerate(classifier.model.walk())
        return {(i, name): n.get_param(name).tobytes() for i, n in nodes for name in n.param_names}

    before = parameters()
    gradients(classifier, [(["Amina", "left"], 0.0), (["Kano"], 0.0)])
    classifier.finish_update(Adam(0.1))
    assert parameters() == before
    gradients(classifier, [(["Amina", "left"], 1.0)])
    classifier.finish_update(Adam(0.1))
    assert parameters() != before


def test_a_token_of_weight_three_moves_as_three(classifier):
    once = gradients(classifier, [(["Amina"], 1.0)])
    np.testing.assert_allclose(gradients(classifier, [(["Amina"], 3.0)]), 3 * once, rtol=1e-4)
