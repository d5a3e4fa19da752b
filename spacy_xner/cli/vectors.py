"""`spacy xner vectors`: a teacher's knowledge of words, for a student."""

import sys
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
) -> None:
    """Write word vectors of a teacher as a floret table, which gives any string a vector."""
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
    output (Union[str, Path]): Folder for a pipeline that holds only the vectors.
    texts (List[Union[str, Path]]): Raw text, CoNLL or `.spacy` files; never test text.
    width (int): Numbers in a vector.
    rows (int): Rows of the hashed table.
    max_words (int): Most frequent word types that the teacher reads.
    RETURNS (Language): The pipeline that was written.
    RAISES: XnerError: The pipeline has no transformer, or the text no word.
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

    nlp = tokenizer_rules()(spacy.blank("xx"))
    counts = count_words(nlp, (doc.text for path in texts for _, doc in iter_documents(path, nlp)))
    if not counts:
        raise XnerError(f"No word in {', '.join(map(str, texts))}. Expected raw text.")
    words = [word for word, _ in counts.most_common(max_words)]

    def show(done: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{done / len(words):6.1%} of {len(words):,} words read  ")

    states = encode_words(spacy.load(teacher), words, report=show)
    weights = np.log1p(np.array([counts[word] for word in words]))
    reduced = reduce_width(states, min(width, states.shape[1], len(words)), weights)
    spellings, index = both_spellings(words)
    nlp.vocab.vectors = fit_floret(spellings, reduced[index], FloretSettings(rows=rows))
    nlp.vocab.vectors.strings = nlp.vocab.strings
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(output)
    fitted = nlp.vocab.vectors.get_batch(words[:5000])
    explained = 1 - float(((fitted - reduced[:5000]) ** 2).mean() / reduced[:5000].var())
    msg.good(
        f"Vectors of {len(words):,} words in {output}",
        f"{rows:,} rows x {reduced.shape[1]}; {explained:.0%} of the variance of the most frequent "
        "words is kept.",
    )
    return nlp
