"""Measure docs/results/analysis.jsonl: regressions, source rankings, explanations.

It needs what scripts/benchmark_main.py left in its work folder (teacher, students, test sets), and
about 25 minutes on 2 cores the first time, 10 where the features are kept.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from analysis_explanations import KEYS, explanations, sampling_errors
from analysis_ranking import rankings, with_tagged
from wasabi import msg

from spacy_xner.analysis.features import Measured, measure
from spacy_xner.analysis.findings import print_fit
from spacy_xner.analysis.languages import find_texts, read_language
from spacy_xner.analysis.points import read_points, rename_points, write_json
from spacy_xner.analysis.regression import Fit, choose_features, fit
from spacy_xner.cli.encoder import encoder as make_encoder
from spacy_xner.evaluation.results import ResultRows, make_row

# Between languages of one model family: Beukman and Fokam (2023), all 90 pairs of the matrix.
PUBLISHED_R = 0.72
TARGETS = ("hau", "am", "ibo", "si", "swa", "yor")


def main(
    data_root: Annotated[Path, typer.Option(help="Folder laid out as MasakhaNER")] = Path(
        "../shared/data"
    ),
    work: Annotated[Path, typer.Option(help="Work folder of the main benchmark")] = Path(
        "training/main"
    ),
    own: Annotated[Path, typer.Option(help="Folder for encoder and features")] = Path(
        "training/analysis"
    ),
    output: Annotated[Path, typer.Option(help="Folder of the rows")] = Path("docs/results"),
    part: Annotated[
        list[str] | None, typer.Option(help="regression, ranking, sampling, explanations [all]")
    ] = None,
    target: Annotated[str, typer.Option(help="Languages explained")] = " ".join(TARGETS),
    sentences: Annotated[int, typer.Option(help="Test sentences explained a language")] = 20,
) -> None:
    """Measure what similarity says of transfer and what explanations are worth."""
    rows = ResultRows(output / "analysis.jsonl")
    parts = part or ["regression", "ranking", "sampling", "explanations"]
    if {"regression", "ranking"} & set(parts):
        untagged = features(data_root, own)
        measured = with_tagged(untagged, data_root, work / "teacher", own / "found.json")
        if "regression" in parts:
            rows.upsert(regressions(data_root, output, measured))
        if "ranking" in parts:
            rows.upsert(rankings(data_root, measured))
    if "sampling" in parts:
        for role in ("student", "teacher"):
            for row in sampling_errors(work, role):  # each when it is known: these take long
                rows.upsert([row])
    if "explanations" in parts:
        for lang in target.split():
            for row in explanations(work, lang, sentences):
                rows.upsert([row])
    msg.good(f"{rows.path}: {len(rows.read())} rows")


def features(data_root: Path, own: Path) -> Measured:
    """Measure all pairs of languages at hand, once."""
    import srsly

    kept = own / "features.json"
    if kept.exists():
        return Measured.from_json(srsly.read_json(kept))
    folders = [data_root / "unlabelled", data_root / "transfer_corpus"]
    if not (own / "encoder").exists():
        make_encoder(own / "encoder", keep_vocab_of=[*folders, data_root / "parallel"])
    gold = find_texts([data_root / "transfer_corpus"])
    files = find_texts(folders)
    languages = {name: read_language(name, file, gold.get(name)) for name, file in files.items()}
    # A source teaches: it has gold. Sinhala has gold of another kind, so it is a target only.
    pairs = [(source, target) for source in gold for target in files if source != target]
    found = measure(
        languages,
        pairs,
        own / "encoder",
        parallel=data_root / "parallel",
        labels=True,
        note=msg.info,
    )
    write_json(kept, found.to_json())
    return found


def regressions(data_root: Path, output: Path, measured: Measured) -> Iterator[dict[str, Any]]:
    """Regress published points and our own rows on the features."""
    layer = measured.layer()
    names = sorted({name for pair in measured.values for name in pair})
    matrix = data_root / "transfer_matrices" / "xlmr_base_masakhaner1_f1.csv"
    published = rename_points(read_points(matrix), names)[0]
    columns = choose_features(measured.values, layer, labels=True)
    result = fit(published, measured.values, columns)
    print_fit(result)
    said = {"system": "xlm-roberta-base", "recipe": "published-points"}
    yield from _fit_rows(result, said, labels="labelled_overlap")
    yield from _layers(result, measured, said)
    rows = [p for p in read_points(output / "main.jsonl") if "distillation" in p.model]
    for model in dict.fromkeys(point.model for point in rows):
        points = [p for p in rename_points(rows, names)[0] if p.model == model]
        if len(points) < 4:
            continue
        result = fit(points, measured.values, columns)
        print_fit(result)
        said = {"system": "spacy-xner", "recipe": "main-points", "role": model.split()[0]}
        yield from _fit_rows(result, said)


def _fit_rows(
    result: Fit, said: Mapping[str, Any], labels: str | None = None
) -> Iterator[dict[str, Any]]:
    n = len(result.points)
    said = {**KEYS, **said, "n": n, "target": "all"}
    predictions = [*([result.predicted] if result.predicted else []), *result.singles]
    for each in predictions:
        name = each.features[0] if len(each.features) == 1 else "all"
        # Of the label-free features alone: the others cannot predict.
        yield make_row(**said, feature=name, metric="r2", value=each.r2, p=each.p)
        if each.rank is not None:
            yield make_row(**said, feature=name, metric="spearman_within_target", value=each.rank)
    for name, value in result.correlations.items():
        uses = name == labels
        yield make_row(
            **said,
            feature=name,
            metric="r",
            value=value,
            target_labels=uses,
            published_r=PUBLISHED_R if uses else None,
        )
    if result.explained is not None:
        yield make_row(**said, feature="all", metric="r2_fitted", value=result.explained.r2)
    together = result.explained.coefficients if result.explained is not None else ()
    for metric, found in (("coefficient", together), ("coefficient_alone", result.alone)):
        for each in found:
            yield make_row(
                **said,
                feature=each.feature,
                metric=metric,
                value=each.value,
                low=each.low,
                high=each.high,
                p=each.p,
                vif=each.vif,
                target_labels=each.labels,
            )


def _layers(result: Fit, measured: Measured, said: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """R2 of each layer's similarity alone."""
    for layer in range(measured.layers):
        for name in ("mean_cosine", "neighbours"):
            column = f"{name}@{layer}"
            if column in result.columns:
                continue
            single = fit(result.points, measured.values, [column], explain=False).singles[0]
            yield make_row(
                **KEYS,
                **said,
                n=len(result.points),
                target="all",
                feature=column,
                metric="r2",
                value=single.r2,
                p=single.p,
            )


if __name__ == "__main__":
    typer.run(main)
