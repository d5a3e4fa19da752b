"""Names that become files stay in their folder: of documents, components, shards, archives."""

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from thinc.api import Config

from spacy_xner.corpora.archives import is_archive, unpack
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.distillation.config import load_student_config
from spacy_xner.errors import XnerError
from spacy_xner.safety import check_document_id
from spacy_xner.teacher.loading import load_pipeline

from ..corpora.soft_label_samples import DOCS, make_doc, open_writer
from ..distillation.made_up import CONFIG, run, soft_labels, tagged_sentences, write_labels

ROOT = Path(__file__).resolve().parents[2]
ESCAPES = ["../evil", "/etc/passwd", "a/../../evil", "..\\evil", "\\\\host\\share", "a\x00b", ""]


@pytest.mark.parametrize("name", ESCAPES)
def test_a_document_id_that_leaves_its_folder_is_not_written(name, tmp_path):
    writer = open_writer(tmp_path / "labels")
    doc = make_doc(0)
    doc.doc_id = name
    with pytest.raises(XnerError, match="as a path would lead out of its folder"):
        writer.write(0, [doc])


@pytest.mark.parametrize("column", ["doc_id", "lang"])
def test_a_name_that_leaves_its_folder_is_not_read(column, tmp_path):
    writer = open_writer(tmp_path / "labels")
    writer.write(0, DOCS)
    writer.close(1)
    path = tmp_path / "labels/part-00000.parquet"
    table = pq.read_table(path)
    names = pa.array(["../../evil"] * len(table))
    at = table.column_names.index(column)
    pq.write_table(table.set_column(at, column, names), path)
    corpus = SoftLabelCorpus(tmp_path / "labels")
    with pytest.raises(XnerError, match=r"'\.\./\.\./evil', which .*out of its folder"):
        corpus.read_shard(0)


@given(st.text(min_size=1))
def test_what_a_document_may_be_called_stays_below_any_folder(name):
    try:
        check_document_id(name)
    except XnerError:
        return
    assert (Path("/folder") / name).resolve().is_relative_to("/folder")


def test_names_of_libraries_are_allowed():
    for name in ("ark:/12148/bpt6k-1", "raw:12", "\u0dc1\u0dca\u200d\u0dbb\u0dd3:3"):
        assert check_document_id(name) == name


@pytest.mark.parametrize("index", ["../../evil", -1, 1.5, True])
def test_a_shard_whose_number_is_none_is_refused(index, tmp_path):
    open_writer(tmp_path).write(0, DOCS)
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text("utf8"))
    manifest["shards"][0]["index"] = index
    path.write_text(json.dumps(manifest | {"complete": True}), "utf8")
    with pytest.raises(XnerError, match="a shard has index"):
        SoftLabelCorpus(tmp_path)


def test_a_component_of_a_student_config_cannot_leave_the_folder(tmp_path):
    """spaCy makes a folder of a component's name. A dot would end it, a slash does not."""
    path, name = tmp_path / "student.cfg", f"{tmp_path}/evil"
    text = CONFIG.replace('["ner"]', f'["{name}"]').replace(
        "[components.ner", f"[components.{name}"
    )
    path.write_text(text, "utf8")
    with pytest.raises(XnerError, match=r"student.cfg: a component's name is '/.*/evil'"):
        load_student_config(path)
    config = Config().from_str(CONFIG, interpolate=False)
    config["components"] = {"../../evil": config["components"]["ner"]}
    labels = write_labels(tmp_path / "labels", soft_labels(tagged_sentences()))
    with pytest.raises(XnerError, match=r"a component's name is '\.\./\.\./evil'"):
        run(labels, tmp_path / "deep/er/out", config)
    assert not list(tmp_path.rglob("evil*"))


def test_a_component_of_a_pipeline_cannot_leave_its_folder(tmp_path):
    nlp = spacy.blank("xx")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "pipeline")
    path = tmp_path / "pipeline/config.cfg"
    text = path.read_text("utf8").replace('["sentencizer"]', '["/evil"]')
    path.write_text(text.replace("[components.sentencizer", "[components./evil"), "utf8")
    with pytest.raises(XnerError, match=r"config.cfg: a component's name is '/evil'"):
        load_pipeline(tmp_path / "pipeline")


def make_zip(path, name, link=False):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.txt", "text")
        info = zipfile.ZipInfo(name)
        if link:
            info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")


def make_tar(path, name, link=False):
    with tarfile.open(path, "w:gz") as archive:
        for each in ("good.txt", name):
            info = tarfile.TarInfo(each)
            info.size = 4
            if link and each == name:
                info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0
            archive.addfile(info, io.BytesIO(b"text"))


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize("name", ["../evil", "/tmp/evil-of-a-test", "a/../../evil"])
def test_an_archive_that_leaves_its_folder_is_refused_as_a_whole(make, name, tmp_path):
    make(tmp_path / "data", name)
    with pytest.raises(XnerError, match=r"would be written outside of the folder.*Nothing was"):
        unpack(tmp_path / "data", tmp_path / "in/folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["data"]
    assert not Path("/tmp/evil-of-a-test").exists()


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_links_in_an_archive_are_refused(make, tmp_path):
    make(tmp_path / "data", "link", link=True)
    with pytest.raises(XnerError, match="'link' is a link or a device"):
        unpack(tmp_path / "data", tmp_path / "folder")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_good_archive_is_unpacked_unless_it_is_too_large(make, tmp_path):
    make(tmp_path / "data", "sub/other.txt")
    assert is_archive(tmp_path / "data")
    with pytest.raises(XnerError, match="at most 5 are allowed"):
        unpack(tmp_path / "data", tmp_path / "folder", max_bytes=5)
    unpack(tmp_path / "data", tmp_path / "folder")
    assert (tmp_path / "folder/good.txt").read_text("utf8") == "text"
    assert (tmp_path / "folder/sub/other.txt").is_file()


@pytest.mark.slow
def test_the_corpus_step_refuses_an_archive_that_leaves_its_folder(tmp_path):
    make_zip(tmp_path / "data.zip", "../evil")
    command = [sys.executable, "scripts/corpus.py", "masakhaner", str(tmp_path / "corpus")]
    done = subprocess.run(
        [*command, "--data-root", str(tmp_path / "data.zip")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "would be written outside of the folder" in " ".join(done.stdout.split())
    assert not list(tmp_path.rglob("evil"))
