"""Entities of one text in two forms."""

import unicodedata

import pytest
import spacy

from spacy_xner.evaluation.invariance import RECIPES, unchanged

TEXTS = ["Adé ati Ọlá", "Kano", ""]


@pytest.fixture
def ruler():
    """Finds a name in both normal forms, and one in the composed form alone."""
    nlp = spacy.blank("xx")
    words = ["Adé", unicodedata.normalize("NFD", "Adé"), unicodedata.normalize("NFC", "Ọlá")]
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PER", "pattern": [{"ORTH": word}]} for word in words])
    return nlp


def test_an_entity_that_one_normal_form_hides_counts_as_a_change(ruler):
    assert unchanged(ruler, TEXTS, "nfc-nfd") == [False, True, True]
    assert unchanged(ruler, ["Adé ati Adé", "Kano"], "nfc-nfd") == [True, True]


def test_a_pipeline_that_looks_at_each_token_minds_neither_newline_nor_batch(ruler):
    assert unchanged(ruler, TEXTS, "newline") == [True] * 3
    assert unchanged(ruler, TEXTS, "batch") == [True] * 3


def test_a_change_by_the_newline_is_found(ruler):
    ruler.get_pipe("entity_ruler").add_patterns(
        [{"label": "LOC", "pattern": [{"ORTH": "Kano"}, {"IS_SPACE": True}]}]
    )
    assert unchanged(ruler, TEXTS, "newline") == [True, False, True]


def test_an_unknown_form_is_refused(ruler):
    with pytest.raises(ValueError, match=f"expected one of {', '.join(RECIPES)}"):
        unchanged(ruler, TEXTS, "upper")
