"""Loading what a user names: a spaCy pipeline, a file of code. Whatever is wrong is a message."""

import pickle
import textwrap
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import XnerError
from ..safety import check_pipeline

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["gold_seen", "import_code", "load_pipeline"]

# spaCy's codes for a factory, a registered function and a language that nobody has registered.
UNREGISTERED = ("[E002]", "[E893]", "[E048]")


def load_pipeline(name: str | Path, *, expected: str = "") -> "Language":
    """Load a spaCy pipeline.

    name (Union[str, Path]): Folder of the pipeline, or name of an installed package.
    expected (str): What else may be named there, for the message.
    RETURNS (Language): The pipeline.
    RAISES: XnerError: There is no pipeline, or it is broken, or it needs code that is not there, or
        it is not to be trusted (`safety.check_pipeline`).
    """
    import spacy

    check_pipeline(name)
    try:
        return spacy.load(name)
    # Each file has a reader of its own with its own errors: thinc, msgpack, torch, json, ...
    except Exception as error:
        raise XnerError(_explain(name, error, expected)) from error


def gold_seen(nlp: "Language") -> str:
    """Tell what gold of its target language a pipeline saw, by its meta.

    nlp (Language): The pipeline.
    RETURNS (str): What its `target_gold` says; empty where that is nothing or none.
    """
    said = str(nlp.meta.get("target_gold") or "none")
    return "" if said.startswith("none") else said


def import_code(path: Path | None) -> None:
    """Run a Python file, so that what it registers is known, as spaCy's `--code` does.

    path (Optional[Path]): The file; none does nothing.
    RAISES: XnerError: There is no such file, or it raises.
    """
    from spacy.util import import_file

    if path is None:
        return
    if not path.is_file():
        raise XnerError(f"--code {path}: no such file; expected Python code.")
    try:
        import_file("python_code", path)
    except Exception as error:
        raise XnerError(f"--code {path} does not run: {_told(error)}. Mend the file.") from error


def _explain(name: str | Path, error: Exception, expected: str) -> str:
    if any(code in str(error) for code in UNREGISTERED):
        return (
            f"{name} needs code that is not there: {_told(error)} Install the package that "
            "registers it, or give the file that does with --code."
        )
    if isinstance(error, pickle.UnpicklingError):
        return (
            f"{name} holds weights that are a pickle with code in it, which is never run. Take "
            "no pipeline from whoever made this."
        )
    if file := _file_behind(error):
        return (
            f"{name} is damaged: {file} cannot be read ({_told(error)}). It is missing, cut off or "
            "of another version. Copy or train the pipeline again."
        )
    if isinstance(error, (OSError, ImportError)):
        return (
            f"{name}: no pipeline that spaCy can load ({_told(error)}). Expected the folder of a "
            f"saved pipeline or the name of an installed one{expected}."
        )
    return (
        f"{name} is damaged: its config.cfg or meta.json cannot be used ({_told(error)}). Mend the "
        "file that is named, or copy or train the pipeline again."
    )


def _told(error: Exception) -> str:
    # spaCy goes on with advice and the list of all that is registered.
    text = str(error).split(" This usually")[0].split(" If you're")[0]
    return textwrap.shorten(f"{type(error).__name__}: {text}", 300, placeholder=" ...")


def _file_behind(error: Exception) -> Path | None:
    """Which file or folder of the pipeline was being read; the errors themselves do not tell."""
    from spacy.util import from_disk

    found = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code is from_disk.__code__ and "key" in frame.f_locals:
            found = Path(frame.f_locals["path"]) / frame.f_locals["key"]
    return found
