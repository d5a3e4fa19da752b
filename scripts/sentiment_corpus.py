"""Sentiment corpora in one layout: gold of the sources, raw text of the target."""

import random
from collections.abc import Sequence
from pathlib import Path

from wasabi import msg

from spacy_xner.corpora.raw import normal_form
from spacy_xner.corpora.tsv import LabelledText, categories_of, read_tsv

DEV_TEXTS = 100  # of each source language


def corpus(root: Path, output: Path, sources: list[str], target: str, *, limit: int) -> None:
    """Write `train.tsv` and `dev.tsv` of the sources, `raw/` of the target without its labels.

    root (Path): LANG/{train,dev,test}.tsv.
    output (Path): The folder to fill; `gold.tsv` there is the target's labelled training text,
        for supervised students alone.
    sources (list[str]): Languages with gold.
    target (str): The language whose labels stay unseen.
    limit (int): Most texts of one source language, 0 for all.
    RAISES: XnerError: A file is missing or faulty, or its labels are not those of the first source.
    """
    train: list[LabelledText] = []
    dev: list[LabelledText] = []
    known = categories_of(read_tsv(root / sources[0] / "train.tsv")).tags
    for lang in sources:
        texts = read_tsv(root / lang / "train.tsv", known)
        random.Random(0).shuffle(texts)
        train += texts[: limit or None]
        held = read_tsv(root / lang / "dev.tsv", known)  # sorted by label in some languages
        random.Random(0).shuffle(held)
        dev += held[:DEV_TEXTS]
    random.Random(0).shuffle(train)
    gold = without_overlap(root / target, known)
    # AfriSenti is sorted by label: in its order raw text would tell the labels, and a student would
    # see one category for a whole shard.
    random.Random(0).shuffle(gold)
    (output / "raw").mkdir(parents=True)
    write_tsv(output / "train.tsv", train)
    write_tsv(output / "dev.tsv", dev)
    write_tsv(output / "gold.tsv", gold)
    raw = "".join(" ".join(one.text.split()) + "\n" for one in gold)
    (output / "raw" / f"{target}.txt").write_text(raw, "utf8")


def without_overlap(folder: Path, known: Sequence[str]) -> list[LabelledText]:
    """Read the training texts of a language, each once and none that its dev or test set has.

    folder (Path): {train,dev,test}.tsv.
    known (Sequence[str]): The categories.
    RETURNS (list[LabelledText]): The texts, in the order of the file.
    RAISES: XnerError: A file is missing or faulty, or a label is none of the categories.
    """
    seen = {
        normal_form(one.text)
        for name in ("dev", "test")
        for one in read_tsv(folder / f"{name}.tsv", known)
    }
    texts, kept = read_tsv(folder / "train.tsv", known), []
    for one in texts:
        form = normal_form(one.text) or one.text
        if form not in seen:
            kept.append(one)
            seen.add(form)
    msg.info(f"{folder.name}: {len(texts) - len(kept)} of {len(texts)} training texts dropped")
    return kept


def write_tsv(path: Path, texts: list[LabelledText]) -> None:
    """Write texts as `read_tsv` reads them."""
    rows = "".join(f"{one.text}\t{one.label}\n" for one in texts)
    path.write_text("text\tlabel\n" + rows, "utf8")
