"""The teachers of scripts/benchmark_supervision.py, and what they say of the raw text."""

from pathlib import Path

from benchmark_main import keep
from benchmark_scores import TEACHER, Bench
from corpus import LAYOUTS, corpus, write_gold
from projection_data import parallel_files, write_parallel
from spacy.cli.train import train as spacy_train
from supervision_scores import TARGETS
from train_teacher import train_teacher

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.encoder import encoder
from spacy_xner.cli.fine_tune import fine_tune
from spacy_xner.cli.project_labels import project_labels
from spacy_xner.cli.vectors import vectors
from spacy_xner.errors import XnerError

# Source languages by teacher, and the teacher that serves a target: one of many languages that saw
# no gold of it. Three such teachers for seven targets, because each takes a quarter of an hour.
SOURCES = {
    "english": ["en"],
    "without-hau-ibo": ["en", "swa", "yor", "zul", "pcm"],
    "without-yor-zul": ["en", "hau", "ibo", "swa", "pcm"],
    "without-swa": ["en", "hau", "ibo", "yor", "zul", "pcm"],
    "projection": ["en"],  # the English teacher on the English side of parallel text
}
SERVES = {
    **dict.fromkeys(["hau", "ibo"], "without-hau-ibo"),
    **dict.fromkeys(["yor", "zul"], "without-yor-zul"),
    **dict.fromkeys(["swa", "am", "si"], "without-swa"),
}
# A teacher of several languages goes on from the English one, which makes 200 steps enough.
FURTHER = Path("configs/fine_tune.cfg")
MIX = {
    "corpora.train.temperature": 2.0,
    "corpora.train.limit": 10_000,
    "corpora.dev.temperature": 1000.0,
    "corpora.dev.limit": 300,
    "training.batcher.size": 1500,
    "training.max_steps": 200,
    "training.eval_frequency": 200,
    "training.optimizer.learn_rate.warmup_steps": 20,
    "training.optimizer.learn_rate.initial_rate": 0.0002,
}


def prepare(bench: Bench, data_root: Path, targets: list[str], wanted: set[str]) -> None:
    """Make corpus, encoder, teachers, and the soft labels that the recipes read.

    `wanted` names them as `[paths]` of recipes do.
    """
    made, work = bench.made, bench.work
    langs = sorted({lang for sources in SOURCES.values() for lang in sources})
    layout = LAYOUTS["masakhaner"](data_root)
    # All that there are, so that a later run for another target goes on with the same corpus.
    there = [lang for lang in TARGETS.split() if layout.gold(lang, "train").is_file()]
    if lacking := sorted(set(targets) - set(there)):
        raise XnerError(
            f"There is no {layout.gold(lacking[0], 'train')}: name targets that {data_root} holds "
            f"({' '.join(there) or 'none'}) with --target, or another folder with --data-root."
        )

    def corpora(out: Path) -> None:
        corpus("masakhaner", out, data_root, ["en"], there)
        write_gold(out / "gold", layout, langs)
        write_gold(out / "few-shot", layout, there)

    made("corpus", corpora, " ".join(there))
    text = [*(work / f"corpus/gold/{lang}.conll" for lang in langs), work / "corpus/raw"]
    made("encoder", lambda out: encoder(out, keep_vocab_of=text), of=["corpus"])
    for lang in targets:
        if "projection" in wanted:
            project(bench, data_root, lang)
        for key in sorted(wanted - {"projection"}):
            teacher = teacher_of(key, lang)
            model = prepare_teacher(bench, data_root, teacher)
            raw = work / f"corpus/raw/{lang}.txt"
            made(
                f"soft/{teacher}/{lang}",
                lambda out, model=model, raw=raw, lang=lang: annotate(model, raw, out, lang=lang),
                of=["corpus", f"teacher/{teacher}"],
            )


def teacher_of(key: str, lang: str) -> str:
    """Give the teacher that a key of a recipe's `[paths]` means for a target."""
    return SERVES[lang] if key == "multi_source" else key


def prepare_teacher(bench: Bench, data_root: Path, name: str) -> Path:
    """Train the English teacher, or go on from it with several languages, unless it stands."""
    corpora, work = bench.work / "corpus", bench.work

    def english(folder: Path) -> None:
        train_teacher(TEACHER, folder, work / "encoder", corpora)

    if name == "english":
        settings = TEACHER.read_text("utf8")
        return bench.made(
            "teacher/english",
            lambda out: keep("model-last", out, english),
            settings,
            of=["corpus", "encoder"],
        )
    layout = LAYOUTS["masakhaner"](data_root)
    overrides = {
        "paths.teacher": str(prepare_teacher(bench, data_root, "english")),
        "paths.train": [str(corpora / f"gold/{lang}.conll") for lang in SOURCES[name]],
        "paths.dev": [str(layout.gold(lang, "dev")) for lang in SOURCES[name]],
        **MIX,
    }

    def several(folder: Path) -> None:
        spacy_train(FURTHER, folder, overrides=overrides)

    settings = FURTHER.read_text("utf8") + repr((SOURCES[name], MIX))
    return bench.made(
        f"teacher/{name}",
        lambda out: keep("model-last", out, several),
        settings,
        of=["corpus", "teacher/english"],
    )


def project(bench: Bench, data_root: Path, lang: str) -> None:
    """Project what the English teacher finds to the other side of parallel text."""
    work = bench.work
    if not parallel_files(data_root, lang):
        raise XnerError(
            f"{data_root} has no parallel/en-{lang}, which recipes with projection need: name "
            "other --recipes or targets."
        )
    pairs = bench.made(
        f"parallel/{lang}", lambda out: write_parallel(data_root, lang, out, limit=0)
    )
    english = prepare_teacher(bench, data_root, "english")
    bench.made(
        f"soft/projection/{lang}",
        lambda out: project_labels(
            english,
            pairs / f"{lang}.en",
            pairs / f"{lang}.txt",
            out,
            encoder=work / "encoder",
            lang=lang,
        ),
        of=[f"parallel/{lang}", "teacher/english", "encoder"],
    )


def tune(bench: Bench, start: str, lang: str, k: int, seed: int) -> str:
    """Train a transformer student on k gold sentences; name what it then says of the raw text."""
    work, name = bench.work, f"{lang}-{k}-{seed}"

    def further(folder: Path) -> None:
        gold, overrides = work / f"corpus/few-shot/{lang}.conll", {"system.seed": seed}
        fine_tune(FURTHER, work / start, gold, folder, k=k, seed=seed, overrides=overrides)

    tuned, soft = f"teacher/tuned/{name}", f"soft/tuned/{name}"
    bench.made(
        tuned,
        lambda out: keep("model-last", out, further),
        FURTHER.read_text("utf8"),
        of=["corpus", start],
    )
    raw = work / f"corpus/raw/{lang}.txt"
    bench.made(soft, lambda out: annotate(work / tuned, raw, out, lang=lang), of=["corpus", tuned])
    return soft


def prepare_vectors(bench: Bench, name: str) -> None:
    """Make word vectors, "vectors/TEACHER/LANG", from a teacher."""
    _, teacher, lang = name.split("/")
    texts = [bench.work / f"corpus/raw/{lang}.txt", bench.work / "corpus/gold/en.conll"]
    bench.made(
        name,
        lambda out: vectors(bench.work / f"teacher/{teacher}", out, texts),
        of=["corpus", f"teacher/{teacher}"],
    )
