"""`spacy xner rank-sources`: the best source languages for raw text of a new language."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from wasabi import msg

from ..errors import XnerError

if TYPE_CHECKING:
    from ..analysis.ranking import Ranked
    from ..teacher.sources import ProbabilitySource

__all__ = ["rank_sources", "rank_sources_cli"]

TARGET = "<target>"


def rank_sources_cli(
    text: Annotated[Path, typer.Argument(help="Raw text of the new language, one a line")],
    sources: Annotated[
        list[str],
        typer.Option(
            "--sources", "-s", help="Folder of LANG/train.txt, or LANG=FILE in CoNLL; repeatable"
        ),
    ],
    encoder: Annotated[Path, typer.Option("--encoder", "-e", help="Folder of the encoder")],
    tagger: Annotated[
        str | None,
        typer.Option("--tagger", help="Pipeline that finds entities in all texts, e.g. a teacher"),
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option("--leave-out", help="Source not to rank; repeatable")
    ] = None,
    layer: Annotated[
        int | None, typer.Option("--layer", help="Layer of the encoder [two thirds up]")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file of the ranking")
    ] = None,
) -> None:
    """Rank source languages for a language of which there is only raw text."""
    ranked, unused = rank_sources(
        text,
        sources,
        encoder,
        tagger=tagger,
        leave_out=leave_out or [],
        layer=layer,
        output=output,
    )
    rows = [
        (i, each.source, f"{each.score:+.2f}", ", ".join(each.reasons[:3]))
        for i, each in enumerate(ranked, 1)
    ]
    header = ("", "source", "score", "reasons, strongest first")
    msg.table(rows, header=header, divider=True, aligns=("r", "l", "r", "l"), max_col=200)
    msg.text("Score: mean distance from the average source, in standard deviations of the sources.")
    if len(ranked) == 1:
        msg.warn("One source: there is nothing to compare it with.")
    elif ranked[0].score - ranked[1].score < 0.1:
        msg.warn(f"{ranked[0].source} and {ranked[1].source} are as good as level: try both.")
    if unused:
        msg.text(f"Not used, as no source differs in it or one lacks it: {', '.join(unused)}")


def rank_sources(
    text: Path | str,
    sources: Sequence[str | Path] | Mapping[str, Path],
    encoder: Path | str,
    *,
    tagger: "str | Path | ProbabilitySource | None" = None,
    leave_out: Sequence[str] = (),
    layer: int | None = None,
    output: Path | str | None = None,
) -> tuple[list["Ranked"], list[str]]:
    """Rank source languages for a target of which there is only raw text.

    text (Path | str): Raw text of the target.
    sources (Sequence[str | Path] | Mapping[str, Path]): Folders of LANG/train.txt and "LANG=FILE",
        or gold file by language. Their entities are looked for in the text.
    encoder (Path | str): Folder of an encoder.
    tagger (str | Path | ProbabilitySource | None): Model that finds entities in the raw text of
        sources and target, so that `tagged_overlap` counts as well.
    leave_out (Sequence[str]): Sources not to rank.
    layer (int | None): Layer of the encoder; two thirds up if not given.
    output (Path | str | None): JSON file of the ranking.
    RETURNS (tuple[list[Ranked], list[str]]): Sources, best first; features that were of no use.
    RAISES: XnerError where the text is empty or no source can be used.
    """
    from dataclasses import asdict

    from ..analysis.features import measure
    from ..analysis.languages import LanguageText, read_language
    from ..analysis.points import write_json
    from ..analysis.ranking import default_weights, rank
    from ..analysis.tagging import tag_language
    from ..teacher.sources import load_source

    files = _sources(sources, leave_out)
    target = read_language(TARGET, text)
    languages: dict[str, LanguageText] = {TARGET: target}
    for name, file in files.items():
        languages[name] = read_language(name, file, file)
        if not languages[name].mentions:
            msg.warn(f"{file} holds no entity", f"Nothing of {name} can be found in the text.")
    if tagger is not None:
        source = load_source(tagger) if isinstance(tagger, (str, Path)) else tagger
        languages = {name: tag_language(each, source) for name, each in languages.items()}
    pairs = [(name, TARGET) for name in files]
    measured = measure(languages, pairs, encoder, note=msg.info)
    features = {source: values for (source, _), values in measured.values.items()}
    weights = default_weights(measured.layer(layer)) | (
        {} if tagger is None else {"tagged_overlap": 1.0}
    )
    ranked, unused = rank(features, weights)
    if output is not None:
        write_json(output, {"text": str(text), "ranking": [asdict(each) for each in ranked]})
    return ranked, unused


def _sources(
    given: Sequence[str | Path] | Mapping[str, Path], leave_out: Sequence[str]
) -> dict[str, Path]:
    from ..analysis.languages import find_texts, same_language

    files: dict[str, Path] = dict(given) if isinstance(given, Mapping) else {}
    for item in () if isinstance(given, Mapping) else map(str, given):
        name, equals, path = item.partition("=")
        if not equals:
            files = find_texts([item]) | files
        elif not Path(path).is_file():
            raise XnerError(f"--sources {item}: no such file; expected CoNLL gold of {name}.")
        else:
            files[name] = Path(path)
    left = {
        name: file
        for name, file in files.items()
        if not any(same_language(name, other) for other in leave_out)
    }
    if not left:
        raise XnerError("No source is left to rank: give folders of LANG/train.txt by --sources.")
    return left
