"""The distillation loop: when it stops, what it tells loggers, which components it trains."""

import copy

import pytest
import spacy
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import registry

from spacy_xner.distillation.config import load_student_config
from spacy_xner.distillation.reader import make_soft_label_reader
from spacy_xner.distillation.student import init_student
from spacy_xner.errors import XnerError

from .made_up import (
    CONFIG,
    config_of,
    run,
    soft_labels,
    tagged_sentences,
    weights,
    write_labels,
)

INFOS = []
N_WORDS = sum(
    len(words)
    for i, (words, _) in enumerate(tagged_sentences())
    if i not in (3, 7, 11, 15, 19, 21)  # held out: the hash of their names is under 0.2
)


@registry.loggers("xner_test_recorder")
def make_recorder():
    def setup(nlp, stdout, stderr):
        INFOS.clear()
        return lambda info: INFOS.append(copy.deepcopy(info)), lambda: INFOS.append("closed")

    return setup


RECORDED = CONFIG.replace(
    '@loggers = "spacy.ConsoleLogger.v1"\nprogress_bar = false', '@loggers = "xner_test_recorder"'
)


def recorded(labels, output=None, text=RECORDED, **changes):
    """Distil; give the student and what the logger was told at evaluations."""
    nlp, _ = run(labels, output, config_of(text, **changes))
    assert INFOS[-1] == "closed"
    return nlp, [info for info in INFOS[:-1] if info is not None]


def n_steps():
    return len(INFOS) - 1


def test_max_epochs_ends_after_so_many_passes(labels):
    _, infos = recorded(labels, distillation__max_epochs=2)
    assert infos[-1]["words"] == 2 * N_WORDS
    assert infos[-1]["epoch"] == 1
    assert infos[-1]["step"] == n_steps()
    assert [info["step"] for info in infos[:-1]] == list(range(4, n_steps(), 4))


def test_max_steps_ends_there_and_what_it_ends_with_is_evaluated_and_saved(labels, tmp_path):
    nlp, infos = recorded(labels, tmp_path, distillation__max_steps=5, distillation__max_epochs=0)
    assert n_steps() == 5
    assert [info["step"] for info in infos] == [4, 5]
    assert infos[-1]["score"] is not None
    assert weights(spacy.load(tmp_path / "model-last")) == weights(nlp)


@pytest.mark.parametrize("frequency", [1, 4])
def test_patience_ends_when_nothing_gets_better(labels, frequency):
    _, infos = recorded(
        labels,
        distillation__max_epochs=0,
        distillation__optimizer__learn_rate=0.0,
        training__patience=3,
        training__eval_frequency=frequency,
    )
    assert n_steps() == infos[0]["step"] + 3 == frequency + 3
    assert {info["score"] for info in infos} == {infos[0]["score"]}


def test_the_loss_falls_and_the_score_rises(labels):
    _, infos = recorded(labels, distillation__max_epochs=8)
    first, last = (info["losses"]["ner"] for info in (infos[0], infos[-2]))
    assert last < 0.7 * first
    assert infos[-1]["score"] > 0.8


def test_best_is_the_best_that_was_seen_and_last_the_last(labels, tmp_path):
    nlp, infos = recorded(labels, tmp_path)
    best = spacy.load(tmp_path / "model-best")
    assert best.meta["performance"]["ents_f"] == pytest.approx(max(info["score"] for info in infos))
    assert weights(spacy.load(tmp_path / "model-last")) == weights(nlp)


def test_without_an_output_folder_the_student_is_returned(labels):
    nlp, _ = recorded(labels, distillation__max_epochs=8)
    assert [ent.label_ for ent in nlp("Chidi left Kano again .").ents] == ["PER", "LOC"]


def test_the_same_seed_gives_the_same_student(labels):
    one, again, other = (weights(run(labels, overrides={"system.seed": s})[0]) for s in (1, 1, 2))
    assert one == again
    assert one != other


def test_a_logger_gets_what_spacys_own_loop_tells(labels, tmp_path):
    _, infos = recorded(labels, tmp_path / "ours")
    config = config_of(RECORDED, paths__soft_labels=str(labels), training__max_steps=4)
    (tmp_path / "theirs").mkdir()
    train(init_nlp(config), tmp_path / "theirs")
    theirs = next(info for info in INFOS if info is not None)
    ours = infos[0]
    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if key != "score":  # a sum that may be the integer 0
            assert isinstance(ours[key], type(value)), key
    assert len(ours["checkpoints"][0]) == len(theirs["checkpoints"][0])
    assert ours["losses"].keys() == theirs["losses"].keys()
    assert ours["other_scores"].keys() == theirs["other_scores"].keys()


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_spacys_console_loggers_print_their_table(labels, version):
    value = {"v1": "true", "v2": "true", "v3": '"eval"'}[version]
    text = CONFIG.replace("ConsoleLogger.v1", f"ConsoleLogger.{version}")
    _, printed = run(
        labels,
        config=config_of(text.replace("= false\n[training.score", f"= {value}\n[training.score")),
    )
    lines = printed.splitlines()
    assert any("LOSS NER" in line and "ENTS_F" in line for line in lines)
    rows = [line.split() for line in lines if line.split()[:1] in (["0"], ["1"])]
    assert rows[0][:2] == ["0", "4"]
    assert all(float(row[2]) > 0 for row in rows)


