"""Train the sentiment teacher with `spacy train`, its schedule fit to the corpus."""

import shutil
from pathlib import Path

from spacy.cli.train import train
from spacy.util import load_config

MIN_STEPS = 20


def train_classifier(
    config: Path, output: Path, encoder: Path, corpus: Path, *, seed: int = 0, gpu_id: int = -1
) -> None:
    """Train on corpus/train.tsv; leave the last pipeline, for its learn rate ends at 0."""
    with (corpus / "train.tsv").open(encoding="utf8") as lines:
        words = sum(len(line.split()) for line in lines)
    # As in train_teacher.py, and a word between white space is 1.3 tokens of a tweet.
    training = load_config(config)["training"]
    batch = 0.75 * training["batcher"]["size"]
    steps = max(MIN_STEPS, round(1.3 * training["max_epochs"] * words / batch))
    run = output.with_name(output.name + ".run")
    shutil.rmtree(run, ignore_errors=True)
    train(
        config,
        run,
        use_gpu=gpu_id,
        overrides={
            "paths.encoder": str(encoder),
            "paths.train": str(corpus / "train.tsv"),
            "paths.dev": str(corpus / "dev.tsv"),
            "system.seed": seed,
            "training.eval_frequency": max(1, steps // 2),
            "training.optimizer.learn_rate.total_steps": steps + 1,
            "training.optimizer.learn_rate.warmup_steps": max(1, steps // 10),
        },
    )
    (run / "model-last").rename(output)
    shutil.rmtree(run)
