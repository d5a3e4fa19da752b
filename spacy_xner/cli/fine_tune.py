"""`spacy xner fine-tune`: a teacher learns from a few gold sentences of the target language."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from wasabi import msg

from ..errors import XnerError

__all__ = ["fine_tune", "fine_tune_cli"]

COMPONENT = "xner_teacher"


def fine_tune_cli(
    ctx: typer.Context,
    config: Annotated[Path, typer.Argument(help="Such as configs/fine_tune.cfg")],
    teacher: Annotated[str, typer.Argument(help="Pipeline (folder or package) with xner_teacher")],
    gold: Annotated[Path, typer.Argument(help="CoNLL file of the target language")],
    output: Annotated[Path, typer.Argument(help="Folder for the new teacher")],
    k: Annotated[int, typer.Option("--k", "-k", help="How many sentences of GOLD it sees")],
    seed: Annotated[int, typer.Option(help="Draws the sentences; the same draws the same")] = 0,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="GPU, or -1")] = -1,
) -> None:
    """Continue training a teacher on K gold sentences, by stock `spacy train`.

    Config values are overridden with --section.key value.
    """
    from spacy.cli._util import parse_config_overrides, show_validation_error

    overrides = parse_config_overrides(ctx.args)
    with show_validation_error(config, hint_fill=False):
        fine_tune(config, teacher, gold, output, k=k, seed=seed, gpu_id=gpu_id, overrides=overrides)


def fine_tune(
    config: str | Path,
    teacher: str | Path,
    gold: str | Path,
    output: str | Path,
    *,
    k: int,
    seed: int = 0,
    gpu_id: int = -1,
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Continue training a teacher on k gold sentences.

    No other sentence of `gold` is read for anything: the number of steps is the config's, and the
    last model is the result.

    config (Union[str, Path]): A config for `spacy train` that sources its components from
        `paths.teacher` and reads `paths.train` and `paths.dev`, which both are the sample.
    teacher (Union[str, Path]): A pipeline with `xner_teacher`.
    gold (Union[str, Path]): CoNLL file of the target language.
    output (Union[str, Path]): Folder for the new teacher and the sample (`gold.conll`).
    k (int): Gold sentences, see `corpora.few_shot.sample_gold`.
    seed (int): Draws them.
    gpu_id (int): GPU, or -1 for the processor.
    overrides (Optional[Mapping[str, Any]]): Config values by dotted key.
    RETURNS (Path): Folder of the new teacher.
    RAISES: XnerError: k is larger than the gold, there is no such config or pipeline, or the gold
        has types that the teacher does not know.
    """
    import srsly
    from spacy.cli.train import train

    from ..corpora.conll import write_conll
    from ..corpora.few_shot import sample_gold
    from ..teacher.loading import load_pipeline

    if not Path(config).is_file():
        raise XnerError(f"There is no config at {config}. Try configs/fine_tune.cfg.")
    sentences = sample_gold(gold, k, seed)
    _check_types(teacher, load_pipeline(teacher), gold, {t for s in sentences for t in s.tags})
    output = Path(output)
    sample = output / "gold.conll"
    write_conll(sample, sentences)
    paths = {"paths.teacher": str(teacher), "paths.train": str(sample), "paths.dev": str(sample)}
    train(Path(config), output, use_gpu=gpu_id, overrides={**paths, **(overrides or {})})
    last = output / "model-last"
    meta = srsly.read_json(last / "meta.json")
    meta["target_gold"] = f"{k} sentences of {Path(gold).name}, drawn with seed {seed}"
    srsly.write_json(last / "meta.json", meta)
    msg.good(f"A teacher that has seen {k} gold sentences in {last}")
    return last


def _check_types(teacher: str | Path, nlp: Any, gold: str | Path, tags: set[str]) -> None:
    if COMPONENT not in nlp.pipe_names:
        raise XnerError(
            f"{teacher} has the components {', '.join(nlp.pipe_names)}; expected {COMPONENT}. "
            "Other pipelines are trained further as spaCy's documentation tells."
        )
    unknown = {tag[2:] for tag in tags if tag != "O"} - set(nlp.get_pipe(COMPONENT).labels)
    if unknown:
        raise XnerError(
            f"{gold} has the types {', '.join(sorted(unknown))}, which the teacher {teacher} does "
            f"not know; it has {', '.join(nlp.get_pipe(COMPONENT).labels)}. Rename them in the "
            "gold, or make their tokens O."
        )
