"""Make a wheel of a sentiment student, `xx_xner_sentiment`, that needs spaCy alone."""

import tempfile
from pathlib import Path

import spacy
import srsly
from benchmark_scores import Bench
from spacy.cli.package import package

VERSION = "0.1.0"


def package_sentiment(bench: Bench, target: str, output: Path) -> None:
    """Package the student of a target with seed 0, and its row of the results."""
    keys = {"target": target, "recipe": "distillation", "role": "student", "seed": 0}
    (row,) = bench.rows.find(**keys, metric="weighted_f1")
    meta = {
        "description": "Sentiment of tweets: positive, neutral or negative; learned from a teacher "
        "that saw no label of the language.",
        "license": "CC-BY-4.0",
        "author": "spacy-xner",
        "sources": [{"name": "AfriSenti (SemEval 2023)", "license": "CC-BY-4.0"}],
        "spacy_version": f">={spacy.__version__},<3.9.0",
        "languages": [target],
        "target_gold": "none: no label of the target language was seen",
        "performance": {"cats_weighted_f": row["value"] / 100},
    }
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "meta.json"
        srsly.write_json(path, meta)
        package(
            bench.work / f"student/{target}-0",
            output,
            meta_path=path,
            name="xner_sentiment",
            version=VERSION,
            create_sdist=False,
            create_wheel=True,
            force=True,
        )
