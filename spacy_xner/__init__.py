"""spacy-xner: named entity recognition for languages without labelled data."""

from .about import __version__

__all__ = ["__version__"]
