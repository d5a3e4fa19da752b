"""Whatever can label text with probabilities: the protocol, and how one is made from a path."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from spacy.language import Language
from spacy.tokens import Doc
from thinc.types import Floats2d

from ..corpora.manifest import Tags
from ..errors import XnerError

__all__ = [
    "PipelineSource",
    "ProbabilitySource",
    "apply_pipe",
    "folder_fingerprint",
    "load_source",
    "name_or_digest",
]


class ProbabilitySource(Protocol):
    """Gives the probability of every tag of every token, or of every category of every document.

    nlp (Language): Makes the documents; its tokenizer cuts raw text.
    tagset (Union[TagSet, CategorySet]): The tags or categories, in the order of the columns.
    fingerprint (str): Hex digest; another model has another.
    """

    nlp: Language
    tagset: Tags
    fingerprint: str

    def predict(self, docs: Sequence[Doc]) -> list[Floats2d]:
        """Give one float32 array a document, rows summing to 1: tokens x tags, 1 x categories."""
        ...


class PipelineSource:
    """A spaCy pipeline as a source: its pipes run in order, then one gives the probabilities.

    nlp (Language): The pipeline.
    name (str): The component that gives the probabilities; pipes behind it do not run.
    tagset (Union[TagSet, CategorySet]): Its tags or categories.
    probabilities (Callable): From documents that the pipes before it have seen to arrays.
    fingerprint (str): Hex digest of the pipeline.
    """

    def __init__(
        self,
        nlp: Language,
        name: str,
        tagset: Tags,
        probabilities: Callable[[Sequence[Doc]], list[Floats2d]],
        fingerprint: str,
    ) -> None:
        self.nlp = nlp
        self.tagset = tagset
        self.fingerprint = fingerprint
        self._probabilities = probabilities
        names = nlp.pipe_names
        self._before: list[Any] = [nlp.get_pipe(pipe) for pipe in names[: names.index(name)]]
        self._pipe: Any = nlp.get_pipe(name)

    @property
    def tokenizer(self) -> Any:
        """RETURNS (Optional[PreTrainedTokenizerFast]): The encoder's, if there is an encoder."""
        shims = [pipe.model.shims[0] for pipe in self._before if _is_our_transformer(pipe)]
        return shims[0].tokenizer if shims else None

    @property
    def views(self) -> tuple[str, ...]:
        """RETURNS (Tuple[str, ...]): What it sees beside the text, see `xner_teacher`."""
        return tuple(getattr(self._pipe, "views", ()))

    def predict(self, docs: Sequence[Doc]) -> list[Floats2d]:
        """Give one float32 array a document, tokens x tags, rows summing to 1."""
        return self._seen(docs, self._probabilities)

    def gates(self, docs: Sequence[Doc]) -> list[Floats2d]:
        """Give one array a document, tokens x views: how far each gate is open, 0 to 1.

        docs (Sequence[Doc]): Documents; the pipeline must have views.
        RETURNS (List[Floats2d]): Columns in the order of `views`.
        """
        return self._seen(docs, self._pipe.gates)

    def _seen(
        self, docs: Sequence[Doc], read: Callable[[Sequence[Doc]], list[Floats2d]]
    ) -> list[Floats2d]:
        for pipe in self._before:
            docs = apply_pipe(pipe, docs)
        found = read(docs)
        for doc in docs:
            if Doc.has_extension("trf_data"):
                doc._.trf_data = None  # a state vector a token is dear where documents are kept
        return found


def apply_pipe(pipe: Any, docs: Sequence[Doc]) -> list[Doc]:
    """Run one component over documents, as one batch where it can.

    pipe (Callable): A component.
    docs (Sequence[Doc]): The documents.
    RETURNS (List[Doc]): What it gives for them.
    """
    if docs and hasattr(pipe, "pipe"):
        return list(pipe.pipe(docs, batch_size=len(docs)))
    return [pipe(doc) for doc in docs]


