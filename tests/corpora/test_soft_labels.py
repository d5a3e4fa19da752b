"""Soft labels on disk: round trip and resume."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.errors import XnerError

from .soft_label_samples import (
    DOCS,
    SOURCE,
    TAGS,
    TEACHER,
    assert_equal_docs,
    make_doc,
    open_writer,
)


def test_corpus_gives_back_what_was_written(folder):
    corpus = SoftLabelCorpus(folder)
    assert_equal_docs(list(corpus), DOCS)
    assert_equal_docs(corpus.read_shard(1), DOCS[2:])
    assert (len(corpus), corpus.n_docs, corpus.n_tokens) == (3, 3, 11)
    assert (corpus.tags, corpus.teacher, corpus.source) == (TAGS, TEACHER, SOURCE)
    assert (corpus.lang, corpus.meta, corpus.complete) == ("hau", {"precision": "fp32"}, True)
    assert [path.name for path in corpus.shards] == ["part-00000.parquet", "part-00001.parquet"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest.json",
        "part-00000.parquet",
        "part-00001.parquet",
    ]


def test_shard_is_plain_parquet_with_tags_and_teacher_in_its_metadata(folder):
    table = pq.read_table(folder / "part-00000.parquet")
    assert table.column_names == ["doc_id", "lang", "text", "starts", "ends", "probs"]
    assert table.schema.field("probs").type == pa.list_(pa.float16())
    assert json.loads(table.schema.metadata[b"tags"]) == list(TAGS)
    assert table.schema.metadata[b"teacher"] == TEACHER.encode()
    assert table.column("probs").to_pylist()[0] == DOCS[0].probs.ravel().tolist()
    codec = pq.read_metadata(folder / "part-00000.parquet").row_group(0).column(0).compression
    assert codec == "ZSTD"


def test_manifest_counts_documents_and_tokens_of_each_shard(folder):
    manifest = json.loads((folder / "manifest.json").read_text("utf8"))
    assert manifest["shards"] == [
        {"index": 0, "docs": 2, "tokens": 4},
        {"index": 1, "docs": 1, "tokens": 7},
    ]


def test_empty_shard_and_empty_corpus_round_trip(tmp_path):
    with open_writer(tmp_path / "labels") as writer:
        writer.write(0, [])
        writer.close(1)
    assert list(SoftLabelCorpus(tmp_path / "labels")) == []


def test_probabilities_of_higher_precision_are_stored_as_float16(tmp_path):
    doc = make_doc(0)
    doc.probs = doc.probs.astype("float64")
    with open_writer(tmp_path / "labels") as writer:
        writer.write(0, [doc])
        writer.close(1)
    assert next(iter(SoftLabelCorpus(tmp_path / "labels"))).probs.dtype == np.float16


def test_resume_writes_only_missing_shards_and_equals_an_uninterrupted_run(folder, tmp_path):
    other = tmp_path / "resumed"
    with open_writer(other, meta={"precision": "fp32"}) as writer:
        writer.write(1, DOCS[2:])
    with open_writer(other, meta={"precision": "fp32"}) as writer:
        assert writer.finished == {1}
        writer.write(0, DOCS[:2])
        writer.close(2)
    for path in folder.iterdir():
        assert (other / path.name).read_bytes() == path.read_bytes()


def test_leftover_of_a_killed_run_is_cleared_and_its_shard_is_not_finished(tmp_path):
    labels = tmp_path / "labels"
    open_writer(labels).write(0, DOCS[:1])
    (labels / "part-00001.parquet.tmp").write_bytes(b"PAR1 half")
    # Killed between the renaming of a shard and the writing of the manifest.
    (labels / "part-00002.parquet").write_bytes((labels / "part-00000.parquet").read_bytes())
    writer = open_writer(labels)
    assert writer.finished == {0}
    assert not list(labels.glob("*.tmp"))
    writer.write(1, DOCS[1:2])
    writer.write(2, DOCS[2:])
    writer.close(3)
    assert_equal_docs(list(SoftLabelCorpus(labels)), DOCS)


def test_finished_corpus_stays_complete_when_opened_for_writing(folder):
    assert open_writer(folder).finished == {0, 1}
    assert SoftLabelCorpus(folder).n_docs == 3


def test_shard_is_not_written_twice(folder):
    with pytest.raises(XnerError, match=r"Shard 1 .* is finished"):
        open_writer(folder).write(1, DOCS)
