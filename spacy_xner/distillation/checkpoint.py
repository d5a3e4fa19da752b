"""Checkpoints of a distillation: a killed run goes on as if nothing had happened.

No pickle: weights are thinc's msgpack, the optimizer's arrays are `.npz`, the rest is JSON.
"""

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from spacy.language import Language
from thinc.api import Optimizer

from ..corpora.files import atomic_write, refused
from ..errors import XnerError

__all__ = [
    "Checkpoint",
    "clear_checkpoints",
    "has_checkpoint",
    "keep_averages",
    "load_checkpoint",
    "save_checkpoint",
]

FOLDER = "checkpoint"
_KINDS = ("mom1", "mom2", "averages")


@dataclass
class Checkpoint:
    """Where a run stood.

    step (int): Steps done.
    epoch (int): Passes completed.
    batch (int): Batches done of the pass after those.
    words (int): Words seen.
    seconds (float): Time spent training.
    results (List[List[float]]): (score, step) of every evaluation.
    losses (Dict[str, float]): Losses since the last evaluation.
    identity (Dict[str, Any]): What makes a run the same run: config and soft labels.
    """

    step: int
    epoch: int
    batch: int
    words: int
    seconds: float
    results: list[list[float]]
    losses: dict[str, float]
    identity: dict[str, Any]


def save_checkpoint(
    output: Path, checkpoint: Checkpoint, nlp: Language, optimizer: Optimizer
) -> None:
    """Write a checkpoint; the one before it stands until the new one is whole.

    output (Path): The run's output folder.
    checkpoint (Checkpoint): Where the run stands.
    nlp (Language): The student.
    optimizer (Optimizer): Its optimizer.
    RAISES: XnerError: The disk refuses a write.
    """
    folder, fresh, stale = _folders(output)
    try:
        if not folder.exists() and stale.exists():
            stale.rename(folder)  # killed between the two renames
        for leftover in (fresh, stale):
            shutil.rmtree(leftover, ignore_errors=True)
        fresh.mkdir(parents=True)
        _write(fresh, checkpoint, nlp, optimizer)
        if folder.exists():
            folder.rename(stale)
        fresh.rename(folder)
    except OSError as error:
        raise XnerError(refused(folder, error)) from error
    shutil.rmtree(stale, ignore_errors=True)


def _write(fresh: Path, checkpoint: Checkpoint, nlp: Language, optimizer: Optimizer) -> None:
    for name, pipe in _trainable(nlp):
        with atomic_write(fresh / f"{name}.model") as file:
            file.write(pipe.model.to_bytes())
    arrays, updates = _optimizer_state(nlp, optimizer)
    with atomic_write(fresh / "optimizer.npz") as file:
        # Numpy's annotation takes them for flags of `savez`.
        np.savez(file, **cast("dict[str, Any]", arrays))
    kind, keys, position, has_gauss, gauss = np.random.get_state()
    version, internal, python_gauss = random.getstate()
    state = {
        "run": vars(checkpoint),
        "updates": updates,
        "numpy": [kind, np.asarray(keys).tolist(), position, has_gauss, gauss],
        "python": [version, list(internal), python_gauss],
    }
    with atomic_write(fresh / "state.json") as file:
        # Losses of other components may be numpy's numbers.
        file.write(json.dumps(state, default=float).encode("utf8"))


def load_checkpoint(
    output: Path, identity: dict[str, Any], nlp: Language, optimizer: Optimizer
) -> Checkpoint:
    """Put a run back to where its last checkpoint stands.

    output (Path): The run's output folder.
    identity (Dict[str, Any]): Of the run that wants to go on.
    nlp (Language): The student, freshly initialised.
    optimizer (Optimizer): The optimizer, fresh.
    RETURNS (Checkpoint): Where the run stood.
    RAISES: XnerError: There is no checkpoint, or it is of another run, or it cannot be read,
        such as one that holds pickles.
    """
    folder, _, stale = _folders(output)
    if not folder.is_dir() and stale.is_dir():
        stale.rename(folder)  # killed between the two renames
    if not (folder / "state.json").is_file():
        raise XnerError(f"There is no checkpoint in {output} to resume from. Run without --resume.")
    try:
        state = json.loads((folder / "state.json").read_text("utf8"))
        checkpoint = Checkpoint(**state["run"])
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(folder, error) from error
    for key, value in identity.items():
        if checkpoint.identity.get(key) != value:
            raise XnerError(
                f"The checkpoint in {folder} belongs to another run: its {key} differs. Use the "
                "same config and soft labels, or run without --resume to begin anew."
            )
    try:
        for name, pipe in _trainable(nlp):
            pipe.model.from_bytes((folder / f"{name}.model").read_bytes())
        with np.load(folder / "optimizer.npz", allow_pickle=False) as arrays:
            _restore_optimizer(nlp, optimizer, arrays, state["updates"])
    # msgpack, zip and numpy each have errors of their own; an array that is a pickle is ValueError.
    except Exception as error:
        raise _unreadable(folder, error) from error
    for _ in range(checkpoint.step):
        optimizer.step_schedules()
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), position, has_gauss, gauss))
    version, internal, python_gauss = state["python"]
    random.setstate((version, tuple(internal), python_gauss))
    return checkpoint


