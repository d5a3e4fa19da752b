"""Libraries that only the analysis needs: imported on first use, or told how to install."""

import importlib
from typing import Any

from ..errors import XnerError

__all__ = ["need"]


def need(module: str) -> Any:
    """Import a library of the extra `analysis`.

    module (str): Its name, such as "statsmodels.api".
    RETURNS (ModuleType): The module.
    RAISES: XnerError where it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise XnerError(
            f"This needs {module.partition('.')[0]}, which cannot be imported ({error}). "
            "Install what the analysis needs: pip install 'spacy-xner[analysis]'"
        ) from error
