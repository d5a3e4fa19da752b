"""`spacy xner rounds`: a transformer student first, then the small student from its labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from wasabi import msg

from .distill import soft_label_folders
from .gpu import use_gpu

__all__ = ["rounds", "rounds_cli"]


def rounds_cli(
    ctx: typer.Context,
    recipe: Annotated[Path, typer.Argument(help="Such as configs/recipes/rounds.cfg")],
    text: Annotated[Path, typer.Option(help="The raw text that the teachers label")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for rounds and student")],
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            help="Soft-label folder, or a pipeline that annotates --text; repeatable. Left out, "
            "[assistant.distillation.teachers] of the recipe teach."
        ),
    ] = None,
    code: Annotated[
        Path | None, typer.Option("--code", "-c", help="Python file with registered functions")
    ] = None,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="GPU, or -1")] = -1,
) -> None:
    """Train a transformer student, label the text with it, train the small student from that.

    Killed at any moment, the same command goes on where it stopped. Values of the recipe and of its
    configs are overridden with --rounds.rounds 2, --assistant.section.key value, --student....
    """
    from spacy.cli._util import parse_config_overrides, show_validation_error

    from ..teacher.loading import import_code

    overrides = parse_config_overrides(ctx.args)
    import_code(code)
    with show_validation_error(recipe, hint_fill=False):
        rounds(recipe, teacher or [], text, output, gpu_id=gpu_id, overrides=overrides)


def rounds(
    recipe: str | Path,
    teachers: Sequence[str | Path],
    text: str | Path,
    output: str | Path,
    *,
    gpu_id: int = -1,
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Train a student through transformer students.

    recipe (Union[str, Path]): See `spacy_xner.distillation.recipe.load_recipe`.
    teachers (Sequence[Union[str, Path]]): Soft-label folders, or pipelines that annotate `text`.
    text (Union[str, Path]): Raw text.
    output (Union[str, Path]): Folder for rounds and student.
    gpu_id (int): GPU, or -1 for the processor.
    overrides (Optional[Mapping[str, Any]]): Values of the recipe by dotted key.
    RETURNS (Path): The student's folder.
    RAISES: XnerError: See `spacy_xner.distillation.rounds.run_rounds` and `load_recipe`.
    """
    from ..distillation.recipe import load_recipe
    from ..distillation.rounds import run_rounds

    use_gpu(gpu_id)
    loaded = load_recipe(recipe, overrides)
    folders = soft_label_folders(teachers, text, output, gpu_id=gpu_id)
    student = run_rounds(loaded, folders, text, output, use_gpu=gpu_id, report=msg.info)
    msg.good(f'Load the student with spacy.load("{student}")')
    return student
