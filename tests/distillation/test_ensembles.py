"""Several teachers of one text, and what of their labels a student trusts."""

import numpy as np
import pytest
import spacy

from spacy_xner.distillation.ensembles import make_inferred_reliability, make_weighted_mean
from spacy_xner.distillation.reader import PROBABILITIES, WEIGHTS, make_soft_label_reader
from spacy_xner.distillation.reliability import make_fitted_reliability
from spacy_xner.distillation.similarity import make_cosine_similarity
from spacy_xner.distillation.teachers import Teacher, resolve_teachers
from spacy_xner.distillation.texts import Labelled
from spacy_xner.distillation.weightings import (
    make_agreement_weighting,
    make_entropy_weighting,
    make_even_weighting,
    make_threshold_weighting,
)
from spacy_xner.errors import XnerError
from spacy_xner.tags import TagSet

from .made_up import (
    TAGSET,
    config_of,
    entities,
    run,
    soft_labels,
    sure_of,
    tagged_sentences,
    write_labels,
)


@pytest.fixture
def gold_file(tmp_path):
    path = tmp_path / "gold.conll"
    path.write_text("Amina B-PER\nleft O\n", "utf8")
    return str(path)


ONE, TWO = Teacher("one", "a"), Teacher("two", "b", weight=3.0)


def stack_of(*tags, sure=0.9):
    return np.stack([sure_of(each, sure=sure) for each in tags])


def labelled(stack, text="x", starts=(), ends=()):
    return Labelled("bb", "raw:0", text, np.array(starts), np.array(ends), stack, TAGSET.tags)


def test_the_mean_counts_each_teacher_by_its_weight():
    ensemble = make_weighted_mean()
    ensemble.fit([], [ONE, TWO])
    stack = stack_of(["B-PER"], ["O"], sure=1.0)
    expected = np.zeros((1, 5))
    expected[0, TAGSET.index("B-PER")] = 0.25
    expected[0, 0] = 0.75
    np.testing.assert_allclose(ensemble(stack), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "fault"),
    [
        ([0.0], "weights of t0 sum to 0"),
        ([0.0, 0.0], "weights of t0, t1 sum to 0"),
        ([2.0, -1.0], "weight of the teacher t1 is -1.0; expected a number from 0 up"),
        ([1.0, float("nan")], "weight of the teacher t1 is nan"),
    ],
)
def test_no_ensemble_takes_weights_that_are_none(weights, fault, gold_file, labels):
    teachers = [Teacher(f"t{i}", labels, weight) for i, weight in enumerate(weights)]
    for ensemble in (
        make_weighted_mean(),
        make_inferred_reliability(),
        make_fitted_reliability(gold_file, 1),
        make_cosine_similarity("encoder", {}),
    ):
        with pytest.raises(XnerError, match=fault):
            ensemble.fit([], teachers)


def test_a_text_whose_teachers_weigh_nothing_is_refused_before_it_is_read(labels):
    reader = make_soft_label_reader(labels)
    with pytest.raises(XnerError, match="weights of idle sum to 0"):
        reader.supervise([Teacher("idle", labels, weight=0.0)], make_inferred_reliability())


def test_inferred_reliability_hears_teachers_by_their_weight():
    stack = stack_of(["B-PER"] * 6, ["B-LOC"] * 6, sure=0.8)
    stack[0, 5] = 0
    places = {}
    for weight in (0.5, 1.0, 2.0, 0.0):
        ensemble = make_inferred_reliability(iterations=1)
        ensemble.fit([labelled(stack)], [Teacher("one", "a"), Teacher("two", "b", weight)])
        places[weight] = ensemble(stack)[:, TAGSET.index("B-LOC")]
    assert places[0.0][0] < places[0.5][0] < places[1.0][0] < places[2.0][0]
    assert places[2.0][5] > 0.5
    assert places[0.0][5] == 0.0  # the only one who speaks there does not count


def test_reliability_is_inferred_from_who_agrees_with_whom():
    # Two teachers miss a tenth of the entities; three others call most tokens a place.
    rng = np.random.default_rng(0)
    truth = [str(tag) for tag in rng.choice(["O", "O", "O", "B-PER", "B-LOC"], size=600)]

    def teacher(says, share):
        return [says if rng.random() < share else tag for tag in truth]

    given = [teacher("O", 0.1), teacher("O", 0.1), *(teacher("B-LOC", 0.8) for _ in range(3))]
    stack = stack_of(*given, sure=0.8)
    ensemble = make_inferred_reliability()
    ensemble.fit([labelled(stack[:, :300]), labelled(stack[:, 300:])], [ONE, TWO, ONE, ONE, ONE])
    found = ensemble(stack)
    right = np.array([TAGSET.index(tag) for tag in truth])
    inferred = (found.argmax(axis=1) == right).mean()
    averaged = (stack.mean(axis=0).argmax(axis=1) == right).mean()
    assert inferred > 0.9 > averaged + 0.2
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)
    assert ensemble(stack[:, :0]).shape == (0, 5)


def test_weightings():
    stack = stack_of(["O", "B-PER", "B-PER"], ["O", "O", "B-PER"], sure=1.0)
    doc = labelled(stack)
    combined = stack.mean(axis=0)
    combined[2] = 0.2
    assert make_even_weighting()(doc, combined).tolist() == [1, 1, 1]
    certain = make_entropy_weighting()(doc, combined)
    assert certain[0] == pytest.approx(1.0, abs=1e-4)
    assert certain[1] == pytest.approx(1 - np.log(2) / np.log(5), abs=1e-4)
    assert certain[2] == pytest.approx(0.0, abs=1e-4)
    assert make_threshold_weighting(0.6)(doc, combined).tolist() == [1, 0, 0]
    combined = sure_of(["O", "B-PER", "B-PER"])
    assert make_agreement_weighting()(doc, combined).tolist() == [1, 0.5, 1]
    assert make_agreement_weighting(least=1)(doc, combined).tolist() == [1, 0, 1]


