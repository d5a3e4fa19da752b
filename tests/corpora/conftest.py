"""A finished soft-label folder."""

import pytest

from .soft_label_samples import DOCS, open_writer


@pytest.fixture
def folder(tmp_path):
    """A finished corpus of two shards."""
    with open_writer(tmp_path / "labels", meta={"precision": "fp32"}) as writer:
        writer.write(0, DOCS[:2])
        writer.write(1, DOCS[2:])
        writer.close(2)
    return tmp_path / "labels"
