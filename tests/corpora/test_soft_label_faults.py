"""Soft labels on disk: every fault that a folder can have, and a disk that is full."""

import errno
import json
import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.errors import XnerError
from spacy_xner.tags import TagSet

from .soft_label_samples import DOCS, TAGS, assert_equal_docs, make_doc, open_writer


def edit_manifest(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf8")), **changes}), "utf8")


def cut_in_half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"teacher": "cc33"}, "another teacher: found teacher aa11, expected cc33"),
        ({"source": "dd44"}, "another text: found source bb22, expected dd44"),
        ({"tags": TagSet.from_types(["ORG"]).tags}, "another tag set"),
    ],
)
def test_folder_of_another_run_is_refused_and_untouched(folder, change, what):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(XnerError, match=rf"manifest.json belongs to {what}.*Delete folder"):
        open_writer(folder, **change)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_shards_without_manifest_are_refused_by_the_writer(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(XnerError, match="holds shards but no manifest"):
        open_writer(folder)


def test_folder_that_is_missing_or_no_corpus_is_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(XnerError, match=r"not a folder of soft labels.*spacy xner annotate"):
            SoftLabelCorpus(path)


def test_unfinished_corpus_is_refused(tmp_path):
    open_writer(tmp_path / "labels").write(0, DOCS)
    with pytest.raises(XnerError, match=r"not finished \(1 shards so far\)"):
        SoftLabelCorpus(tmp_path / "labels")


@pytest.mark.parametrize("open_folder", [SoftLabelCorpus, open_writer])
def test_half_written_manifest_is_refused(folder, open_folder):
    cut_in_half(folder / "manifest.json")
    with pytest.raises(XnerError, match=r"manifest.json cannot be read as a manifest"):
        open_folder(folder)


@pytest.mark.parametrize(
    "changes",
    [{"format": "other"}, {"shards": [{"index": 0}]}, {"tags": ["B-PER", "O"]}, {"more": 1}],
)
def test_manifest_of_another_format_is_refused(folder, changes):
    edit_manifest(folder, **changes)
    with pytest.raises(XnerError, match=r"manifest.json cannot be read as a manifest"):
        SoftLabelCorpus(folder)


def test_shard_cut_in_half_is_refused(folder):
    cut_in_half(folder / "part-00001.parquet")
    with pytest.raises(XnerError, match=r"part-00001.parquet is damaged: no Parquet file, or cut"):
        SoftLabelCorpus(folder)


def test_shard_cut_in_half_is_made_again_on_resume(folder):
    cut_in_half(folder / "part-00001.parquet")
    with pytest.warns(UserWarning, match=r"part-00001.parquet is damaged.*made again"):
        writer = open_writer(folder)
    assert writer.finished == {0}
    with pytest.raises(XnerError, match="not finished"):
        SoftLabelCorpus(folder)
    writer.write(1, DOCS[2:])
    writer.close(2)
    assert_equal_docs(list(SoftLabelCorpus(folder)), DOCS)


@pytest.mark.parametrize("column", ["text", "starts", "probs"])
def test_single_wrong_byte_within_a_shard_is_refused_on_reading(folder, column):
    path = folder / "part-00001.parquet"
    footer = pq.read_metadata(path).row_group(0)
    chunks = [footer.column(i) for i in range(footer.num_columns)]
    (chunk,) = [c for c in chunks if c.path_in_schema.split(".")[0] == column]
    content = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    # The last byte of the values; the footer stays whole, so that only reading the rows finds it.
    content[start + chunk.total_compressed_size - 1] ^= 1
    path.write_bytes(bytes(content))
    corpus = SoftLabelCorpus(folder)
    with pytest.raises(XnerError, match=r"part-00001.parquet is damaged"):
        corpus.read_shard(1)


def test_missing_shard_is_refused(folder):
    (folder / "part-00000.parquet").unlink()
    with pytest.raises(XnerError, match=r"part-00000.parquet is damaged: the file is missing"):
        SoftLabelCorpus(folder)


def test_tags_that_differ_between_shard_and_manifest_are_refused(folder):
    edit_manifest(folder, tags=list(TagSet.from_types(["LOC", "ORG"]).tags))
    with pytest.raises(XnerError, match=r"damaged: tags is .*B-PER.*the manifest says .*B-ORG"):
        SoftLabelCorpus(folder)


def test_shard_of_another_teacher_is_refused(folder):
    edit_manifest(folder, teacher="cc33")
    with pytest.raises(XnerError, match="teacher is aa11, the manifest says cc33"):
        SoftLabelCorpus(folder)


def test_shard_with_other_counts_than_the_manifest_is_refused(folder):
    shards = [{"index": 0, "docs": 2, "tokens": 5}, {"index": 1, "docs": 2, "tokens": 7}]
    edit_manifest(folder, shards=shards)
    with pytest.raises(XnerError, match=r"part-00001.*1 documents.*the manifest says 2 and 7"):
        SoftLabelCorpus(folder)
    edit_manifest(folder, shards=shards[:1])
    with pytest.raises(XnerError, match=r"part-00000.*4 tokens, the manifest says 2 and 5"):
        SoftLabelCorpus(folder).read_shard(0)


def test_close_refuses_missing_and_surplus_shards(folder):
    writer = open_writer(folder)
    with pytest.raises(XnerError, match=r"3 shards; missing \[2\], not expected \[\]"):
        writer.close(3)
    with pytest.raises(XnerError, match=r"1 shards; missing \[\], not expected \[1\]"):
        writer.close(1)


def test_documents_that_do_not_hold_together_are_refused(tmp_path):
    writer = open_writer(tmp_path / "labels")
    faults = {
        "starts": (np.array([0, 1, 2, 3]), "offsets that overlap"),
        "ends": (np.array([4, 9, 14, 99]), "offsets that overlap"),
        "probs": (np.full((4, len(TAGS)), 0.5), "do not sum to 1"),
    }
    for name, (value, message) in faults.items():
        doc = make_doc(0)
        setattr(doc, name, value)
        with pytest.raises(XnerError, match=f"'raw:0' have .*{message}"):
            writer.write(0, [doc])
    doc = make_doc(0)
    doc.probs = doc.probs[:, :3]
    with pytest.raises(XnerError, match=r"shape \(4, 3\); expected n, n and n x 5"):
        writer.write(0, [doc])
    doc.probs = np.full((4, len(TAGS)), np.nan)
    with pytest.raises(XnerError, match="do not sum to 1"):
        writer.write(0, [doc])
    assert writer.finished == set()


def refuse(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def assert_full_disk_is_told_and_resumed(labels, writer, monkeypatch):
    before = sorted(path.name for path in labels.iterdir())
    with pytest.raises(XnerError, match=r"folder .*labels: No space left on device") as caught:
        writer.write(1, DOCS[2:])
    assert "Free room on the disk and run the same command again" in str(caught.value)
    assert sorted(path.name for path in labels.iterdir()) == before
    monkeypatch.undo()
    writer = open_writer(labels)
    assert writer.finished == {0}
    writer.write(1, DOCS[2:])
    writer.close(2)
    assert_equal_docs(list(SoftLabelCorpus(labels)), DOCS)


@pytest.mark.parametrize("target", ["pyarrow.parquet.write_table", "os.fsync", "os.replace"])
def test_full_disk_leaves_nothing_half_finished(tmp_path, monkeypatch, target):
    writer = open_writer(tmp_path / "labels")
    writer.write(0, DOCS[:2])
    monkeypatch.setattr(target, refuse)
    assert_full_disk_is_told_and_resumed(tmp_path / "labels", writer, monkeypatch)


def test_full_disk_at_the_manifest_keeps_the_old_one(tmp_path, monkeypatch):
    labels = tmp_path / "labels"
    writer = open_writer(labels)
    writer.write(0, DOCS[:2])
    before = (labels / "manifest.json").read_bytes()
    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(XnerError, match=r"Could not write manifest.json .*No space left"):
        writer.close(1)
    assert (labels / "manifest.json").read_bytes() == before


def test_size_limit_of_the_system_is_told_like_a_full_disk(tmp_path):
    resource = pytest.importorskip("resource")
    labels = tmp_path / "labels"
    writer = open_writer(labels)
    writer.write(0, DOCS[:2])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(XnerError, match=r"File too large. Free room on the disk"):
            writer.write(1, [make_doc(i, n_tokens=200) for i in range(20)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    shards = sorted(p.name for p in labels.iterdir() if not p.name.startswith("."))
    assert shards == ["manifest.json", "part-00000.parquet"]


def test_path_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("x", "utf8")
    with pytest.raises(XnerError, match="See that the folder can be made"):
        open_writer(tmp_path / "file" / "labels")
