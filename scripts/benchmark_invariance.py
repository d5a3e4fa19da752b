"""Measure how often entities stay the same in another form of a text: docs/results/faults.jsonl.

The texts are the test sets, detokenised; the models are those that scripts/benchmark_main.py made.
"""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from spacy_xner.evaluation.gold import raw_text, read_gold
from spacy_xner.evaluation.invariance import RECIPES, unchanged
from spacy_xner.evaluation.results import ResultRows, config_sha, file_sha, make_row
from spacy_xner.teacher.loading import load_pipeline

STUDENT, TEACHER = Path("configs/student.cfg"), Path("configs/teacher.cfg")


def main(
    work: Annotated[Path, typer.Option(help="Folder of benchmark_main.py")] = Path("training/main"),
    target: Annotated[str, typer.Option(help="Languages")] = "swa hau ibo yor si am",
    limit: Annotated[int, typer.Option(help="Sentences of each; 0 for all")] = 0,
    teacher: Annotated[bool, typer.Option(help="Measure the teacher, too")] = False,
    results: Path = Path("docs/results/faults.jsonl"),
) -> None:
    """Measure students (the seed 0 of each language) and maybe the teacher."""
    rows = ResultRows(results)
    for lang in target.split():
        measure(rows, work / f"distillation/{lang}-0", "student", work, lang, limit)
        if teacher:
            measure(rows, work / "teacher", "teacher", work, lang, limit)


def measure(rows: ResultRows, model: Path, role: str, work: Path, lang: str, limit: int) -> None:
    """Write a row for each form."""
    from scipy.stats import binomtest

    gold = work / f"corpus/test/{lang}.conll"
    texts = [raw_text(sentence)[0] for sentence in read_gold(gold)]
    texts = texts[: limit or None]
    nlp = load_pipeline(model)
    config = TEACHER if role == "teacher" else STUDENT
    for recipe in RECIPES:
        same = unchanged(nlp, texts, recipe)
        interval = binomtest(sum(same), len(same)).proportion_ci(method="wilson")
        value = 100 * sum(same) / len(same)
        msg.info(f"{lang} {role} {recipe}: {value:.2f}% of {len(same)} sentences unchanged")
        row = make_row(
            benchmark="faults",
            recipe=recipe,
            system="spacy-xner",
            role=role,
            pipe="token_classifier" if role == "teacher" else "ner",
            target=lang,
            test_set="ananya" if lang == "si" else "transfer_corpus",
            text="raw",
            metric="invariance",
            value=value,
            low=100 * interval.low,
            high=100 * interval.high,
            n=len(same),
            config=str(config),
            config_sha=config_sha(config.read_text("utf8"), {"test": file_sha(gold)}),
            command="python scripts/benchmark_invariance.py",
        )
        rows.upsert([row])


if __name__ == "__main__":
    typer.run(main)
