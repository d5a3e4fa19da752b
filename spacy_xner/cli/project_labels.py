"""`spacy xner project-labels`: soft labels by annotation projection over parallel text."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from wasabi import msg

from ..errors import XnerError
from .gpu import use_gpu
from .progress import ProgressLine

if TYPE_CHECKING:
    from ..projection.aligners import Aligner
    from ..projection.labels import Confidence
    from ..projection.parallel import ParallelText
    from ..projection.project import ProjectionProgress
    from ..projection.translation import Translator
    from ..teacher.sources import ProbabilitySource

__all__ = ["project_labels", "project_labels_cli"]


def project_labels_cli(
    source_pipeline: str = typer.Argument(..., help="Pipeline that labels the source sentences"),
    source_text: Path = typer.Argument(..., help="Sentences, one a line"),
    target_text: Path = typer.Argument(..., help="Their translations, line by line"),
    output: Path = typer.Argument(..., help="Folder for the soft labels; resumed if it exists"),
    encoder: str | None = typer.Option(
        None, help="Encoder that aligns words: folder or Hugging Face name"
    ),
    layer: int = typer.Option(8, help="Layer of the encoder whose states are compared; 0: last"),
    method: str = typer.Option("itermax", help="Alignment: inter, itermax or mwmf"),
    unit: str = typer.Option("pieces", help="What is aligned: pieces of words, or words"),
    alignments: Path | None = typer.Option(
        None, help="Alignments made elsewhere (Pharaoh format), in place of --encoder"
    ),
    matching: str = typer.Option("exact", help="Of entities: exact, greedy or heuristic"),
    candidates: str | None = typer.Option(
        None, help="Pipeline whose entities in the target are the candidates; else any span"
    ),
    translator: str | None = typer.Option(
        None, help="Hugging Face sequence-to-sequence model or CTranslate2 folder"
    ),
    translate: str | None = typer.Option(
        None, help="Which file the translator makes if it is not there: source or target"
    ),
    markers: bool = typer.Option(
        False, "--markers", help="Translate into the target with brackets around entities"
    ),
    refine: bool = typer.Option(
        False, "--refine", help="Align through a translation of the marked source sentence"
    ),
    source_code: str = typer.Option("", help="The translator's code of the source language"),
    target_code: str = typer.Option("", help="The translator's code of the target language"),
    lang: str = typer.Option("xx", help="Language code of the target"),
    min_pair: float | None = typer.Option(None, help="Least quality of a pair of sentences"),
    min_span: float | None = typer.Option(None, help="Least confidence of a projected entity"),
    precision: str = typer.Option("auto", help="How transformers compute: auto, fp32 or bf16"),
    gpu_id: int = typer.Option(-1, "--gpu-id", "-g", help="GPU, or -1 for the processor"),
) -> None:
    """Write soft labels of translations: entities found in one language, projected to another.

    Killed at any moment, the same command goes on where it stopped. Words that the projection is
    in doubt of are left unsupervised.
    """
    from ..projection.labels import Confidence

    given = {"pair": min_pair, "span": min_span}
    project_labels(
        source_pipeline,
        source_text,
        target_text,
        output,
        encoder=encoder,
        layer=layer,
        method=method,
        unit=unit,
        alignments=alignments,
        matching=matching,
        candidates=candidates,
        translator=translator,
        translate=translate,
        markers=markers,
        refine=refine,
        languages=(source_code, target_code),
        lang=lang,
        confidence=Confidence(**{k: v for k, v in given.items() if v is not None}),
        precision=precision,
        gpu_id=gpu_id,
    )


def project_labels(
    source_pipeline: str | Path,
    source_text: str | Path,
    target_text: str | Path,
    output: str | Path,
    *,
    encoder: str | Path | None = None,
    layer: int = 8,
    method: str = "itermax",
    unit: str = "pieces",
    alignments: str | Path | None = None,
    matching: str = "exact",
    candidates: str | Path | None = None,
    translator: str | Path | None = None,
    translate: str | None = None,
    markers: bool = False,
    refine: bool = False,
    languages: tuple[str, str] = ("", ""),
    lang: str = "xx",
    confidence: "Confidence | None" = None,
    precision: str = "auto",
    gpu_id: int = -1,
) -> "ProjectionProgress":
    """Write the soft labels of the target side of parallel text.

    source_pipeline (str | Path): Labels the source sentences, see `teacher.sources.load_source`.
    source_text (str | Path): Sentences, one a line.
    target_text (str | Path): Their translations, line by line.
    output (str | Path): The soft-label folder.
    encoder (str | Path | None): Encoder that aligns words.
    layer (int): Its layer, from 1; 0 is the last.
    method (str): "inter", "itermax" or "mwmf".
    unit (str): "pieces" or "words".
    alignments (str | Path | None): Alignments in Pharaoh format, in place of an encoder.
    matching (str): "exact", "greedy" or "heuristic".
    candidates (str | Path | None): Pipeline whose entities in the target are the candidates.
    translator (str | Path | None): See `projection.translation.load_translator`.
    translate (str | None): "source" or "target": the file that the translator makes from the other
        if it is not there.
    markers (bool): Translate into the target with brackets around the entities.
    refine (bool): Align through a translation of the marked source sentence.
    languages (tuple[str, str]): The translator's codes of source and target language.
    lang (str): Language code of the target.
    confidence (Confidence | None): What is believed.
    precision (str): "auto", "fp32" or "bf16".
    gpu_id (int): GPU, or -1 for the processor.
    RETURNS (ProjectionProgress): What was done.
    RAISES: XnerError: A file, a model or a setting is faulty, or they do not go together.
    """
    from ..projection.candidates import NerCandidates
    from ..projection.labels import Confidence
    from ..projection.marked_files import marked_candidates
    from ..projection.parallel import ParallelText
    from ..projection.project import Projector, project_documents
    from ..projection.translation import load_translator
    from ..teacher.sources import load_source

    _check_alignment(encoder, alignments)
    _check_translation(translator, translate, markers, refine, alignments)
    _check_matching(matching, candidates, markers, refine)
    use_gpu(gpu_id)
    source_text, target_text = Path(source_text), Path(target_text)
    source = load_source(source_pipeline, precision=precision)
    model: Translator | None = None
    if translator is not None:
        model = load_translator(translator, *languages[:: -1 if translate == "source" else 1])
        _translate(model, source, source_text, target_text, translate, markers)
    text = ParallelText(source_text, target_text)
    aligner = _aligner(encoder, layer, method, unit, alignments, precision, text)
    proposed = NerCandidates(load_source(candidates)) if candidates else None
    projector = Projector(
        source,
        aligner,
        matching,
        proposed or (marked_candidates(target_text) if markers else None),
        model if refine else None,
        confidence or Confidence(),
    )
    line = ProgressLine()

    def show(progress: "ProjectionProgress") -> None:
        rate = progress.pairs / progress.seconds
        text = f"{progress.pairs:,} pairs  {rate:,.0f} pairs/s"
        line.show(progress.share, progress.seconds_left, text)

    done = project_documents(projector, text, output, lang=lang, report=show)
    line.end()
    _tell(done, output)
    return done


def _tell(done: "ProjectionProgress", output: str | Path) -> None:
    counts = (
        f"{done.pairs:,} pairs in {done.seconds:,.1f} s, of which {done.kept:,} say something; "
        f"{done.projected:,} of {done.entities:,} entities projected"
    )
    if done.pairs and not done.kept:
        msg.warn(
            f"Nothing is said of any text in {output}: no student can learn from it",
            f"{counts}. Are the files translations of each other, line by line? Weak alignments "
            "are left out by --min-pair and --min-span.",
        )
    else:
        msg.good(f"Soft labels of {done.docs:,} texts in {output}", counts)


def _check_alignment(encoder: str | Path | None, alignments: str | Path | None) -> None:
    if (encoder is None) == (alignments is None):
        raise XnerError(
            "Words are aligned by an encoder (--encoder) or by a file (--alignments): give one of "
            "the two."
        )


def _check_matching(
    matching: str, candidates: str | Path | None, markers: bool, refine: bool
) -> None:
    """Refuse what would not be used."""
    if matching == "heuristic" and (candidates is not None or markers):
        given = "--candidates" if candidates is not None else "--markers"
        raise XnerError(
            f"--matching heuristic takes the words that are linked, so {given} would not be used. "
            "Leave it out, or match by exact or greedy."
        )
    if refine and candidates is not None:
        raise XnerError(
            "--refine finds entities by their markers, so --candidates would not be used. Leave "
            "one of the two out."
        )


def _check_translation(
    translator: str | Path | None,
    translate: str | None,
    markers: bool,
    refine: bool,
    alignments: str | Path | None,
) -> None:
    if translate not in (None, "source", "target"):
        raise XnerError(f"--translate is {translate!r}; expected source or target.")
    if translator is None and (translate or markers or refine):
        raise XnerError("--translate, --markers and --refine need a --translator.")
    if markers and translate != "target":
        raise XnerError("--markers are put into what is translated: expected --translate target.")
    if refine and translate == "source":
        raise XnerError(
            "--refine translates from the source to the target, --translate source the other way: "
            "make the source text first, then refine with a translator into the target."
        )
    if refine and alignments is not None:
        raise XnerError("--refine aligns new sentences, which --alignments lacks: use --encoder.")


def _aligner(
    encoder: str | Path | None,
    layer: int,
    method: str,
    unit: str,
    alignments: str | Path | None,
    precision: str,
    text: "ParallelText",
) -> "Aligner":
    from ..projection.aligners import EncoderAligner, PharaohAligner
    from ..projection.states import PieceEncoder

    if encoder is not None:
        states = PieceEncoder(encoder, layer=layer, precision=precision)
        return EncoderAligner(states, method=method, unit=unit)
    assert alignments is not None
    aligner = PharaohAligner(alignments)
    if len(aligner) != text.n_lines:
        raise XnerError(
            f"{alignments} has {len(aligner)} lines, the texts have {text.n_lines}: expected one "
            "line a pair, empty where nothing is aligned."
        )
    return aligner


def _translate(
    model: "Translator",
    source: "ProbabilitySource",
    source_text: Path,
    target_text: Path,
    translate: str | None,
    markers: bool,
) -> None:
    """Make the file that is not there."""
    from ..projection.marked_files import translate_marked_file
    from ..projection.translation import translate_file

    made, origin = (
        (source_text, target_text) if translate == "source" else (target_text, source_text)
    )
    if translate is None or made.exists():
        return

    def show(lines: int) -> None:
        sys.stderr.write(f"\r{lines:,} lines translated  ")

    if markers:
        translate_marked_file(model, source, origin, made, report=show)
    else:
        translate_file(model, origin, made, report=show)
    sys.stderr.write("\n")
    msg.good(f"Translated {origin} into {made}")