def has_checkpoint(output: Path) -> bool:
    """Tell whether a run can go on.

    output (Path): The run's output folder.
    RETURNS (bool): Whether a whole checkpoint stands there.
    """
    folder, _, stale = _folders(output)
    return any((one / "state.json").is_file() for one in (folder, stale))


def _unreadable(folder: Path, error: Exception) -> XnerError:
    return XnerError(
        f"The checkpoint in {folder} cannot be read ({type(error).__name__}: {error}). Copy it "
        "anew, or run without --resume to begin anew."
    )


def clear_checkpoints(output: Path) -> None:
    """Remove the checkpoints of an earlier run, unfinished ones included.

    output (Path): The run's output folder.
    """
    for folder in _folders(output):
        shutil.rmtree(folder, ignore_errors=True)


def keep_averages(nlp: Language, optimizer: Optimizer) -> None:
    """Give a pipeline the averages of its weights for good, as it is saved.

    nlp (Language): The student.
    optimizer (Optimizer): Its optimizer; one without averages changes nothing.
    """
    averages = optimizer.averages or {}
    for _, key, node in _parameters(nlp):
        if key in averages:
            node.set_param(key[1], averages[key])


def _folders(output: Path) -> tuple[Path, Path, Path]:
    """The checkpoint, the one that is being written, and the one that it replaces."""
    return output / FOLDER, output / f"{FOLDER}-new", output / f"{FOLDER}-old"


def _trainable(nlp: Language) -> Iterator[tuple[str, Any]]:
    for name, pipe in nlp.pipeline:
        if getattr(pipe, "is_trainable", False) and getattr(pipe, "model", None) not in (
            None,
            True,
            False,
        ):
            yield name, pipe


def _parameters(nlp: Language) -> Iterator[tuple[str, tuple[int, str], Any]]:
    """Name parameters by their place: the ids of thinc's nodes differ from run to run."""
    for name, pipe in _trainable(nlp):
        for i, node in enumerate(pipe.model.walk()):
            for parameter in node.param_names:
                yield f"{name}/{i}/{parameter}", (node.id, parameter), node


def _updated(nlp: Language) -> Iterator[tuple[str, tuple[int, str], Any]]:
    """Name all that the optimizer moves: torch's parameters too, which it knows by their shim."""
    yield from _parameters(nlp)
    for name, pipe in _trainable(nlp):
        for i, node in enumerate(pipe.model.walk()):
            for j, shim in enumerate(node.shims):
                if hasattr(shim._model, "named_parameters"):
                    for parameter, _ in shim._model.named_parameters():
                        yield f"{name}/{i}/{j}/{parameter}", (shim.id, parameter), node


def _optimizer_state(
    nlp: Language, optimizer: Optimizer
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    arrays: dict[str, np.ndarray] = {}
    updates: dict[str, int] = {}
    for name, key, node in _updated(nlp):
        if key in optimizer.nr_update:
            updates[name] = int(optimizer.nr_update[key])
        for kind in _KINDS:
            table = getattr(optimizer, kind)
            if table is not None and key in table:
                arrays[f"{kind}:{name}"] = node.ops.to_numpy(table[key])
    return arrays, updates


def _restore_optimizer(
    nlp: Language, optimizer: Optimizer, arrays: Any, updates: dict[str, int]
) -> None:
    for name, key, node in _updated(nlp):
        if name in updates:
            optimizer.nr_update[key] = updates[name]
        for kind in _KINDS:
            if f"{kind}:{name}" in arrays:
                getattr(optimizer, kind)[key] = node.ops.xp.array(arrays[f"{kind}:{name}"])
