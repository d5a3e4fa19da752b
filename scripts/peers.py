"""What people use today, over the same encoder: the other side of each ratio of speed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from thinc.api import Config

from spacy_xner.teacher.precision import autocast_type


def hf_pipeline(source: Any, folder: Path, batch_size: int) -> Callable[[list[str]], Any]:
    """The token-classification pipeline over the teacher's own encoder, with as many tags."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

    shim = source.nlp.get_pipe("transformer").model.shims[0]
    if not folder.exists():
        shim._model.save_pretrained(folder)
        shim.tokenizer.save_pretrained(folder)
    dtype = autocast_type("auto", torch.device("cpu")) or torch.float32
    tags = dict(enumerate(source.tagset.tags))
    model = AutoModelForTokenClassification.from_pretrained(
        folder, id2label=tags, label2id={tag: i for i, tag in tags.items()}, torch_dtype=dtype
    )
    # The teacher's own output layer, so that the pipeline groups the entities that it would find.
    head = next(
        node
        for node in source.nlp.get_pipe("xner_teacher").model.walk()
        if node.has_dim("nO") and node.get_dim("nO") == len(tags) and node.has_param("W")
    )
    with torch.no_grad():
        model.classifier.weight.copy_(torch.from_numpy(head.get_param("W")))
        model.classifier.bias.copy_(torch.from_numpy(head.get_param("b")))
    return pipeline(
        "token-classification",
        model=model,
        tokenizer=AutoTokenizer.from_pretrained(folder),
        aggregation_strategy="simple",
        batch_size=batch_size,
    )


def onnx_encoder(source: Any, folder: Path) -> Callable[[list[str]], Any]:
    """The teacher's encoder in ONNX Runtime, batches sorted by length; raises ImportError."""
    import numpy as np
    import onnxruntime
    import torch

    shim = source.nlp.get_pipe("transformer").model.shims[0]
    path = folder / "encoder.onnx"
    ids = torch.ones((2, 8), dtype=torch.long)
    torch.onnx.export(
        shim._model,
        (ids, torch.ones_like(ids)),
        str(path),
        input_names=["input_ids", "attention_mask"],
        output_names=["last_hidden_state"],
        dynamic_axes={name: {0: "n", 1: "t"} for name in ("input_ids", "attention_mask")},
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(texts: list[str]) -> None:
        ordered = sorted(texts, key=len)
        for start in range(0, len(ordered), 32):
            batch = shim.tokenizer(ordered[start : start + 32], padding=True, truncation=True)
            feed = {key: np.array(batch[key]) for key in ("input_ids", "attention_mask")}
            session.run(None, feed)

    return run


def spacy_pipeline(nlp: Any) -> Callable[[list[str]], Any]:
    """A pipeline as its users run it: from raw texts to `doc.ents`."""

    def run(texts: list[str]) -> None:
        for doc in nlp.pipe(texts, batch_size=256):
            _ = doc.ents

    return run


def stock_ner(package: str) -> Any:
    """An installed pipeline of spaCy's, cut down to what `ner` needs; raises OSError."""
    import spacy

    nlp = spacy.load(package)
    needed = {"tok2vec", "ner"}
    return (
        nlp
        if set(nlp.pipe_names) == needed
        else spacy.load(package, exclude=[name for name in nlp.pipe_names if name not in needed])
    )


def with_plain_tokenizer(encoder: Path, copy: Path) -> Path:
    """Copy an encoder folder for stock spacy-transformers.

    It opens the SentencePiece model of XLM-R tokenizers, which a pruned vocabulary does not have.
    """
    shutil.copytree(encoder, copy)
    path = copy / "tokenizer_config.json"
    settings = json.loads(path.read_text("utf8"))
    path.write_text(json.dumps(settings | {"tokenizer_class": "PreTrainedTokenizerFast"}), "utf8")
    return copy


def stock_config(encoder: Path) -> Config:
    """What spaCy's quickstart writes for a transformer with `ner`, over our encoder folder."""
    return Config().from_str(
        f"""
[nlp]
lang = "xx"
pipeline = ["transformer","ner"]
[components]
[components.transformer]
factory = "transformer"
[components.transformer.model]
@architectures = "spacy-transformers.TransformerModel.v3"
name = "{encoder.resolve()}"
tokenizer_config = {{"use_fast": true}}
[components.transformer.model.get_spans]
@span_getters = "spacy-transformers.strided_spans.v1"
window = 128
stride = 96
[components.ner]
factory = "ner"
[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = 64
maxout_pieces = 2
use_upper = false
nO = null
[components.ner.model.tok2vec]
@architectures = "spacy-transformers.TransformerListener.v1"
grad_factor = 1.0
[components.ner.model.tok2vec.pooling]
@layers = "reduce_mean.v1"
"""
    )
