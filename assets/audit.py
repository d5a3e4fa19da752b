"""Counts and checks the sample corpora: `python assets/audit.py` prints a table and every fault."""

import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wording import Templates, entities, runs, template, units, words

from spacy_xner.corpora.conll import Sentence, read_conll
from spacy_xner.corpora.raw import normal_form

ROOT = Path(__file__).resolve().parent / "samples"
SOURCE = "en"
LANGUAGES = (SOURCE, "am", "hau", "si", "swa", "yor")
TYPES = {"PER", "ORG", "LOC"}
MIN_RAW = 1000
MIN_TRAIN = 1500
MIN_HELD_OUT = 100
MIN_NEW_ENTITIES = 0.5
MAX_BYTES = 900 * 1024
MIN_CONTAINED = 5  # tokens; shorter sentences occur in others by chance


@dataclass(frozen=True)
class Fault:
    """What is wrong with which sentence of which file.

    lang (str): folder name of the language.
    file (str): file name in that folder.
    line (int): 1-based line, 0 where the fault is that of the whole file.
    what (str): the fault, with the sentence where there is one.
    """

    lang: str
    file: str
    line: int
    what: str

    def __str__(self) -> str:
        place = f"{self.lang}/{self.file}" + (f":{self.line}" if self.line else "")
        return f"{place}: {self.what}"


@dataclass
class Samples:
    """The corpora of one language.

    lang (str): folder name.
    folder (Path): where the files are.
    tagged (Dict[str, List[Sentence]]): sentences of each .conll file, by file name.
    raw (List[str]): lines of raw.txt; empty for the source language.
    """

    lang: str
    folder: Path
    tagged: dict[str, list[Sentence]] = field(default_factory=dict)
    raw: list[str] = field(default_factory=list)

    @property
    def known(self) -> list[tuple[str, int, str]]:
        """File, line and text of everything that a teacher or student may learn from."""
        if self.lang == SOURCE:
            sents = self.tagged["train.conll"]
            return [("train.conll", s.line, " ".join(s.words)) for s in sents]
        return [("raw.txt", i, line) for i, line in enumerate(self.raw, 1)]

    def held_out(self) -> Iterator[tuple[str, Sentence]]:
        """File name and sentence of dev and test."""
        for name in ("dev.conll", "test.conll"):
            for sent in self.tagged[name]:
                yield name, sent


def load(lang: str, root: Path = ROOT) -> Samples:
    """Read the corpora of a language with the package's own strict reader.

    lang (str): folder name.
    root (Path): folder of the language folders.
    RETURNS (Samples): the corpora.
    RAISES: FileNotFoundError where a file is missing, XnerError where one is malformed.
    """
    samples = Samples(lang, root / lang)
    for name in file_names(lang):
        path = samples.folder / name
        if not path.is_file():
            raise FileNotFoundError(f"{lang}/{name} is missing in {root.name}/")
        if name.endswith(".conll"):
            samples.tagged[name] = read_conll(path)
        else:
            samples.raw = [x for x in path.read_text(encoding="utf8").split("\n") if x.strip()]
    return samples


def file_names(lang: str) -> tuple[str, ...]:
    """The files that a language must have.

    lang (str): folder name.
    RETURNS (Tuple[str, ...]): file names.
    """
    return ("train.conll" if lang == SOURCE else "raw.txt", "dev.conll", "test.conll")


def size_faults(samples: Samples) -> list[Fault]:
    """Too few distinct sentences, or a file that is too large.

    samples (Samples): the corpora of a language.
    RETURNS (List[Fault]): the faults.
    """
    faults = []
    wanted = {"raw.txt": MIN_RAW, "train.conll": MIN_TRAIN}
    for name in file_names(samples.lang):
        texts = samples.raw if name == "raw.txt" else _texts(samples.tagged[name])
        distinct, least = len({normal_form(t) for t in texts}), wanted.get(name, MIN_HELD_OUT)
        if distinct < least:
            what = f"{distinct} distinct sentences; at least {least} are wanted"
            faults.append(Fault(samples.lang, name, 0, what))
        size = (samples.folder / name).stat().st_size
        if size >= MAX_BYTES:
            faults.append(Fault(samples.lang, name, 0, f"{size} bytes; {MAX_BYTES} are too many"))
    return faults


def form_faults(samples: Samples) -> list[Fault]:
    """Text that is not NFC, lines that are not `token TAG`, tags other than PER, ORG and LOC.

    samples (Samples): the corpora of a language.
    RETURNS (List[Fault]): the faults.
    """
    line_form = re.compile(rf"\S+ (?:O|[BI]-(?:{'|'.join(sorted(TYPES))}))|")
    faults = []
    for name in file_names(samples.lang):
        text = (samples.folder / name).read_bytes().decode("utf8")
        for number, line in enumerate(text.split("\n"), 1):
            if not unicodedata.is_normalized("NFC", line):
                faults.append(Fault(samples.lang, name, number, f"not NFC: {line}"))
            if name.endswith(".conll") and not line_form.fullmatch(line):
                faults.append(Fault(samples.lang, name, number, f"not `token TAG`: {line!r}"))
    return faults


