"""Nothing that is loaded unpickles or brings code that runs."""

import base64
import io
import json
import shutil
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import spacy
import srsly
from thinc.api import Config

from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.encoders.load import load_encoder
from spacy_xner.encoders.serialize import encoder_from_bytes, encoder_to_bytes
from spacy_xner.errors import XnerError
from spacy_xner.projection.translation import load_translator
from spacy_xner.teacher.loading import load_pipeline

from ..corpora.soft_label_samples import DOCS, open_writer
from ..distillation.made_up import (
    CONFIG,
    config_of,
    run,
    soft_labels,
    tagged_sentences,
    write_labels,
)

EVIL = "open({!r}, 'w')\nclass Evil: pass\n"


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    return write_labels(
        tmp_path_factory.mktemp("trust") / "labels", soft_labels(tagged_sentences())
    )


@pytest.fixture(scope="module")
def stock(tiny_bert, tmp_path_factory):
    """A pipeline with a transformer of spacy-transformers, which torch pickles."""
    config = {
        "model": {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": str(tiny_bert),
        }
    }
    nlp = spacy.blank("xx")
    nlp.add_pipe("transformer", config=config)
    nlp.initialize()
    folder = tmp_path_factory.mktemp("stock") / "pipeline"
    nlp.to_disk(folder)
    return folder


@pytest.fixture
def own(stock, tmp_path):
    return shutil.copytree(stock, tmp_path / "pipeline")


def change_shim(folder, change):
    """Write the transformer of a saved pipeline anew, its content changed."""
    path = folder / "transformer/model"
    model = srsly.msgpack_loads(path.read_bytes())
    for shims in model["shims"]:
        for i, shim in enumerate(shims):
            content = srsly.msgpack_loads(shim)
            change(content)
            shims[i] = srsly.msgpack_dumps(content)
    path.write_bytes(srsly.msgpack_dumps(model))


def test_a_stock_transformer_that_is_sound_loads(own, mark):
    change_shim(own, lambda content: None)
    assert load_pipeline(own).pipe_names == ["transformer"]


def test_pickled_code_in_the_weights_of_a_pipeline_is_refused(own, bomb, mark):
    change_shim(own, lambda content: content.update(state=bomb))
    with pytest.raises(XnerError, match=r"a pickle with code in it, which is never run"):
        load_pipeline(own)


@pytest.mark.parametrize("name", ["../../evil.py", "/tmp/evil-of-a-test.py"])
def test_a_tokenizer_of_a_pipeline_writes_no_file_elsewhere(name, own):
    change_shim(own, lambda content: content["tokenizer"].update({name: b"evil"}))
    with pytest.raises(
        XnerError, match=r"a file of the tokenizer is '.*evil.*py'.*out of its folder"
    ):
        load_pipeline(own)


def test_a_tokenizer_of_a_pipeline_runs_no_code(own, mark):
    def change(content):
        settings = json.loads(content["tokenizer"]["tokenizer_config.json"])
        settings["auto_map"] = {"AutoTokenizer": [None, "evil.Evil"]}
        content["tokenizer"]["tokenizer_config.json"] = json.dumps(settings).encode()
        content["tokenizer"]["evil.py"] = EVIL.format(str(mark)).encode()
        content["tokenizer"]["kwargs"]["trust_remote_code"] = True

    change_shim(own, change)
    with pytest.raises(XnerError, match=r"trust_remote_code is True.*never run"):
        load_pipeline(own)


def test_a_model_type_of_its_own_in_a_pipeline_is_refused(own):
    change_shim(own, lambda content: content["config"].update(auto_map={"AutoConfig": "evil.C"}))
    with pytest.raises(XnerError, match="needs Python code of its own, which is never run"):
        load_pipeline(own)


@pytest.mark.parametrize("key", ["transformer_config", "tokenizer_config"])
def test_a_config_that_trusts_remote_code_is_refused(key, own, labels):
    path = own / "config.cfg"
    config = Config().from_disk(path, interpolate=False)
    config["components"]["transformer"]["model"][key] = {"trust_remote_code": True}
    config.to_disk(path)
    with pytest.raises(XnerError, match=rf"config.cfg: .*{key}.trust_remote_code is True"):
        load_pipeline(own)
    student = config_of(CONFIG)
    student["components"]["transformer"] = config["components"]["transformer"]
    with pytest.raises(XnerError, match=rf"{key}.trust_remote_code is True"):
        run(labels, config=student)


