"""Bring a dataset into one layout, without any test or dev sentence in what is learned from.

OUTPUT/train.conll, OUTPUT/dev.conll: gold of the source languages.
OUTPUT/raw/LANG.txt: raw text of each target language.
OUTPUT/test/LANG.conll: gold of each target language that has any, only for the evaluation; of the
source languages where no target has any.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from spacy_xner.cli.prepare import prepare
from spacy_xner.corpora.archives import is_archive, unpack
from spacy_xner.corpora.conll import Sentence, read_conll, write_conll
from spacy_xner.corpora.raw import Exclusion, drop_overlap
from spacy_xner.errors import XnerError

SAMPLES = Path(__file__).resolve().parent.parent / "assets" / "samples"


class Masakhaner:
    """Data laid out as MasakhaNER 2.0; Sinhala (si) is looked for in ananya/."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def gold(self, lang: str, split: str) -> Path:
        folder = self.root / ("ananya" if lang == "si" else f"transfer_corpus/{lang}")
        return folder / f"{split}.txt"

    def raw(self, lang: str) -> list[Path]:
        return [self.root / "unlabelled" / f"{lang}.txt", self.gold(lang, "train")]


class Sample(Masakhaner):
    """The corpora of this project; a language that they lack is looked for as in Masakhaner."""

    def gold(self, lang: str, split: str) -> Path:
        own = SAMPLES / lang
        return own / f"{split}.conll" if own.is_dir() else super().gold(lang, split)

    def raw(self, lang: str) -> list[Path]:
        own = SAMPLES / lang
        return [own / "raw.txt"] if own.is_dir() else super().raw(lang)


LAYOUTS = {"sample": Sample, "masakhaner": Masakhaner}


def main(
    dataset: Annotated[str, typer.Argument(help=f"One of: {', '.join(LAYOUTS)}")],
    output: Annotated[Path, typer.Argument(help="Folder to write to")],
    data_root: Annotated[
        Path, typer.Option(help="Folder (or zip, tar) of the data, laid out as MasakhaNER")
    ] = Path("assets/masakhaner"),
    source: Annotated[str, typer.Option(help="Languages with gold that teach")] = "en",
    target: Annotated[str, typer.Option(help="Languages of the student")] = "hau am si swa yor",
) -> None:
    """Bring a dataset into one layout."""
    try:
        with tempfile.TemporaryDirectory() as unpacked:
            if is_archive(data_root):
                unpack(data_root, Path(unpacked))
                data_root = Path(unpacked)
            corpus(dataset, output, data_root, source.split(), target.split())
    except XnerError as error:
        msg.fail("No corpus was made", str(error), exits=1)


def corpus(
    dataset: str, output: Path, data_root: Path, sources: list[str], targets: list[str]
) -> None:
    """Write the files that the module's docstring names.

    dataset (str): "sample" or "masakhaner".
    output (Path): Folder to write to; what an earlier run put there is replaced.
    data_root (Path): Folder of the data, laid out as MasakhaNER.
    sources (list[str]): Languages that need gold for training, development and test.
    targets (list[str]): Languages with raw text; those without are left out. Their gold, if any,
        is only for the test.
    RAISES: XnerError for an unknown dataset, a missing file or a faulty one.
    """
    if dataset not in LAYOUTS:
        raise XnerError(f"vars.dataset is {dataset!r}; expected one of {', '.join(LAYOUTS)}.")
    layout = LAYOUTS[dataset](data_root)
    if not sources or not targets:
        raise XnerError("vars.source and vars.target: expected at least one language each.")
    targets = _with_text(layout, sources, targets)
    for folder in ("raw", "test"):
        shutil.rmtree(output / folder, ignore_errors=True)
        (output / folder).mkdir(parents=True)
    write_conll(output / "train.conll", _source_gold(layout, sources))
    dev = (sentence for lang in sources for sentence in read_conll(layout.gold(lang, "dev")))
    write_conll(output / "dev.conll", dev)
    for lang in targets:
        held_out = _existing(layout.gold(lang, split) for split in ("dev", "test"))
        raw = _existing(layout.raw(lang))
        counts = prepare(output / "raw" / f"{lang}.txt", raw, exclude=held_out)
        msg.info(
            f"{lang}: {counts.kept:,} of {counts.read:,} texts; {counts.duplicates:,} stand there "
            f"twice, {counts.excluded:,} overlap dev or test, {counts.empty:,} are empty"
        )
    _write_tests(layout, output / "test", sources, targets)


def _with_text(layout: Masakhaner, sources: list[str], targets: list[str]) -> list[str]:
    """Refuse to go on without gold of the sources; leave out targets that have no raw text."""
    splits = ("train", "dev", "test")
    gold = [layout.gold(lang, split) for lang in sources for split in splits]
    missing = [path for path in gold if not path.is_file()]
    without = [lang for lang in targets if not _existing(layout.raw(lang))]
    if not missing and without and len(without) < len(targets):
        places = ", ".join(str(layout.raw(lang)[0]) for lang in without)
        msg.warn(f"No raw text for {', '.join(without)}: left out", f"Looked for {places}.")
    elif not missing:
        missing = [layout.raw(lang)[0] for lang in without]
    if missing:
        raise XnerError(
            f"There is no {missing[0]} ({len(missing)} needed files are missing). Put raw text of "
            "a new language there, one sentence or paragraph a line; for MasakhaNER, run "
            "`spacy project assets` or name a folder that holds the data with `--vars.data_root`."
        )
    return [lang for lang in targets if lang not in without]


def _write_tests(layout: Masakhaner, folder: Path, sources: list[str], targets: list[str]) -> None:
    tests = {lang: layout.gold(lang, "test") for lang in targets}
    without = [lang for lang, path in tests.items() if not path.is_file()]
    if without:
        msg.warn(
            f"No test gold for {', '.join(without)}: the evaluation leaves them out",
            f"It is looked for in {', '.join(str(tests[lang]) for lang in without)}.",
        )
    if len(without) == len(targets):
        msg.warn(
            f"The evaluation scores the test sets of {', '.join(sources)} instead",
            "They show whether teacher and student work, not how good they are for the targets.",
        )
        tests = {lang: layout.gold(lang, "test") for lang in sources}
    for lang, path in tests.items():
        if path.is_file():
            shutil.copy(path, folder / f"{lang}.conll")


def _source_gold(layout: Masakhaner, sources: list[str]) -> Iterator[Sentence]:
    for lang in sources:
        exclusion = Exclusion.from_paths([layout.gold(lang, s) for s in ("dev", "test")])
        kept, dropped = drop_overlap(read_conll(layout.gold(lang, "train")), exclusion)
        msg.info(
            f"{lang}: {len(kept):,} sentences of gold, less {dropped:,} that overlap dev or test"
        )
        yield from kept


def write_gold(folder: Path, layout: Masakhaner, langs: list[str]) -> None:
    """Write LANG.conll for each language: its gold for training, as `corpus` takes it."""
    folder.mkdir(parents=True, exist_ok=True)
    for lang in langs:
        write_conll(folder / f"{lang}.conll", _source_gold(layout, [lang]))


def _existing(paths: Iterable[Path]) -> list[Path]:
    return [path for path in paths if path.is_file()]


if __name__ == "__main__":
    typer.run(main)
