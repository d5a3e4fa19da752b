import numpy as np
import pytest
import spacy
from spacy.util import registry

from spacy_xner.errors import XnerError

from ..conftest import TAGGED, TEXTS, doc_of, examples_of, transformer_config, update
from .conftest import ROMANISED, begun, fused, probabilities, said, view_of

LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "upstream": "*",
    "pooling": {"@layers": "reduce_mean.v1"},
}


def gazetteer(names):
    return {"@architectures": "spacy-xner.GazetteerView.v1", "files": [str(names)]}


def test_before_training_a_fused_teacher_says_what_the_text_alone_says(names):
    nlp = begun(fused({"romanised": ROMANISED, "names": gazetteer(names)}))
    docs = [doc_of(nlp, text) for text in TEXTS]
    model = nlp.get_pipe("xner_teacher").model
    fusion = model.get_ref("tok2vec")
    for with_views, alone in zip(fusion.predict(docs), fusion.layers[0].predict(docs), strict=True):
        np.testing.assert_array_equal(with_views, alone)


def test_learns_by_heart_and_comes_back_from_disk(names, tmp_path):
    nlp = fused({"romanised": ROMANISED, "names": gazetteer(names)})
    spacy.util.fix_random_seed(0)
    examples = examples_of(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    losses = [update(nlp, examples, optimizer) for _ in range(60)]
    assert losses[-1] < 0.1 < losses[0]
    docs = [doc_of(nlp, text) for text, _ in TAGGED]
    before = probabilities(nlp, docs)
    names.unlink()  # a saved teacher carries its names
    nlp.to_disk(tmp_path / "teacher")
    loaded = spacy.load(tmp_path / "teacher")
    same = fused({"romanised": ROMANISED, "names": gazetteer(names)}).from_bytes(nlp.to_bytes())
    for other in (loaded, same):
        after = probabilities(other, [doc_of(other, text) for text, _ in TAGGED])
        for one, two in zip(before, after, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-6)


def test_gradients_are_those_of_finite_differences(names):
    nlp = begun(fused({"romanised": ROMANISED, "names": gazetteer(names)}, view_dropout=0.0))
    fusion = nlp.get_pipe("xner_teacher").model.get_ref("tok2vec")
    rng = np.random.default_rng(0)
    for node in fusion.walk():  # away from the zeros that it begins with
        for name in node.param_names if node.name != "hashembed" else ():
            param = node.get_param(name)
            node.set_param(name, param + rng.normal(0, 0.1, param.shape).astype("float32"))
    docs = [said(nlp, "Amina visited Lagos"), said(nlp, "Zenith Bank in Köln")]
    outputs, backprop = fusion.begin_update(docs)
    weights = [rng.normal(size=y.shape).astype("float32") for y in outputs]
    backprop(weights)

    def loss():
        return sum(float((w * y).sum()) for w, y in zip(weights, fusion.predict(docs), strict=True))

    for node in fusion.layers[1:]:
        for part in node.walk():
            for name in part.param_names:
                gradient, param = part.get_grad(name), part.get_param(name).copy()
                at = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
                step = np.zeros_like(param)
                step[at] = 0.02
                part.set_param(name, param + step)
                up = loss()
                part.set_param(name, param - step)
                down = loss()
                part.set_param(name, param)
                assert (up - down) / 0.04 == pytest.approx(float(gradient[at]), rel=0.03, abs=2e-3)


def test_a_view_that_says_nothing_adds_nothing_and_its_gate_is_shut(names):
    nlp = begun(fused({"romanised": ROMANISED, "names": gazetteer(names)}))
    teacher = nlp.get_pipe("xner_teacher")
    assert teacher.views == ("romanised", "names")
    first, empty = teacher.gates([doc_of(nlp, "Amina Bello visited Lagos"), doc_of(nlp, "")])
    assert first.shape == (4, 2)
    assert empty.shape == (0, 2)
    np.testing.assert_array_equal(first[:, 0], 0.5)
    np.testing.assert_array_equal(first[:, 1], [0.5, 0.5, 0.0, 0.5])


def test_a_plain_teacher_has_no_gates(teacher):
    assert teacher.get_pipe("xner_teacher").views == ()
    assert teacher.get_pipe("xner_teacher").gates([teacher.make_doc("Lagos")])[0].shape == (1, 0)


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_whole_views_are_dropped_in_training_alone(names, kept):
    spacy.util.fix_random_seed(0)
    nlp = begun(fused({"romanised": ROMANISED}, view_dropout=1 - kept if kept else 0.999))
    fusion = nlp.get_pipe("xner_teacher").model.get_ref("tok2vec")
    adds = fusion.layers[2].layers[2]
    adds.set_param("b", np.ones_like(adds.get_param("b")))
    docs = [doc_of(nlp, "Amina visited Lagos")] * 200
    alone = fusion.layers[0].predict(docs)
    added = [(y - x).any() for x, y in zip(alone, fusion.begin_update(docs)[0], strict=True)]
    assert np.mean(added) == pytest.approx(kept, abs=0.1)
    assert all((y - x).any() for x, y in zip(alone, fusion.predict(docs), strict=True))


def test_the_text_of_a_share_of_tokens_is_mixed_with_that_of_others_in_training():
    spacy.util.fix_random_seed(0)
    nlp = begun(fused({"romanised": ROMANISED}, text_mixing={"romanised": 0.5}))
    fusion = nlp.get_pipe("xner_teacher").model.get_ref("tok2vec")
    docs = [doc_of(nlp, "Amina visited Lagos")] * 100
    alone = np.concatenate(fusion.layers[0].predict(docs))
    states, backprop = fusion.begin_update(docs)
    mixed = np.abs(np.concatenate(states) - alone).max(axis=1) > 1e-4
    # A third of the tokens is drawn to be mixed with its own like.
    assert mixed.mean() == pytest.approx(0.5 * 2 / 3, abs=0.07)
    np.testing.assert_array_equal(np.concatenate(fusion.predict(docs)), alone)
    backprop([np.ones_like(rows) for rows in states])


def test_a_token_whose_text_is_mixed_for_a_view_is_seen_by_no_other(names):
    spacy.util.fix_random_seed(0)
    views = {"romanised": ROMANISED, "names": gazetteer(names)}
    nlp = begun(fused(views, text_mixing={"names": 0.5}, view_dropout=0.0))
    fusion = nlp.get_pipe("xner_teacher").model.get_ref("tok2vec")
    for gate, value in zip(fusion.layers[3:], (100.0, 1000.0), strict=True):
        gate.layers[2].set_param("b", np.full_like(gate.layers[2].get_param("b"), value))
    docs = [doc_of(nlp, "Amina visited Lagos")] * 100
    added = np.concatenate(fusion.begin_update(docs)[0]).mean(axis=1).reshape(100, 3)
    # A gate lets half through; the list knows "Lagos" alone.
    seen = [{int(round(value, -1)) for value in column} for column in added.T]
    assert seen == [{50, 0}, {50, 0}, {550, 500}]
    assert (np.abs(added[:, 2] - 500) < 20).mean() == pytest.approx(0.5, abs=0.1)


def test_a_share_of_views_beyond_one_is_refused():
    with pytest.raises(XnerError, match=r"view_dropout is 1\.5; expected a share"):
        fused({"romanised": ROMANISED}, view_dropout=1.5)


@pytest.mark.parametrize("mixing", [{"romanised": 1.5}, {"romanised": -0.5}, {"sound": 0.5}])
def test_mixing_is_refused_beyond_one_and_for_no_view(mixing):
    with pytest.raises(XnerError, match=r"text_mixing is .* of the views romanised"):
        fused({"romanised": ROMANISED}, text_mixing=mixing)


def test_begins_with_a_trained_plain_teacher_and_says_the_same(encoder, teacher, teacher_folder):
    nlp = spacy.blank("xx")
    nlp.add_pipe("transformer", config=transformer_config(encoder, frozen=["embeddings"]))
    fusion = {
        "@architectures": "spacy-xner.ViewFusion.v1",
        "text": LISTENER,
        "views": {"romanised": ROMANISED},
    }
    model = {"@architectures": "spacy-xner.TokenClassifier.v1", "tok2vec": fusion}
    nlp.add_pipe("xner_teacher", config={"model": model})
    nlp.config["initialize"]["after_init"] = {
        "@callbacks": "spacy-xner.start_from_teacher.v1",
        "path": str(teacher_folder),
    }
    begun(nlp)
    assert nlp.get_pipe("transformer").model.attrs["frozen"] == ["embeddings"]
    ours = probabilities(nlp, [doc_of(nlp, text) for text in TEXTS])
    plain = probabilities(teacher, [doc_of(teacher, text) for text in TEXTS])
    for one, two in zip(ours, plain, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_views_are_put_on_a_teacher_that_stays_as_it_is(encoder, teacher, teacher_folder, tmp_path):
    nlp = spacy.blank("xx")
    frozen = ["embeddings", "encoder"]
    nlp.add_pipe("transformer", config=transformer_config(encoder, frozen=frozen))
    fusion = {
        "@architectures": "spacy-xner.ViewFusion.v1",
        "text": LISTENER,
        "views": {"romanised": ROMANISED},
        "text_mixing": {"romanised": 0.5},
    }
    model = {
        "@architectures": "spacy-xner.TokenClassifier.v1",
        "tok2vec": fusion,
        "frozen_head": True,
    }
    nlp.add_pipe("xner_teacher", config={"model": model})
    nlp.config["initialize"]["after_init"] = {
        "@callbacks": "spacy-xner.start_from_teacher.v1",
        "path": str(teacher_folder),
    }
    examples = examples_of(nlp)
    optimizer = nlp.initialize(lambda: examples)
    encoder_before = nlp.get_pipe("transformer").model.to_bytes()
    optimizer.learn_rate = 0.01
    losses = [update(nlp, examples, optimizer) for _ in range(30)]
    assert losses[-1] < losses[0]
    pipe = nlp.get_pipe("xner_teacher")
    theirs = teacher.get_pipe("xner_teacher").model.get_ref("output")
    head = pipe.model.get_ref("output")
    np.testing.assert_array_equal(head.get_param("W"), theirs.get_param("W"))
    assert nlp.get_pipe("transformer").model.to_bytes() == encoder_before
    nlp.to_disk(tmp_path / "teacher")
    loaded = spacy.load(tmp_path / "teacher")
    docs = [doc_of(nlp, text) for text in TEXTS]
    for one, two in zip(probabilities(nlp, docs), probabilities(loaded, docs), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_begins_with_no_path_but_says_what_is_missing():
    start = registry.callbacks.get("spacy-xner.start_from_teacher.v1")(None)
    with pytest.raises(XnerError, match=r"Train configs/teacher\.cfg first.*--paths\.start"):
        start(spacy.blank("xx"))


def test_begins_with_no_teacher_of_other_pipes(teacher_folder):
    nlp = fused({"romanised": ROMANISED})
    start = registry.callbacks.get("spacy-xner.start_from_teacher.v1")(str(teacher_folder))
    begun(nlp)
    with pytest.raises(XnerError, match="it needs those of this pipeline: xner_teacher"):
        start(nlp)


def test_begins_with_no_teacher_of_other_labels(tmp_path):
    begun(fused({"romanised": ROMANISED})).to_disk(tmp_path)
    start = registry.callbacks.get("spacy-xner.start_from_teacher.v1")(str(tmp_path))
    nlp = begun(fused({"romanised": ROMANISED}), [("Lagos", ["B-GPE"])])
    with pytest.raises(XnerError, match="knows LOC, ORG, PER, this corpus has GPE"):
        start(nlp)


def test_forms_of_one_name_in_two_scripts_share_ngrams():
    nlp = begun(fused({"romanised": ROMANISED}))
    view = view_of(nlp)
    latin, ethiopic, other = view.predict([said(nlp, "lagose ላጎስ Straßen")])[0]
    assert latin @ ethiopic > other @ ethiopic
