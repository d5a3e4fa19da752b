"""Documents of any length, and tokens of any length, teach a student and are read by it."""

import pytest
import spacy
from spacy.util import registry

from .made_up import CONFIG, config_of, run, soft_labels, tagged_sentences, write_labels

LONG_DOC, LONG_TOKEN = 20_000, 5_000
INFOS = []


@registry.loggers("xner_test_long_recorder")
def make_recorder():
    def setup(nlp, stdout, stderr):
        INFOS.clear()
        return INFOS.append, lambda: None

    return setup


def long_sentence(n):
    """One document of `n` tokens: the sentences after one another."""
    words, tags = [], []
    for some_words, some_tags in tagged_sentences(n // 4):
        words += some_words
        tags += some_tags
    return words[:n], tags[:n]


LONG = long_sentence(LONG_DOC)
WIDE = (["Chidi", "visited", "x" * LONG_TOKEN, "."], ["B-PER", "O", "O", "O"])


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """Folder of a student that has read each of the two documents once, and nothing else."""
    folder = tmp_path_factory.mktemp("long")
    labels = write_labels(folder / "labels", soft_labels([LONG, WIDE]))
    text = CONFIG.replace("held_out = 0.2", "held_out = 0").replace(
        '@loggers = "spacy.ConsoleLogger.v1"\nprogress_bar = false',
        '@loggers = "xner_test_long_recorder"',
    )
    run(labels, folder / "out", config_of(text, distillation__max_epochs=1))
    return folder / "out" / "model-last"


@pytest.mark.slow
def test_a_long_document_and_a_long_token_teach_every_token_of_theirs(student):
    last = INFOS[-1]
    assert last["words"] == LONG_DOC + len(WIDE[0])
    assert 0 < last["losses"]["ner"] < float("inf")


@pytest.mark.slow
def test_a_saved_student_reads_a_long_document(student):
    nlp = spacy.load(student)
    doc = nlp(" ".join(LONG[0]))
    assert len(doc) == LONG_DOC
    assert all(token.ent_iob for token in doc)


@pytest.mark.slow
def test_a_saved_student_reads_a_long_token(student):
    nlp = spacy.load(student)
    doc = nlp(" ".join(WIDE[0]))
    assert [len(token) for token in doc] == [5, 7, LONG_TOKEN, 1]
    assert all(token.ent_iob for token in doc)
