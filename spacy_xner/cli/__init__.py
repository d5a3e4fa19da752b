"""The commands of `spacy xner`: one file each, a thin `*_cli` over a plain function."""

import functools
from collections.abc import Callable
from typing import Any

import typer
from click.exceptions import NoSuchOption  # which spaCy raises; typer has one of its own
from spacy.cli._util import app as spacy_app
from wasabi import msg

from ..errors import XnerError
from .analyze import analyze_cli
from .annotate import annotate_cli
from .distill import distill_cli
from .encoder import encoder_cli
from .evaluate import evaluate_cli
from .explain import explain_cli
from .few_shot import few_shot_cli
from .fine_tune import fine_tune_cli
from .init import init_cli
from .prepare import prepare_cli
from .project_labels import project_labels_cli
from .rank_sources import rank_sources_cli
from .report import report_cli
from .rounds import rounds_cli
from .tables import tables_cli
from .vectors import vectors_cli

__all__ = ["app"]

app = typer.Typer(
    name="xner",
    help="Named entity recognition for languages without labelled data.",
    no_args_is_help=True,
)


def _friendly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Print a user's mistake without a traceback and exit with 1."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except XnerError as error:
            msg.fail(
                f"spacy xner {command.__name__.removesuffix('_cli').replace('_', '-')}",
                str(error),
                exits=1,
            )
        except NoSuchOption as error:  # of a config value that is overridden
            expected = "expected --section.key VALUE, such as --training.seed 1"
            msg.fail(f"There is no option {error.option_name}: {expected}", exits=1)

    return run


app.command("encoder")(_friendly(encoder_cli))
app.command("prepare")(_friendly(prepare_cli))
app.command("annotate")(_friendly(annotate_cli))
app.command("project-labels")(_friendly(project_labels_cli))
app.command("vectors")(_friendly(vectors_cli))
_OVERRIDES = {"allow_extra_args": True, "ignore_unknown_options": True}
app.command("distill", context_settings=_OVERRIDES)(_friendly(distill_cli))
app.command("fine-tune", context_settings=_OVERRIDES)(_friendly(fine_tune_cli))
app.command("rounds", context_settings=_OVERRIDES)(_friendly(rounds_cli))
app.command("few-shot")(_friendly(few_shot_cli))
app.command("evaluate")(_friendly(evaluate_cli))
app.command("tables")(_friendly(tables_cli))
app.command("init")(_friendly(init_cli))
app.command("analyze")(_friendly(analyze_cli))
app.command("explain")(_friendly(explain_cli))
app.command("rank-sources")(_friendly(rank_sources_cli))
app.command("report")(_friendly(report_cli))

# spaCy only imports what the entry point names; mounting is left to us.
spacy_app.add_typer(app, name="xner")
