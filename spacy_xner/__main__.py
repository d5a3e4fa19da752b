from spacy_xner.cli import app

app(prog_name="python -m spacy_xner")
