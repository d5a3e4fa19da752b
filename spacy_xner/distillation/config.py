"""A student's configuration: an ordinary spaCy config and a `[distillation]` block."""

import configparser
import difflib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.training import Example
from spacy.util import load_config, registry, resolve_dot_names
from thinc.api import Config, Optimizer

from ..errors import XnerError
from ..safety import check_config
from .ensembles import Ensemble
from .reader import SoftLabelReader
from .teachers import resolve_teachers
from .trust import entity_weight, expected_f1
from .weightings import Weighting

__all__ = [
    "Distillation",
    "config_digest",
    "load_student_config",
    "read_config",
    "resolve_corpora",
    "resolve_distillation",
    "settle_entity_weight",
    "with_teachers",
]

DEFAULTS = Path(__file__).parent / "default.cfg"


@dataclass
class Distillation:
    """The `[distillation]` block, resolved.

    corpus (str): Where in the config the reader of soft labels stands.
    dropout (float): Dropout rate.
    max_epochs (int): Passes over the soft labels; 0 for no limit.
    max_steps (int): Batches; 0 for no limit.
    temperature (float): Targets are p^(1/T), renormalised.
    alpha (float): Share of the hard label in the target, from 0 to 1.
    entity_weight (Optional[float]): Weight of an entity's tags beside that of `O`. A student in
        doubt prefers `O`, which costs recall: with weight w it calls entity what is more likely
        than 1 / (1 + w). None lets the teacher's own doubt decide (`trust.entity_weight`).
    checkpoint_every (int): Steps between checkpoints; 0: one at every evaluation.
    start (Optional[str]): A pipeline whose components of the same names the student begins with;
        None: it begins with what its config describes.
    teachers (Mapping[str, Any]): Settings of each teacher, see `teachers.resolve_teachers`.
    ensemble (Ensemble): How several teachers of one text become one.
    weighting (Weighting): Weight of each token, or of each document.
    batcher (Callable): From examples to batches.
    optimizer (Optimizer): The optimizer.
    """

    corpus: str
    dropout: float
    max_epochs: int
    max_steps: int
    temperature: float
    alpha: float
    entity_weight: float | None
    checkpoint_every: int
    start: str | None
    teachers: Mapping[str, Any]
    ensemble: Ensemble
    weighting: Weighting
    batcher: Callable[[Iterable[Example]], Iterator[list[Example]]]
    optimizer: Optimizer


def load_student_config(
    student_config: str | Path | Config, overrides: Mapping[str, Any] | None = None
) -> Config:
    """Read a student's config and fill what its `[distillation]` block leaves out.

    student_config (Union[str, Path, Config]): A file, or a config that has been read.
    overrides (Optional[Mapping[str, Any]]): Values by dotted key, such as `distillation.alpha`.
    RETURNS (Config): The config, not interpolated.
    RAISES: XnerError: The file is missing or describes no whole student, or a key of
        `[distillation]` or `[training]` is unknown.
    """
    overrides = dict(overrides or {})
    defaults = Config().from_disk(DEFAULTS)
    if isinstance(student_config, Config):
        config, named = student_config.copy(), "The student's config"
    else:
        named = str(student_config)
        config = read_config(student_config, "student config", "configs/student.cfg")
    _check_sections(config, named)
    known = [field.name for field in fields(Distillation)]
    _check_keys("distillation", known, config, overrides)
    _check_keys("training", list(Language.default_config["training"]), config, overrides)
    ours = {"distillation": defaults["distillation"]}
    merged = Config(ours).merge(config)
    if overrides:
        try:
            merged = Config().from_str(merged.to_str(), interpolate=False, overrides=overrides)
        except ValueError as error:
            raise XnerError(
                f"These values do not fit the config: {', '.join(overrides)}. {error}"
            ) from error
    check_config(merged, named)
    return merged


def read_config(path: str | Path, what: str, example: str) -> Config:
    """Read a config, not interpolated.

    path (Union[str, Path]): The file.
    what (str): What it should be, for the message.
    example (str): Where there is one.
    RETURNS (Config): The config.
    RAISES: XnerError: There is no such file, or it is no config.
    """
    if not Path(path).is_file():
        raise XnerError(f"There is no {what} at {path}. Try {example}.")
    try:
        return load_config(path, interpolate=False)
    except (ValueError, configparser.Error) as error:
        raise XnerError(f"{path} is not a config that spaCy can read: {error}") from error


def _check_sections(config: Config, named: str) -> None:
    """Refuse what describes no student by itself, such as a recipe."""
    if "rounds" in config:
        raise XnerError(
            f"{named} has [rounds]: it is a recipe of several students. Train them with "
            "`spacy xner rounds RECIPE --teacher SOFT_LABELS --text RAW --output DIR`."
        )
    missing = [name for name in ("nlp", "components", "corpora") if name not in config]
    if missing:
        raise XnerError(
            f"{named} has no {', '.join(f'[{name}]' for name in missing)}: it is not the whole "
            "config of a student. If it is a recipe, put it on top of one: `spacy xner distill "
            "configs/student.cfg --recipe RECIPE`."
        )


def _check_keys(
    section: str, known: list[str], config: Mapping[str, Any], overrides: Mapping[str, Any]
) -> None:
    """Refuse unknown keys: what resolves the section would drop them without a word."""
    given = [
        *config.get(section, {}),
        *(k.split(".")[1] for k in overrides if k.startswith(f"{section}.")),
    ]
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.3) or known[:1]
            raise XnerError(
                f"[{section}] has no key {key!r}. Did you mean {near[0]!r}? Known keys: "
                f"{', '.join(known)}."
            )


