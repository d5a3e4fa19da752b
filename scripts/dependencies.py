"""List the dependencies with versions, licences and known faults: docs/dependencies.md.

The versions are those of requirements.txt; the licence is what each package says of itself. Known
faults come from `pip-audit`, where it is installed and reaches its data.
"""

import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

FREE = re.compile(r"MIT|BSD|Apache|PSF|Python Software|ISC|MPL|Mozilla|Unlicense|HPND|Zlib", re.I)
SHORT = 60


def main(
    requirements: Annotated[Path, typer.Argument()] = Path("requirements.txt"),
    output: Annotated[Path, typer.Argument()] = Path("docs/dependencies.md"),
) -> None:
    """Write the list."""
    names = dict(pinned(requirements))
    licences = {name: licence(name) for name in names}
    for name, found in licences.items():
        if not FREE.search(found):
            msg.warn(f"{name}: {found}", "Look at its licence: it is none of those that are known.")
    audit = audited(requirements)
    rows = [
        f"| {name} | {names[name]} | {licences[name]} |" for name in sorted(names, key=str.lower)
    ]
    output.write_text(
        "# Dependencies\n\nWritten by `python scripts/dependencies.py`: what CI ran, with the "
        f"licence that each package names.\n\n{audit}\n\n| package | version | licence |\n"
        "| :-- | :-- | :-- |\n" + "\n".join(rows) + "\n",
        "utf8",
    )
    msg.good(f"{len(rows)} packages in {output}", audit)


def pinned(path: Path) -> list[tuple[str, str]]:
    """Names and versions; of those that depend on Python's version, the first."""
    found: dict[str, str] = {}
    for line in path.read_text("utf8").splitlines():
        name, _, version = line.partition(";")[0].strip().partition("==")
        if version:
            found.setdefault(name, version)
    return list(found.items())


def licence(name: str) -> str:
    """What a package says: the expression, a classifier, or the first line of a text."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return "not installed where this was written (needed by other Python versions)"
    classifiers = [
        each.rpartition(" :: ")[2]
        for each in told.get_all("Classifier") or []
        if each.startswith("License :: ") and each != "License :: OSI Approved"
    ]
    text = (told.get("License") or "").strip().split("\n")[0]
    found = told.get("License-Expression") or ", ".join(classifiers) or text or "none named"
    return found if len(found) <= SHORT else found[:SHORT] + " ..."


def audited(requirements: Path) -> str:
    """One sentence: what `pip-audit` found, or why it did not look."""
    command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "-f", "json"]
    done = subprocess.run(
        [*command, "-r", str(requirements)], capture_output=True, text=True, check=False
    )
    try:
        checked = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"`pip-audit` did not run ({last}): the list below is a record, not an audit."
    looked = [each for each in checked if "skip_reason" not in each]
    faulty = [each["name"] for each in looked if each["vulns"]]
    if not looked:
        return "`pip-audit` reached no data: the list below is a record, not an audit."
    faults = ", ".join(faulty) or "none"
    return f"`pip-audit` looked at {len(looked)} packages; known faults: {faults}."


if __name__ == "__main__":
    typer.run(main)
