"""Put a language's own settings on top of the student's config, and the paths of this run."""

from pathlib import Path
from typing import Annotated

import typer
from spacy.util import load_config
from thinc.api import Config
from wasabi import msg

BASE = Path("configs/student.cfg")


def main(
    config: Annotated[Path, typer.Argument(help="Short config of a language, or a whole one")],
    output: Annotated[Path, typer.Argument(help="Config to write")],
    base: Annotated[Path, typer.Option(help="Where what CONFIG leaves out is taken from")] = BASE,
    raw: Annotated[Path | None, typer.Option(help="paths.raw, where neither names one")] = None,
    log: Annotated[Path | None, typer.Option(help="paths.log; an older one is removed")] = None,
) -> None:
    """Write a whole student config."""
    for path in (config, base):
        if not path.is_file():
            msg.fail(
                f"There is no config at {path}",
                "Write one for a new language with `spacy xner init LANG`.",
                exits=1,
            )
    output.parent.mkdir(parents=True, exist_ok=True)
    if log is not None:
        log.unlink(missing_ok=True)  # spaCy's logger writes none where one is there
    student_config(config, base, raw, log).to_disk(output, interpolate=False)
    msg.good(f"Wrote {output}: {config}" + (f" on top of {base}" if config != base else ""))


def student_config(
    config: Path, base: Path = BASE, raw: Path | None = None, log: Path | None = None
) -> Config:
    """Merge a config with the one that it rests on.

    config (Path): Its values win.
    base (Path): A whole student config.
    raw (Path | None): Raw text, a file or a folder, for `paths.raw` where that is empty.
    log (Path | None): Learning curve to write, for `paths.log`.
    RETURNS (Config): The whole config, not interpolated.
    """
    merged = load_config(base, interpolate=False).merge(load_config(config, interpolate=False))
    if raw is not None and not merged["paths"].get("raw"):
        merged["paths"]["raw"] = [str(raw)]
    if log is not None:
        merged["paths"]["log"] = str(log)
    return Config(merged)


if __name__ == "__main__":
    typer.run(main)