def test_loggers_of_spacy_loggers_work(labels):
    text = RECORDED.replace(
        '@loggers = "xner_test_recorder"',
        '@loggers = "spacy.ChainLogger.v1"\n[training.logger.logger1]\n'
        '@loggers = "spacy.ConsoleLogger.v1"\n[training.logger.logger2]\n'
        '@loggers = "xner_test_recorder"',
    )
    _, printed = run(labels, config=config_of(text))
    assert "LOSS NER" in printed
    assert INFOS[-2]["words"] == 2 * N_WORDS


SHARED = (
    RECORDED.replace('pipeline = ["ner"]', 'pipeline = ["tok2vec","ner"]')
    .replace("[components]\n", '[components]\n[components.tok2vec]\nfactory = "tok2vec"\n')
    .replace("[components.ner.model.tok2vec]", "[components.tok2vec.model]")
    .replace(
        "[corpora]\n",
        '[components.ner.model.tok2vec]\n@architectures = "spacy.Tok2VecListener.v1"\n'
        'width = 16\nupstream = "*"\n[corpora]\n',
        1,
    )
)


def initial(labels, text, **changes):
    config = load_student_config(config_of(text, **changes), {"paths.soft_labels": [str(labels)]})
    reader = make_soft_label_reader(labels, "train", 0.2)
    return weights(init_student(config, reader))


def changed(before, after, name):
    return [key for key in before if key.startswith(f"{name}/") and before[key] != after[key]]


def test_a_shared_tok2vec_is_trained(labels):
    nlp, infos = recorded(labels, text=SHARED, distillation__max_epochs=6)
    before, after = initial(labels, SHARED), weights(nlp)
    assert before.keys() == after.keys()
    assert changed(before, after, "tok2vec")
    assert changed(before, after, "ner")
    assert infos[-1]["score"] > 0.6
    assert set(infos[0]["losses"]) == {"tok2vec", "ner"}


def test_frozen_components_stay_as_they_are(labels):
    changes = {
        "training__frozen_components": ["tok2vec"],
        "training__annotating_components": ["tok2vec"],
    }
    nlp, infos = recorded(labels, text=SHARED, **changes)
    before, after = initial(labels, SHARED, **changes), weights(nlp)
    assert not changed(before, after, "tok2vec")
    assert changed(before, after, "ner")
    assert set(infos[0]["losses"]) == {"ner"}


def test_sentence_boundaries_of_an_annotating_component_are_kept(labels):
    text = RECORDED.replace('pipeline = ["ner"]', 'pipeline = ["sentencizer","ner"]').replace(
        "[components]\n", '[components]\n[components.sentencizer]\nfactory = "sentencizer"\n'
    )
    nlp, infos = recorded(labels, text=text, training__annotating_components=["sentencizer"])
    assert nlp.pipe_names == ["sentencizer", "ner"]
    assert infos[-1]["words"] == 2 * N_WORDS


def test_no_document_is_an_error(tmp_path):
    with pytest.raises(XnerError, match="hold no text"):
        run(write_labels(tmp_path / "labels", []))


def test_documents_without_a_token_are_an_error(tmp_path):
    with pytest.raises(XnerError, match="hold no text"):
        run(write_labels(tmp_path / "labels", soft_labels([([], []), ([], [])])))


def test_one_token_is_enough(tmp_path):
    labels = write_labels(tmp_path / "labels", soft_labels([(["Kano"], ["B-LOC"])]))
    nlp, _ = run(labels, overrides={"distillation.max_epochs": 40})
    assert [ent.label_ for ent in nlp("Kano").ents] == ["LOC"]


def test_nothing_held_out_trains_to_the_end(labels):
    _, infos = recorded(labels, corpora__distillation__held_out=0.0, corpora__dev__held_out=0.0)
    every = sum(len(words) for words, _ in tagged_sentences())
    assert infos[-1]["words"] == 2 * every


def test_everything_held_out_is_an_error(labels):
    with pytest.raises(XnerError, match="hold no text"):
        run(labels, config=config_of(corpora__distillation__held_out=0.999999))


def test_an_earlier_result_is_cleared(labels, tmp_path):
    for leftover in ("model-best", "checkpoint-new", "checkpoint-old"):
        (tmp_path / leftover).mkdir()
        (tmp_path / leftover / "leftover").write_text("x", "utf8")
    run(labels, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint",
        "model-best",
        "model-last",
    ]
    assert not (tmp_path / "model-best" / "leftover").exists()


def test_several_teachers_and_texts_train_one_student(labels, tmp_path):
    other = write_labels(tmp_path / "other", soft_labels(tagged_sentences(), sure=0.7), teacher="c")
    more = write_labels(tmp_path / "more", soft_labels(tagged_sentences(5, seed=3)), source="d")
    _, infos = recorded([labels, other, more])
    held_out = {3}
    added = sum(
        len(words) for i, (words, _) in enumerate(tagged_sentences(5, seed=3)) if i not in held_out
    )
    assert infos[-1]["words"] == 2 * (N_WORDS + added)
