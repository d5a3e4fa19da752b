"""`spacy xner annotate`: soft labels for a text."""

import functools
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from wasabi import msg

from ..errors import XnerError
from .gpu import use_gpu
from .init import WELL_FORMED
from .progress import ProgressLine

if TYPE_CHECKING:
    from ..teacher.annotate import Progress
    from ..teacher.sources import ProbabilitySource

__all__ = ["annotate", "annotate_cli"]

ENGINES = ("local", "ray")


def annotate_cli(
    teacher: str = typer.Argument(..., help="Pipeline (folder or package) that labels the text"),
    text: Path = typer.Argument(..., help="Raw text (a text a line), CoNLL, .spacy or a folder"),
    output: Path = typer.Argument(..., help="Folder for the soft labels; resumed if it exists"),
    precision: str = typer.Option(
        "auto", help="How a transformer computes: auto, fp32, bf16, or fp16 on a GPU"
    ),
    lang: str | None = typer.Option(
        None,
        help="Language code of the text; left out, it is the name of each file of a folder (am.txt "
        "is am), and xx for a single file",
    ),
    confidence: float | None = typer.Option(
        None,
        help="For a pipeline's hard labels: the probability that a label is right, above 0, at "
        "most 1",
    ),
    component: str | None = typer.Option(
        None,
        help="The pipeline's component that labels, such as textcat beside ner; left out, entities "
        "come first",
    ),
    code: Path | None = typer.Option(
        None, "--code", "-c", help="Python file with registered functions"
    ),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, or -1 for the processor"),
    replace: bool = typer.Option(
        False, "--replace", help="Start anew if the folder is of another teacher or text"
    ),
    engine: str = typer.Option(
        "local", help="local, or ray: one teacher a CPU or GPU of a cluster"
    ),
    address: str | None = typer.Option(
        None, help="With --engine ray: a running cluster, such as auto; else one on this machine"
    ),
    staging: str | None = typer.Option(
        None, help="With --engine ray: folder that all nodes read, also s3://...; else in OUTPUT"
    ),
) -> None:
    """Write soft labels: the teacher's probability of every tag of every token.

    Killed at any moment, the same command goes on where it stopped.
    """
    annotate(
        teacher,
        text,
        output,
        precision=precision,
        lang=lang,
        confidence=confidence,
        component=component,
        gpu_id=gpu_id,
        replace=replace,
        code=code,
        engine=engine,
        address=address,
        staging=staging,
    )


def annotate(
    teacher: str | Path,
    text: str | Path,
    output: str | Path,
    *,
    precision: str = "auto",
    lang: str | None = None,
    confidence: float | None = None,
    component: str | None = None,
    gpu_id: int = -1,
    replace: bool = False,
    code: Path | None = None,
    engine: str = "local",
    address: str | None = None,
    staging: str | None = None,
) -> "Progress":
    """Write the soft labels of a text.

    teacher (Union[str, Path]): A spaCy pipeline or the folder of a Hugging Face token classifier.
    text (Union[str, Path]): Raw text, CoNLL, `.spacy`, or a folder of those.
    output (Union[str, Path]): The soft-label folder.
    precision (str): "auto", "fp32", "bf16", or "fp16" on a GPU.
    lang (Optional[str]): Language code of the text. If not given, the name of a document's file in
        a folder, and "xx" for a single file.
    confidence (Optional[float]): Take the hard labels of a pipeline's `doc.ents`, each with this
        probability, in place of the marginals of its beam.
    component (Optional[str]): The component that labels, see `load_source`.
    gpu_id (int): GPU, or -1 for the processor.
    replace (bool): Delete a soft-label folder of another teacher, text or tag set first; by default
        that is an error.
    code (Optional[Path]): Python file with registered functions.
    engine (str): "local", or "ray" for a cluster.
    address (Optional[str]): Of the cluster, see `teacher.ray_engine.Cluster`.
    staging (Optional[str]): Folder that all nodes of the cluster can read, see there.
    RETURNS (Progress): Documents, words and seconds.
    RAISES: XnerError: See `annotate_documents` and `load_source`; or `engine` is unknown.
    """
    from ..teacher.annotate import annotate_documents
    from ..teacher.ray_engine import Cluster, annotate_on_ray, load_teacher

    if engine not in ENGINES:
        raise XnerError(f"--engine is {engine!r}; expected one of {', '.join(ENGINES)}.")
    if lang is not None and not WELL_FORMED.fullmatch(lang):
        raise XnerError(f"--lang is {lang!r}; expected a code such as ha, hau or ha-Arab.")
    if engine == "local":
        use_gpu(gpu_id)
    adapter: dict[str, Any] = {"component": component} if component else {}
    if confidence is not None:
        adapter.update(method="hard", confidence=confidence)
    # Absolute: the workers of a cluster begin elsewhere.
    named = Path(teacher).resolve() if Path(teacher).exists() else teacher
    load = functools.partial(load_teacher, named, precision, adapter, code and code.resolve())
    source = load()
    if replace and _is_of_another(source, Path(text), Path(output)):
        msg.info(f"{output} is of another teacher or text and is made anew")
        _empty(Path(output))
    line = ProgressLine()

    def show(progress: "Progress") -> None:
        line.show(
            progress.share,
            progress.seconds_left,
            f"{progress.words:,} words  {progress.words_per_second:,.0f} words/s",
        )

    if engine == "ray":
        cluster = Cluster(address, gpu=gpu_id >= 0, staging=staging)
        done = annotate_on_ray(load, source, text, output, lang=lang, report=show, cluster=cluster)
    else:
        done = annotate_documents(source, text, output, lang=lang, report=show)
    line.end()
    msg.good(
        f"Soft labels of {done.docs:,} texts in {output}",
        f"{done.words:,} words in {done.seconds:,.1f} s ({done.words_per_second:,.0f} words/s)",
    )
    return done


def _empty(folder: Path) -> None:
    """Delete what a folder holds, unless another process is writing it."""
    from ..corpora.locks import LOCK, lock_folder

    lock = lock_folder(folder)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
    lock.release()


def _is_of_another(source: "ProbabilitySource", text: Path, output: Path) -> bool:
    from ..corpora.manifest import MANIFEST, Manifest
    from ..teacher.annotate import text_fingerprint

    if not (output / MANIFEST).is_file():
        return False
    found = Manifest.read(output)
    return (found.teacher, found.source, tuple(found.tags)) != (
        source.fingerprint,
        text_fingerprint(text),
        tuple(source.tagset.tags),
    )
