"""Categories through the loop of the entities: soft labels a document, stock `textcat`."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.pipeline.textcat import DEFAULT_SINGLE_TEXTCAT_MODEL
from spacy.training import Example
from thinc.api import Adam, Config, fix_random_seed

from spacy_xner.categories import CategorySet
from spacy_xner.corpora.soft_labels import SoftLabelCorpus, SoftLabels, SoftLabelWriter
from spacy_xner.distillation.classifier import update_textcat
from spacy_xner.distillation.loop import distill
from spacy_xner.distillation.reader import PROBABILITIES, WEIGHTS, make_soft_label_reader
from spacy_xner.distillation.tasks import CategoryTask
from spacy_xner.distillation.teachers import Teacher
from spacy_xner.distillation.weightings import balancing_factors, make_balanced_weighting
from spacy_xner.errors import XnerError

CONFIG = Path("configs/sentiment_student.cfg")
CATEGORIES = ("negative", "neutral", "positive")
WORDS = {"negative": "bad", "neutral": "plain", "positive": "good"}
BOW = {
    "@architectures": "spacy.TextCatBOW.v3",
    "exclusive_classes": True,
    "ngram_size": 1,
    "no_output_layer": False,
    "length": 64,
}
ENSEMBLE = DEFAULT_SINGLE_TEXTCAT_MODEL
REDUCE = {
    "@architectures": "spacy.TextCatReduce.v1",
    "tok2vec": ENSEMBLE["tok2vec"],
    "exclusive_classes": True,
    "use_reduce_first": False,
    "use_reduce_last": False,
    "use_reduce_max": True,
    "use_reduce_mean": True,
}
ATTENTION = {
    "@architectures": "spacy.TextCatParametricAttention.v1",
    "tok2vec": ENSEMBLE["tok2vec"],
    "exclusive_classes": True,
}
SMALL = {
    "components.textcat.model.tok2vec.embed.include_static_vectors": False,
    "components.textcat.model.linear_model.length": 256,
    "components.textcat.model.tok2vec.embed.rows": [100, 50, 50, 50],
    "distillation.optimizer.learn_rate": 0.01,
    "distillation.max_epochs": 4,
}


def write(path, texts, *, tags=CATEGORIES, teacher="aa", source="ff", unit="document"):
    """Write labels of which the category that a text's word names has 0.8."""
    docs = []
    for i, text in enumerate(texts):
        probs = np.full((1, len(tags)), 0.2 / (len(tags) - 1), dtype=np.float16)
        probs[0, [WORDS.get(tag, tag) in text for tag in tags].index(True)] = 0.8
        docs.append(SoftLabels(f"t:{i}", "xx", text, np.array([0]), np.array([len(text)]), probs))
    with SoftLabelWriter(
        path, tags=tags, teacher=teacher, source=source, lang="xx", unit=unit
    ) as writer:
        writer.write(0, docs[::2])
        writer.write(1, docs[1::2])
        writer.close(2)
    return path


def initialised(model):
    """A pipeline with an untrained `textcat`."""
    nlp = spacy.blank("xx")
    textcat = nlp.add_pipe("textcat", config={"model": model})
    for name in CATEGORIES:
        textcat.add_label(name)
    nlp.initialize()
    return nlp


def last_layer(model):
    """The last layer with a bias."""
    return [layer for layer in model.walk(order="dfs_post") if layer.has_param("b")][-1]


def texts(n=120):
    words = list(WORDS.values())
    return [f"this film {i} is {words[i % 3]}" for i in range(n)]


def write_entities(path):
    probs = np.array([[1.0, 0.0, 0.0]], dtype=np.float16)
    doc = SoftLabels("t:0", "xx", "this", np.array([0]), np.array([4]), probs)
    with SoftLabelWriter(
        path, tags=("O", "B-PER", "I-PER"), teacher="bb", source="ee", lang="xx"
    ) as writer:
        writer.write(0, [doc])
        writer.close(1)
    return path


def test_soft_labels_of_documents_come_back_with_their_unit(tmp_path):
    corpus = SoftLabelCorpus(write(tmp_path / "soft", texts(4)))
    assert corpus.tagset == CategorySet(CATEGORIES)
    assert (corpus.n_docs, corpus.n_tokens) == (4, 4)
    np.testing.assert_allclose(corpus.read_shard(0)[0].probs, [[0.8, 0.1, 0.1]], atol=1e-3)


def test_document_labels_need_one_span_over_the_text(tmp_path):
    probs = np.full((1, 3), 1 / 3, dtype=np.float16)
    part = SoftLabels("t:0", "xx", "good film", np.array([0]), np.array([4]), probs)
    writer = SoftLabelWriter(
        tmp_path, tags=CATEGORIES, teacher="aa", source="ff", lang="xx", unit="document"
    )
    with pytest.raises(XnerError, match="one over the whole text"):
        writer.write(0, [part])


