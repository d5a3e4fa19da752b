"""A recipe of rounds: two students' configs and what differs from them."""

import configparser
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy.util import load_config
from thinc.api import Config

from ..errors import XnerError
from .config import load_student_config

__all__ = ["Recipe", "load_recipe"]

_KEYS = ("rounds", "assistant", "student")
_SECTIONS = ("rounds", "assistant", "student")


@dataclass(frozen=True)
class Recipe:
    """What `spacy xner rounds` does.

    rounds (int): Rounds at most, from 1 up.
    assistant (Config): The transformer student's config, not interpolated.
    student (Config): The small student's.
    """

    rounds: int
    assistant: Config
    student: Config


def load_recipe(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe.

    `[rounds]` has `rounds` and the paths of two configs, `assistant` and `student`; the sections
    `[assistant]` and `[student]` hold what differs from those.

    path (Union[str, Path]): The recipe.
    overrides (Optional[Mapping[str, Any]]): Values by dotted key, such as `rounds.rounds` or
        `assistant.distillation.max_steps`.
    RETURNS (Recipe): The recipe.
    RAISES: XnerError: A file is missing or cannot be read, or a key or value is faulty.
    """
    if not Path(path).is_file():
        raise XnerError(f"There is no recipe at {path}. Try configs/recipes/rounds.cfg.")
    try:
        sections = load_config(path, interpolate=False)
    except (ValueError, configparser.Error) as error:
        raise XnerError(f"{path} is not a config that spaCy can read: {error}") from error
    given = _by_section(overrides or {})
    _check(path, [*sections, *given], _SECTIONS, "section")
    block = {**sections.get("rounds", {}), **given.get("rounds", {})}
    _check(path, block, _KEYS, "key of [rounds]")
    rounds = block.get("rounds", 1)
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise XnerError(f"{path}: [rounds] rounds is {rounds!r}; expected a whole number from 1.")
    configs = []
    for name in ("assistant", "student"):
        if not block.get(name):
            raise XnerError(f"{path}: [rounds] has no {name}. Expected the path of its config.")
        config = load_student_config(block[name]).merge(sections.get(name, {}))
        configs.append(load_student_config(Config(config), given.get(name, {})))
    return Recipe(rounds, *configs)


def _by_section(overrides: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    given: dict[str, dict[str, Any]] = {}
    for key, value in overrides.items():
        section, _, rest = key.partition(".")
        given.setdefault(section, {})[rest] = value
    return given


def _check(path: str | Path, names: Any, known: tuple[str, ...], what: str) -> None:
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.3) or known[:1]
            raise XnerError(
                f"{path} has the unknown {what} {name!r}. Did you mean {near[0]!r}? Known: "
                f"{', '.join(known)}."
            )
