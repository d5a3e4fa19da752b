from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_xner.corpora.origin import set_origin

from ..conftest import TAGGED, examples_of

CNN = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 16,
    "depth": 1,
    "embed_size": 200,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
    "pretrained_vectors": None,
}
ROMANISED = {"@architectures": "spacy-xner.RomanisedView.v1", "width": 8, "rows": 500}


def fused(views: dict[str, Any], text: dict[str, Any] = CNN, **settings: Any) -> Language:
    """A teacher that sees views beside a small convolution, or another reader of the text."""
    nlp = spacy.blank("xx")
    fusion = {"@architectures": "spacy-xner.ViewFusion.v1", "text": text, "views": views}
    model = {"@architectures": "spacy-xner.TokenClassifier.v1", "tok2vec": fusion | settings}
    nlp.add_pipe("xner_teacher", config={"model": model})
    return nlp


def begun(nlp: Language, tagged: list = TAGGED) -> Language:
    spacy.util.fix_random_seed(0)
    nlp.initialize(lambda: examples_of(nlp, tagged))
    return nlp


def probabilities(nlp: Language, docs: list[Doc]) -> list[Any]:
    for name, pipe in nlp.pipeline:
        if name == "xner_teacher":
            return pipe.predict_probabilities(docs)
        docs = list(pipe.pipe(docs))
    raise AssertionError("no teacher")


def view_of(nlp: Language, index: int = 0) -> Any:
    """The layer of a view."""
    fusion = nlp.get_pipe("xner_teacher").model.get_ref("tok2vec")
    return fusion.layers[1 + index]


def said(nlp: Language, text: str, lang: str | None = None, doc_id: str | None = None) -> Doc:
    return set_origin(Doc(nlp.vocab, words=text.split()), doc_id, lang)


@pytest.fixture
def names(tmp_path):
    """A made-up list of names."""
    path = tmp_path / "names.tsv"
    path.write_text("Lagos\tLOC\nZenith Bank\tORG\nAmina Bello\tPER\nKöln\tLOC\n", "utf8")
    return path
