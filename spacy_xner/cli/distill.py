"""`spacy xner distill`: a student from soft labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from wasabi import msg

from ..errors import XnerError
from .gpu import use_gpu

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["distill", "distill_cli", "soft_label_folders"]


def distill_cli(
    ctx: typer.Context,
    student_config: Annotated[Path, typer.Argument(help="The student's config")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the student")],
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            help="Soft-label folder, or a pipeline that annotates --text; repeatable. Left out, "
            "[distillation.teachers] of the config teach."
        ),
    ] = None,
    recipe: Annotated[
        list[Path] | None,
        typer.Option(
            help="Short config on top of STUDENT_CONFIG, such as configs/recipes/uniform.cfg; "
            "repeatable"
        ),
    ] = None,
    text: Annotated[
        Path | None, typer.Option(help="Raw text for teachers that are pipelines")
    ] = None,
    code: Annotated[
        Path | None, typer.Option("--code", "-c", help="Python file with registered functions")
    ] = None,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="GPU, or -1")] = -1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint")] = False,
) -> None:
    """Train a student from soft labels. Config values are overridden with --section.key value."""
    from spacy.cli._util import import_code, parse_config_overrides, show_validation_error

    overrides = parse_config_overrides(ctx.args)
    import_code(code)
    with show_validation_error(student_config, hint_fill=False):
        distill(
            student_config,
            teacher or [],
            output,
            recipes=recipe or [],
            text=text,
            gpu_id=gpu_id,
            resume=resume,
            overrides=overrides,
        )


def distill(
    student_config: str | Path,
    teachers: Sequence[str | Path],
    output: str | Path,
    *,
    recipes: Sequence[str | Path] = (),
    text: str | Path | None = None,
    gpu_id: int = -1,
    resume: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> "Language":
    """Train a student from soft labels.

    student_config (Union[str, Path]): The student's config.
    teachers (Sequence[Union[str, Path]]): Soft-label folders. A pipeline annotates `text` first,
        into a folder of `output`, and the labels are used again as long as both stay the same.
        If there are none, the config's own teachers teach.
    output (Union[str, Path]): Folder for the student.
    recipes (Sequence[Union[str, Path]]): Short configs on top of the student's.
    text (Optional[Union[str, Path]]): Raw text for teachers that are pipelines.
    gpu_id (int): GPU, or -1 for the processor.
    resume (bool): Go on from the checkpoint in `output`.
    overrides (Optional[Mapping[str, Any]]): Config values by dotted key.
    RETURNS (Language): The student.
    RAISES: XnerError: See `spacy_xner.distillation.loop.distill`; or a teacher needs `text`.
    """
    from ..distillation import loop
    from ..distillation.recipe import with_recipes

    use_gpu(gpu_id)
    config = with_recipes(student_config, recipes) if recipes else student_config
    folders = soft_label_folders(teachers, text, output, gpu_id=gpu_id)
    student, last = loop.distill(
        folders, config, output, use_gpu=gpu_id, overrides=overrides, resume=resume
    )
    msg.info(f'Load the student with spacy.load("{last}")')
    return student


def soft_label_folders(
    teachers: Sequence[str | Path],
    text: str | Path | None,
    output: str | Path,
    *,
    gpu_id: int = -1,
) -> list[Path]:
    """Let teachers that are pipelines annotate a text.

    teachers (Sequence[Union[str, Path]]): Soft-label folders and pipelines.
    text (Optional[Union[str, Path]]): What pipelines annotate.
    output (Union[str, Path]): Where their soft labels go: `soft-labels-0` and so on.
    gpu_id (int): GPU, or -1 for the processor.
    RETURNS (List[Path]): A soft-label folder for each teacher.
    RAISES: XnerError: A teacher is a pipeline and there is no text, or see `annotate`.
    """
    from ..corpora.manifest import MANIFEST
    from .annotate import annotate

    folders = []
    for number, teacher in enumerate(teachers):
        if (Path(teacher) / MANIFEST).is_file():
            folders.append(Path(teacher))
            continue
        if text is None:
            raise XnerError(
                f"{teacher} is not a soft-label folder (it has no {MANIFEST}). If it is a "
                "pipeline, say with --text what it shall annotate; else make the folder with "
                "`spacy xner annotate`."
            )
        folders.append(Path(output) / f"soft-labels-{number}")
        annotate(teacher, text, folders[-1], gpu_id=gpu_id)
    return folders
