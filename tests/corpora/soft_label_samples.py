"""Documents with soft labels, for the tests of what stores them."""

import numpy as np

from spacy_xner.corpora.soft_labels import SoftLabels, SoftLabelWriter
from spacy_xner.tags import TagSet

TAGS = TagSet.from_types(["PER", "LOC"]).tags
TEACHER, SOURCE = "aa11", "bb22"


def make_doc(number, n_tokens=4):
    rng = np.random.default_rng(number)
    starts = np.arange(n_tokens, dtype="int32") * 5
    text = "Kano " * n_tokens
    probs = rng.dirichlet(np.ones(len(TAGS)), n_tokens).astype("float16")
    return SoftLabels(f"raw:{number}", "hau", text, starts, starts + 4, probs)


DOCS = [make_doc(0), make_doc(1, n_tokens=0), make_doc(2, n_tokens=7)]


def open_writer(path, **changes):
    keys = {"tags": TAGS, "teacher": TEACHER, "source": SOURCE, "lang": "hau", **changes}
    return SoftLabelWriter(path, **keys)


def assert_equal_docs(found, expected):
    assert [(d.doc_id, d.lang, d.text) for d in found] == [
        (d.doc_id, d.lang, d.text) for d in expected
    ]
    for one, other in zip(found, expected, strict=True):
        for name, dtype in (("starts", "int32"), ("ends", "int32"), ("probs", "float16")):
            assert getattr(one, name).dtype == dtype
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
