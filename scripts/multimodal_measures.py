"""Measure what views cost and how they sound; append to docs/results/multimodal.jsonl.

`ipa`: our phonetic view beside the IPA files of wikiann_ipa, by language. `names`: a gazetteer of a
million made-up names. `speed`: annotation with all views beside the plain teacher.
"""

import random
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from wasabi import msg

from spacy_xner.corpora.conll import read_conll
from spacy_xner.evaluation.results import ResultRows, make_row

RESULTS = Path("docs/results/multimodal.jsonl")
COMMAND = "python scripts/multimodal_measures.py"
FILES = {"am": "amharic", "si": "sinhala", "yor": "yoruba", "kin": "kinyarwanda", "som": "somali"}
MARKS = str.maketrans("", "", "ˈˌ.'ˑ\u200d")
SYLLABLES = [a + b for a in "bdfgklmnrstwyz" for b in "aeiou"]
app = typer.Typer(help=__doc__)


@app.command()
def ipa(
    data_root: Annotated[Path, typer.Option(help="Holds wikiann_ipa")] = Path("../shared/data"),
    results: Path = RESULTS,
) -> None:
    """Compare our transcription with that of wikiann_ipa, word type by word type."""
    from panphon.distance import Distance
    from rapidfuzz.distance import Levenshtein

    from spacy_xner.teacher.views.phones import tool_of, transcribe

    distance, rows = Distance(), ResultRows(results)
    for lang, name in FILES.items():
        errors, feature_errors, sounds, tools = 0, 0.0, 0, set()
        pairs = sorted(set(word_pairs(data_root / "wikiann_ipa", name)))
        compared = 0
        for word, theirs in pairs:
            ours = distance.fm.ipa_segs(transcribe(word, lang).translate(MARKS))
            gold = distance.fm.ipa_segs(theirs.translate(MARKS))
            if not gold:
                continue
            tools.add(tool_of(lang, word))
            compared += 1
            errors += Levenshtein.distance(ours, gold)
            feature_errors += distance.hamming_feature_edit_distance("".join(ours), "".join(gold))
            sounds += len(gold)
        for metric, value in (
            ("phone_error_rate", 100 * errors / sounds),
            ("feature_error_rate", 100 * feature_errors / sounds),
        ):
            row = _row("ipa", "phonetic", metric, value, compared, target=lang)
            rows.upsert([row | {"test_set": "wikiann_ipa", "tools": sorted(tools)}])
            msg.info(f"{lang}: {metric} {value:.1f} over {compared} types, {sounds} sounds")


