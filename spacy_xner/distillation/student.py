"""The student at its beginning: what its config describes, or components of another pipeline."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Example
from spacy.util import is_package, load_model_from_config
from thinc.api import Config, Model, fix_random_seed

from ..errors import XnerError
from ..safety import check_sources
from ..teacher.loading import gold_seen, load_pipeline
from ..teacher.sources import folder_fingerprint
from .reader import SoftLabelReader
from .tasks import Task, tasks_of

__all__ = ["Start", "init_student", "told_gold", "with_start"]

_SAMPLE = 200
_CONFIGS = {
    "token": "configs/student.cfg and configs/student_trf.cfg",
    "document": "configs/sentiment_student.cfg",
}


@dataclass(frozen=True)
class Start:
    """The pipeline that a student begins with.

    fingerprint (Optional[str]): Of its folder; None where there is none.
    target_gold (str): What gold of its target language it saw; empty for none.
    """

    fingerprint: str | None = None
    target_gold: str = ""


def with_start(config: Config) -> tuple[Config, Start]:
    """Source the components that `[distillation] start` has, as spaCy's `source` does.

    config (Config): The student's config, not interpolated.
    RETURNS (Tuple[Config, Start]): The config with `source` in place of what described these
        components, and the pipeline.
    RAISES: XnerError: There is no such pipeline, or it shares no component with the student.
    """
    start = config.interpolate()["distillation"]["start"]
    if start is None:
        return config, Start()
    nlp = load_pipeline(start)
    shared = [name for name in config["nlp"]["pipeline"] if name in nlp.pipe_names]
    if not shared:
        raise XnerError(
            f"[distillation] start: the pipeline {start} has {', '.join(nlp.pipe_names)}, none of "
            f"which the student has ({', '.join(config['nlp']['pipeline'])}). Name a pipeline with "
            "components of the same names, or null."
        )
    config = config.copy()
    for name in shared:
        config["components"][name] = {"source": str(start)}
    return config, Start(folder_fingerprint(nlp.path), gold_seen(nlp))


def told_gold(seen: Iterable[str]) -> str:
    """Give what a student's meta says of gold of its target language.

    seen (Iterable[str]): What the pipeline that it begins with, and its teachers, saw.
    RETURNS (str): Each once; a word that there is none.
    """
    return "; ".join(dict.fromkeys(filter(None, seen))) or "none: learned from soft labels"


def init_student(config: Config, corpus: SoftLabelReader) -> Language:
    """Make the student: as spaCy's `init_nlp`, with the teacher's types as labels.

    config (Config): The student's config, not interpolated.
    corpus (SoftLabelReader): The soft labels; a first few examples size the model.
    RETURNS (Language): The initialised pipeline.
    RAISES: XnerError: Nothing in the pipeline learns what the soft labels are about, it has a
        category that no teacher knows, its vectors are missing, or there is no text in the corpus.
    """
    interpolated = config.interpolate()
    check_sources(interpolated)
    training = interpolated.get("training", {})
    if training.get("seed") is not None:
        fix_random_seed(training["seed"])
    nlp = load_model_from_config(config, auto_fill=True)
    frozen = training.get("frozen_components", [])
    sourced = [
        name
        for name, pipe in interpolated.get("components", {}).items()
        if "source" in pipe and name in nlp.pipe_names
    ]
    corpus.task = _task_of(nlp, corpus)
    for name in _learning(nlp, corpus.task):
        pipe: Any = nlp.get_pipe(name)
        for label in sorted(corpus.tagset.types if name not in frozen else ()):
            pipe.add_label(label)
    nlp._link_components()
    sample = _first_examples(nlp, corpus)
    _check_vectors(nlp, interpolated)
    with nlp.select_pipes(disable=sourced):
        nlp.initialize(lambda: sample)
    return nlp


def _check_vectors(nlp: Language, config: Mapping[str, Any]) -> None:
    """Refuse vectors that are missing: spaCy would fail in the middle of a model, or later."""
    name = config.get("initialize", {}).get("vectors")
    if name is None:
        wanted = [
            pipe_name
            for pipe_name, pipe in nlp.pipeline
            if any(node.name == "static_vectors" for node in _nodes(pipe))
        ]
        if wanted and not nlp.vocab.vectors.size:
            raise XnerError(
                f"Component {wanted[0]!r} reads word vectors (include_static_vectors), but "
                "initialize.vectors names none. Make them with `spacy xner vectors` and give "
                "--paths.vectors FOLDER, or set include_static_vectors to false."
            )
    elif not (Path(name).exists() or is_package(name)):
        raise XnerError(
            f"initialize.vectors is {name}, which is neither a folder nor an installed pipeline. "
            "`spacy xner vectors` makes such a folder; --paths.vectors FOLDER names it."
        )


def _nodes(pipe: Any) -> Iterable[Model]:
    return pipe.model.walk() if isinstance(getattr(pipe, "model", None), Model) else ()


def _task_of(nlp: Language, corpus: SoftLabelReader) -> Task:
    """Choose what the student does with the soft labels by the component that it has for them."""
    tasks = tasks_of(corpus.tagset)
    for task in tasks:
        if _learning(nlp, task):
            return task
    unit = corpus.tagset.unit
    factories = " or ".join(f'factory = "{task.factory}"' for task in tasks)
    raise XnerError(
        f"The student's pipeline is {nlp.pipe_names}; expected a component with {factories}, "
        f"because the soft labels have one distribution a {unit}. See {_CONFIGS[unit]}."
    )


def _learning(nlp: Language, task: Task) -> list[str]:
    return [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == task.factory]


def _first_examples(
    nlp: Language, corpus: Callable[[Language], Iterable[Example]]
) -> list[Example]:
    examples: list[Example] = []
    for example in corpus(nlp):
        examples.append(example)
        if len(examples) == _SAMPLE:
            break
    if not examples:
        raise XnerError("The soft labels hold no text. Annotate some raw text first.")
    return examples
