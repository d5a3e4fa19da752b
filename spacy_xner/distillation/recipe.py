"""Recipes: what differs from a student's config, or for rounds from two students' configs."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thinc.api import Config

from ..errors import XnerError
from .config import load_student_config, read_config

__all__ = ["Recipe", "load_recipe", "with_recipes"]

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


def with_recipes(student_config: str | Path, recipes: Sequence[str | Path]) -> Config:
    """Put recipes on top of a student's config, as those in configs/recipes on configs/student.cfg.

    student_config (Union[str, Path]): A whole student's config.
    recipes (Sequence[Union[str, Path]]): Short configs; what a later one says wins.
    RETURNS (Config): The whole config, not interpolated.
    RAISES: XnerError: A file is missing or cannot be read, or a recipe is one of rounds.
    """
    config = read_config(student_config, "student config", "configs/student.cfg")
    for path in recipes:
        recipe = read_config(path, "recipe", "configs/recipes/uniform.cfg")
        if "rounds" in recipe:
            raise XnerError(
                f"{path} has [rounds]: it names its students' configs itself. Train them with "
                f"`spacy xner rounds {path} --teacher SOFT_LABELS --text RAW --output DIR`."
            )
        config = Config(config.merge(recipe))
    return config


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
    sections = read_config(path, "recipe", "configs/recipes/rounds.cfg")
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
