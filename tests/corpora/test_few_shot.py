"""Few gold sentences: one draw for all that read them."""

from pathlib import Path

import pytest

from spacy_xner.corpora.conll import read_conll, write_conll
from spacy_xner.corpora.few_shot import sample_gold
from spacy_xner.errors import XnerError


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    path = tmp_path / "gold.conll"
    path.write_text("\n".join(f"Kano{i} B-LOC\nta O\n" for i in range(40)), "utf8")
    return path


def test_one_seed_draws_one_sample_and_another_seed_another(gold):
    first = [one.words for one in sample_gold(gold, 10, 1)]
    assert first == [one.words for one in sample_gold(gold, 10, 1)]
    assert first != [one.words for one in sample_gold(gold, 10, 2)]


def test_a_smaller_draw_begins_a_larger_one_without_repeats(gold):
    large = [one.words[0] for one in sample_gold(gold, 40, 3)]
    assert sorted(large) == sorted(f"Kano{i}" for i in range(40))
    assert [one.words[0] for one in sample_gold(gold, 7, 3)] == large[:7]


@pytest.mark.parametrize(("k", "message"), [(41, "holds 40 gold sentences"), (0, "from 1 up")])
def test_more_sentences_than_the_gold_has_are_refused(gold, k, message):
    with pytest.raises(XnerError, match=message):
        sample_gold(gold, k, 0)


def test_a_written_sample_is_read_back_as_it_was(gold, tmp_path):
    sample = sample_gold(gold, 5, 0)
    write_conll(tmp_path / "few" / "sample.conll", sample)
    read = read_conll(tmp_path / "few" / "sample.conll")
    assert [(one.words, one.tags) for one in read] == [(one.words, one.tags) for one in sample]
