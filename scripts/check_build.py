"""Check the built wheel as its users meet it: alone with spaCy in a fresh environment."""

import json
import os
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from wasabi import msg

MODULE = "xx_xner_student"
MAX_MEGABYTES = 60
ROOT = Path(__file__).resolve().parent.parent

SENTENCES = {
    "hau": "Shugaba Bola Tinubu ya gana da Nasir El-Rufai a Abuja, in ji jaridar Daily Trust.",
    "am": "ጠቅላይ ሚኒስትር አቢይ አህመድ በአዲስ አበባ ከአፍሪካ ህብረት መሪዎች ጋር ተናገሩ።",
    "si": "ජනාධිපති අනුර කුමාර දිසානායක කොළඹ දී ශ්‍රී ලංකා මහ බැංකුවේ නිලධාරීන් හමු විය.",
    "swa": "Rais Samia Suluhu Hassan alikutana na viongozi wa Benki ya Dunia jijini Dodoma, Tanzania.",
    "yor": "Wọlé Ṣóyínká bá Olúṣẹ́gun Ọbásanjọ́ sọ̀rọ̀ ní Ìbàdàn, ó sì padà sí Abẹ́òkúta.",
}

# Runs in the fresh environment: sentences come as JSON on stdin, what it saw goes out as JSON.
PROBE = """
import importlib.util, json, sys
import spacy
nlp = spacy.load({module!r})
texts = json.load(sys.stdin)
docs = {{name: nlp(text) for name, text in texts.items()}}
print(json.dumps({{
    "importable": [n for n in ("spacy_xner", "torch") if importlib.util.find_spec(n)],
    "pipes": {{n: type(p).__module__ for n, p in [("tokenizer", nlp.tokenizer), *nlp.pipeline]}},
    "entities": {{n: [[e.text, e.label_] for e in doc.ents] for n, doc in docs.items()}},
    "changed": [n for n, doc in docs.items() if doc.text != texts[n]],
    "meta": {{"smoke_test": nlp.meta.get("smoke_test"), "license": nlp.meta.get("license")}},
}}))
"""


def main(
    packages: Annotated[Path, typer.Argument(help="Folder of the wheel")],
    dataset: Annotated[str, typer.Option(help="vars.dataset of the build")] = "sample",
) -> None:
    """Install the wheel into a fresh environment, use it, and exit with 1 if anything is wrong."""
    wheels = sorted(packages.glob("*/dist/*.whl"))
    if len(wheels) != 1:
        found = ", ".join(map(str, wheels)) or "none"
        msg.fail(f"Expected one wheel in {packages}, found {found}", exits=1)
    with tempfile.TemporaryDirectory() as folder:
        seen = probe(install(str(wheels[0].resolve()), Path(folder) / "venv"), probe_texts())
    faults = [*size_faults(wheels[0]), *faults_of(seen, smoke_test=dataset == "sample")]
    report(wheels[0], seen)
    if faults:
        msg.fail("The wheel is not as it should be", "\n".join(faults), exits=1)
    msg.good(f"{wheels[0].name} works with spaCy alone")


def probe_texts() -> dict[str, str]:
    """The sentences by language, and the Yoruba one in both normal forms."""
    forms = {
        f"yor {form}": unicodedata.normalize(form, SENTENCES["yor"]) for form in ("NFC", "NFD")
    }
    return {**SENTENCES, **forms}


def install(what: str, folder: Path) -> Path:
    """Make an environment that holds spaCy, as pinned, and something else.

    what (str): For pip: the path of a wheel, or a requirement.
    folder (Path): Where the environment is made.
    RETURNS (Path): Its Python.
    """
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    requirements = (ROOT / "requirements.txt").read_text("utf8").splitlines()
    spacy = next(line for line in requirements if line.startswith("spacy=="))
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    constraint = ["--constraint", ROOT / "requirements.txt"]
    subprocess.run([*pip, *constraint, spacy, what], check=True, cwd=folder)
    return python


def probe(python: Path, texts: Mapping[str, str]) -> dict[str, Any]:
    """Use the student in another environment.

    python (Path): The environment's Python.
    texts (Mapping[str, str]): Texts by name.
    RETURNS (dict[str, Any]): `importable`, `pipes`, `entities`, `changed` and `meta`, see `PROBE`.
    """
    # -I: neither the working directory nor PYTHONPATH can lend it a package of this one.
    command = [python, "-I", "-c", PROBE.format(module=MODULE)]
    run = subprocess.run(command, input=json.dumps(texts), stdout=subprocess.PIPE, text=True)
    if run.returncode:
        msg.fail(f"{MODULE} cannot be used in a fresh environment", "See above.", exits=1)
    seen: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return seen


def size_faults(wheel: Path) -> Iterator[str]:
    """Tell if a wheel is too large.

    wheel (Path): The wheel.
    YIELDS (str): The fault.
    """
    size = wheel.stat().st_size / 1e6
    if size > MAX_MEGABYTES:
        yield f"{wheel} has {size:.1f} MB; expected at most {MAX_MEGABYTES}."


def faults_of(seen: Mapping[str, Any], *, smoke_test: bool) -> Iterator[str]:
    """Tell what is wrong with what a fresh environment saw.

    seen (Mapping[str, Any]): Of `probe`.
    smoke_test (bool): What meta.json has to say.
    YIELDS (str): The faults.
    """
    if seen["importable"]:
        yield f"{', '.join(seen['importable'])} can be imported beside it; expected spaCy alone."
    for name, module in seen["pipes"].items():
        if not module.startswith("spacy."):
            yield f"{name} comes from {module}; expected a module of spaCy."
    for name in seen["changed"]:
        yield f"The document of {name} has another text than it was given."
    without = [lang for lang in SENTENCES if not seen["entities"][lang]]
    # A smoke test may miss names of some language; a release may not.
    if without and (not smoke_test or len(without) == len(SENTENCES)):
        yield f"No entity was found in the sentence in {', '.join(without)}; expected at least one."
    composed, decomposed = (_normal(seen["entities"][f"yor {form}"]) for form in ("NFC", "NFD"))
    if composed != decomposed:
        yield f"The NFC form has the entities {composed}, the NFD form {decomposed}."
    if seen["meta"]["smoke_test"] is not smoke_test:
        yield f"meta.json: smoke_test is {seen['meta']['smoke_test']}; expected {smoke_test}."


def _normal(entities: list[list[str]]) -> list[list[str]]:
    return [[unicodedata.normalize("NFC", text), label] for text, label in entities]


def report(wheel: Path, seen: Mapping[str, Any]) -> None:
    """Print what was checked.

    wheel (Path): The wheel.
    seen (Mapping[str, Any]): Of `probe`.
    """
    msg.info(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB, at most {MAX_MEGABYTES} expected")
    msg.info("Packages of the teacher's side there: " + (", ".join(seen["importable"]) or "none"))
    msg.info("Pipes: " + ", ".join(f"{n} ({module})" for n, module in seen["pipes"].items()))
    msg.info(f"meta.json: {seen['meta']}")
    rows = [
        (name, len(found), ", ".join(f"{text} ({label})" for text, label in found))
        for name, found in seen["entities"].items()
    ]
    msg.table(rows, header=("sentence", "n", "entities"), divider=True, max_col=120)


if __name__ == "__main__":
    typer.run(main)