def test_a_threshold_that_leaves_nothing_supervised_is_an_error_that_names_it(labels):
    config = config_of(distillation__max_epochs=1)
    weighting = {"@misc": "spacy-xner.threshold_weighting.v1", "threshold": 0.95}
    config["distillation"]["weighting"] = weighting  # the teacher is sure to 0.9
    with pytest.raises(XnerError, match=r"weighting\] threshold = 0.95 .*every token .*weighs 0"):
        run(labels, config=config)
    config["distillation"]["weighting"] = {**weighting, "threshold": 0.85}
    run(labels, config=config)


def test_entropy_is_not_turned_upside_down():
    with pytest.raises(XnerError, match=r"power is -1\.0; expected a number from 0 up"):
        make_entropy_weighting(-1.0)


def test_the_reader_combines_and_weighs(tmp_path):
    sentence = (["Amina", "left", "Kano"], ["B-PER", "O", "B-LOC"])
    other = (sentence[0], ["B-PER", "O", "O"])
    paths = [
        write_labels(tmp_path / name, soft_labels([labelled] * 3), teacher=name)
        for name, labelled in (("aa", sentence), ("bb", other))
    ]
    reader = make_soft_label_reader(paths)
    teachers = [Teacher("aa", paths[0]), Teacher("bb", paths[1], weight=9.0)]
    reader.supervise(teachers, None, make_agreement_weighting())
    example = next(iter(reader(spacy.blank("xx"))))
    assert [ent.text for ent in example.reference.ents] == ["Amina"]
    assert example.reference.user_data[WEIGHTS].tolist() == [1, 1, 0.5]
    found = example.reference.user_data[PROBABILITIES]
    assert found[2, TAGSET.index("B-LOC")] == pytest.approx(0.1 * 0.9 + 0.9 * 0.025, abs=1e-3)


def test_types_take_the_names_that_their_teacher_gives_them(tmp_path):
    tagset = TagSet.from_types(["GPE", "LOC", "DATE", "PER"])
    sentence = (
        ["Amina", "left", "New", "Kano", "today"],
        ["B-PER", "O", "B-GPE", "I-GPE", "B-DATE"],
    )
    path = write_labels(tmp_path / "labels", soft_labels([sentence], tagset), tagset=tagset)
    reader = make_soft_label_reader(path)
    reader.supervise([Teacher("wide", path, labels={"GPE": "LOC", "DATE": ""})])
    assert reader.tagset == TAGSET
    [example] = reader(spacy.blank("xx"))
    assert [(e.text, e.label_) for e in example.reference.ents] == [
        ("Amina", "PER"),
        ("New Kano", "LOC"),
    ]
    probabilities = example.reference.user_data[PROBABILITIES]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=2e-3)
    with pytest.raises(XnerError, match="teacher wide names NORP, but"):
        reader.supervise([Teacher("wide", path, labels={"NORP": "LOC"})])
    everything = dict.fromkeys(tagset.types, "")
    with pytest.raises(XnerError, match="leave no entity type"):
        reader.supervise([Teacher("wide", path, labels=everything)])


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({}, "has no path"),
        ({"path": "x", "wieght": 2}, "no key 'wieght'. Known keys: path, weight, labels"),
        ({"path": "x", "weight": -1}, "weight is -1; expected a number from 0 up"),
        ({"path": "x", "labels": "LOC"}, "labels is 'LOC'; expected a map"),
    ],
)
def test_a_faulty_entry_is_an_error_that_names_it(entry, fault):
    with pytest.raises(XnerError, match=r"\[distillation.teachers.swahili\].*" + fault):
        resolve_teachers({"swahili": entry})


def test_the_teachers_of_the_config_teach_when_no_folder_is_given(labels):
    teachers = {"english": {"path": str(labels)}}
    config = config_of()
    config["distillation"]["teachers"] = teachers
    named, _ = run([], config=config)
    given, _ = run(labels)
    text = "Amina Bello visited Kano again ."
    assert entities(named(text)) == entities(given(text))
    with pytest.raises(XnerError, match="Nobody teaches"):
        run([])


def test_a_tag_map_of_the_config_joins_teachers_of_different_tags(tmp_path):
    sentences = tagged_sentences(12)
    wide = TagSet.from_types(["DATE", "GPE", "PER"])
    renamed = [(words, [tag.replace("LOC", "GPE") for tag in tags]) for words, tags in sentences]
    one = write_labels(tmp_path / "one", soft_labels(sentences), teacher="aa")
    two = write_labels(tmp_path / "two", soft_labels(renamed, wide), teacher="bb", tagset=wide)
    teachers = {
        "english": {"path": str(one)},
        "wide": {"path": str(two), "labels": {"GPE": "LOC", "DATE": ""}, "weight": 2.0},
    }
    config = config_of(distillation__max_epochs=1)
    config["distillation"]["teachers"] = teachers
    student, _ = run([], config=config)
    assert set(student.get_pipe("ner").labels) == {"LOC", "PER"}

    teachers["wide"]["labels"] = {"DATE": ""}
    config["distillation"]["teachers"] = teachers
    with pytest.raises(XnerError, match=r"teachers wide and english.*map the types of one"):
        run([], config=config)
