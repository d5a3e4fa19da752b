"""`spacy xner evaluate`: seqeval scores, intervals, types and speed of any pipeline."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from wasabi import msg
from wasabi.printer import Printer

from ..errors import XnerError
from .gpu import use_gpu

if TYPE_CHECKING:
    from spacy.language import Language

    from ..evaluation.predict import Prediction

    Predictions = dict[str, Prediction]

DEFAULT_FORMS = ("tokens", "raw")


def evaluate_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a package name or a path")],
    data: Annotated[list[Path], typer.Argument(help="CoNLL or .spacy: files or folders")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="JSON file of the result, - for stdout")
    ] = None,
    against: Annotated[
        str | None, typer.Option("--against", help="Second pipeline, for a paired bootstrap")
    ] = None,
    bootstrap: Annotated[
        int, typer.Option("--bootstrap", min=0, help="Resamples for the intervals, 0 for none")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the resampling")] = 0,
    form: Annotated[
        list[str] | None,
        typer.Option("--form", help="tokens or raw, with -nfc or -nfd; repeatable [tokens, raw]"),
    ] = None,
    label_map: Annotated[
        list[str] | None,
        typer.Option(
            "--map", help="Rename a predicted label, GPE=LOC; DATE=O drops it; repeatable"
        ),
    ] = None,
    gpu_id: Annotated[int, typer.Option("--gpu-id", "-g", help="GPU ID or -1 for CPU")] = -1,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Sentences a batch")] = 256,
    fix_encoding: Annotated[
        bool, typer.Option("--fix-encoding", help="Repair wrongly decoded gold tokens (ftfy)")
    ] = False,
    code: Annotated[
        Path | None, typer.Option("--code", "-c", help="Python file with registered functions")
    ] = None,
) -> None:
    """Score a pipeline against gold entities: on gold tokens and on detokenised raw text."""
    from ..teacher.loading import import_code

    try:
        import_code(code)
        result = evaluate(
            model,
            data,
            output=output,
            against=against,
            bootstrap=bootstrap,
            seed=seed,
            forms=form or DEFAULT_FORMS,
            gpu_id=gpu_id,
            batch_size=batch_size,
            label_map=parse_label_map(label_map or []),
            fix_encoding=fix_encoding,
        )
    except XnerError as err:
        msg.fail("Evaluation failed", str(err), exits=1)
    if output != "-":
        print_result(result)
        if output:
            msg.good("Saved the result", output)


def evaluate(
    model: "str | Path | Language",
    data: str | Path | Sequence[str | Path],
    *,
    output: str | Path | None = None,
    against: "str | Path | Language | None" = None,
    bootstrap: int = 1000,
    seed: int = 0,
    forms: Sequence[str] = DEFAULT_FORMS,
    gpu_id: int = -1,
    batch_size: int = 256,
    label_map: Mapping[str, str] | None = None,
    fix_encoding: bool = False,
) -> dict[str, Any]:
    """Score a pipeline against gold entities.

    model (str | Path | Language): Any spaCy pipeline that sets `doc.ents`: itself, name or path.
    data (str | Path | Sequence[str | Path]): Gold data, CoNLL or `.spacy`; one file or several. A
        folder stands for its files in sorted order.
    output (str | Path | None): JSON file of the result; "-" prints it.
    against (str | Path | Language | None): Second pipeline; each form then gets a paired bootstrap.
    bootstrap (int): Number of resamples of the sentences; 0 leaves intervals out.
    seed (int): Of the resampling.
    forms (Sequence[str]): What the pipeline is given, of `evaluation.predict.FORMS`.
    gpu_id (int): GPU, or -1 for the CPU; for pipelines that are loaded here.
    batch_size (int): Sentences a batch.
    label_map (Mapping[str, str] | None): New names of predicted labels; "O" drops a label.
    fix_encoding (bool): Repair wrongly decoded tokens of CoNLL gold data by ftfy.
    RETURNS (dict[str, Any]): `model`, `pipeline`, `target_gold` (what gold of its
        languages the pipeline says it saw), `against`, `label_map`, `bootstrap`, `seed`;
        `files`: of each path, and `pooled`: of all sentences together, `forms`: of each form the
        keys of `evaluation.predict.summarise`, and where there is a second pipeline `against`: its
        `f1` and the keys of `evaluation.scores.paired_bootstrap`.
    RAISES: XnerError where the pipeline, a file or a form cannot be used.
    """
    from ..evaluation.gold import read_gold
    from ..evaluation.predict import check_forms, predict

    check_forms(forms)
    paths = _files([data] if isinstance(data, (str, Path)) else data)
    if not paths or len({str(path) for path in paths}) < len(paths):
        raise XnerError(f"Gold data: found {[str(p) for p in paths]}; expected distinct files.")
    gold = {str(path): read_gold(path, fix_encoding=fix_encoding) for path in paths}

    def run(nlp: "Language") -> "dict[str, Predictions]":
        options: dict[str, Any] = {"batch_size": batch_size, "label_map": label_map}
        return {
            path: {form: predict(nlp, sentences, form, **options) for form in forms}
            for path, sentences in gold.items()
        }

    nlp = _load(model, gpu_id)
    systems = [run(nlp)]
    if against is not None:
        systems.append(run(_load(against, gpu_id)))
    options = {"bootstrap": bootstrap, "seed": seed}
    files = {path: _result([each[path] for each in systems], **options) for path in gold}
    pooled = [{form: _pool(each, form) for form in forms} for each in systems]
    result = {
        "model": _name(model),
        "pipeline": list(nlp.pipe_names),
        "target_gold": nlp.meta.get("target_gold", "not stated by the pipeline"),
        "against": None if against is None else _name(against),
        "label_map": dict(label_map or {}),
        **options,
        "files": files,
        "pooled": _result(pooled, **options),
    }
    if output is not None:
        _write(result, str(output))
    return result


def parse_label_map(pairs: Sequence[str]) -> dict[str, str]:
    """Read label pairs as the command line gives them.

    pairs (Sequence[str]): Such as "GPE=LOC".
    RETURNS (dict[str, str]): Predicted label and its new name.
    RAISES: XnerError for a pair of another form, or a label named twice.
    """
    mapping: dict[str, str] = {}
    for pair in pairs:
        old, equals, new = pair.partition("=")
        if not (old and equals and new):
            raise XnerError(f"--map {pair}: expected OLD=NEW, such as GPE=LOC, or DATE=O to drop.")
        if mapping.get(old, new) != new:
            raise XnerError(
                f"--map {pair}: {old} is already mapped to {mapping[old]}; expected one."
            )
        mapping[old] = new
    return mapping


def print_result(result: Mapping[str, Any]) -> None:
    """Print a result of `evaluate` as tables.

    result (Mapping[str, Any]): What `evaluate` returned.
    """
    printer = Printer()
    for form, scores in result["pooled"]["forms"].items():
        printer.divider(f"{result['model']}, {form}")
        lines = [("all", *_numbers(scores["precision"], scores["recall"], scores))]
        for name, each in scores["per_type"].items():
            lines.append((name, *_numbers(each["p"], each["r"], each)))
        header = ("", "P", "R", "F1", "95%", "gold")
        printer.table(lines, header=header, divider=True, aligns=("l", *"rrrrr"))
        rate = scores["words_per_second"]
        printer.text(f"{rate:,.0f} words per second, {scores['n']} sentences")
        if "against" in scores:
            other = scores["against"]
            told = f"{other['delta']:+.1f} F1 against {result['against']} ({other['f1']:.1f})"
            if "p" in other:
                told += f", 95% {other['low']:+.1f} to {other['high']:+.1f}, p = {other['p']:.3f}"
            printer.text(told)
        if scores["other_labels"]:
            found = ", ".join(f"{name} ({n})" for name, n in scores["other_labels"].items())
            printer.warn(
                f"Predicted labels that the gold data do not have: {found}",
                "Each counts as wrong. Use --map OLD=NEW to rename or --map OLD=O to drop them.",
            )
    if len(result["files"]) > 1:
        _print_files(printer, result["files"])


def _files(data: Sequence[str | Path]) -> list[Path]:
    files: list[Path] = []
    for path in map(Path, data):
        if path.is_dir():
            files += sorted(f for f in path.iterdir() if f.is_file() and f.name[0] != ".")
        else:
            files.append(path)
    for path in files:
        if path.suffix == ".tsv":
            raise XnerError(f"{path} is TSV of categories; expected CoNLL or .spacy of entities.")
    return files


def _print_files(printer: Printer, files: Mapping[str, Any]) -> None:
    lines = [
        (path, form, *_numbers(scores["precision"], scores["recall"], scores)[2:4], scores["n"])
        for path, each in files.items()
        for form, scores in each["forms"].items()
    ]
    printer.divider("by file")
    header = ("file", "form", "F1", "95%", "sentences")
    aligns = ("l", "l", "r", "r", "r")
    printer.table(lines, header=header, divider=True, aligns=aligns, max_col=200)


def _numbers(precision: float, recall: float, scores: Mapping[str, Any]) -> list[str]:
    interval = f"{scores['low']:.1f}-{scores['high']:.1f}" if "low" in scores else ""
    gold = scores["support"] if "support" in scores else scores["n_gold"]
    return [f"{precision:.1f}", f"{recall:.1f}", f"{scores['f1']:.1f}", interval, str(gold)]


def _result(systems: Sequence["Predictions"], *, bootstrap: int, seed: int) -> dict[str, Any]:
    """Scores of the first system in each form, compared with the second if there is one."""
    from ..evaluation.predict import summarise
    from ..evaluation.scores import f1_from_counts, paired_bootstrap

    forms: dict[str, Any] = {}
    for form, prediction in systems[0].items():
        forms[form] = summarise(prediction, bootstrap=bootstrap, seed=seed)
        for other in systems[1:]:
            counts, theirs = prediction.counts(), other[form].counts()
            f1 = float(f1_from_counts(theirs.sum(axis=0)))
            compared = {"f1": f1, "delta": forms[form]["f1"] - f1}
            if bootstrap:
                compared |= paired_bootstrap(counts, theirs, n=bootstrap, seed=seed)
            forms[form]["against"] = compared
    return {"forms": forms}


def _pool(runs: Mapping[str, "Predictions"], form: str) -> "Prediction":
    first, *rest = [predictions[form] for predictions in runs.values()]
    return sum(rest, start=first)


def _load(model: "str | Path | Language", gpu_id: int) -> "Language":
    from spacy.language import Language

    from ..teacher.loading import load_pipeline

    if gpu_id >= 0 and not isinstance(model, Language):
        use_gpu(gpu_id)
    nlp = model if isinstance(model, Language) else load_pipeline(model)
    assigned = {name for pipe in nlp.pipe_names for name in nlp.get_pipe_meta(pipe).assigns}
    if "doc.cats" in assigned and "doc.ents" not in assigned:
        raise XnerError(f"{_name(model)} finds categories, not entities. Use `spacy evaluate`.")
    return nlp


def _name(model: "str | Path | Language") -> str:
    if isinstance(model, (str, Path)):
        return str(model)
    return f"{model.meta['lang']}_{model.meta['name']}"


def _write(result: Mapping[str, Any], output: str) -> None:
    from ..corpora.files import atomic_write

    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    if output == "-":
        sys.stdout.write(text)
        return
    with atomic_write(Path(output)) as file:
        file.write(text.encode("utf8"))
