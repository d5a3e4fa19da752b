"""What comes from elsewhere is refused where it would run code or leave its folder.

A pipeline, a config, soft labels or an archive may have been made by anyone. Their weights are read
as safetensors, msgpack and Parquet; what is checked here is what the libraries that read them leave
to the caller: names that become files, and switches that let a folder's own code run.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import srsly
from thinc.api import Config

from .errors import XnerError

__all__ = [
    "check_config",
    "check_document_id",
    "check_file_name",
    "check_pipeline",
    "check_sources",
]

_RUNS_CODE = "trust_remote_code"


def check_file_name(name: str, what: str) -> str:
    """Refuse a name that would be more than one file or folder of the folder that it belongs to.

    name (str): The name.
    what (str): What it is a name of, for the message.
    RETURNS (str): The name.
    RAISES: XnerError, if it is empty, leads elsewhere, or holds characters that no file should.
    """
    if name in ("", ".", "..") or "/" in name or "\\" in name or _has_control(name):
        raise XnerError(
            f"{what} is {name!r}, which would lead out of its folder. Expected a plain name, "
            "without slashes or control characters. Take nothing from whoever made this."
        )
    return name


def check_document_id(name: str) -> str:
    """Refuse a document's name that would leave a folder if files were named after it.

    name (str): `doc_id` of a document. A slash is allowed, as in "ark:/12148/page-1".
    RETURNS (str): The name.
    RAISES: XnerError, if it is empty, absolute, has a ".." in it or a control character.
    """
    parts = name.replace("\\", "/").split("/")
    if _has_control(name) or not parts[0] or ".." in parts:
        raise XnerError(
            f"A document is called {name!r}, which as a path would lead out of its folder. "
            "Expected a name such as 'page-1' or 'paper/page-1'. Rename the document or its file."
        )
    return name


def _has_control(name: str) -> bool:
    return any(unicodedata.category(char) == "Cc" for char in name)


def check_config(config: Mapping[str, Any], place: str | Path) -> None:
    """Refuse a spaCy config that names folders outside its own, or lets a model bring code.

    config (Mapping[str, Any]): The config; it need not be interpolated.
    place (Union[str, Path]): Where it stands, for the message.
    RAISES: XnerError: A component's name is no plain name: spaCy makes folders of them. Or
        `trust_remote_code` is on somewhere.
    """
    names = [*config.get("components", {}), *config.get("nlp", {}).get("pipeline", [])]
    for name in names:
        check_file_name(str(name), f"{place}: a component's name")
    for key, value in _walk(config):
        if key.endswith(_RUNS_CODE) and value not in (False, None):
            raise XnerError(
                f"{place}: {key} is {value!r}, which would run Python code that comes with a "
                "model. It is never run: take the key out, and a model whose type transformers "
                "knows."
            )


def _walk(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from _walk(value, f"{at}.{key}" if at else str(key))
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value, at)
    else:
        yield at, node


def check_pipeline(folder: str | Path) -> None:
    """Refuse a saved spaCy pipeline whose config or transformer would leave it or bring code.

    `spacy_transformers.layers.hf_shim.HFShim.from_bytes` writes the tokenizer's files under the
    names that the file gives, and hands arguments of the file on to `from_pretrained`. Weights that
    are pickles torch itself refuses, from 2.6 on.

    folder (Union[str, Path]): The pipeline's folder; anything else, such as the name of an
        installed package, is left to spaCy.
    RAISES: XnerError: See `check_config`; or a file of the tokenizer has a name that leads
        elsewhere, or the transformer asks for code of its own.
    """
    path = Path(folder) / "config.cfg"
    if not path.is_file():
        return
    try:
        config = Config().from_disk(path, interpolate=False)
    except ValueError:
        return  # spaCy tells what is wrong
    check_config(config, path)
    for name, component in config.get("components", {}).items():
        model = component.get("model") if isinstance(component, Mapping) else None
        architecture = model.get("@architectures", "") if isinstance(model, Mapping) else ""
        # Ours check what they read: `encoders.serialize`.
        if not str(architecture).startswith("spacy-xner."):
            _check_model(Path(folder) / name / "model")


def check_sources(config: Mapping[str, Any]) -> None:
    """Check the saved pipelines that spaCy loads for a config: of components, and of vectors.

    config (Mapping[str, Any]): The interpolated config.
    RAISES: XnerError: See `check_pipeline`.
    """
    named = [part.get("source") for part in config.get("components", {}).values()]
    named.append(config.get("initialize", {}).get("vectors"))
    for folder in filter(None, named):
        check_pipeline(folder)


def _check_model(path: Path) -> None:
    if not path.is_file():
        return
    for shim in _bytes_of(_unpacked(path.read_bytes()).get("shims")):
        content = _unpacked(shim)
        tokenizer = content.get("tokenizer")
        if isinstance(tokenizer, Mapping):
            for name in tokenizer:
                check_file_name(str(name), f"{path}: a file of the tokenizer")
            check_config({"tokenizer": tokenizer.get("kwargs")}, path)
        if isinstance(content.get("config"), Mapping) and content["config"].get("auto_map"):
            raise XnerError(
                f"{path}: the transformer needs Python code of its own, which is never run. Take "
                "a pipeline over a model whose type transformers knows."
            )


def _unpacked(data: bytes) -> dict[str, Any]:
    try:
        content = srsly.msgpack_loads(data)
    except Exception:  # whoever reads it for good tells what is wrong
        return {}
    return content if isinstance(content, dict) else {}


def _bytes_of(node: Any) -> Iterator[bytes]:
    if isinstance(node, bytes):
        yield node
    elif isinstance(node, list):
        for each in node:
            yield from _bytes_of(each)
