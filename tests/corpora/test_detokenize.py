"""Text from tokens."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_xner.corpora.detokenize import detokenize, spaces


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("Musa left Kano , then Abuja .", "Musa left Kano, then Abuja."),
        ("Really ? ! Yes ...", "Really?! Yes..."),
        ("the bank ( of Kano ) opened", "the bank (of Kano) opened"),
        ('he said : " come here " and left', 'he said: "come here" and left'),
        ("`` come here '' , he said", "``come here'', he said"),
        ("„ komm her “ , sagte er", "„komm her“, sagte er"),
        ("“ come here ” , he said", "“come here”, he said"),
        ("Musa 's car does n't start", "Musa's car doesn't start"),
        ("¿ quién vino ?", "¿quién vino?"),
        ("80 % of them", "80% of them"),
        ("ሰላም ፣ አበበ መጣ ።", "ሰላም፣ አበበ መጣ።"),
        ("እነማን መጡ ፧ አበበ ፤ ከበደ ።", "እነማን መጡ፧ አበበ፤ ከበደ።"),
        ("a - b", "a - b"),
        (".", "."),
    ],
)
def test_punctuation_joins_its_word(tokens, text):
    assert detokenize(tokens.split()) == text


def test_no_tokens_give_no_spaces():
    assert spaces([]) == []
    assert detokenize([]) == ""


MARKS = list("()[]'\"`„“”«»,.¿?።-")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["Kano", "'s", "n't", "''", "...", *MARKS]), min_size=1))
def test_tokens_come_back_in_order_without_space_at_the_end(words):
    after = spaces(words)
    assert len(after) == len(words)
    assert after[-1] is False
    assert detokenize(words).replace(" ", "") == "".join(words)
