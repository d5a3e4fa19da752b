"""Vectors by the name of the document. All vectors here are made up; no image is behind them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spacy_xner.errors import XnerError
from spacy_xner.teacher.views.vectors import VectorShim, build_vector_view_v1

from .conftest import begun, fused, said

MADE_UP = {
    "en:0": np.array([1.0, 2.0, 3.0], dtype="float32"),
    "en:1": np.arange(6, dtype="float32").reshape(2, 3),
}


def write(path, vectors):
    if path.suffix == ".npz":
        np.savez(path, **vectors)
    else:
        lists = [np.asarray(v).ravel().tolist() for v in vectors.values()]
        pq.write_table(pa.table({"doc_id": list(vectors), "vector": lists}), path)
    return path


@pytest.fixture
def nlp():
    return begun(fused({}))


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_documents_have_one_vector_or_one_a_token(nlp, tmp_path, suffix):
    view = build_vector_view_v1(str(write(tmp_path / f"v{suffix}", MADE_UP)), 3)
    docs = [said(nlp, "Amina visited Lagos", None, "en:0"), said(nlp, "Zenith Bank", None, "en:1")]
    view.initialize(X=docs)
    whole, tokens = view.predict(docs)
    np.testing.assert_array_equal(whole, [[1, 2, 3]] * 3)
    np.testing.assert_array_equal(tokens, [[0, 1, 2], [3, 4, 5]])


def test_a_document_that_is_missing_has_zeros_and_that_is_said_once(nlp, tmp_path):
    view = build_vector_view_v1(str(write(tmp_path / "v.npz", MADE_UP)), 3)
    docs = [said(nlp, "Amina", None, "en:7"), said(nlp, "Amina"), said(nlp, "Amina", None, "en:0")]
    with pytest.warns(UserWarning, match="no vector for 'en:7'") as said_so:
        rows = view.predict(docs)
    assert len(said_so) == 1
    assert [row.any() for row in rows] == [False, False, True]


def test_vectors_of_other_documents_are_refused_in_training(nlp, tmp_path):
    view = build_vector_view_v1(str(write(tmp_path / "v.npz", MADE_UP)), 3)
    with pytest.raises(XnerError, match=r"no vector for any .*'de:0'; it has those of en:0, en:1"):
        view.initialize(X=[said(nlp, "Amina", None, "de:0")])


@pytest.mark.parametrize(
    ("name", "vector", "message"),
    [
        ("en:0", np.zeros(5), r"'en:0' has the shape \(5,\); expected 3 numbers .* or \(2, 3\)"),
        ("en:0", np.zeros((3, 3)), r"has the shape \(3, 3\)"),
        ("en:0", np.array(["a", "b", "c"]), "holds no array of numbers"),
    ],
)
def test_vectors_of_the_wrong_shape_are_named(nlp, tmp_path, name, vector, message):
    view = build_vector_view_v1(str(write(tmp_path / "v.npz", {name: vector})), 3)
    with pytest.raises(XnerError, match=message):
        view.predict([said(nlp, "Amina Bello", None, "en:0")])


def test_pickles_are_not_read(nlp, tmp_path):
    np.savez(tmp_path / "v.npz", **{"en:0": np.array([object()], dtype=object)})
    view = build_vector_view_v1(str(tmp_path / "v.npz"), 3)
    with pytest.raises(XnerError, match=r"en:0.*cannot be read"):
        view.predict([said(nlp, "Amina", None, "en:0")])


@pytest.mark.parametrize("name", ["v.npz", "v.parquet"])
def test_what_is_no_file_of_vectors_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(XnerError, match=f"{name} cannot be read as vectors"):
        _ = VectorShim(str(tmp_path / name), 3).vectors


def test_a_parquet_file_of_other_columns_is_named(tmp_path):
    pq.write_table(pa.table({"id": ["en:0"]}), tmp_path / "v.parquet")
    with pytest.raises(XnerError, match=r"(?s)cannot be read as vectors.*expected \.npz"):
        _ = VectorShim(str(tmp_path / "v.parquet"), 3).vectors


def test_a_file_that_is_gone_is_named_with_the_key(nlp, tmp_path):
    view = build_vector_view_v1(str(tmp_path / "gone.npz"), 3)
    with pytest.raises(
        XnerError, match=r"no vectors at .*gone\.npz, which `path` of .* config.cfg"
    ):
        view.predict([said(nlp, "Amina", None, "en:0")])


def test_a_trained_teacher_reads_the_vectors_of_another_text(tmp_path):
    first, second = (write(tmp_path / f"{n}.npz", {f"{n}:0": np.ones(3)}) for n in ("en", "am"))
    architecture = {"@architectures": "spacy-xner.VectorView.v1", "width": 3}
    nlp = fused({"image": architecture | {"path": str(first)}})
    nlp.get_pipe("xner_teacher").add_label("LOC")
    doc = said(nlp, "Lagos", None, "en:0")
    nlp.get_pipe("xner_teacher").model.initialize(X=[doc], Y=[np.zeros((1, 3), "float32")])
    other = fused({"image": architecture | {"path": str(second)}}).from_bytes(nlp.to_bytes())
    gates = other.get_pipe("xner_teacher").gates([said(other, "ሌጎስ", None, "am:0")])
    assert gates[0].tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"doc_id": ["en:0", "en:1"], "vector": [[1.0], None]}, "no vector beside 'en:1'"),
        ({"doc_id": ["en:0"], "vector": ["1 2"]}, "vector holds string; expected a list"),
        ({"doc_id": ["en:0", "en:0"], "vector": [[1.0], [2.0]]}, "'en:0' stands there twice"),
    ],
)
def test_faulty_parquet_vectors_are_named(tmp_path, content, message):
    pq.write_table(pa.table(content), tmp_path / "v.parquet")
    with pytest.raises(XnerError, match=message):
        _ = VectorShim(str(tmp_path / "v.parquet"), 1).vectors


def test_faulty_npz_vectors_are_named(nlp, tmp_path):
    np.save(tmp_path / "one.npy", np.ones(3))
    (tmp_path / "one.npy").rename(tmp_path / "one.npz")
    with pytest.raises(XnerError, match="one array without a name"):
        _ = VectorShim(str(tmp_path / "one.npz"), 3).vectors
    doc = said(nlp, "Amina", None, "en:0")
    write(tmp_path / "nan.npz", {"en:0": np.array([1.0, np.nan, 0.0])})
    with pytest.raises(XnerError, match="'en:0' has numbers that are NaN"):
        VectorShim(str(tmp_path / "nan.npz"), 3).rows(doc)
    whole = write(tmp_path / "cut.npz", MADE_UP).read_bytes()
    at = whole.index(b"descr") + 100
    (tmp_path / "cut.npz").write_bytes(whole[:at] + bytes(8 * [255]) + whole[at + 8 :])
    with pytest.raises(XnerError, match=r"cut.npz: 'en:0' cannot be read"):
        VectorShim(str(tmp_path / "cut.npz"), 3).rows(doc)
