"""The student's folders: `model-last`, and `model-best`."""

import shutil
from pathlib import Path

from spacy.language import Language
from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST

from ..errors import XnerError

__all__ = ["save_student"]


def save_student(nlp: Language, output: Path, is_best: bool) -> Path:
    """Write a student as spaCy's own training does.

    nlp (Language): The student.
    output (Path): Folder of both models.
    is_best (bool): Whether it is the best so far.
    RETURNS (Path): `model-last`.
    RAISES: XnerError: The disk refuses a write.
    """
    last, best = output / DIR_MODEL_LAST, output / DIR_MODEL_BEST
    try:
        output.mkdir(parents=True, exist_ok=True)
        nlp.to_disk(last)
        if is_best:
            shutil.rmtree(best, ignore_errors=True)
            shutil.copytree(last, best)
    except OSError as error:
        raise XnerError(
            f"Could not save the student to {last}: {error}. Mend that (free room on the disk?)"
            " and run the same command with --resume."
        ) from error
    return last
