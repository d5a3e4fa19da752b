"""Measure how fast parallel text is projected, and in how much memory: one process, one size.

The tagger is a stub (capitalised words are names), so that what is timed is reading, tokenising,
aligning, matching and writing; beside it what the encoder's matrix products alone would allow.
Prints one JSON object.
"""

import json
import os
import resource
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import spacy
import typer
from arithmetic import flops_a_piece, matrix_flops
from projection_data import parallel_files

from spacy_xner.projection.aligners import EncoderAligner
from spacy_xner.projection.parallel import ParallelText, iter_lines
from spacy_xner.projection.project import Projector, project_documents
from spacy_xner.projection.states import PieceEncoder
from spacy_xner.tags import TagSet

SAMPLE = 2000  # pairs whose arithmetic is counted


class Capitals:
    """Calls every capitalised word that does not begin its sentence a person."""

    def __init__(self) -> None:
        self.nlp = spacy.blank("xx")
        self.tagset = TagSet.from_types(["PER"])
        self.fingerprint = "capitals"

    def predict(self, docs: Any) -> list[np.ndarray]:
        return [self._rows([token.text for token in doc]) for doc in docs]

    def _rows(self, words: list[str]) -> np.ndarray:
        columns, before = [], 0
        for i, word in enumerate(words):
            before = (2 if before else 1) if i and word[0].isupper() else 0
            columns.append(before)
        return np.eye(3, dtype=np.float32)[columns]


def main(
    pairs: Annotated[int, typer.Argument(help="Sentence pairs")],
    encoder: Annotated[Path, typer.Argument(help="Folder of the encoder")],
    data_root: Path = Path("../shared/data"),
    target: str = "hau ibo swa yor zul am si",
    layer: int = 8,
    method: str = "itermax",
    unit: str = "pieces",
) -> None:
    """Project some pairs and print seconds and megabytes."""
    pieces = PieceEncoder(encoder, layer=layer)
    aligner = EncoderAligner(pieces, method=method, unit=unit)
    with TemporaryDirectory() as folder:
        text = _write(Path(folder), pairs, data_root, target.split())
        loaded = _peak_mb()
        began, cpu = time.perf_counter(), time.process_time()
        done = project_documents(Projector(Capitals(), aligner), text, Path(folder) / "out")
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        flops = _flops(pieces, layer, text)
    peak = matrix_flops(pieces.module.dtype, width=pieces.module.config.hidden_size)
    print(
        json.dumps(
            {
                "pairs": done.pairs,
                "entities": done.entities,
                "seconds": seconds,
                "cpu_seconds": cpu,
                "peak_mb": _peak_mb(),
                "loaded_mb": loaded,
                "limit_pairs_per_second": peak / flops,
                "load_average": os.getloadavg()[0],
            }
        )
    )


def _write(folder: Path, pairs: int, root: Path, targets: list[str]) -> ParallelText:
    """Write some pairs of all languages mixed, in the same proportions whatever their number."""
    both = [files for lang in targets for files in parallel_files(root, lang)]
    lines = [
        line for files in both for line in zip(*map(iter_lines, files), strict=True) if all(line)
    ]
    step = max(1.0, len(lines) / pairs)
    chosen = [lines[int(i * step)] for i in range(min(pairs, len(lines)))]
    del lines
    for name, side in (("text.en", 0), ("text.xx", 1)):
        with (folder / name).open("w", encoding="utf8") as file:
            file.writelines(line[side] + "\n" for line in islice(chosen, pairs))
    return ParallelText(folder / "text.en", folder / "text.xx")


def _flops(encoder: PieceEncoder, layer: int, text: ParallelText) -> float:
    """Operations a pair of the encoder, up to its layer, for both sides; of some of the pairs."""
    chosen = list(islice(text, 0, None, max(1, text.n_pairs // SAMPLE)))
    lengths = [len(encoder.pieces(side.split())[0]) for line in chosen for side in line[1:]]
    layers = encoder.module.config.num_hidden_layers
    whole = sum(n * flops_a_piece(encoder.module, n) for n in lengths)
    return whole * (layer or layers) / layers / len(chosen)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    typer.run(main)
