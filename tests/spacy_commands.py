"""How tests run spaCy's own commands."""

from typer.testing import CliRunner


def spacy_command(*arguments):
    """Run a command of `spacy` in this process; give what it printed."""
    from spacy.cli._util import app

    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output