def overlap_faults(samples: Samples) -> list[Fault]:
    """Dev and test sentences that known text equals or contains, and those in both.

    samples (Samples): the corpora of a language.
    RETURNS (List[Fault]): the faults.
    """
    lines = [normal_form(text) for *_, text in samples.known]
    equal, joined = set(lines), "\n".join(lines)
    faults, seen = [], dict[str, str]()
    for name, sent in samples.held_out():
        text = " ".join(sent.words)
        form = normal_form(text)
        if form in equal or (len(sent.words) >= MIN_CONTAINED and form in joined):
            faults.append(Fault(samples.lang, name, sent.line, f"in the known text: {text}"))
        if form in seen:
            faults.append(Fault(samples.lang, name, sent.line, f"also in {seen[form]}: {text}"))
        seen[form] = name
    return faults


def template_faults(samples: Samples) -> list[Fault]:
    """Dev and test sentences made from a template that the known text uses too.

    samples (Samples): the corpora of a language.
    RETURNS (List[Fault]): the faults, each with both sentences.
    """
    known, held_out = samples.known, list(samples.held_out())
    finder = Templates([words(text) for *_, text in known])
    pairs = [(k, j) for j, (_, s) in enumerate(held_out) for k in finder.matches(template(s))]
    if samples.lang == SOURCE:
        finder = Templates([words(text) for text in _texts([s for _, s in held_out])])
        train = samples.tagged["train.conll"]
        pairs += [(k, j) for k, s in enumerate(train) for j in finder.matches(template(s))]
    faults = []
    for k, j in dict.fromkeys(pairs):
        (file, line, text), (name, sent) = known[k], held_out[j]
        what = f"same template as {file}:{line}: {' '.join(sent.words)} | {text}"
        faults.append(Fault(samples.lang, name, sent.line, what))
    return faults


def run_faults(samples: Samples) -> list[Fault]:
    """Dev and test sentences that share a run of words outside entities with the known text.

    Runs are compared twice: with punctuation as words of their own, and without it.

    samples (Samples): the corpora of a language.
    RETURNS (List[Fault]): the faults, one for a sentence, with the run and where it is.
    """
    where: dict[tuple[str, ...], str] = {}
    for file, line, text in samples.known:
        for run in runs(text):
            where.setdefault(run, f"{file}:{line}")
    faults = []
    for name, sent in samples.held_out():
        outside = [w if t == "O" else "\n" for w, t in zip(sent.words, sent.tags, strict=True)]
        for piece in " ".join(outside).split("\n"):
            shared = next((run for run in runs(piece) if run in where), None)
            if shared:
                text = f"{' '.join(shared)!r} is in {where[shared]}: {' '.join(sent.words)}"
                faults.append(Fault(samples.lang, name, sent.line, text))
                break
    return faults


def new_entities(samples: Samples, name: str) -> tuple[int, int]:
    """How many of a file's distinct entities the known text does not hold as a string.

    samples (Samples): the corpora of a language.
    name (str): "dev.conll" or "test.conll".
    RETURNS (Tuple[int, int]): new distinct entities, all distinct entities.
    """
    known = "\n".join(" ".join(units(text)) for *_, text in samples.known)
    distinct = {text for text, _ in entities(samples.tagged[name])}
    return sum(text not in known for text in distinct), len(distinct)


def entity_faults(samples: Samples) -> list[Fault]:
    """Dev or test whose entities are mostly in the known text already.

    samples (Samples): the corpora of a language.
    RETURNS (List[Fault]): the faults.
    """
    faults = []
    for name in ("dev.conll", "test.conll"):
        new, n = new_entities(samples, name)
        if not n or new / n < MIN_NEW_ENTITIES:
            what = f"{new} of {n} distinct entities are new; at least half are wanted"
            faults.append(Fault(samples.lang, name, 0, what))
    return faults


CHECKS = (
    size_faults,
    form_faults,
    overlap_faults,
    template_faults,
    run_faults,
    entity_faults,
)


def _texts(sents: Sequence[Sentence]) -> list[str]:
    return [" ".join(s.words) for s in sents]


def _row(samples: Samples, name: str) -> list[str]:
    size = f"{(samples.folder / name).stat().st_size / 1024:.0f}"
    if name == "raw.txt":
        distinct = len({normal_form(t) for t in samples.raw})
        n_words = sum(len(words(t)) for t in samples.raw)
        return [samples.lang, name, str(distinct), str(n_words), "", "", "", "", "", size]
    sents = samples.tagged[name]
    found = entities(sents)
    by_type = [str(sum(n for (_, t), n in found.items() if t == x)) for x in sorted(TYPES)]
    plain = sum(set(s.tags) == {"O"} for s in sents) / len(sents)
    new, n = (0, 0) if name == "train.conll" else new_entities(samples, name)
    fresh = f"{new / n:.0%}" if n else ""
    distinct = len({normal_form(t) for t in _texts(sents)})
    n_words = sum(len(s.words) for s in sents)
    return [samples.lang, name, str(distinct), str(n_words), *by_type, f"{plain:.0%}", fresh, size]


def main(root: Path = ROOT) -> int:
    """Print the table of counts and every fault.

    root (Path): folder of the language folders.
    RETURNS (int): 1 where there is a fault, else 0.
    """
    head = ["lang", "file", "sentences", "words", *sorted(TYPES), "no entity", "new", "KiB"]
    rows, faults = [head], list[str]()
    for lang in LANGUAGES:
        try:
            samples = load(lang, root)
        except (FileNotFoundError, ValueError) as error:
            faults.append(str(error))
            continue
        rows += [_row(samples, name) for name in file_names(lang)]
        faults += [str(fault) for check in CHECKS for fault in check(samples)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
    print(*faults, f"{len(faults)} faults", sep="\n")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
