"""Classifiers of documents as teachers: spaCy's `textcat`, Hugging Face sequence classifiers."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from spacy.language import Language
from spacy.pipeline import TextCategorizer
from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ..categories import CategorySet
from ..errors import XnerError
from .sources import PipelineSource, ProbabilitySource, folder_fingerprint

__all__ = [
    "classifies_alone",
    "is_sequence_classifier",
    "sequence_classifier_source",
    "softmax_of",
    "textcat_source",
]

_SOFTMAX = ("softmax", "softmax_activation")


def classifies_alone(nlp: Language) -> bool:
    """Tell whether a pipeline classifies documents and sets no entities.

    nlp (Language): The pipeline.
    RETURNS (bool): True if it has a `textcat` or `textcat_multilabel`, and nothing for entities.
    """
    metas = [nlp.get_pipe_meta(name) for name in nlp.pipe_names]
    has_textcat = any(meta.factory.startswith("textcat") for meta in metas)
    return has_textcat and not any("doc.ents" in meta.assigns for meta in metas)


def textcat_source(
    nlp: Language, fingerprint: str, *, component: str | None = None
) -> ProbabilitySource:
    """Make a source of a pipeline with spaCy's `textcat`.

    nlp (Language): The pipeline.
    fingerprint (str): Hex digest of it.
    component (Optional[str]): The `textcat`; the only one if none is given.
    RETURNS (ProbabilitySource): The source, of one distribution a document.
    RAISES: XnerError: There is no `textcat`, more than one, or see `softmax_of`.
    """
    found = [
        name
        for name in ([component] if component else nlp.pipe_names)
        if nlp.get_pipe_meta(name).factory == "textcat"
    ]
    if len(found) != 1:
        raise XnerError(
            f"The pipeline has {len(found)} components of the factory `textcat`; it has "
            f"{', '.join(nlp.pipe_names)}. Expected one, or that `component` names one: the "
            "probabilities of `textcat_multilabel` do not sum to 1."
        )
    textcat: Any = nlp.get_pipe(found[0])
    softmax_of(textcat)
    categories = CategorySet.from_types(textcat.labels)
    order = [textcat.labels.index(name) for name in categories.tags]
    return PipelineSource(
        nlp, found[0], categories, partial(_from_textcat, textcat, order), fingerprint
    )


def softmax_of(textcat: TextCategorizer) -> str:
    """Find the softmax that makes the scores of a `textcat` a distribution.

    textcat (TextCategorizer): spaCy's own `textcat`.
    RETURNS (str): "softmax", whose backward pass takes the gradient by the logits, or
        "softmax_activation", whose backward pass takes that by the probabilities.
    RAISES: XnerError: Its classes do not exclude each other, or its model ends in something else.
    """
    if textcat.model.attrs.get("multi_label"):
        raise XnerError(
            f"The model of {textcat.name} has exclusive_classes = false, so that its scores do not "
            "sum to 1. Set exclusive_classes = true in all of its layers."
        )
    layer: Model[Any, Any] = textcat.model
    while layer.layers:
        layer = layer.layers[-1]
    if layer.name not in _SOFTMAX:
        raise XnerError(
            f"The model of {textcat.name} ends in the layer {layer.name}, so that its scores are "
            "no probabilities. Expected a softmax: set no_output_layer = false, or choose an "
            "architecture such as spacy.TextCatEnsemble.v2."
        )
    return layer.name


def _from_textcat(
    textcat: TextCategorizer, order: list[int], docs: Sequence[Doc]
) -> list[Floats2d]:
    if not docs:
        return []
    scores = np.asarray(textcat.model.ops.to_numpy(textcat.predict(docs)), dtype="float32")
    # `predict` gives zeros where no document of the batch has a token.
    total = scores.sum(axis=1, keepdims=True)
    scores = np.where(total > 0, scores, 1.0)[:, order]
    scores /= scores.sum(axis=1, keepdims=True)
    return [cast(Floats2d, row[None]) for row in scores]


def is_sequence_classifier(path: str | Path) -> bool:
    """Tell whether a path is the folder of a Hugging Face sequence classifier.

    path (Union[str, Path]): Any path, or the name of a package.
    RETURNS (bool): True if its config.json names an architecture such as
        `XLMRobertaForSequenceClassification`.
    """
    try:
        config = json.loads((Path(path) / "config.json").read_bytes())
    except (OSError, ValueError):
        return False
    names = config.get("architectures") if isinstance(config, dict) else None
    return any(str(name).endswith("ForSequenceClassification") for name in names or ())


def sequence_classifier_source(path: str | Path, *, precision: str = "auto") -> ProbabilitySource:
    """Load a Hugging Face sequence classifier as a source of one distribution a document.

    path (Union[str, Path]): Its folder; only safetensors are read, and no code in it runs.
    precision (str): "auto", "fp32" or "bf16"; how it computes.
    RETURNS (ProbabilitySource): The source.
    RAISES: XnerError: Weights are missing, pickled or incomplete, there is no fast tokenizer, or
        the classifier has no two classes.
    """
    from transformers import AutoModelForSequenceClassification

    from .sequence_classifier import SequenceClassifierSource
    from .token_classifier import load_classifier

    module, tokenizer = load_classifier(Path(path), AutoModelForSequenceClassification)
    names = [module.config.id2label[i] for i in range(module.config.num_labels)]
    if module.config.problem_type not in (None, "single_label_classification"):
        raise XnerError(
            f"{path} has the problem type {module.config.problem_type}, whose outputs are no "
            "distribution. Expected single_label_classification."
        )
    fingerprint = folder_fingerprint(Path(path))
    return SequenceClassifierSource(module, tokenizer, names, fingerprint, precision=precision)
