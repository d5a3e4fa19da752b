"""Explanations: Shapley values of a model whose every answer is known, and their pages."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import spacy

from spacy_xner.analysis.explanations import (
    Explainer,
    check_efficiency,
    default_coalitions,
    entities_of,
    log_odds,
    type_probability,
)
from spacy_xner.analysis.faithfulness import faithfulness, rank_agreement
from spacy_xner.analysis.shading import explanation_html, page
from spacy_xner.categories import CategorySet
from spacy_xner.cli.explain import explain
from spacy_xner.corpora.origin import lang_of
from spacy_xner.errors import XnerError
from spacy_xner.tags import TagSet

pytest.importorskip("shap")

TAGSET = TagSet.from_types(["LOC", "PER"])
WORDS = ["in", "birnin", "Kano", "yau"]
SPACES = [True, True, True, False]
LONG = ["a", "b", "c", "d", "e", "birnin", "f", "Kano", "g", "h", "i"]
WEIGHTS = {"Kano": 2.0, "birnin": 1.0, "in": -0.5}


class Additive:
    """Log-odds of LOC at "Kano" (or what stands for it): the sum of its words' weights, less 1.

    For an additive game the Shapley value of a word is its own weight.
    """

    def __init__(self, at=2, weights=WEIGHTS, labels=TAGSET):
        self.nlp = spacy.blank("xx")
        self.tagset = labels
        self.fingerprint = "00"
        self.at = at
        self.weights = weights
        self.seen = 0

    def predict(self, docs):
        self.seen += len(docs)
        return [self.rows(doc) for doc in docs]

    def rows(self, doc):
        rows = np.zeros((len(doc), len(self.tagset)))
        rows[:, 0] = 1.0
        if len(doc) > self.at:
            p = 1 / (1 + np.exp(1 - sum(self.weights.get(t.text, 0.0) for t in doc)))
            begin = self.tagset.index("B-LOC")
            rows[self.at, 0], rows[self.at, begin] = 1 - p, p
        return rows


class Meeting:
    """Log-odds with words that only count together, so that samples differ."""

    def __init__(self, source):
        self.additive = source.rows
        self.begin = source.tagset.index("B-LOC")

    def __call__(self, doc):
        rows = self.additive(doc)
        words = {token.text for token in doc}
        if {"Kano", "birnin", "g"} <= words:
            p = rows[3, self.begin]
            p = p * np.e / (1 - p + p * np.e)
            rows[3, 0], rows[3, self.begin] = 1 - p, p
        return rows


def one(source=None, **options):
    (found,) = Explainer(source or Additive(), **options).explain(WORDS, SPACES, [(2, 3, "LOC")])
    return found


def test_exact_values_are_the_weights_of_an_additive_model():
    found = one()
    assert found.exact
    assert found.shap == pytest.approx([-0.5, 1.0, 2.0, 0.0], abs=1e-6)
    assert (found.base, found.value) == pytest.approx((-1.0, 1.5))
    assert found.probability == pytest.approx(1 / (1 + np.exp(-1.5)))
    assert found.gap < 1e-9
    assert found.evaluations == 16 + 2  # all coalitions, and what the check predicts anew
    assert (found.text, found.label) == ("Kano", "LOC")


def test_sampled_values_agree_with_exact_ones_and_predict_no_coalition_twice():
    source = Additive()
    sampled = one(source, exact_words=0, coalitions=12)
    assert not sampled.exact
    assert sampled.shap == pytest.approx(one().shap, abs=0.05)
    assert source.seen == sampled.evaluations <= 16 + 2


def test_sampling_at_the_default_settings_is_near_exact_on_short_sentences():
    words, spaces = LONG[4:9], [True] * 5
    source = Additive(at=3, weights={"Kano": 2.0, "birnin": 1.0, "f": -0.5})
    source.rows = Meeting(source)
    span = [(3, 4, "LOC")]
    (exact,) = Explainer(source).explain(words, spaces, span)
    (sampled,) = Explainer(source, exact_words=0).explain(words, spaces, span)
    assert exact.exact
    assert not sampled.exact
    assert np.ptp(exact.shap) > 1
    assert sampled.shap == pytest.approx(exact.shap, abs=0.05)
    assert sampled.evaluations <= 2**5 + 2


def test_coalitions_follow_from_a_budget_of_predicted_words():
    assert [default_coalitions(n) for n in (1, 9, 10, 17, 25, 200)] == [2, 512, 600, 352, 240, 402]
    source = Additive(at=7)
    (found,) = Explainer(source).explain(LONG, [True] * len(LONG), [(7, 8, "LOC")])
    assert found.evaluations <= default_coalitions(len(LONG)) + 4  # two ends, predicted twice


def test_same_seed_gives_same_values_and_leaves_numpys_generator_alone():
    np.random.seed(3)
    before = np.random.get_state()[1].tolist()
    values = [one(exact_words=0, coalitions=8, seed=5).shap for _ in range(2)]
    assert values[0] == values[1]
    assert np.random.get_state()[1].tolist() == before


def test_probabilities_are_clipped_before_log_odds():
    assert log_odds([0.0, 0.5, 1.0], 1e-3) == pytest.approx([-6.9068, 0.0, 6.9068], abs=1e-3)
    found = one(Additive(weights={"Kano": 99.0}))
    assert found.value == pytest.approx(6.9068, abs=1e-3)
    assert found.gap < 1e-9


def test_type_probability_is_the_mean_of_begin_and_inside():
    rows = [[0.2, 0.5, 0.3, 0, 0], [0.6, 0.1, 0.3, 0, 0]]
    assert type_probability(rows, TAGSET, (0, 2, "LOC")) == pytest.approx(0.6)


@pytest.mark.parametrize("span", [(2, 2, "LOC"), (3, 9, "LOC"), (-1, 1, "LOC"), (0, 1, "ORG")])
def test_spans_that_cannot_be_are_refused(span):
    with pytest.raises(XnerError, match=r"does not lie|no type 'ORG'"):
        Explainer(Additive()).explain(WORDS, SPACES, [span])


def test_no_span_needs_no_prediction_and_a_single_word_is_explained():
    source = Additive(at=0)
    assert Explainer(source).explain(WORDS, SPACES, []) == []
    assert source.seen == 0
    (found,) = Explainer(source).explain(["Kano"], [False], [(0, 1, "LOC")])
    assert found.shap == pytest.approx([2.0])


def test_a_model_without_types_and_wrong_settings_are_refused():
    with pytest.raises(XnerError, match="no entity type"):
        Explainer(Additive(labels=TagSet.from_types([])))
    with pytest.raises(XnerError, match=r"categories of documents \(bad, good\)"):
        Explainer(Additive(labels=CategorySet.from_types(["good", "bad"])))
    with pytest.raises(XnerError, match=r"clip is 0\.5"):
        Explainer(Additive(), clip=0.5)


class Wavering(Additive):
    """Gives another answer each time that it is asked."""

    def predict(self, docs):
        self.weights = self.weights | {"Kano": self.weights["Kano"] + 0.1}
        return super().predict(docs)


@pytest.mark.parametrize("options", [{}, {"exact_words": 0, "coalitions": 9}])
def test_a_model_of_another_answer_each_time_fails_the_efficiency_check(options):
    assert check_efficiency([one(**options)]) < 1e-9
    broken = one(Wavering(), **options)
    assert broken.gap > 0.05
    with pytest.raises(XnerError, match="another answer"):
        check_efficiency([broken])
    with pytest.raises(XnerError, match="another answer"):
        explain(Wavering(), "in birnin Kano yau")


def test_models_are_explained_in_full_precision(monkeypatch):
    asked = []

    def load(path, **options):
        asked.append((path, options))
        return Additive()

    monkeypatch.setattr("spacy_xner.teacher.sources.load_source", load)
    assert explain("one", "in birnin Kano yau", against="other").agreement == (1.0, 1)
    assert asked == [("one", {"precision": "fp32"}), ("other", {"precision": "fp32"})]


def test_entities_are_decoded_where_the_source_has_no_pipes():
    source = Additive()
    doc = source.nlp.make_doc("in birnin Kano yau")
    assert entities_of(source, [doc]) == [[(2, 3, "LOC")]]


def test_top_words_matter_more_than_random_ones():
    source = Additive(at=7)
    explainer = Explainer(source)
    found = explainer.explain(LONG, [True] * len(LONG), [(7, 8, "LOC")])
    quality = faithfulness(explainer, found)
    full, none = 1 / (1 + np.exp(-2)), 1 / (1 + np.exp(1))
    assert quality.comprehensiveness.top == pytest.approx(full - none, abs=1e-6)
    assert quality.comprehensiveness.random < quality.comprehensiveness.top
    assert quality.sufficiency.top == pytest.approx(0.0, abs=1e-6)
    assert quality.sufficiency.random > 0.2
    assert quality.context.top == pytest.approx(full - 1 / (1 + np.exp(-1)), abs=1e-6)
    with pytest.raises(XnerError, match="more than 11 words"):
        faithfulness(explainer, found, k=10)


def test_rank_agreement_is_over_entities_that_both_explain():
    ours = one()
    upside = one(Additive(weights={k: -v for k, v in WEIGHTS.items()}))
    assert rank_agreement([ours], [ours]) == (pytest.approx(1.0), 1)
    assert rank_agreement([ours], [upside]) == (pytest.approx(-1.0), 1)
    assert rank_agreement([ours], []) == (0.0, 0)


def test_command_writes_json_and_html_and_survives_text_without_entities(tmp_path):
    out, html = tmp_path / "e.json", tmp_path / "e.html"
    result = explain(Additive(), "in birnin Kano yau", output=out, html=html)
    assert result.gap < 1e-3
    (data,) = json.loads(out.read_text("utf8"))
    assert data["text"] == "Kano"
    assert data["shap"] == pytest.approx([-0.5, 1.0, 2.0, 0.0], abs=1e-6)
    assert "<b>LOC</b>" in html.read_text("utf8")
    none = explain(Additive(weights={}), "wata kalma ce nan", html=html, quality=True)
    assert (none.explanations, none.gap, none.faithfulness) == ([], 0.0, None)
    assert "finds no entity" in html.read_text("utf8")


def test_views_are_told_the_language_in_every_coalition(tmp_path):
    languages = set()

    class Told(Additive):
        def predict(self, docs):
            languages.update(map(lang_of, docs))
            return super().predict(docs)

    (found,) = explain(Told(), "in birnin Kano yau", lang="hau", quality=True).explanations
    assert (found.lang, found.doc_id, languages) == ("hau", None, {"hau"})
    text = tmp_path / "swa.txt"
    text.write_text("in birnin Kano yau\n", "utf8")
    (found,) = explain(Told(), text).explanations
    assert (found.lang, found.doc_id) == ("swa", "swa:0")


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_text_without_words_is_refused(text):
    with pytest.raises(XnerError, match="holds no word"):
        explain(Additive(), text)


def test_page_escapes_words_shades_them_and_needs_no_network():
    found = one()
    odd = type(found)(**{**found.__dict__, "words": ("<b>", "&", "Kano", "yau")})
    html = explanation_html(odd)
    assert "&lt;b&gt;" in html
    assert "var(--for), 0.75" in html
    assert "var(--against)" in html
    assert "http" not in page([odd], "t & t")


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "scripts"))
    import analysis_explanations

    yield analysis_explanations
    sys.modules.pop("analysis_explanations")


def test_sampling_error_is_measured_on_short_sentences_and_on_those_that_are_sampled(
    script, tmp_path, monkeypatch
):
    path = tmp_path / "corpus" / "test" / "hau.conll"
    path.parent.mkdir(parents=True)
    texts = [LONG[3:8], LONG[4:9], LONG[:10], LONG[1:11], LONG]
    tagged = ["\n".join(f"{word} O" for word in text) for text in texts]
    path.write_text("\n\n".join(tagged) + "\n", "utf8")
    source = Additive(at=3)
    source.rows = Meeting(source)
    monkeypatch.setattr(script, "load_source", lambda model, precision: source)
    rows = list(script.sampling_errors(tmp_path, "student"))
    long = {r["metric"]: r["value"] for r in rows if r["words"] == "10 to 12"}
    assert {(r["words"], r["n"]) for r in rows} == {("3 to 8", 2), ("10 to 12", 3)}
    assert 0 < long["sampling_error_mean"] < long["sampling_error_max"] < 0.5
    assert long["sampling_error_within"] in (0, 1 / 3, 2 / 3, 1)
