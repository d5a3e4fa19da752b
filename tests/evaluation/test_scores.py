"""Scores agree with spaCy and seqeval; intervals and p values say what they should."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_xner.errors import XnerError
from spacy_xner.evaluation.scores import (
    bootstrap_interval,
    f1_from_counts,
    paired_bootstrap,
    paired_bootstrap_mean,
    score,
    score_spans,
    sentence_counts,
    span_counts,
)
from spacy_xner.tags import iob2_from_spans, spans_from_iob2

GOLD = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG"], ["B-LOC", "O"]]
PRED = [["B-PER", "I-PER", "O", "B-ORG"], ["O", "B-ORG"], ["O", "O"]]


@st.composite
def tagged(draw, n):
    """Well-formed IOB2 tags of n tokens."""
    tags = []
    for _ in range(n):
        label = draw(st.sampled_from(["PER", "ORG", "LOC"]))
        allowed = ["O", f"B-{label}"]
        if tags and tags[-1] != "O":
            allowed.append(f"I-{tags[-1][2:]}")
        tags.append(draw(st.sampled_from(allowed)))
    return tags


@st.composite
def gold_and_pred(draw):
    lengths = draw(st.lists(st.integers(1, 8), min_size=1, max_size=6))
    return [draw(tagged(n)) for n in lengths], [draw(tagged(n)) for n in lengths]


VOCAB = Vocab()


def make_doc(tags):
    doc = Doc(VOCAB, words=["w"] * len(tags))
    doc.set_ents([Span(doc, *span) for span in spans_from_iob2(tags)])
    return doc


def test_score_of_known_tags():
    result = score(GOLD, PRED)
    assert result["precision"] == pytest.approx(200 / 3)
    assert result["recall"] == 50.0
    assert result["f1"] == pytest.approx(400 / 7)
    assert result["n"] == 3
    assert result["per_type"]["PER"] == {"p": 100.0, "r": 100.0, "f1": 100.0, "support": 1}
    assert result["per_type"]["LOC"] == {"p": 0.0, "r": 0.0, "f1": 0.0, "support": 2}
    assert result["per_type"]["ORG"] == {
        "p": 50.0,
        "r": 100.0,
        "f1": pytest.approx(200 / 3),
        "support": 1,
    }


@settings(deadline=None, max_examples=25)
@given(gold_and_pred())
def test_score_agrees_with_spacy_scorer(pair):
    gold, pred = pair
    ours = score(gold, pred)
    examples = [Example(make_doc(p), make_doc(g)) for g, p in zip(gold, pred, strict=True)]
    spacys = get_ner_prf(examples)
    if spacys["ents_f"] is None:  # spaCy calls it None where nothing is there and nothing found
        assert ours["f1"] == 0.0
        assert ours["per_type"] == {}
        return
    assert ours["precision"] == pytest.approx(100 * spacys["ents_p"])
    assert ours["recall"] == pytest.approx(100 * spacys["ents_r"])
    assert ours["f1"] == pytest.approx(100 * spacys["ents_f"])
    assert set(ours["per_type"]) == set(spacys["ents_per_type"])
    for name, theirs in spacys["ents_per_type"].items():
        mine = ours["per_type"][name]
        assert (mine["p"], mine["r"], mine["f1"]) == pytest.approx(
            (100 * theirs["p"], 100 * theirs["r"], 100 * theirs["f"])
        )


@settings(deadline=None, max_examples=25)
@given(gold_and_pred())
def test_token_scores_span_scores_and_counts_agree(pair):
    gold, pred = pair
    spans = [[spans_from_iob2(tags) for tags in side] for side in pair]
    by_token, by_span = score(gold, pred), score_spans(*spans)
    assert by_token["per_type"].keys() == by_span["per_type"].keys()
    for name in by_token["per_type"]:
        assert by_token["per_type"][name] == pytest.approx(by_span["per_type"][name])
    for key in ("precision", "recall", "f1"):
        assert by_token[key] == pytest.approx(by_span[key])
    counts = sentence_counts(gold, pred)
    assert counts.tolist() == span_counts(*spans).tolist()
    assert f1_from_counts(counts.sum(axis=0)) == pytest.approx(by_token["f1"])


def test_counts_follow_strict_seqeval_where_a_tag_opens_nothing():
    gold, pred = [["B-PER", "O", "O"]], [["B-PER", "O", "I-LOC"]]
    assert sentence_counts(gold, pred).tolist() == [[1, 1, 1]]
    assert score(gold, pred)["f1"] == 100.0


def test_entity_with_wrong_end_is_wrong():
    gold = [iob2_from_spans(4, [(0, 3, "ORG")])]
    assert score(gold, [iob2_from_spans(4, [(0, 2, "ORG")])])["f1"] == 0.0


@pytest.mark.parametrize("function", [score, sentence_counts])
def test_predictions_on_other_tokens_are_refused(function):
    with pytest.raises(XnerError, match="Sentence 1 has 2 gold tags but 3 predicted"):
        function([["O"], ["O", "O"]], [["O"], ["O", "O", "O"]])
    with pytest.raises(XnerError, match="1 gold sentences but 2 predicted"):
        function([["O"]], [["O"], ["O"]])


def simulated(n, right, seed=0):
    """Counts of n sentences with one entity each, found with this probability."""
    found = np.random.default_rng(seed).random(n) < right
    return np.stack([found, np.ones(n), np.ones(n)], axis=1).astype(int)


def test_interval_matches_the_binomial_it_should_estimate():
    counts = simulated(1000, 0.7)
    share = counts[:, 0].mean()
    low, high = bootstrap_interval(counts, n=4000, seed=1)
    reach = 196 * (share * (1 - share) / 1000) ** 0.5
    assert low == pytest.approx(100 * share - reach, abs=0.3)
    assert high == pytest.approx(100 * share + reach, abs=0.3)


def test_interval_follows_its_seed_and_shrinks_with_sentences():
    counts = simulated(200, 0.7)
    assert bootstrap_interval(counts, seed=3) == bootstrap_interval(counts, seed=3)
    assert bootstrap_interval(counts, seed=3) != bootstrap_interval(counts, seed=4)
    few, many = (np.subtract(*bootstrap_interval(simulated(n, 0.7))[::-1]) for n in (100, 1600))
    assert few / many == pytest.approx(4, rel=0.25)


def test_interval_of_a_perfect_system_is_a_point():
    assert bootstrap_interval(simulated(50, 1.1)) == (100.0, 100.0)


def test_several_runs_are_averaged_over_the_same_sentences():
    good, bad = simulated(400, 1.1), simulated(400, -1.0)
    low, high = bootstrap_interval(np.stack([good, bad]), n=200)
    assert (low, high) == (50.0, 50.0)


def test_paired_bootstrap_of_equal_systems_finds_nothing():
    counts = simulated(300, 0.6)
    result = paired_bootstrap(counts, counts)
    assert result == {"delta": 0.0, "low": 0.0, "high": 0.0, "p": 1.0}


def test_paired_bootstrap_finds_a_clear_difference_in_both_directions():
    a, b = simulated(1000, 0.7), simulated(1000, 0.5, seed=1)
    ahead, behind = paired_bootstrap(a, b), paired_bootstrap(b, a)
    assert ahead["delta"] == pytest.approx(20, abs=4)
    assert ahead["delta"] == -behind["delta"]
    assert ahead["p"] == behind["p"] == pytest.approx(2 / 2001)
    assert ahead["low"] > 0 > behind["high"]


def test_p_of_equally_good_systems_is_uniform():
    p = [
        paired_bootstrap(simulated(200, 0.6, 2 * i), simulated(200, 0.6, 2 * i + 1), n=200)["p"]
        for i in range(120)
    ]
    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.10
    assert 0.40 <= np.mean(p) <= 0.60


def test_pairing_sees_what_intervals_do_not():
    a = simulated(400, 0.6)
    b = a.copy()
    b[np.flatnonzero(a[:, 0])[:12], 0] = 0  # the same system but for twelve sentences
    intervals = bootstrap_interval(a), bootstrap_interval(b)
    assert intervals[1][1] > intervals[0][0]
    assert paired_bootstrap(a, b)["p"] < 0.01


def test_mean_over_test_sets_weighs_each_set_once():
    a = [simulated(1000, 1.1), simulated(100, -1.0)]
    b = [simulated(1000, -1.0), simulated(100, -1.0)]
    result = paired_bootstrap_mean(a, b, n=200)
    assert (result["delta"], result["low"], result["high"]) == (50.0, 50.0, 50.0)


def test_bootstrap_refuses_systems_of_other_sentences_and_no_sentences():
    with pytest.raises(XnerError, match=r"scored on \[3, 4\] sentences"):
        paired_bootstrap(simulated(3, 0.5), simulated(4, 0.5))
    with pytest.raises(XnerError, match="0 sentences"):
        bootstrap_interval(np.zeros((0, 3), dtype=int))
    with pytest.raises(XnerError, match="2 test sets of one system and 1"):
        paired_bootstrap_mean([simulated(3, 0.5)] * 2, [simulated(3, 0.5)])
