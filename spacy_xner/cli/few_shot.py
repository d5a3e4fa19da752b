"""`spacy xner few-shot`: a few gold sentences of the target language as soft labels."""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

__all__ = ["few_shot", "few_shot_cli"]


def few_shot_cli(
    gold: Annotated[Path, typer.Argument(help="CoNLL file of the target language")],
    output: Annotated[Path, typer.Argument(help="Folder for the soft labels")],
    k: Annotated[int, typer.Option("--k", "-k", help="How many sentences of GOLD")],
    seed: Annotated[int, typer.Option(help="Draws the sentences; the same draws the same")] = 0,
    lang: Annotated[str, typer.Option(help="Their language")] = "xx",
    like: Annotated[
        Path | None, typer.Option(help="Soft labels whose tags to use, such as the teacher's")
    ] = None,
) -> None:
    """Write K gold sentences as soft labels, to teach beside a teacher's of the raw text."""
    few_shot(gold, output, k=k, seed=seed, lang=lang, like=like)


def few_shot(
    gold: str | Path,
    output: str | Path,
    *,
    k: int,
    seed: int = 0,
    lang: str = "xx",
    like: str | Path | None = None,
) -> None:
    """Write k gold sentences as soft labels, each tag with probability 1.

    gold (Union[str, Path]): CoNLL file of the target language.
    output (Union[str, Path]): Folder for the soft labels.
    k (int): Gold sentences, see `corpora.few_shot.sample_gold`.
    seed (int): Draws them.
    lang (str): Their language.
    like (Optional[Union[str, Path]]): Soft-label folder whose tags to use.
    RAISES: XnerError: See `distillation.reliability.write_gold`.
    """
    from ..distillation.reliability import write_gold

    corpus = write_gold(gold, output, k, seed=seed, lang=lang, like=like)
    msg.good(f"{corpus.n_docs} gold sentences, {corpus.n_tokens:,} words, in {output}")
