"""What scripts/benchmark_projection.py learns from: parallel text, and the rival's own data."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from wasabi import msg

from spacy_xner.cli.prepare import prepare
from spacy_xner.corpora.conll import Sentence, read_conll
from spacy_xner.corpora.detokenize import spaces
from spacy_xner.corpora.raw import Exclusion, drop_overlap, normal_form
from spacy_xner.corpora.soft_labels import SoftLabelCorpus, SoftLabels, SoftLabelWriter
from spacy_xner.evaluation.results import file_sha
from spacy_xner.projection.parallel import iter_lines
from spacy_xner.tags import TagSet, unsaid

# The parallel text calls Amharic otherwise than the rest of the data.
PARALLEL = {"am": "amh"}
SHARD_DOCS = 2000


def gold(root: Path, lang: str, split: str) -> Path:
    """Give the path of gold of a language; that of Sinhala is elsewhere."""
    return (root / "ananya" if lang == "si" else root / f"transfer_corpus/{lang}") / f"{split}.txt"


def parallel_files(root: Path, lang: str) -> list[tuple[Path, Path]]:
    """Give all files of parallel text: the English one, and that of the language."""
    code = PARALLEL.get(lang, lang)
    folder = root / f"parallel/en-{code}"
    return [(path, path.with_suffix(f".{code}")) for path in sorted(folder.glob("*.en"))]


def write_parallel(root: Path, lang: str, out: Path, limit: int) -> None:
    """Write `<lang>.en` and `<lang>.parallel.txt`, each pair once, without dev and test sentences.

    Sinhala's raw text holds most of that text: names of its documents must not be those of another.
    """
    out.mkdir(parents=True)
    exclusion = Exclusion.from_paths([gold(root, lang, split) for split in ("dev", "test")])
    seen: set[str] = set()
    read = excluded = 0
    with (
        (out / f"{lang}.en").open("w") as sources,
        (out / f"{lang}.parallel.txt").open("w") as targets,
    ):
        for files in parallel_files(root, lang):
            for source, target in zip(*map(iter_lines, files), strict=True):
                read += 1
                form = normal_form(target)
                if not source or not form or form in seen:
                    continue
                if exclusion.matches(target):
                    excluded += 1
                elif not limit or len(seen) < limit:
                    seen.add(form)
                    sources.write(source + "\n")
                    targets.write(target + "\n")
    msg.info(f"{lang}: {len(seen):,} of {read:,} pairs; {excluded:,} overlap dev or test")


def write_raw(root: Path, lang: str, out: Path) -> None:
    """Write raw text of a language as scripts/corpus.py does."""
    raw = [root / f"unlabelled/{lang}.txt", gold(root, lang, "train")]
    held_out = [gold(root, lang, split) for split in ("dev", "test")]
    prepare(out, [path for path in raw if path.is_file()], exclude=held_out)


def write_rival(root: Path, lang: str, out: Path, projected: Path | None, seed: int) -> None:
    """Write the rival's labels as soft labels, all that it says with certainty.

    projected (Path | None): Our labels; then a sample of as many sentences as those in which they
        say something, so that both learn from as much. Else all sentences.
    """
    path = root / f"t_projection/{lang}.train.txt"
    exclusion = Exclusion.from_paths([gold(root, lang, split) for split in ("dev", "test")])
    sentences, _ = drop_overlap(read_conll(path), exclusion)
    if projected is not None:
        n = sum(not unsaid(doc.probs).all() for doc in SoftLabelCorpus(projected))
        rng = random.Random(seed)
        sentences = rng.sample(list(sentences), min(n, len(sentences)))
    types = {tag[2:] for sentence in sentences for tag in sentence.tags if tag != "O"}
    tagset = TagSet.from_types(types)
    digest = file_sha(path)
    settings: dict[str, Any] = {"teacher": digest, "source": f"{digest}{len(sentences)}"}
    with SoftLabelWriter(out, tags=tagset.tags, lang=lang, **settings) as writer:
        starts = range(0, len(sentences), SHARD_DOCS)
        for index, start in enumerate(starts):
            shard = sentences[start : start + SHARD_DOCS]
            docs = [_certain(f"{lang}:{start + i}", lang, s, tagset) for i, s in enumerate(shard)]
            writer.write(index, docs)
        writer.close(len(starts))


def _certain(name: str, lang: str, sentence: Sentence, tagset: TagSet) -> SoftLabels:
    text, starts, ends = text_of(sentence.words)
    probs = np.eye(len(tagset), dtype=np.float16)[[tagset.index(tag) for tag in sentence.tags]]
    return SoftLabels(name, lang, text, starts, ends, probs)


def text_of(words: Sequence[str]) -> tuple[str, np.ndarray, np.ndarray]:
    """Write words as running text; give it with first and last character of each word."""
    lengths = np.array([len(word) for word in words])
    gaps = np.array(spaces(words), dtype=np.int64)
    ends = np.cumsum(lengths + gaps) - gaps
    pieces = (word + " " * gap for word, gap in zip(words, gaps.tolist(), strict=True))
    return "".join(pieces), (ends - lengths).astype(np.int32), ends.astype(np.int32)