def test_writer_refuses_to_go_on_with_another_unit(tmp_path):
    write_entities(tmp_path)
    with pytest.raises(XnerError, match="belongs to another unit"):
        SoftLabelWriter(
            tmp_path, tags=CATEGORIES, teacher="bb", source="ee", lang="xx", unit="document"
        )


def test_teachers_of_one_text_are_weighed_and_documents_weighted(tmp_path):
    same = texts(30)
    one = write(tmp_path / "one", same)
    other = write(tmp_path / "other", [t.replace("good", "bad") for t in same], teacher="bb")
    reader = make_soft_label_reader([one, other])
    reader.supervise([Teacher("one", one, weight=3.0), Teacher("other", other)])
    found = {eg.reference.text: eg.reference for eg in reader(spacy.blank("xx"))}
    good = found["this film 2 is good"]
    np.testing.assert_allclose(good.user_data[PROBABILITIES], [[0.275, 0.1, 0.625]], atol=1e-3)
    assert good.user_data[WEIGHTS].tolist() == [1.0]
    assert good.cats == {"negative": 0.0, "neutral": 0.0, "positive": 1.0}


def test_labels_of_a_teacher_rename_and_join_categories(tmp_path):
    path = write(tmp_path / "soft", texts(3))
    reader = make_soft_label_reader(path)
    reader.supervise([Teacher("t", path, labels={"neutral": "negative"})])
    first = next(iter(reader(spacy.blank("xx"))))
    np.testing.assert_allclose(first.reference.user_data[PROBABILITIES], [[0.9, 0.1]], atol=1e-3)
    with pytest.raises(XnerError, match="each document has one category"):
        reader.supervise([Teacher("t", path, labels={"neutral": ""})])
    with pytest.raises(XnerError, match="names mixed, but its soft labels"):
        reader.supervise([Teacher("t", path, labels={"mixed": "neutral"})])


@pytest.mark.parametrize("model", [BOW, ENSEMBLE], ids=["bow", "ensemble"])
def test_textcat_converges_to_the_distribution_and_not_to_its_best_category(model):
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    textcat = nlp.add_pipe("textcat", config={"model": model})
    for name in reversed(CATEGORIES):
        textcat.add_label(name)
    nlp.initialize()
    target = np.array([[0.6, 0.3, 0.1]], dtype=np.float32)
    optimizer = Adam(0.003)
    for _ in range(300):
        loss = update_textcat(
            textcat, [nlp.make_doc("a film")], target, CategorySet(CATEGORIES), sgd=optimizer
        )
    cats = nlp("a film").cats
    np.testing.assert_allclose([cats[name] for name in CATEGORIES], target[0], atol=0.03)
    assert loss == pytest.approx(0.898, abs=0.02)  # entropy of the target


@pytest.mark.parametrize(
    "model", [BOW, ENSEMBLE, ATTENTION, REDUCE], ids=["bow", "ensemble", "attention", "reduce"]
)
def test_gradient_is_that_of_the_cross_entropy(model):
    nlp = initialised(model)
    textcat = nlp.get_pipe("textcat")
    docs = [nlp.make_doc("a film"), nlp.make_doc("a very long film")]
    target = np.array([[0.6, 0.3, 0.1], [0.2, 0.2, 0.6]], dtype=np.float32)
    weights = np.array([1.0, 0.5])

    def loss():
        return update_textcat(textcat, docs, target, CategorySet(CATEGORIES), weights=weights)

    loss()
    bias = last_layer(textcat.model)
    found = bias.get_grad("b").copy()
    for i in range(3):
        moved = bias.get_param("b").copy()
        moved[i] += 0.01
        bias.set_param("b", moved)
        above = loss()
        moved[i] -= 0.02
        bias.set_param("b", moved)
        slope = (above - loss()) / 0.02
        moved[i] += 0.01
        bias.set_param("b", moved)
        assert found[i] == pytest.approx(slope, abs=2e-3)
    assert np.abs(found).max() > 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"no_output_layer": True}, "ends in the layer sparse_linear.*no_output_layer = false"),
        ({"exclusive_classes": False}, "has exclusive_classes = false"),
    ],
)
def test_student_whose_scores_are_no_distribution_is_refused(change, message):
    nlp = initialised({**BOW, **change})
    with pytest.raises(XnerError, match=message):
        update_textcat(
            nlp.get_pipe("textcat"),
            [nlp.make_doc("a film")],
            np.eye(3)[:1],
            CategorySet(CATEGORIES),
        )