def word_pairs(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """Words with letters and their IPA, of sentences that have the same number of words."""
    for split in ("train", "dev", "test"):
        words, sounds = (
            read_conll(folder / f"{name}.{split}{kind}.conll") for kind in ("", ".ipa")
        )
        for one, other in zip(words, sounds, strict=True):
            if len(one.words) == len(other.words):
                for word, heard in zip(one.words, other.words, strict=True):
                    if any(char.isalpha() for char in word):
                        yield word, heard


@app.command()
def names(count: int = 1_000_000, lookups: int = 2_000, results: Path = RESULTS) -> None:
    """Index, save, load and ask a gazetteer of made-up names; a process of its own."""
    from spacy_xner.teacher.views.gazetteer import NamesShim
    from spacy_xner.teacher.views.matching import NameIndex

    rng = random.Random(0)
    made: dict[str, int] = {}
    while len(made) < count:
        made[" ".join(_made_up(rng) for _ in range(rng.choice((1, 1, 2, 3))))] = 1
    began, before = time.perf_counter(), _megabytes()
    shim = NamesShim([], [], 4, 0.8)
    shim._use(["PER"], NameIndex(made))
    indexed, held = time.perf_counter() - began, _megabytes() - before
    data = shim.to_bytes()
    began = time.perf_counter()
    loaded = NamesShim([], [], 4, 0.8).from_bytes(data)
    load = time.perf_counter() - began
    words = [[_made_up(rng)] for _ in range(lookups)]
    began = time.perf_counter()
    found = sum(bool(list(shim.index.find(word))) for word in words)  # type: ignore[union-attr]
    rate = lookups / (time.perf_counter() - began)
    assert len(loaded.index.names) == count  # type: ignore[union-attr]
    rows = ResultRows(results)
    for step, metric, value in (
        ("index", "seconds", indexed),
        ("index", "peak_mb", held),
        ("save", "disk_mb", len(data) / 1e6),
        ("load", "seconds", load),
        ("look up new words", "words_per_second", rate),
    ):
        rows.upsert([_row("names", "gazetteer", metric, value, count, step=step)])
        msg.info(f"{step}: {metric} {value:,.1f}")
    msg.info(f"{found / lookups:.0%} of the words were found")


def _made_up(rng: random.Random) -> str:
    return ("".join(rng.choices(SYLLABLES, k=4)) + rng.choice(("", "n", "s"))).capitalize()


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


@app.command()
def speed(
    teacher: Annotated[Path, typer.Argument(help="A trained plain teacher")],
    text: Annotated[Path, typer.Argument(help="Raw text, named after its language")],
    texts: Annotated[int, typer.Option(help="Texts that are read")] = 1500,
    rounds: int = 3,
    results: Path = RESULTS,
) -> None:
    """Compare annotation with all views and without, each round on text that is new to both."""
    import tempfile

    from spacy_xner.evaluation.speed import compare_speed
    from spacy_xner.teacher.annotate import annotate_documents
    from spacy_xner.teacher.sources import load_source

    with tempfile.TemporaryDirectory() as folder:
        multimodal(teacher).to_disk(Path(folder) / "all")
        sources = {"plain": load_source(teacher), "all": load_source(Path(folder) / "all")}

        def annotating(name: str) -> Any:
            def run(batch: list[str]) -> None:
                with tempfile.TemporaryDirectory() as out:
                    raw = Path(out) / text.name
                    raw.write_text("\n".join(batch), "utf8")
                    annotate_documents(sources[name], raw, Path(out) / "soft", lang=text.stem)

            return run

        lines = text.read_text("utf8").splitlines()
        sample = random.Random(0).sample(lines, min(texts, len(lines)))
        systems = {name: annotating(name) for name in sources}
        measured = compare_speed(systems, sample, None, rounds, fresh=True)
    ratio = measured["ratios"]["all"]["plain"]
    row = _row("speed", "all", "ratio", ratio["value"], ratio["n"], target=text.stem)
    extra = {"against": "plain", "low": ratio["low"], "high": ratio["high"]}
    ResultRows(results).upsert([row | extra | {"note": "a machine with other work"}])
    for name, each in measured["systems"].items():
        msg.info(f"{name}: {each['median']:,.0f} words/s {[round(r) for r in each['rounds']]}")
    msg.info(f"all / plain: {ratio['value']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})")


def multimodal(teacher: Path) -> Any:
    """A teacher with all views that begins with a plain one; it is as fast as a trained one."""
    import spacy
    from benchmark_multimodal import teacher_config
    from spacy.training import Example
    from spacy.util import load_model_from_config

    config = teacher_config("all")
    plain = spacy.load(teacher)
    config["paths"]["encoder"] = plain.config["components"]["transformer"]["model"]["name"]
    config["paths"]["start"] = str(teacher)
    nlp = load_model_from_config(config.interpolate(), auto_fill=True)
    for label in plain.get_pipe("xner_teacher").labels:
        nlp.get_pipe("xner_teacher").add_label(label)
    doc = nlp.make_doc("Amina visited Lagos")
    doc.ents = [doc.char_span(0, 5, label="PER")]
    nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])
    return nlp


def _row(command: str, recipe: str, metric: str, value: float, n: int, **extra: Any) -> Any:
    return make_row(
        benchmark="multimodal",
        recipe=recipe,
        role="baseline" if command == "ipa" else "teacher",
        views=[recipe] if recipe != "all" else ["romanised", "phonetic", "gazetteer"],
        metric=metric,
        value=value,
        n=n,
        command=f"{COMMAND} {command}",
        **extra,
    )


if __name__ == "__main__":
    app()
