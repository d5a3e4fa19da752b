__title__ = "spacy-xner"
__version__ = "0.1.0"