def test_temperature_and_alpha_reach_the_target_of_the_student(tmp_path):
    nlp = initialised(BOW)
    textcat = nlp.get_pipe("textcat")
    reader = make_soft_label_reader(write(tmp_path / "soft", ["this is bad"]))
    settings = {"temperature": 2.0, "alpha": 0.5}
    CategoryTask(reader.tagset).update(textcat, list(reader(nlp)), drop=0.0, **settings)
    # An untrained bag of words gives a third to each. The square roots of 0.8, 0.1 and 0.1 are
    # 0.586, 0.207 and 0.207 of their sum; half of that and half of the hard label is the target.
    found = 1 / 3 - last_layer(textcat.model).get_grad("b")
    np.testing.assert_allclose(found, [0.793, 0.104, 0.104], atol=1e-3)


def test_text_of_white_space_is_learned_from_and_an_empty_one_is_not(tmp_path):
    probs = np.array([[0.2, 0.2, 0.6]], dtype=np.float16)
    docs = [
        SoftLabels(f"t:{i}", "xx", text, np.array([0]), np.array([len(text)]), probs)
        for i, text in enumerate((" \t ", "", "good"))
    ]
    with SoftLabelWriter(
        tmp_path, tags=CATEGORIES, teacher="aa", source="ff", lang="xx", unit="document"
    ) as writer:
        writer.write(0, docs)
        writer.close(1)
    nlp = initialised(REDUCE)
    batch = list(make_soft_label_reader(tmp_path)(nlp))
    assert [eg.reference.text for eg in batch] == [" \t ", "good"]
    loss = CategoryTask(CategorySet(CATEGORIES)).update(nlp.get_pipe("textcat"), batch, drop=0.0)
    assert loss == pytest.approx(2 * np.log(3), abs=0.05)  # untrained: a third to each


def test_rare_categories_come_more_often(tmp_path):
    path = write(tmp_path / "soft", ["so good"] + ["so bad"] * 9, tags=("negative", "positive"))
    reader = make_soft_label_reader(path, balance=0.4)
    counts = Counter(eg.reference.text for eg in reader.shuffled(spacy.blank("xx"), 0))
    assert counts == {"so bad": 9, "so good": 2}  # a tenth of all: sqrt(0.4 / 0.1)


def test_weight_zero_leaves_the_student_as_it_is():
    nlp = initialised(BOW)
    textcat = nlp.get_pipe("textcat")
    before = nlp("a film").cats
    target = np.array([[1.0, 0.0, 0.0]], dtype=np.float32)
    update_textcat(
        textcat,
        [nlp.make_doc("a film")],
        target,
        CategorySet(CATEGORIES),
        weights=np.zeros(1),
        sgd=Adam(0.01, L2=0.0),
    )
    assert nlp("a film").cats == before


def test_student_learns_its_teacher_and_is_a_plain_pipeline(tmp_path):
    soft = write(tmp_path / "soft", texts())
    distill(soft, CONFIG, tmp_path / "student", overrides=SMALL)
    student = spacy.load(tmp_path / "student" / "model-last")
    assert student.pipe_names == ["textcat"]
    assert "xner" not in student.config.to_str()
    for name, word in WORDS.items():
        cats = student(f"this film is {word}").cats
        assert max(cats, key=cats.get) == name


def test_resumed_student_equals_one_that_was_not_stopped(tmp_path):
    soft = write(tmp_path / "soft", texts())
    settings = {**SMALL, "distillation.max_epochs": 0, "distillation.checkpoint_every": 1}
    settings["training.batcher.size"] = 200
    settings["distillation.batcher.size"] = 200
    whole = {**settings, "distillation.max_steps": 6}
    distill(soft, CONFIG, tmp_path / "whole", overrides=whole)
    from spacy_xner.distillation import loop

    class KilledError(Exception):
        pass

    saved = loop.save_checkpoint

    def save_and_stop(output, at, *rest):
        saved(output, at, *rest)
        if at.step == 3:
            raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_and_stop)
        with pytest.raises(KilledError):
            distill(soft, CONFIG, tmp_path / "part", overrides=whole)
    distill(soft, CONFIG, tmp_path / "part", overrides=whole, resume=True)
    one, other = (spacy.load(tmp_path / name / "model-last") for name in ("whole", "part"))
    assert one("this film is good").cats == other("this film is good").cats


def test_entity_labels_do_not_fit_a_textcat_student(tmp_path):
    with pytest.raises(XnerError, match='expected a component with factory = "ner"'):
        distill(write_entities(tmp_path / "soft"), CONFIG, tmp_path / "student")


def test_category_labels_do_not_fit_an_ner_student(tmp_path):
    soft = write(tmp_path / "soft", texts(6))
    with pytest.raises(XnerError, match='expected a component with factory = "textcat"'):
        distill(soft, "configs/student.cfg", tmp_path / "student")


