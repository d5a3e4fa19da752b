"""Libraries that only views need: imported on first use, or told how to install."""

import importlib
from typing import Any

from ...errors import XnerError

__all__ = ["need"]


def need(module: str, view: str) -> Any:
    """Import a library of the extra `views`.

    module (str): Its name, such as "babel.dates".
    view (str): Who needs it, such as "spacy-xner.RomanisedView.v1".
    RETURNS (ModuleType): The module.
    RAISES: XnerError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise XnerError(
            f"{view} needs {module.partition('.')[0]}, which cannot be imported ({error}). "
            "Install what views need: pip install 'spacy-xner[views]'"
        ) from error
