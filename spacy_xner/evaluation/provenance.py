"""Where a number comes from: versions, machine, command, fingerprints of config and data."""

import hashlib
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["command_line", "config_sha", "file_sha", "machine", "versions"]

PACKAGES = (
    "spacy-xner",
    "spacy",
    "thinc",
    "torch",
    "transformers",
    "spacy-transformers",
    "numpy",
)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result.

    RETURNS (dict[str, str]): Package and version; a package that is not installed is left out.
    """
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """What kind of machine this is, without its name.

    RETURNS (dict[str, Any]): `cpu` (model), `cores` (that this process may use), `bf16` (whether
        torch computes it at full speed; false without torch).
    """
    import platform

    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text("utf8", errors="replace").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return {"cpu": model, "cores": cores, "bf16": _has_bf16()}


def _has_bf16() -> bool:
    try:
        import torch
    except ImportError:
        return False
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return bool(supported and supported())


def command_line(argv: Sequence[str] | None = None) -> str:
    """Write a command so that it means the same on another machine.

    argv (Sequence[str] | None): The command, the Python that runs it first if it was called so;
        None takes the one that runs.
    RETURNS (str): Program and arguments; paths are relative to the working folder, where they lie
        in it or in the folder above it.
    """
    words = list(sys.orig_argv if argv is None else argv)
    programs = Path(sys.executable).parent
    if len(words) > 1 and Path(words[1]).absolute().parent == programs:
        words = words[1:]  # An installed script, which its first line handed to Python.
    words[0] = Path(words[0]).name
    here = Path.cwd()
    return shlex.join(_relative(_relative(word, here, "."), here.parent, "..") for word in words)


def _relative(word: str, folder: Path, short: str) -> str:
    if folder == folder.parent:
        return word
    if word == str(folder):
        return short
    return word.replace(f"{folder}{os.sep}", "" if short == "." else f"{short}{os.sep}")


def config_sha(config: str, data: Mapping[str, str] | None = None) -> str:
    """Fingerprint of what a run was told: a row with the same one need not be measured again.

    config (str): The text of the config.
    data (Mapping[str, str] | None): Name and fingerprint (`file_sha`) of each file of data; order
        does not matter.
    RETURNS (str): 16 hexadecimal digits of a SHA-256.
    """
    text = json.dumps([config, sorted((data or {}).items())], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf8")).hexdigest()[:16]


def file_sha(path: str | Path) -> str:
    """Fingerprint of a file, or of all files of a folder with their names.

    path (str | Path): A file or a folder.
    RETURNS (str): 16 hexadecimal digits of a SHA-256.
    """
    path, digest = Path(path), hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode("utf8") + b"\0")
        with file.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]
