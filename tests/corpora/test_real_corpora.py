"""The traps that were measured in the real data (see the README beside that data)."""

from pathlib import Path

import pytest

from spacy_xner.corpora.conll import load_conll
from spacy_xner.corpora.raw import Exclusion, drop_overlap, read_raw

DATA = Path(__file__).parents[2].parent / "shared" / "data"
CORPUS = DATA / "transfer_corpus"
SPLITS = ("train", "dev", "test")

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="needs ../shared/data")


def load(language):
    folder = DATA / "ananya" if language == "si" else CORPUS / language
    return {split: load_conll(folder / f"{split}.txt") for split in SPLITS}


@pytest.mark.parametrize(
    ("language", "sizes", "orphans"),
    [
        ("am", (1750, 250, 500), 0),
        ("si", (3240, 250, 1000), 0),
        ("hau", (5716, 816, 1633), 1),
        ("zul", (5848, 836, 1670), 6),
    ],
)
@pytest.mark.slow
def test_sentences_and_orphans_are_counted(language, sizes, orphans):
    files = load(language)
    assert tuple(len(files[split].sentences) for split in SPLITS) == sizes
    assert sum(len(files[split].orphans) for split in SPLITS) == orphans
    assert all(not file.garbled for file in files.values())


@pytest.mark.slow
def test_sinhala_keeps_its_joiners():
    words = [w for f in load("si").values() for s in f.sentences for w in s.words]
    assert sum("\u200d" in word for word in words) > 5000
    repaired = load_conll(DATA / "ananya" / "dev.txt", fix_encoding=True)
    plain = load_conll(DATA / "ananya" / "dev.txt")
    assert [s.words for s in repaired.sentences] == [s.words for s in plain.sentences]


@pytest.mark.slow
def test_spanish_is_garbled_and_wholly_repaired():
    plain = load_conll(CORPUS / "es" / "dev.txt")
    repaired = load_conll(CORPUS / "es" / "dev.txt", fix_encoding=True)
    assert len(plain.garbled) == repaired.repaired == 5184
    assert not any("Ã" in word for s in repaired.sentences for word in s.words)


@pytest.mark.parametrize(("language", "overlap"), [("hau", 211), ("am", 2), ("zul", 0)])
@pytest.mark.slow
def test_training_sentences_that_give_away_test_sentences_are_dropped(language, overlap):
    files = load(language)
    exclusion = Exclusion(s.words for split in SPLITS[1:] for s in files[split].sentences)
    kept, dropped = drop_overlap(files["train"].sentences, exclusion)
    assert dropped == overlap
    assert len(kept) + dropped == len(files["train"].sentences)
    # What the data claims to be clean is clean under this comparison too.
    _, counts = read_raw([DATA / "unlabelled" / f"{language}.txt"], exclusion=exclusion)
    assert counts.excluded == 0
