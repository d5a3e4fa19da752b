"""Every script can be imported: what it takes from the package is where it looks for it."""

import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"
# Modules of optional extras, and the extra that brings them.
EXTRAS = {
    **dict.fromkeys(("jinja2", "matplotlib", "scipy", "shap", "statsmodels"), "analysis"),
    **dict.fromkeys(("babel", "epitran", "langcodes", "panphon", "rapidfuzz", "uroman"), "views"),
    **dict.fromkeys(("onnx", "onnxruntime", "textbrewer", "tensorboard"), "peers"),
    "ray": "ray",
}


@pytest.mark.parametrize("name", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_script_can_be_imported(name, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.chdir(SCRIPTS.parent)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        pytest.skip(f"{error.name} is not installed: extra [{EXTRAS[error.name]}]")
    assert module.__doc__
