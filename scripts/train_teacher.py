"""Train the teacher with `spacy train`, its number of steps and learning rate fit to the corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from spacy.cli.train import train
from spacy.util import load_config

from spacy_xner.corpora.conll import read_conll

MIN_STEPS = 20


def main(
    config: Path,
    output: Path,
    encoder: Path = typer.Option(...),
    corpus: Path = typer.Option(..., help="Folder of train.conll and dev.conll"),
    epochs: float = 3.0,
    seed: int = 0,
    gpu_id: int = -1,
    start: Path | None = typer.Option(None, help="paths.start: a trained teacher to put views on"),
) -> None:
    """Train the teacher."""
    overrides = {} if start is None else {"paths.start": str(start)}
    train_teacher(
        config,
        output,
        encoder,
        corpus,
        epochs=epochs,
        seed=seed,
        gpu_id=gpu_id,
        overrides=overrides,
    )


def train_teacher(
    config: Path,
    output: Path,
    encoder: Path,
    corpus: Path,
    *,
    epochs: float = 3.0,
    seed: int = 0,
    gpu_id: int = -1,
    steps: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> None:
    """Train the teacher on corpus/train.conll for a number of passes, with a log beside it.

    Or for a number of `steps`; `overrides` may name other files.
    """
    if steps is None:
        words = sum(len(sentence.words) for sentence in read_conll(corpus / "train.conll"))
        # Batches are filled up to this size with padding; about three quarters of it are words.
        batch = 0.75 * load_config(config)["training"]["batcher"]["size"]
        steps = max(MIN_STEPS, round(epochs * words / batch))
    log = output.parent / f"{output.name}-log.jsonl"
    log.unlink(missing_ok=True)  # spaCy's logger writes none where one is there
    train(
        config,
        output,
        use_gpu=gpu_id,
        overrides={
            "paths.encoder": str(encoder),
            "paths.train": str(corpus / "train.conll"),
            "paths.dev": str(corpus / "dev.conll"),
            "paths.log": str(log),
            "system.seed": seed,
            "training.max_steps": steps,
            "training.eval_frequency": max(1, steps // 2),
            "training.optimizer.learn_rate.total_steps": steps + 1,
            "training.optimizer.learn_rate.warmup_steps": max(1, steps // 10),
            **(overrides or {}),
        },
    )


if __name__ == "__main__":
    typer.run(main)
