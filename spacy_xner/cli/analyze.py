"""`spacy xner analyze`: do similarity and overlap explain transfer, and do they predict it?"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from wasabi import msg

from ..errors import XnerError

if TYPE_CHECKING:
    from ..analysis.features import Measured
    from ..analysis.points import Point
    from ..analysis.regression import Fit

__all__ = ["analyze", "analyze_cli"]


def analyze_cli(
    results: Annotated[Path, typer.Argument(help="Rows of results (.jsonl) or F1 matrix (.csv)")],
    encoder: Annotated[
        Path | None, typer.Option("--encoder", "-e", help="Folder of the encoder that compares")
    ] = None,
    texts: Annotated[
        list[Path] | None,
        typer.Option("--texts", help="Folder of LANG.txt or LANG/train.txt; repeatable"),
    ] = None,
    gold: Annotated[
        Path | None, typer.Option("--gold", help="Folder of LANG/train.txt with source entities")
    ] = None,
    tagger: Annotated[
        str | None,
        typer.Option("--tagger", help="Pipeline that finds entities in all texts, e.g. a teacher"),
    ] = None,
    parallel: Annotated[
        Path | None, typer.Option("--parallel", help="Folder of en-LANG parallel text")
    ] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option("--feature", "-f", help="Feature, such as mean_cosine@8; repeatable [all]"),
    ] = None,
    layer: Annotated[
        int | None, typer.Option("--layer", help="Layer of the encoder [two thirds up]")
    ] = None,
    predict_only: Annotated[
        bool, typer.Option("--predict-only", help="No explanation; target labels are refused")
    ] = False,
    target_labels: Annotated[
        bool, typer.Option("--target-labels", help="Let labels of the target explain, marked *")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file of the result")
    ] = None,
    save_features: Annotated[
        Path | None, typer.Option("--save-features", help="JSON file to keep the features in")
    ] = None,
    features: Annotated[
        Path | None, typer.Option("--features", help="Features that --save-features kept")
    ] = None,
    permutations: Annotated[
        int, typer.Option("--permutations", min=0, help="Permutations of the languages, for p")
    ] = 999,
) -> None:
    """Regress transfer on similarity and overlap, each model by itself."""
    from ..analysis.findings import print_fit

    fits, measured = analyze(
        results,
        encoder=encoder,
        texts=texts or [],
        gold=gold,
        tagger=tagger,
        parallel=parallel,
        columns=feature,
        layer=layer,
        explain=not predict_only,
        labels=target_labels,
        output=output,
        save_features=save_features,
        features=features,
        permutations=permutations,
    )
    msg.info(f"Similarity is from the encoder {measured.encoder}; F1 is from the models below.")
    for each in fits:
        print_fit(each)


def analyze(
    results: Path | str,
    *,
    encoder: Path | str | None = None,
    texts: Sequence[Path | str] = (),
    gold: Path | str | None = None,
    tagger: Path | str | None = None,
    parallel: Path | str | None = None,
    columns: Sequence[str] | None = None,
    layer: int | None = None,
    explain: bool = True,
    labels: bool = False,
    output: Path | str | None = None,
    save_features: Path | str | None = None,
    features: Path | str | None = None,
    permutations: int = 999,
) -> tuple[list["Fit"], "Measured"]:
    """Fit each model's transfer on features of its language pairs.

    results (Path | str): Rows of results or a matrix, see `analysis.points.read_points`.
    encoder (Path | str | None): Folder of an encoder; not needed with `features`.
    texts (Sequence[Path | str]): Folders of text by language, the first that has one wins.
    gold (Path | str | None): Folder of gold by language, for the entities of the sources.
    tagger (Path | str | None): Model that finds entities in all texts; without it
        `tagged_overlap` is not measured.
    parallel (Path | str | None): Folder of parallel text.
    columns (Sequence[str] | None): Features; all at one layer if not given.
    layer (int | None): Layer of these; two thirds up if not given.
    explain (bool): Whether to explain by ordinary least squares beside predicting.
    labels (bool): Whether features may look at target labels, in the explanation.
    output (Path | str | None): JSON file of the result.
    save_features (Path | str | None): JSON file to keep the features in.
    features (Path | str | None): JSON file of features that were kept.
    permutations (int): Of the languages, for p.
    RETURNS (tuple[list[Fit], Measured]): One fit a model that has enough points, and the features.
    RAISES: XnerError where a file cannot be used or no model has enough points.
    """
    from ..analysis.features import FEATURES, Measured, plain_name
    from ..analysis.points import read_points, write_json
    from ..analysis.regression import choose_features

    named = [plain_name(column) for column in columns or ()]
    if refused := [name for name in named if FEATURES[name].labels and not (labels and explain)]:
        raise XnerError(
            f"{', '.join(refused)} looks at labels of the target language, which nobody has before "
            "a prediction. Leave it out, or let it explain: --target-labels, no --predict-only."
        )
    points = read_points(results)
    if features is not None:
        measured = Measured.from_json(_read_json(features))
        points = _of_measured(points, measured)
    else:
        points, measured = _measure(points, encoder, texts, gold, tagger, parallel, labels)
    if save_features is not None:
        write_json(save_features, measured.to_json())
    at = measured.layer(layer)
    chosen = [_at_layer(column, at) for column in columns or ()] or choose_features(
        measured.values, at, labels=labels and explain
    )
    fits = _fit_each(points, measured, chosen, explain, permutations)
    if output is not None:
        write_json(output, {"encoder": measured.encoder, "fits": [asdict(each) for each in fits]})
    return fits, measured


def _at_layer(column: str, layer: int) -> str:
    """Add the layer to the name of a layered feature that comes without."""
    from ..analysis.features import FEATURES

    is_bare = column in FEATURES and FEATURES[column].layered
    return f"{column}@{layer}" if is_bare else column


def _fit_each(
    points: Sequence["Point"],
    measured: "Measured",
    columns: Sequence[str],
    explain: bool,
    permutations: int,
) -> list["Fit"]:
    """Fit each model that has enough points; the first fit notes which have not."""
    from ..analysis.regression import fit

    fits, failed = [], []
    for model in dict.fromkeys(point.model for point in points):
        own = [point for point in points if point.model == model]
        try:
            fits.append(
                fit(own, measured.values, columns, explain=explain, permutations=permutations)
            )
        except XnerError as error:
            failed.append(str(error))
    if not fits:
        raise XnerError("\n".join(failed))
    fits[0].notes += failed
    return fits


def _measure(
    points: list["Point"],
    encoder: Path | str | None,
    texts: Sequence[Path | str],
    gold: Path | str | None,
    tagger: Path | str | None,
    parallel: Path | str | None,
    labels: bool,
) -> tuple[list["Point"], "Measured"]:
    from ..analysis.features import measure
    from ..analysis.languages import find_texts, read_language
    from ..analysis.points import rename_points
    from ..analysis.tagging import tag_language
    from ..teacher.sources import load_source

    if encoder is None or not texts:
        raise XnerError(
            "Similarity needs an encoder and text: give --encoder (`spacy xner encoder` makes one) "
            "and --texts, or --features of an earlier run."
        )
    files = find_texts(texts)
    kept, left = rename_points(points, list(files))
    if left:
        msg.warn(f"No text of {', '.join(left)}", "Points of these languages are left out.")
    if not kept:
        raise XnerError(
            f"No point has text of both of its languages: text of {', '.join(sorted(files))}, "
            f"points of {', '.join(sorted({p.target for p in points}))}."
        )
    tagged = find_texts([gold]) if gold is not None else {}
    names = sorted({name for point in kept for name in (point.source, point.target)})
    languages = {name: read_language(name, files[name], tagged.get(name)) for name in names}
    if tagger is not None:
        source = load_source(tagger)
        languages = {name: tag_language(each, source) for name, each in languages.items()}
    pairs = list(dict.fromkeys((point.source, point.target) for point in kept))
    measured = measure(languages, pairs, encoder, parallel=parallel, labels=labels, note=msg.info)
    return kept, measured


def _of_measured(points: list["Point"], measured: "Measured") -> list["Point"]:
    from ..analysis.points import rename_points

    names = sorted({name for pair in measured.values for name in pair})
    kept = [
        point
        for point in rename_points(points, names)[0]
        if (point.source, point.target) in measured.values
    ]
    if not kept:
        raise XnerError(f"The features are of other languages: {', '.join(names)}.")
    return kept


def _read_json(path: Path | str) -> Any:
    try:
        return json.loads(Path(path).read_text("utf8"))
    except (OSError, ValueError) as error:
        raise XnerError(f"{path} cannot be read as JSON ({error}).") from None
