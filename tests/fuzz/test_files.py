"""Readers, manifests and configs of any content: read, or refused with the one error of users."""

import json
import warnings

import numpy as np
import pytest
import spacy
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from spacy_xner.corpora.conll import is_conll, read_conll
from spacy_xner.corpora.documents import iter_documents
from spacy_xner.corpora.encoding import iter_lines
from spacy_xner.corpora.raw import iter_texts
from spacy_xner.corpora.shards import SoftLabels
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.corpora.tsv import read_tsv
from spacy_xner.distillation.config import load_student_config, resolve_distillation
from spacy_xner.errors import XnerError
from spacy_xner.tags import TagSet, decode, detect_scheme, spans_from_iob2, to_iob2

from ..corpora.soft_label_samples import TAGS, open_writer
from ..distillation.made_up import CONFIG, config_of

FEW = settings(
    max_examples=40,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),  # "explain" takes minutes
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
NLP = spacy.blank("xx")
# Bytes of any kind, lines that are nearly CoNLL, and text of all scripts.
WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
CONLL_LINES = st.one_of(
    st.just(""),
    st.builds(
        "{} {}-{}".format,
        WORDS,
        st.sampled_from("BILUESO"),
        st.sampled_from(["PER", "LOC", "", "-"]),
    ),
    st.builds("{} O".format, WORDS),
    WORDS,
)
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.lists(CONLL_LINES, max_size=12).map(lambda lines: "\n".join(lines).encode("utf8")),
    st.text(st.characters(exclude_categories=("Cs",))).map(lambda text: text.encode("utf8")),
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "file.txt"


@FEW
@given(CONTENTS)
def test_any_file_is_read_as_documents_or_refused(file, content):
    file.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            docs = list(iter_documents(file, NLP))
        except XnerError:
            return
    for number, (name, doc) in enumerate(docs):
        assert name == f"file:{number}"
        assert len(doc)
        assert doc.text == "".join(token.text_with_ws for token in doc)


@FEW
@given(CONTENTS)
def test_any_file_is_read_as_conll_with_valid_tags_or_refused_with_its_line(file, content):
    file.write_bytes(content)
    is_conll(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            sentences = read_conll(file)
        except XnerError:
            return
    assert sentences
    for sentence in sentences:
        assert len(sentence.words) == len(sentence.tags) > 0
        assert to_iob2(sentence.tags) == (sentence.tags, 0)
        assert all(start < end for start, end, _ in spans_from_iob2(sentence.tags))


@FEW
@given(st.text(st.characters(exclude_categories=("Cs",))), st.booleans())
def test_lines_are_those_of_the_text(file, text, mark):
    file.write_bytes(b"\xef\xbb\xbf" * mark + text.encode("utf8"))
    try:
        lines = list(iter_lines(file))
    except XnerError:
        assert not text.strip("\ufeff").strip()
        return
    expected = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
    assert lines == expected or (not mark and text.startswith("\ufeff"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert list(iter_texts(file)) == [" ".join(line.split()) for line in lines]


@FEW
@given(CONTENTS)
def test_any_file_is_read_as_categories_or_refused(file, content):
    file.write_bytes(b"text\tlabel\n" + content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            rows = read_tsv(file)
        except XnerError:
            return
    assert all(row.label for row in rows)


@given(st.lists(st.text("BILUESO-PERX \t", max_size=6), max_size=8))
def test_any_tags_become_iob2_or_are_refused(tags):
    try:
        scheme = detect_scheme([tags])
        found, repaired = to_iob2(tags, scheme)
    except XnerError:
        return
    assert to_iob2(found) == (found, 0)
    assert 0 <= repaired <= len(tags) == len(found)


@given(st.integers(0, 2**32 - 1), st.integers(0, 20), st.floats(0, 1))
def test_any_probabilities_are_decoded_to_valid_spans_inside(seed, n, zeros):
    rng = np.random.default_rng(seed)
    tagset = TagSet.from_types(["PER", "LOC"])
    probs = rng.dirichlet(np.ones(len(tagset)), n) if n else np.zeros((0, len(tagset)))
    probs[rng.random(probs.shape) < zeros] = 0
    tags = decode(probs, tagset)
    assert to_iob2(tags) == (tags, 0)
    assert all(0 <= start < end <= n for start, end, _ in spans_from_iob2(tags))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = ["format", "tags", "teacher", "source", "lang", "meta", "complete", "shards", "unit", "x"]


@FEW
@given(st.sampled_from(KEYS), JSON)
def test_any_manifest_is_read_or_refused(tmp_path, key, value):
    if not (tmp_path / "labels/manifest.json").exists():
        open_writer(tmp_path / "labels").close(0)
    path = tmp_path / "labels/manifest.json"
    before = path.read_text("utf8")
    path.write_text(json.dumps(json.loads(before) | {key: value}), "utf8")
    try:
        corpus = SoftLabelCorpus(tmp_path / "labels")
        assert list(corpus) == [] == corpus.shards
    except XnerError:
        pass
    finally:
        path.write_text(before, "utf8")


@FEW
@given(
    st.text(max_size=8),
    st.lists(st.integers(-2, 9), max_size=3),
    st.lists(st.integers(-2, 9), max_size=3),
    st.sampled_from([0.0, 0.5, 1.0, -1.0, float("nan"), float("inf")]),
)
def test_any_labels_are_written_to_be_read_again_or_refused(tmp_path, text, starts, ends, value):
    n = len(starts)
    probs = np.zeros((n, len(TAGS)), "float16")
    probs[:, 0], probs[:, 1] = 1 - value, value
    doc = SoftLabels("a:0", "xx", text, np.array(starts, "i4"), np.array(ends, "i4"), probs)
    writer = open_writer(tmp_path / "labels")
    writer._manifest.shards.clear()
    try:
        writer.write(0, [doc])
    except (XnerError, UnicodeEncodeError):
        return
    writer.close(1)
    (found,) = SoftLabelCorpus(tmp_path / "labels")
    assert (found.text, found.starts.tolist(), found.ends.tolist()) == (text, starts, ends)
    np.testing.assert_array_equal(found.probs, probs)


BLOCK = ["dropout", "max_epochs", "max_steps", "temperature", "alpha", "entity_weight", "corpus"]


@FEW
@given(st.dictionaries(st.sampled_from([*BLOCK, "batcher", "teachers", "tmperature"]), JSON))
def test_any_distillation_block_is_resolved_or_refused(values):
    overrides = {f"distillation.{key}": value for key, value in values.items()}
    try:
        plain = load_student_config(config_of(CONFIG), overrides).interpolate()
    except ValueError:  # ours, or spaCy's own for what no config can say
        return
    try:
        block = resolve_distillation(plain)
    except XnerError:
        return
    assert 0 <= block.alpha <= 1
    assert block.temperature > 0
    assert 0 <= block.dropout < 1


@FEW
@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_any_file_as_a_config_is_read_or_refused(file, text):
    file.write_text(text, "utf8")
    try:
        config = load_student_config(file)
    except XnerError:
        return
    assert "distillation" in config
