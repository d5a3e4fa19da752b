"""Other people's models as teachers: Hugging Face token classifiers and pipelines with entities."""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.pipeline import EntityRecognizer
from spacy.tokens import Doc
from thinc.types import Floats2d

from ..errors import XnerError
from ..tags import TagSet
from .label_maps import LabelMap
from .sources import PipelineSource, ProbabilitySource, apply_pipe, folder_fingerprint

__all__ = ["is_token_classifier", "ner_source", "token_classifier_source"]


def is_token_classifier(path: str | Path) -> bool:
    """Tell whether a path is the folder of a Hugging Face token classifier.

    path (Union[str, Path]): Any path, or the name of a package.
    RETURNS (bool): True if its config.json names an architecture such as
        `XLMRobertaForTokenClassification`, or names none and gives its labels with an "O".
    """
    try:
        config = json.loads((Path(path) / "config.json").read_bytes())
    except (OSError, ValueError):
        return False
    if not isinstance(config, dict):
        return False
    if architectures := config.get("architectures"):
        return any(str(name).endswith("ForTokenClassification") for name in architectures)
    labels = config.get("id2label")
    return isinstance(labels, dict) and "O" in labels.values()


def token_classifier_source(path: str | Path, *, precision: str = "auto") -> ProbabilitySource:
    """Load a Hugging Face token classifier as a source; a word takes its first piece's label.

    path (Union[str, Path]): Its folder; only safetensors are read, and no code in it runs.
    precision (str): "auto", "fp32" or "bf16"; how it computes.
    RETURNS (ProbabilitySource): The source; raw text is cut by `spacy.blank("xx")`.
    RAISES: XnerError: Weights are missing, pickled or incomplete, there is no fast tokenizer, or
        the labels follow no known scheme.
    """
    from .token_classifier import TokenClassifierSource, load_token_classifier

    module, tokenizer = load_token_classifier(Path(path))
    names = module.config.id2label
    labels = LabelMap([names[i] for i in range(module.config.num_labels)], str(path))
    fingerprint = folder_fingerprint(Path(path))
    return TokenClassifierSource(module, tokenizer, labels, fingerprint, precision=precision)


def ner_source(
    nlp: Language,
    fingerprint: str,
    *,
    component: str | None = None,
    method: str = "beam",
    confidence: float = 0.9,
    beam_width: int = 16,
    beam_density: float = 0.0001,
    labels: Sequence[str] | None = None,
) -> ProbabilitySource:
    """Make a source of a spaCy pipeline that sets entities and knows no token probabilities.

    nlp (Language): The pipeline.
    fingerprint (str): Hex digest of it; the source's own depends on the settings as well.
    component (Optional[str]): The component that sets the entities. If not given, the only `ner`
        for "beam", and the last that sets `doc.ents` for "hard".
    method (str): "beam": the probability of a tag is the weight of the beam's parses that have it
        (spaCy's `ner` only). "hard": a token of an entity has its tag with `confidence`, and is O
        with the rest; every other token is surely O.
    confidence (float): For "hard"; above 0, at most 1.
    beam_width (int): For "beam": parses at most.
    beam_density (float): For "beam": parses below this share of the best one's weight go.
    labels (Optional[Sequence[str]]): Entity types of components that do not tell theirs.
    RETURNS (ProbabilitySource): The source.
    RAISES: XnerError: No component fits, or a setting is out of its range.
    """
    _check_settings(method, confidence, beam_width, beam_density)
    name = component or _find_component(nlp, method)
    if name not in nlp.pipe_names:
        raise XnerError(f"The pipeline has no component {name!r}; it has {_names(nlp)}.")
    pipe = nlp.get_pipe(name)
    if method == "beam" and not isinstance(pipe, EntityRecognizer):
        raise XnerError(
            f"Component {name!r} has no beam, only spaCy's `ner` has; its entities can be taken as "
            'they are: method="hard" with a confidence (`spacy xner annotate --confidence`).'
        )
    tagset = TagSet.from_types(labels or _labels_up_to(nlp, name))
    if not tagset.types:
        raise XnerError(f"Component {name!r} does not tell its entity types: give `labels`.")
    settings: tuple[Any, ...]
    if method == "beam":
        settings = (name, method, beam_width, beam_density)
        probabilities = partial(_from_beam, pipe, tagset, beam_width, beam_density)
    else:
        settings = (name, method, confidence)
        probabilities = partial(_from_entities, pipe, tagset, confidence)
    digest = hashlib.sha256(repr((fingerprint, tagset.tags, *settings)).encode("utf8"))
    return PipelineSource(nlp, name, tagset, probabilities, digest.hexdigest()[:32])


def _from_beam(
    ner: EntityRecognizer, tagset: TagSet, width: int, density: float, docs: Sequence[Doc]
) -> list[Floats2d]:
    from .beams import beam_probabilities

    return beam_probabilities(ner, docs, tagset, width=width, density=density)


def _from_entities(
    pipe: Any, tagset: TagSet, confidence: float, docs: Sequence[Doc]
) -> list[Floats2d]:
    """Give the tags of `doc.ents` a stated probability."""
    found: list[Any] = []
    for doc in apply_pipe(pipe, docs):
        rows = np.zeros((len(doc), len(tagset)), dtype="float32")
        rows[:, 0] = 1
        for entity in doc.ents:
            begin = tagset.index(f"B-{entity.label_}")
            rows[entity.start, begin] = confidence
            rows[entity.start + 1 : entity.end, begin + 1] = confidence
            rows[entity.start : entity.end, 0] = 1 - confidence
        found.append(rows)
    return found


def _check_settings(method: str, confidence: float, width: int, density: float) -> None:
    if method not in ("beam", "hard"):
        raise XnerError(f'method is {method!r}; expected "beam" or "hard".')
    if not 0 < confidence <= 1:
        raise XnerError(f"confidence is {confidence}; expected a probability above 0, at most 1.")
    if width < 2 or not 0 <= density < 1:
        raise XnerError(
            f"beam_width is {width} and beam_density {density}; expected a width of 2 or more, and "
            "a density from 0 to below 1."
        )


def _sets_entities(nlp: Language, name: str) -> bool:
    return "doc.ents" in nlp.get_pipe_meta(name).assigns


def _find_component(nlp: Language, method: str) -> str:
    setters = [name for name in nlp.pipe_names if _sets_entities(nlp, name)]
    if not setters:
        raise XnerError(
            f"Nothing in the pipeline is known to set entities; it has {_names(nlp)}. Expected "
            "`xner_teacher`, `ner`, or another component named by `component`."
        )
    if method == "hard":
        return setters[-1]
    recognizers = [name for name in setters if isinstance(nlp.get_pipe(name), EntityRecognizer)]
    if len(recognizers) > 1:
        raise XnerError(
            f"The pipeline has {len(recognizers)} entity recognizers: {', '.join(recognizers)}. "
            "Choose one by `component`."
        )
    return (recognizers or setters)[-1]


def _labels_up_to(nlp: Language, name: str) -> list[str]:
    """Entity types of a component and of those before it, whose entities it keeps."""
    names = nlp.pipe_names
    setters = [n for n in names[: names.index(name)] if _sets_entities(nlp, n)]
    return [label for n in [*setters, name] for label in getattr(nlp.get_pipe(n), "labels", ())]


def _names(nlp: Language) -> str:
    return ", ".join(nlp.pipe_names) or "no components"
