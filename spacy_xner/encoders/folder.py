"""An encoder folder on disk: written whole or not at all, never over anything else."""

import os
import shutil
from pathlib import Path
from typing import Any

from ..corpora.files import TEMPORARY
from ..errors import XnerError
from .load import quiet

__all__ = ["check_output", "save_encoder"]

# Every file that transformers may write for an encoder and its tokenizer.
OWN_FILES = frozenset(
    [
        "added_tokens.json",
        "config.json",
        "generation_config.json",
        "model.safetensors.index.json",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
)


def check_output(output: Path) -> None:
    """Make sure that an encoder may be written to a place.

    output (Path): the folder to be.
    RAISES: XnerError where something else is there, or the folder above cannot be made.
    """
    if output.exists() and not _is_ours(output):
        raise XnerError(
            f"{output} exists and is no encoder folder; it is not overwritten. Choose a folder "
            "that does not exist, or remove this one."
        )
    if output.is_symlink():
        raise XnerError(f"{output} is a link; name the folder that it points to.")


def _is_ours(folder: Path) -> bool:
    if not (folder.is_dir() and _only_own_files(folder)):
        return False
    return (folder / "config.json").is_file() or not any(folder.iterdir())


def _only_own_files(folder: Path) -> bool:
    return all(file.is_file() and _is_own_name(file.name) for file in folder.iterdir())


def _is_own_name(name: str) -> bool:
    # safetensors writes to a name of its own first, which begins with ".tmp".
    return name in OWN_FILES or name.endswith(".safetensors") or name.startswith(".tmp")


def save_encoder(tokenizer: Any, module: Any, output: Path) -> None:
    """Write an encoder folder that `load_encoder`, `AutoTokenizer` and `AutoModel` read.

    tokenizer (transformers.PreTrainedTokenizerFast): the encoder's tokenizer.
    module (transformers.PreTrainedModel): the encoder.
    output (Path): the folder; an encoder folder that is there is replaced at the end, as a whole.
    RAISES: XnerError where something else is at `output`, or the system refuses a write.
    """
    from safetensors import SafetensorError

    check_output(output)
    temporary = output.with_name(output.name + TEMPORARY)
    old = output.with_name(output.name + ".old" + TEMPORARY)
    for folder in (temporary, old):
        _remove_leftover(folder)
    try:
        temporary.mkdir(parents=True)
        with quiet():
            module.save_pretrained(str(temporary), safe_serialization=True)
            tokenizer.save_pretrained(str(temporary), legacy_format=False)
        for weights in temporary.glob("*.safetensors"):
            # safetensors keeps its files to their owner; a shared encoder is for the group too.
            shutil.copymode(temporary / "config.json", weights)
        if output.exists():
            os.replace(output, old)
        os.replace(temporary, output)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise XnerError(
            f"The encoder could not be written to {output} ({error}). Free room on the disk, or "
            "choose a folder that can be written to; nothing half-finished was left."
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _remove_leftover(folder: Path) -> None:
    """Remove what a killed run left, unless it is something else of that name."""
    if not folder.exists():
        return
    if not (folder.is_dir() and _only_own_files(folder)):
        raise XnerError(
            f"{folder} is in the way: the encoder is written under that name first, and what is "
            "there is no leftover of one. Move it away."
        )
    shutil.rmtree(folder)
