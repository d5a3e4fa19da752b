"""The library that matching needs: imported on first use, or told how to install."""

from typing import Any

from ..errors import XnerError

__all__ = ["optimize"]


def optimize() -> Any:
    """Import `scipy.optimize`.

    RETURNS (ModuleType): The module.
    RAISES: XnerError: It is not installed.
    """
    try:
        import scipy.optimize
    except ImportError as error:
        raise XnerError(
            f"Matching needs scipy, which cannot be imported ({error}): "
            "pip install 'spacy-xner[projection]'"
        ) from error
    return scipy.optimize