def load_source(
    path: str | Path, *, precision: str = "auto", component: str | None = None, **adapter: Any
) -> ProbabilitySource:
    """Load a teacher.

    path (Union[str, Path]): A spaCy pipeline (folder or installed package) with `xner_teacher`,
        `ner` or `textcat`, or the folder of a Hugging Face token or sequence classifier.
    precision (str): "auto", "fp32" or "bf16"; how a transformer computes.
    component (Optional[str]): The pipeline's component that labels. If not given: the first
        `xner_teacher`, else what sets entities, see `adapters.ner_source`, else `textcat`. So a
        pipeline with `ner` and `textcat` labels entities unless its `textcat` is named.
    **adapter (Any): Settings of `adapters.ner_source`; if any is given, it reads the entities of
        the pipeline, even where `xner_teacher` could give probabilities.
    RETURNS (ProbabilitySource): The teacher.
    RAISES: XnerError: There is no such pipeline, it is broken, nothing in it can label entities, or
        `precision` is unknown.
    """
    import torch

    from . import adapters, category_adapters
    from .loading import load_pipeline
    from .precision import autocast_type

    autocast_type(precision, torch.device("cpu"))
    for kind, is_one, make in (
        ("token", adapters.is_token_classifier, adapters.token_classifier_source),
        (
            "sequence",
            category_adapters.is_sequence_classifier,
            category_adapters.sequence_classifier_source,
        ),
    ):
        if is_one(path):
            _refuse_settings(path, kind, component, adapter)
            return make(path, precision=precision)
    nlp = load_pipeline(path, expected=", or the folder of a Hugging Face token classifier")
    fingerprint = folder_fingerprint(Path(nlp.path or path))
    factories = {name: nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    for name in nlp.pipe_names:
        pipe: Any = nlp.get_pipe(name)
        if _is_our_transformer(pipe):
            pipe.model.attrs["precision"] = precision
    if not adapter:
        own = [name for name in factories if factories[name] == "xner_teacher"]
        chosen = component or (own[0] if own else None)
        if chosen in own:
            pipe = nlp.get_pipe(chosen)
            return PipelineSource(nlp, chosen, pipe.tagset, pipe.predict_probabilities, fingerprint)
        if factories.get(chosen or "", "").startswith("textcat") or (
            chosen is None and category_adapters.classifies_alone(nlp)
        ):
            return category_adapters.textcat_source(nlp, fingerprint, component=chosen)
    return adapters.ner_source(nlp, fingerprint, component=component, **adapter)


def _refuse_settings(
    path: str | Path, kind: str, component: str | None, adapter: dict[str, Any]
) -> None:
    given = [*(["component"] if component else []), *adapter]
    if given:
        raise XnerError(
            f"{path} is a {kind} classifier and gives its own probabilities; {', '.join(given)} "
            "cannot be set for it."
        )


def _is_our_transformer(pipe: Any) -> bool:
    return pipe.__class__.__name__ == "Transformer" and "precision" in pipe.model.attrs


def folder_fingerprint(path: Path) -> str:
    """Give the digest of a folder's files: names and contents, whatever their order on disk.

    path (Path): The folder.
    RETURNS (str): 32 hex digits.
    """
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        digest.update(file.relative_to(path).as_posix().encode("utf8") + b"\0")
        digest.update(_file_digest(file))
    return digest.hexdigest()[:32]


def name_or_digest(path: str | Path) -> str:
    """Tell a model from others: the digest of its folder, the name of one on a hub.

    path (str | Path): The folder or name.
    RETURNS (str): 32 hex digits, or the name.
    """
    return folder_fingerprint(Path(path)) if Path(path).is_dir() else str(path)


def _file_digest(file: Path) -> bytes:
    digest = hashlib.sha256()  # hashlib.file_digest is newer than Python 3.10
    with file.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.digest()