def resolve_distillation(config: Config) -> Distillation:
    """Build what the `[distillation]` block describes and check its numbers.

    config (Config): The interpolated config.
    RETURNS (Distillation): The block.
    RAISES: XnerError: A value is out of range.
    """
    try:
        block = Distillation(**registry.resolve(config["distillation"]))
    except ValueError as error:  # thinc's ConfigValidationError is one
        raise XnerError(f"[distillation] cannot be built from this config. {error}") from error
    for field in fields(Distillation):
        value = getattr(block, field.name)
        kinds = (int, float) if field.type is float else (int,)
        if field.type in (int, float) and (isinstance(value, bool) or not isinstance(value, kinds)):
            raise XnerError(
                f"[distillation] {field.name} is {value!r}; expected a "
                f"{'whole number' if field.type is int else 'number'}."
            )
    checks = {
        "temperature": (block.temperature > 0, "a number above 0"),
        "alpha": (0 <= block.alpha <= 1, "a share from 0 to 1"),
        "entity_weight": (_is_weight(block.entity_weight), "a number above 0, or null"),
        "dropout": (0 <= block.dropout < 1, "a rate from 0 to under 1"),
        "max_epochs": (block.max_epochs >= 0, "0 (no limit) or more"),
        "max_steps": (block.max_steps >= 0, "0 (no limit) or more"),
        "checkpoint_every": (block.checkpoint_every >= 0, "0 or more"),
    }
    for key, (good, expected) in checks.items():
        if not good:
            raise XnerError(f"[distillation] {key} is {getattr(block, key)}; expected {expected}.")
    if not (block.max_epochs or block.max_steps or config.get("training", {}).get("patience")):
        raise XnerError(
            "Nothing would end the distillation: [distillation] max_epochs and max_steps and "
            "[training] patience are all 0. Set one of them."
        )
    return block


def with_teachers(config: Config, folders: Sequence[str | Path]) -> Config:
    """Settle who teaches: folders that are given, else the config's own teachers.

    config (Config): The student's config, not interpolated.
    folders (Sequence[Union[str, Path]]): Soft-label folders, maybe none.
    RETURNS (Config): With their paths in `paths.soft_labels`, and no teachers besides.
    RAISES: XnerError: Neither names a teacher.
    """
    config = config.copy()
    if folders:
        config["distillation"]["teachers"] = {}
        paths = [str(folder) for folder in folders]
    else:
        named = resolve_teachers(config.interpolate()["distillation"]["teachers"])
        paths = [str(teacher.path) for teacher in named]
        if not (paths or config.get("paths", {}).get("soft_labels")):
            raise XnerError(
                "Nobody teaches: [distillation.teachers] is empty. Name a teacher there, or a "
                "soft-label folder with --teacher."
            )
    if paths:
        config.setdefault("paths", {})["soft_labels"] = paths
    return config


def resolve_corpora(config: Config, block: Distillation) -> tuple[SoftLabelReader, Any]:
    """Build the readers of what the student learns from and what it is held against.

    config (Config): The interpolated config.
    block (Distillation): Its `[distillation]` block.
    RETURNS (Tuple[SoftLabelReader, Callable]): The readers, told teachers, ensemble, weighting.
    RAISES: XnerError: The first does not read soft labels, the teachers do not fit together, or
        the weighting leaves no token supervised.
    """
    dev_name = config.get("training", {}).get("dev_corpus", "corpora.dev")
    reader, dev_corpus = resolve_dot_names(config, [block.corpus, dev_name])
    if not isinstance(reader, SoftLabelReader):
        raise XnerError(
            f"[distillation] corpus is {block.corpus!r}, which does not read soft labels. "
            'Expected @readers = "spacy-xner.SoftLabelCorpus.v1" there.'
        )
    teachers = resolve_teachers(block.teachers)
    for one in (reader, dev_corpus):
        if isinstance(one, SoftLabelReader):
            one.supervise(teachers, block.ensemble, block.weighting)
    if not reader.is_supervised():
        settings = dict(config["distillation"]["weighting"])
        name = settings.pop("@misc", "")
        keys = ", ".join(f"{key} = {value}" for key, value in settings.items())
        raise XnerError(
            f"[distillation.weighting] {keys} ({name}) leaves nothing to learn from: every token "
            "of the soft labels weighs 0. Lower it."
        )
    return reader, dev_corpus


def settle_entity_weight(block: Distillation, reader: SoftLabelReader) -> str:
    """Let the teachers' own doubt set the weight of entities where the config leaves it open.

    block (Distillation): Its `entity_weight` is set.
    reader (SoftLabelReader): The soft labels.
    RETURNS (str): What was found, for the user; empty where the config has a weight.
    """
    if block.entity_weight is not None:
        return ""
    if reader.tagset.unit == "document":
        block.entity_weight = 1.0
        return ""
    expected = expected_f1(reader.sample())
    block.entity_weight = entity_weight(expected)
    return f"F1 that the teachers expect: {expected:.3f}; entities weigh {block.entity_weight:.2f}"


def config_digest(config: Config) -> str:
    """Tell whether two runs have one config; where paths lead is compared by itself.

    config (Config): The interpolated config.
    RETURNS (str): 16 hex digits, which paths do not change.
    """
    rest = config.copy()
    rest.pop("paths", None)
    rest.get("distillation", {}).pop("start", None)
    teachers = rest.get("distillation", {}).get("teachers", {})
    for entry in [*rest.get("corpora", {}).values(), *teachers.values()]:
        if isinstance(entry, dict):
            entry.pop("path", None)
    return hashlib.sha256(rest.to_str().encode("utf8")).hexdigest()[:16]


def _is_weight(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value is None or (is_number and value > 0)
