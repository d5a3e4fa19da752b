"""`spacy xner explain`: which words made a model see an entity."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from wasabi import msg
from wasabi.printer import Printer

from ..errors import XnerError

if TYPE_CHECKING:
    from spacy.tokens import Doc

    from ..analysis.explanations import Explainer, Explanation
    from ..analysis.faithfulness import Faithfulness
    from ..teacher.sources import ProbabilitySource

__all__ = ["Explained", "explain", "explain_cli"]


@dataclass(frozen=True)
class Explained:
    """What `explain` found.

    explanations (list[Explanation]): One an entity.
    gap (float): Largest efficiency gap, in log-odds.
    faithfulness (Faithfulness | None): Quality, if it was asked for.
    agreement (tuple[float, int] | None): Rank agreement with the second model, and over how many
        entities that both found.
    """

    explanations: "list[Explanation]"
    gap: float
    faithfulness: "Faithfulness | None"
    agreement: tuple[float, int] | None


def explain_cli(
    model: Annotated[str, typer.Argument(help="Teacher or student: path or package name")],
    text: Annotated[str, typer.Argument(help="A text, or a file: raw, CoNLL or .spacy")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", help="JSON file, - for stdout")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="HTML file, words shaded")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Texts of a file at most")] = 100,
    exact_words: Annotated[
        int, typer.Option("--exact-words", min=0, max=14, help="Longest text explained exactly")
    ] = 9,
    coalitions: Annotated[
        int | None,
        typer.Option(
            "--coalitions", min=2, help="Coalitions of longer texts [fewer, the longer it is]"
        ),
    ] = None,
    replacement: Annotated[
        str | None,
        typer.Option("--replacement", help="Word in place of others [the mask token, or …]"),
    ] = None,
    quality: Annotated[
        bool, typer.Option("--quality", help="Comprehensiveness and sufficiency against random")
    ] = False,
    against: Annotated[
        str | None, typer.Option("--against", help="Second model, for rank agreement")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the sample")] = 0,
    lang: Annotated[
        str | None, typer.Option("--lang", help="Language, for teachers with views [file's name]")
    ] = None,
) -> None:
    """Explain the entities of a text by SHAP values of its words."""
    result = explain(
        model,
        text,
        output=output,
        html=html,
        limit=limit,
        exact_words=exact_words,
        coalitions=coalitions,
        replacement=replacement,
        quality=quality,
        against=against,
        seed=seed,
        lang=lang,
    )
    if output != "-":
        print_explained(result)
        for path in (output, html):
            if path:
                msg.good("Saved", str(path))


def explain(
    model: "str | Path | ProbabilitySource",
    text: str | Path,
    *,
    output: str | Path | None = None,
    html: str | Path | None = None,
    limit: int = 100,
    exact_words: int = 9,
    coalitions: int | None = None,
    replacement: str | None = None,
    quality: bool = False,
    against: str | Path | None = None,
    seed: int = 0,
    lang: str | None = None,
) -> Explained:
    """Explain the entities that a model finds in a text.

    model (str | Path | ProbabilitySource): A teacher or student.
    text (str | Path): A text, or a file of texts.
    output (str | Path | None): JSON file; "-" prints it.
    html (str | Path | None): HTML file.
    limit (int): Texts of a file at most.
    exact_words (int): Texts up to this many words are explained over all coalitions.
    coalitions (int | None): Coalitions of longer ones; by their length if not given.
    replacement (str | None): The word in place of others.
    quality (bool): Whether to measure faithfulness.
    against (str | Path | None): Second model, for rank agreement.
    seed (int): Of the sample.
    lang (str | None): Code of the text's language, which a teacher with views may ask for; the
        file's name without suffix if not given.
    RETURNS (Explained): The explanations; none where the model finds no entity.
    RAISES: XnerError where the model or text cannot be used, or efficiency fails.
    """
    from ..analysis.explanations import Explainer, check_efficiency
    from ..analysis.faithfulness import faithfulness, rank_agreement
    from ..teacher.sources import load_source

    source = load_source(model, precision="fp32") if isinstance(model, (str, Path)) else model
    options: dict[str, Any] = {
        "exact_words": exact_words,
        "coalitions": coalitions,
        "seed": seed,
    }
    explainer = Explainer(source, replacement=replacement, **options)
    docs = _read(str(text), source, limit, lang)
    found = _explain(explainer, docs)
    quality = quality and bool(found)
    agreement = None
    if against is not None:
        other = Explainer(load_source(against, precision="fp32"), **options)
        agreement = rank_agreement(found, _explain(other, docs))
    gap = check_efficiency(found)
    result = Explained(found, gap, faithfulness(explainer, found) if quality else None, agreement)
    _write(result, output, html, f"What the words did: {_name(model)}")
    return result


def _write(
    result: Explained, output: str | Path | None, html: str | Path | None, title: str
) -> None:
    from ..analysis.points import write_json
    from ..analysis.shading import page
    from ..corpora.files import atomic_write

    if output is not None:
        data = [each.to_json() for each in result.explanations]
        if str(output) == "-":
            sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=1) + "\n")
        else:
            write_json(output, data)
    if html is not None:
        with atomic_write(Path(html)) as file:
            file.write(page(result.explanations, title).encode("utf8"))


def _explain(explainer: "Explainer", docs: "Sequence[Doc]") -> "list[Explanation]":
    from ..analysis.explanations import entities_of
    from ..corpora.origin import origin_of

    found = []
    for doc, spans in zip(docs, entities_of(explainer.source, docs), strict=True):
        words, spaces = [t.text for t in doc], [bool(t.whitespace_) for t in doc]
        found += explainer.explain(words, spaces, spans, origin_of(doc))
    return found


def _read(text: str, source: "ProbabilitySource", limit: int, lang: str | None) -> "list[Doc]":
    from itertools import islice

    from ..corpora.documents import iter_documents
    from ..corpora.origin import set_origin

    if _is_file(text):
        docs = [doc for _, doc in islice(iter_documents(text, source.nlp), limit) if len(doc)]
        lang = lang or Path(text).stem
    else:
        docs = [source.nlp.make_doc(text)] if text.strip() else []
    docs = [set_origin(doc, lang=lang) for doc in docs]
    if not any(not token.is_space for doc in docs for token in doc):
        raise XnerError("The text holds no word: give a sentence, or a file of texts.")
    return docs


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # a sentence may be longer than a name can be
        return False


def _name(model: "str | Path | ProbabilitySource") -> str:
    return Path(model).name if isinstance(model, (str, Path)) else "model"


def print_explained(result: Explained) -> None:
    """Print explanations, their check and their quality.

    result (Explained): Of `explain`.
    """
    printer = Printer()
    if not result.explanations:
        printer.warn("The model finds no entity in this text", "So there is nothing to explain.")
        return
    for each in result.explanations:
        order = sorted(range(len(each.words)), key=lambda i: -abs(each.shap[i]))[:6]
        words = ", ".join(f"{each.words[i]} {each.shap[i]:+.2f}" for i in order)
        printer.text(f"{each.text} ({each.label}, p {each.probability:.2f}): {words}")
    exact = sum(each.exact for each in result.explanations)
    printer.good(
        f"{len(result.explanations)} entities, {exact} of them exactly; values sum to the log-odds "
        f"within {result.gap:.1e}"
    )
    if result.faithfulness is not None:
        rows = []
        for name in ("comprehensiveness", "sufficiency", "context"):
            paired = getattr(result.faithfulness, name)
            if paired is not None:
                values = (f"{paired.top:.3f}", f"{paired.random:.3f}", f"{paired.p:.2g}", paired.n)
                rows.append((name, *values))
        header = ("top 2 words", "named", "random", "p", "entities")
        printer.table(rows, header=header, divider=True, aligns=("l", *"rrrr"))
    if result.agreement is not None:
        rho, n = result.agreement
        printer.text(f"Rank agreement with the second model: {rho:.2f} over {n} entities of both")
