import pickle

import pytest

from ..encoders.tiny import make_tiny


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.fixture
def mark(tmp_path):
    """A file that is there if anything ran that should not."""
    path = tmp_path / "ran"
    yield path
    assert not path.exists(), "code of a file was run"


@pytest.fixture
def bomb(mark):
    return pickle.dumps(Bomb(mark))


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    return make_tiny("bert", tmp_path_factory.mktemp("bert") / "encoder", ["Amina visited Kano ."])
