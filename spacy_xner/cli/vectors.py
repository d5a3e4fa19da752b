"""`spacy xner vectors`: a teacher's knowledge of words, for a student."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from wasabi import msg

from ..errors import XnerError

if TYPE_CHECKING:
    from spacy.language import Language

__all__ = ["vectors", "vectors_cli"]


def vectors_cli(
    teacher: Annotated[str, typer.Argument(help="Pipeline with a transformer")],
    output: Annotated[Path, typer.Argument(help="Folder for the vectors, as `spacy init vectors`")],
    text: Annotated[list[Path], typer.Argument(help="Raw text, a text a line, or word lists")],
    width: Annotated[int, typer.Option(help="Numbers in a vector")] = 96,
    rows: Annotated[int, typer.Option(help="Rows of the hashed table")] = 100_000,
    max_words: Annotated[
        int, typer.Option(help="Most frequent word types that are read")
    ] = 200_000,
    code: Annotated[
        Path | None, typer.Option("--code", "-c", help="Python file with registered functions")
    ] = None,
) -> None:
    """Write word vectors of a teacher as a floret table, which gives any string a vector."""
    from ..teacher.loading import import_code

    import_code(code)
    vectors(teacher, output, text, width=width, rows=rows, max_words=max_words)


def vectors(
    teacher: str | Path,
    output: str | Path,
    texts: list[str | Path] | list[Path],
    *,
    width: int = 96,
    rows: int = 100_000,
    max_words: int = 200_000,
) -> "Language":
    """Write word vectors of a teacher; a student's config takes them as `initialize.vectors`.

    teacher (Union[str, Path]): A pipeline with a `transformer` pipe.
    output (Union[str, Path]): Folder for a pipeline that holds only the vectors; an older one that
        is there is replaced at the end, as a whole.
    texts (List[Union[str, Path]]): Raw text, CoNLL or `.spacy` files; never test text.
    width (int): Numbers in a vector.
    rows (int): Rows of the hashed table.
    max_words (int): Most frequent word types that the teacher reads.
    RETURNS (Language): The pipeline that was written.
    RAISES: XnerError: There is no pipeline, it is broken or has no transformer, the text has no
        word, something else is at `output`, or the system refuses a write.
    """
    import numpy as np
    import spacy

    from ..corpora.documents import iter_documents
    from ..distillation.tokenizer import tokenizer_rules
    from ..distillation.vectors import (
        FloretSettings,
        both_spellings,
        count_words,
        encode_words,
        fit_floret,
        reduce_width,
    )
    from ..teacher.loading import load_pipeline

    _check_output(Path(output))
    encoder = load_pipeline(teacher)
    nlp = tokenizer_rules()(spacy.blank("xx"))
    counts = count_words(nlp, (doc.text for path in texts for _, doc in iter_documents(path, nlp)))
    if not counts:
        raise XnerError(f"No word in {', '.join(map(str, texts))}. Expected raw text.")
    words = [word for word, _ in counts.most_common(max_words)]

    def show(done: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done / len(words):6.1%} of {len(words):,} words read  ")

    states = encode_words(encoder, words, report=show)
    weights = np.log1p(np.array([counts[word] for word in words]))
    reduced = reduce_width(states, min(width, states.shape[1], len(words)), weights)
    spellings, index = both_spellings(words)
    nlp.vocab.vectors = fit_floret(spellings, reduced[index], FloretSettings(rows=rows))
    nlp.vocab.vectors.strings = nlp.vocab.strings
    _write(nlp, Path(output))
    fitted = nlp.vocab.vectors.get_batch(words[:5000])
    explained = 1 - float(((fitted - reduced[:5000]) ** 2).mean() / reduced[:5000].var())
    msg.good(
        f"Vectors of {len(words):,} words in {output}",
        f"{rows:,} rows x {reduced.shape[1]}; {explained:.0%} of the variance of the most frequent "
        "words is kept.",
    )
    return nlp


def _check_output(output: Path) -> None:
    """Refuse to replace anything but vectors before hours are spent on new ones."""
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    try:
        is_ours = json.loads((output / "meta.json").read_bytes())["pipeline"] == []
    except (OSError, ValueError, KeyError, TypeError):
        is_ours = False
    if not is_ours:
        raise XnerError(
            f"{output} exists and holds something other than vectors; it is not overwritten. "
            "Choose a folder that does not exist, or remove this one."
        )


def _write(nlp: "Language", output: Path) -> None:
    """Write a pipeline beside its place first, so that what is in its place is whole."""
    from ..corpora.files import TEMPORARY

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=output.parent, prefix=f"{output.name}.", suffix=TEMPORARY
        ) as name:
            nlp.to_disk(Path(name) / "new")
            if output.exists():
                os.replace(output, Path(name) / "old")
            os.replace(Path(name) / "new", output)
    except OSError as error:
        raise XnerError(
            f"The vectors could not be written to {output} ({error}). Free room on the disk, or "
            "choose a folder that can be written to; nothing half-finished was left."
        ) from error
