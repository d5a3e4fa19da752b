"""What the parts of scripts/benchmark_peers.py share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacy_xner.evaluation.results import ResultRows, config_sha, make_row

__all__ = ["Bench"]

COMMAND = "python scripts/benchmark_peers.py"


@dataclass(frozen=True)
class Bench:
    """What a run reads and writes.

    work (Path): Folder of scripts/benchmark_main.py: corpus, teacher, soft labels, student.
    lang (str): Language of the text.
    rows (ResultRows): The results.
    texts (List[str]): Raw texts that are read for speed.
    rounds (int): Rounds of each comparison.
    scratch (Path): Folder for what is made on the way.
    systems (Dict[str, Path]): Folder of each system that finds entities.
    configs (Tuple[Path, Path]): Of student and teacher.
    """

    work: Path
    lang: str
    rows: ResultRows
    texts: list[str]
    rounds: int
    scratch: Path
    systems: dict[str, Path]
    configs: tuple[Path, Path] = (Path("configs/student.cfg"), Path("configs/teacher.cfg"))

    def write(self, recipe: str, system: str, metric: str, value: float, **keys: Any) -> None:
        """Write a row.

        recipe (str): "annotate", "infer" or "train".
        system (str): What was measured.
        metric (str): What of it.
        value (float): How much.
        **keys (Any): Further keys.
        """
        row = make_row(
            benchmark="peers",
            recipe=recipe,
            system=system,
            sources=["en"],
            target=self.lang,
            metric=metric,
            value=value,
            config_sha=config_sha("".join(path.read_text("utf8") for path in self.configs), {}),
            command=COMMAND,
            **keys,
        )
        self.rows.upsert([row])

    def text_file(self, n: int) -> Path:
        """Write the first few of the texts to a file, a text a line."""
        path = self.scratch / f"first-{n}.txt"
        path.write_text("\n".join(self.texts[:n]), "utf8")
        return path
