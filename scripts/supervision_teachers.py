"""The teachers of scripts/benchmark_supervision.py, and what they say of the raw text."""

from pathlib import Path

from benchmark_main import keep
from benchmark_scores import TEACHER, Bench
from corpus import LAYOUTS, corpus, write_gold
from thinc.api import Config
from train_teacher import train_teacher

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.encoder import encoder
from spacy_xner.cli.vectors import vectors

TARGETS = "hau ibo swa yor zul am si"
# Source languages by teacher, and the teacher that serves a target: the one of the most languages
# that saw no gold of it. Four teachers for seven targets, because each takes a quarter of an hour.
SOURCES = {
    "english": ["en"],
    "without-hau-ibo": ["en", "swa", "yor", "zul", "pcm"],
    "without-yor-zul": ["en", "hau", "ibo", "swa", "pcm"],
    "without-swa": ["en", "hau", "ibo", "yor", "zul", "pcm"],
    "all": ["en", "hau", "ibo", "swa", "yor", "zul", "pcm"],
}
SERVES = {
    **dict.fromkeys(["hau", "ibo"], "without-hau-ibo"),
    **dict.fromkeys(["yor", "zul"], "without-yor-zul"),
    "swa": "without-swa",
    **dict.fromkeys(["am", "si"], "all"),
}
TEMPERATURE, SENTENCES, STEPS = 2.0, 15_000, 640


def prepare(bench: Bench, data_root: Path, targets: list[str], configs: dict[str, Config]) -> None:
    """Make corpus, encoder, teachers, and the soft labels that the recipes read."""
    made, work = bench.made, bench.work
    langs = sorted({lang for sources in SOURCES.values() for lang in sources})

    def corpora(out: Path) -> None:
        corpus("masakhaner", out, data_root, ["en"], TARGETS.split())
        layout = LAYOUTS["masakhaner"](data_root)
        write_gold(out / "gold", layout, langs)
        write_gold(out / "few-shot", layout, TARGETS.split())

    made("corpus", corpora, TARGETS)
    text = [*(work / f"corpus/gold/{lang}.conll" for lang in langs), work / "corpus/raw"]
    made("encoder", lambda out: encoder(out, keep_vocab_of=text))
    for lang in targets:
        for teacher in sorted({name for c in configs.values() for name in teachers_of(c, lang)}):
            model = prepare_teacher(bench, data_root, teacher)
            raw = work / f"corpus/raw/{lang}.txt"
            made(
                f"soft/{teacher}/{lang}",
                lambda out, model=model, raw=raw, lang=lang: annotate(model, raw, out, lang=lang),
            )


def teachers_of(config: Config, lang: str) -> dict[str, str]:
    """Give, by teacher's folder, the key under `[paths]` that a recipe reads it from."""
    known = {"english": "english", "multi_source": SERVES[lang]}
    wanted = ["multi_source"] if "rounds" in config else config["paths"]
    return {known[key]: key for key in known if key in wanted}


def prepare_teacher(bench: Bench, data_root: Path, name: str) -> Path:
    """Train a teacher of several languages, balanced by temperature, unless it stands there."""
    corpora, layout = bench.work / "corpus", LAYOUTS["masakhaner"](data_root)
    overrides = {
        "paths.train": [str(corpora / f"gold/{lang}.conll") for lang in SOURCES[name]],
        "paths.dev": [str(layout.gold(lang, "dev")) for lang in SOURCES[name]],
        "corpora.train.temperature": TEMPERATURE,
        "corpora.train.limit": SENTENCES,
        "corpora.dev.temperature": 1000.0,
        "corpora.dev.limit": 1000,
    }
    several = name != "english"

    def run(folder: Path) -> None:
        train_teacher(
            TEACHER,
            folder,
            bench.work / "encoder",
            corpora,
            steps=STEPS if several else None,
            overrides=overrides if several else None,
        )

    settings = TEACHER.read_text("utf8") + (
        repr((TEMPERATURE, SENTENCES, STEPS)) if several else ""
    )
    return bench.made(f"teacher/{name}", lambda out: keep("model-last", out, run), settings)


def prepare_vectors(bench: Bench, lang: str) -> None:
    """Make the word vectors of one language from the teacher that serves it."""
    work = bench.work
    texts = [work / f"corpus/raw/{lang}.txt", work / "corpus/gold/en.conll"]
    bench.made(f"vectors/{lang}", lambda out: vectors(work / f"teacher/{SERVES[lang]}", out, texts))
