"""What is kept in memory does not grow with the text."""

import tracemalloc

from spacy_xner.corpora.raw import iter_texts
from spacy_xner.teacher.annotate import annotate_documents

from ..teacher.test_annotate import TEXTS, MadeUpSource


def test_the_vocabulary_does_not_grow_with_the_text(tmp_path):
    (tmp_path / "raw.txt").write_text("\n".join(TEXTS), "utf8")
    source = MadeUpSource()
    before = len(source.nlp.vocab.strings), sum(1 for _ in source.nlp.vocab)
    annotate_documents(source, tmp_path / "raw.txt", tmp_path / "out", shard_docs=5)
    assert (len(source.nlp.vocab.strings), sum(1 for _ in source.nlp.vocab)) == before
    assert sum(map(len, source.batches)) == len(TEXTS)


def test_a_raw_text_is_read_line_by_line(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_text("\n".join(["Amina Bello visited Kano on Monday"] * 60_000), "utf8")
    tracemalloc.start()
    try:
        n = sum(1 for _ in iter_texts(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert n == 60_000
    assert peak < path.stat().st_size / 4