@pytest.mark.parametrize("where", ["component", "vectors"])
def test_a_pipeline_that_a_student_is_made_from_is_checked_too(where, own, labels):
    change_shim(own, lambda content: content["tokenizer"].update({"../evil": b"evil"}))
    student = config_of(CONFIG)
    if where == "component":
        student["nlp"]["pipeline"] = ["transformer", "ner"]
        student["components"]["transformer"] = {"source": str(own)}
    else:
        student["initialize"]["vectors"] = str(own)
    with pytest.raises(XnerError, match=r"a file of the tokenizer is '\.\./evil'"):
        run(labels, config=student)


def test_code_beside_a_pipeline_does_not_run(own, mark):
    (own / "__init__.py").write_text(EVIL.format(str(mark)), "utf8")
    assert load_pipeline(own).pipe_names == ["transformer"]


def test_our_own_transformer_writes_no_file_elsewhere(tiny_bert):
    content = srsly.msgpack_loads(encoder_to_bytes(*load_encoder(tiny_bert)))
    content["tokenizer"]["../evil"] = b"evil"
    with pytest.raises(XnerError, match=r"'\.\./evil', which would lead out"):
        encoder_from_bytes(srsly.msgpack_dumps(content))


def test_a_folder_with_remote_code_runs_none(tiny_bert, tmp_path, mark):
    folder = shutil.copytree(tiny_bert, tmp_path / "encoder")
    (folder / "evil.py").write_text(EVIL.format(str(mark)), "utf8")
    for name, key, kind in (
        ("config.json", "AutoConfig", "evil.Evil"),
        ("tokenizer_config.json", "AutoTokenizer", [None, "evil.Evil"]),
    ):
        path = folder / name
        settings = json.loads(path.read_text("utf8")) | {"auto_map": {key: kind}}
        settings["model_type"] = settings["tokenizer_class"] = "evil"
        path.write_text(json.dumps(settings), "utf8")
    with pytest.raises(XnerError, match="needs Python code of its own, which is never run"):
        load_encoder(folder)
    with pytest.raises(XnerError, match="needs Python code of its own, which is never run"):
        load_translator(folder)


def test_pickled_weights_beside_safetensors_are_not_read(tiny_bert, tmp_path, bomb, mark):
    folder = shutil.copytree(tiny_bert, tmp_path / "encoder")
    (folder / "pytorch_model.bin").write_bytes(bomb)
    load_encoder(folder)


def test_pickled_arrays_in_a_checkpoint_are_refused(labels, tmp_path, bomb, mark):
    run(labels, tmp_path / "out", config_of(distillation__max_epochs=1))
    path = tmp_path / "out/checkpoint/optimizer.npz"
    with np.load(path) as arrays:
        names = list(arrays)
    # What np.savez writes of an object array: a header and a pickle.
    file = io.BytesIO()
    np.save(file, np.array([None], dtype=object), allow_pickle=True)
    header = file.getvalue()[: file.getvalue().index(b"\n") + 1]
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"{name}.npy", header + bomb)
    with pytest.raises(XnerError, match=r"checkpoint cannot be read .*allow_pickle=False"):
        run(labels, tmp_path / "out", config_of(distillation__max_epochs=1), resume=True)


@pytest.mark.parametrize("state", ["{", "[]", '{"run": {"step": 1}}'])
def test_a_broken_checkpoint_is_told(state, labels, tmp_path):
    run(labels, tmp_path / "out", config_of(distillation__max_epochs=1))
    (tmp_path / "out/checkpoint/state.json").write_text(state, "utf8")
    with pytest.raises(XnerError, match=r"The checkpoint in .* cannot be read"):
        run(labels, tmp_path / "out", config_of(distillation__max_epochs=1), resume=True)


def test_a_pickled_type_in_a_shard_does_not_run(tmp_path, bomb, mark):
    """CVE-2023-47248: pyarrow unpickled the type of such a column up to 14.0."""
    writer = open_writer(tmp_path / "labels")
    writer.write(0, DOCS)
    writer.close(1)
    path = tmp_path / "labels/part-00000.parquet"
    table = pq.read_table(path)
    evil = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": base64.b64encode(bomb),
        b"ARROW:extension:metadata": bomb,
    }
    fields = [
        field.with_metadata(evil) if field.name == "text" else field for field in table.schema
    ]
    schema = pa.schema(fields, metadata=table.schema.metadata)
    pq.write_table(table.cast(schema), path)
    assert len(SoftLabelCorpus(tmp_path / "labels").read_shard(0)) == len(DOCS)


@pytest.mark.parametrize("suffix", [".spacy", ".txt", ".conll", ".parquet"])
def test_a_pickle_as_a_text_is_no_text(suffix, tmp_path, bomb, mark):
    from spacy_xner.corpora.documents import iter_documents

    path = tmp_path / f"text{suffix}"
    path.write_bytes(b"\x80\x04" + bomb)
    with pytest.raises(XnerError):
        list(iter_documents(path, spacy.blank("xx")))