def test_entity_and_category_folders_do_not_teach_together(tmp_path):
    soft = write(tmp_path / "soft", texts(6))
    with pytest.raises(XnerError, match="one distribution a token"):
        make_soft_label_reader([soft, write_entities(tmp_path / "ner")]).supervise()


def test_category_that_the_teacher_does_not_know_is_named(tmp_path):
    soft = write(tmp_path / "soft", texts())
    labels = {"initialize.components": {"textcat": {"labels": [*CATEGORIES, "mixed"]}}}
    config = Config().from_disk(CONFIG, interpolate=False)
    config["initialize"]["components"] = labels["initialize.components"]
    with pytest.raises(XnerError, match="has the category mixed, which its teacher does not know"):
        distill(soft, config, overrides=SMALL)


def test_student_without_a_category_of_its_teacher_says_which():
    nlp = spacy.blank("xx")
    textcat = nlp.add_pipe("textcat", config={"model": BOW})
    for name in CATEGORIES[:2]:
        textcat.add_label(name)
    nlp.initialize()
    with pytest.raises(XnerError, match="knows no category positive"):
        update_textcat(textcat, [nlp.make_doc("a")], np.eye(3)[:1], CategorySet(CATEGORIES))


def test_multilabel_component_does_not_learn_a_distribution(tmp_path):
    config = Config().from_disk(CONFIG, interpolate=False)
    config["components"]["textcat"]["factory"] = "textcat_multilabel"
    with pytest.raises(XnerError, match='expected a component with factory = "textcat"'):
        distill(write(tmp_path / "soft", texts(6)), config)


def test_entity_weight_is_refused_for_categories(tmp_path):
    soft = write(tmp_path / "soft", texts())
    with pytest.raises(XnerError, match="entity_weight is 2"):
        distill(soft, CONFIG, overrides={**SMALL, "distillation.entity_weight": 2.0})


def test_balanced_weighting_lets_rare_categories_count_more(tmp_path):
    soft = write(tmp_path / "soft", ["is good"] + ["is bad"] * 5, tags=("negative", "positive"))
    reader = make_soft_label_reader(soft)
    reader.supervise(weighting=make_balanced_weighting())
    weights = {
        tuple(round(float(one), 2) for one in eg.reference.user_data[WEIGHTS][0])
        for eg in reader(spacy.blank("xx"))
    }
    # Priors are 0.7 and 0.3: 1 / 0.7 and 1 / 0.3, divided by their mean over the text, 2.
    assert weights == {(0.71, 1.67)}
    assert balancing_factors(np.array([0.7, 0.3]), 0.0).tolist() == [1.0, 1.0]


def test_student_learns_the_categories_as_they_are_weighed():
    nlp = spacy.blank("xx")
    textcat = nlp.add_pipe("textcat", config={"model": BOW})
    task = CategoryTask(CategorySet.from_types(["negative", "positive"]))
    example = Example(nlp.make_doc("so so"), nlp.make_doc("so so"))
    example.reference.cats = {"negative": 1.0, "positive": 0.0}
    example.reference.user_data[PROBABILITIES] = np.array([[0.75, 0.25]], dtype=np.float32)
    example.reference.user_data[WEIGHTS] = np.array([[0.5, 1.5]], dtype=np.float32)
    positive = Example(nlp.make_doc("x"), nlp.make_doc("x"))
    positive.reference.cats = {"negative": 0.0, "positive": 1.0}
    optimizer = nlp.initialize(lambda: [example, positive])
    optimizer.L2 = 0.0
    for _ in range(200):
        task.update(textcat, [example], drop=0.0)
        textcat.finish_update(optimizer)
    assert nlp("so so").cats["positive"] == pytest.approx(0.5, abs=0.02)


def test_balanced_weighting_is_of_categories(tmp_path):
    reader = make_soft_label_reader(write_entities(tmp_path / "soft"))
    reader.supervise(weighting=make_balanced_weighting())
    with pytest.raises(XnerError, match=r"soft labels are of tokens.*entity_weight"):
        list(reader(spacy.blank("xx")))
    with pytest.raises(XnerError, match="least is 0"):
        make_balanced_weighting(least=0.0)


@pytest.mark.slow
def test_student_with_balanced_weighting_learns(tmp_path):
    soft = write(tmp_path / "soft", texts())
    config = "configs/sentiment_student_balanced.cfg"
    distill(soft, config, tmp_path / "out", overrides=SMALL)
    student = spacy.load(tmp_path / "out" / "model-last")
    assert "xner" not in student.config.to_str()
    for name, word in WORDS.items():
        cats = student(f"this film is {word}").cats
        assert max(cats, key=cats.get) == name
