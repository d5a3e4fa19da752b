"""Bring a dataset into one layout, without any test or dev sentence in what is learned from.

OUTPUT/train.conll, OUTPUT/dev.conll: gold of the source languages.
OUTPUT/raw/LANG.txt: raw text of each target language.
OUTPUT/test/LANG.conll: gold of each target language, only for the evaluation.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from spacy_xner.cli.prepare import prepare
from spacy_xner.corpora.conll import Sentence, read_conll
from spacy_xner.corpora.raw import Exclusion, drop_overlap
from spacy_xner.errors import XnerError

SAMPLES = Path(__file__).resolve().parent.parent / "assets" / "samples"


class Sample:
    """The corpora of this project, under assets/samples."""

    def __init__(self, root: Path) -> None:
        self.root = SAMPLES

    def gold(self, lang: str, split: str) -> Path:
        return self.root / lang / f"{split}.conll"

    def raw(self, lang: str) -> list[Path]:
        return [self.root / lang / "raw.txt"]


class Masakhaner:
    """Data laid out as MasakhaNER 2.0; Sinhala (si) is looked for in ananya/."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def gold(self, lang: str, split: str) -> Path:
        folder = self.root / ("ananya" if lang == "si" else f"transfer_corpus/{lang}")
        return folder / f"{split}.txt"

    def raw(self, lang: str) -> list[Path]:
        unlabelled = self.root / "unlabelled" / f"{lang}.txt"
        return [path for path in (unlabelled, self.gold(lang, "train")) if path.is_file()]


LAYOUTS = {"sample": Sample, "masakhaner": Masakhaner}


def main(
    dataset: Annotated[str, typer.Argument(help=f"One of: {', '.join(LAYOUTS)}")],
    output: Path,
    data_root: Path = Path("assets/masakhaner"),
    source: str = "en",
    target: str = "hau am si swa yor",
) -> None:
    """Bring a dataset into one layout."""
    try:
        corpus(dataset, output, data_root, source.split(), target.split())
    except XnerError as error:
        msg.fail("No corpus was made", str(error), exits=1)


def corpus(
    dataset: str, output: Path, data_root: Path, sources: list[str], targets: list[str]
) -> None:
    """Write the files that the module's docstring names."""
    if dataset not in LAYOUTS:
        raise XnerError(f"vars.dataset is {dataset!r}; expected one of {', '.join(LAYOUTS)}.")
    layout = LAYOUTS[dataset](data_root)
    missing = [
        path
        for path in [
            *(layout.gold(lang, split) for lang in sources for split in ("train", "dev", "test")),
            *(layout.gold(lang, split) for lang in targets for split in ("dev", "test")),
        ]
        if not path.is_file()
    ]
    missing += [layout.gold(lang, "train") for lang in targets if not layout.raw(lang)]
    if missing:
        raise XnerError(
            f"There is no {missing[0]} ({len(missing)} files are missing). Run `spacy project "
            "assets`, or name a folder that holds the data with `--vars.data_root`."
        )
    for folder in ("raw", "test"):
        shutil.rmtree(output / folder, ignore_errors=True)
        (output / folder).mkdir(parents=True)
    _write(output / "train.conll", _source_gold(layout, sources))
    _write(output / "dev.conll", (s for lang in sources for s in read_conll(layout.gold(lang, "dev"))))
    for lang in targets:
        held_out = [layout.gold(lang, split) for split in ("dev", "test")]
        prepared = prepare(output / "raw" / f"{lang}.txt", layout.raw(lang), exclude=held_out)
        shutil.copy(layout.gold(lang, "test"), output / "test" / f"{lang}.conll")
        msg.info(f"{lang}: {prepared}")


def _source_gold(layout: Sample | Masakhaner, sources: list[str]) -> Iterator[Sentence]:
    for lang in sources:
        exclusion = Exclusion.from_paths([layout.gold(lang, s) for s in ("dev", "test")])
        kept, dropped = drop_overlap(read_conll(layout.gold(lang, "train")), exclusion)
        msg.info(f"{lang}: {len(kept):,} sentences of gold, {dropped:,} that stand in dev or test")
        yield from kept


def _write(path: Path, sentences: Iterator[Sentence]) -> None:
    with path.open("w", encoding="utf8") as file:
        for sentence in sentences:
            lines = (f"{w} {t}\n" for w, t in zip(sentence.words, sentence.tags, strict=True))
            file.write("".join(lines) + "\n")


if __name__ == "__main__":
    typer.run(main)
