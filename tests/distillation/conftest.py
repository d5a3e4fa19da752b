import pytest

from .made_up import run, soft_labels, tagged_sentences, write_labels


@pytest.fixture(scope="session")
def labels(tmp_path_factory):
    """Soft labels of 30 sentences in three shards; tests must not change them."""
    folder = tmp_path_factory.mktemp("labels") / "soft-labels"
    return write_labels(folder, soft_labels(tagged_sentences()))


@pytest.fixture(scope="session")
def saved(labels, tmp_path_factory):
    """Folder of a student that learned from the sentences; tests must not change it."""
    output = tmp_path_factory.mktemp("student")
    run(labels, output, overrides={"distillation.max_epochs": 10})
    return output / "model-best"
