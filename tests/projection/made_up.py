"""A tagger, sentences and their translations that were made up for these tests."""

import hashlib

import numpy as np
import spacy

from spacy_xner.projection.aligners import Alignment
from spacy_xner.tags import TagSet

TAGSET = TagSet.from_types(["PER", "LOC"])
NAMES = {"Amina": "B-PER", "Bello": "I-PER", "Kano": "B-LOC", "Abuja": "B-LOC"}
WORDS = {"visited": "ziyarci", "left": "bar", "market": "kasuwa", "again": "sake", ".": "."}
SENTENCES = ["Amina Bello visited Kano .", "the market again .", "Amina left Abuja again ."]
TRANSLATIONS = ["Amina Bello ya ziyarci Kano .", "sake kasuwa .", "sake Amina ta bar Abuja ."]


class FakeSource:
    """Knows the names of `NAMES`, each with the same certainty."""

    def __init__(self, sure=0.96):
        self.nlp = spacy.blank("xx")
        self.tagset = TAGSET
        self.fingerprint = "fa" * 16
        self.sure = sure
        self.seen = 0

    def predict(self, docs):
        self.seen += len(docs)
        return [self._rows(doc) for doc in docs]

    def _rows(self, doc):
        rest = (1 - self.sure) / (len(TAGSET) - 1)
        rows = np.full((len(doc), len(TAGSET)), rest, dtype="float32")
        for token, row in zip(doc, rows, strict=True):
            row[TAGSET.index(NAMES.get(token.text, "O"))] = self.sure
        return rows


class DictionaryAligner:
    """Links equal words and those of `WORDS`; fails on call number `fails_at`."""

    def __init__(self, fails_at=0):
        self.fingerprint = "dictionary"
        self.fails_at = fails_at
        self.calls = 0

    def __call__(self, pairs):
        self.calls += 1
        if self.calls == self.fails_at:
            raise RuntimeError("no power")
        return [self._align(pair) for pair in pairs]

    def _align(self, pair):
        links = [
            (one.i, other.i)
            for one in pair.source
            for other in pair.target
            if other.text in (one.text, WORDS.get(one.text))
        ]
        return Alignment(
            np.array(links, dtype="int64").reshape(-1, 2), np.ones(len(links), dtype="float32")
        )


class FakeTranslator:
    """Translates word by word, brackets untouched; fails on call number `fails_at`."""

    def __init__(self, fails_at=0):
        self.fingerprint = "words"
        self.fails_at = fails_at
        self.calls = 0

    def translate(self, texts):
        self.calls += 1
        if self.calls == self.fails_at:
            raise RuntimeError("no power")
        return [" ".join(WORDS.get(word, word) for word in text.split()) for text in texts]


def write_pair(folder, sentences=SENTENCES, translations=TRANSLATIONS):
    """Write two files of parallel text."""
    paths = folder / "text.en", folder / "text.hau"
    for path, lines in zip(paths, (sentences, translations), strict=True):
        path.write_text("".join(line + "\n" for line in lines), "utf8")
    return paths


def digest(folder):
    """Contents of the shards of a soft-label folder."""
    return [hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob("*.parquet"))]
