"""Regression of transfer: what it finds in data that were made, and what it refuses."""

import json

import numpy as np
import pytest

from spacy_xner.analysis.findings import print_fit, verdict
from spacy_xner.analysis.points import Point, read_points, rename_points
from spacy_xner.analysis.regression import choose_features, fit
from spacy_xner.cli.analyze import analyze
from spacy_xner.errors import XnerError

pytest.importorskip("statsmodels")

LANGUAGES = ("aa", "bb", "cc", "dd", "ee", "ff")
PAIRS = [(s, t) for s in LANGUAGES for t in LANGUAGES if s != t]


def made(noise=0.5, seed=0):
    """Thirty pairs whose F1 follows word_overlap, and a second feature that says nothing."""
    rng = np.random.default_rng(seed)
    values = {
        pair: {
            "word_overlap": float(rng.uniform(0, 0.5)),
            "piece_gap": float(rng.uniform(0, 2)),
            "labelled_overlap": float(rng.uniform(0, 0.5)),
            "script_overlap": 1.0,
        }
        for pair in PAIRS
    }
    points = [
        Point("model", s, t, 40 + 60 * values[s, t]["word_overlap"] + noise * rng.normal())
        for s, t in PAIRS
    ]
    return points, values


def test_a_feature_that_drives_f1_is_found_and_predicts_unseen_targets():
    points, values = made()
    result = fit(points, values, ["word_overlap", "piece_gap"], permutations=199)
    first, second = result.explained.coefficients
    spread = np.std([each["word_overlap"] for each in values.values()])
    assert first.value == pytest.approx(60 * spread, abs=0.3)
    assert first.low < first.value < first.high
    assert first.p < 0.001 < second.p
    assert first.vif < 1.5
    assert result.predicted.r2 > 0.95
    assert result.predicted.p == pytest.approx(1 / 200)
    assert result.predicted.rank > 0.9
    assert result.predicted.permuted == "languages"
    assert result.singles[0].features == ("word_overlap",)
    said = verdict(result)
    assert said[0].startswith("Alone, these go with F1 at these points: word_overlap (+")
    assert said[1].startswith("All features together: they predict F1 of a target left out")


def test_noise_does_not_predict_and_is_said_not_to():
    points, values = made(seed=1)
    result = fit(points, values, ["piece_gap", "labelled_overlap"], permutations=99)
    assert result.predicted is None  # one feature is left without target labels
    assert [each.features for each in result.singles] == [("piece_gap",)]
    assert result.singles[0].r2 < 0.1
    assert not result.singles[0].predicts
    assert verdict(result)[-1] == "No feature alone predicts F1 of a target left out."


def test_rank_correlation_of_noise_is_about_zero():
    """Over all folds at once it would be about -0.8: a high target lowers what it is predicted."""
    ranks = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        points = [Point("model", s, t, float(rng.normal())) for s, t in PAIRS]
        _, values = made(seed=seed)
        result = fit(points, values, ["piece_gap"], permutations=0, explain=False)
        ranks.append(result.singles[0].rank)
    assert abs(np.mean(ranks)) < 0.15


def test_one_source_has_no_ranks_within_targets_and_permutes_targets():
    points, values = made()
    few = [point for point in points if point.source == "aa"]
    (single,) = fit(few, values, ["word_overlap"], permutations=20).singles
    assert (single.rank, single.permuted) == (None, "targets")


def test_gaps_in_the_table_are_said_and_support_no_prediction():
    points, values = made()
    result = fit(points[1:], values, ["word_overlap", "piece_gap"], permutations=99)
    assert result.predicted.r2 > 0.9
    assert result.predicted.p == pytest.approx(0.01)
    assert result.predicted.permuted == "points"
    assert not result.predicted.predicts
    assert any("has gaps" in note for note in result.notes)
    assert "gaps in the table" in " ".join(verdict(result))


def test_target_labels_explain_marked_and_never_predict():
    points, values = made()
    columns = ["word_overlap", "labelled_overlap"]
    result = fit(points, values, columns, permutations=9)
    assert [each.labels for each in result.explained.coefficients] == [False, True]
    assert all("labelled_overlap" not in each.features for each in result.singles)
    with pytest.raises(XnerError, match="labels of the target"):
        fit(points, values, columns, explain=False)
    assert "labelled_overlap" not in choose_features(values, 0)
    assert "labelled_overlap" in choose_features(values, 0, labels=True)


def test_collinear_features_have_a_high_variance_inflation():
    points, values = made()
    for each in values.values():
        each["unknown"] = each["word_overlap"] + 0.001 * each["piece_gap"]
    result = fit(points, values, ["word_overlap", "unknown"], permutations=0)
    assert min(each.vif for each in result.explained.coefficients) > 1000


def test_constant_and_missing_features_are_left_out_with_the_reason():
    points, values = made()
    del values["aa", "bb"]["piece_gap"]
    columns = ["word_overlap", "script_overlap", "piece_gap"]
    result = fit(points, values, columns, permutations=0)
    assert result.columns == ["word_overlap"]
    assert "constant (1)" in result.left_out["script_overlap"]
    assert result.left_out["piece_gap"] == "measured for 29 of 30 pairs"
    with pytest.raises(XnerError, match=r"no feature can be used.*constant"):
        fit(points, values, ["script_overlap"])


def test_fewer_points_than_features_give_no_coefficients_but_each_feature_alone():
    points, values = made()
    few = [point for point in points if point.source == "aa"]
    columns = ["word_overlap", "piece_gap", "fertility", "unknown"]
    rng = np.random.default_rng(1)
    for each in values.values():
        each |= {"fertility": rng.uniform(), "unknown": rng.uniform()}
    result = fit(few, values, columns, permutations=20)
    assert result.explained is None
    assert len(result.singles) == 4
    assert any("5 points cannot explain 4 features" in note for note in result.notes)
    # By hand, one feature: 40 + 60 x, so 60 for a unit.
    first = result.alone[0]
    spread = np.std([values["aa", p.target]["word_overlap"] for p in few])
    assert (first.feature, first.vif) == ("word_overlap", 1.0)
    assert first.value == pytest.approx(60 * spread, abs=0.5)
    assert first.low < first.value < first.high
    assert {each.feature for each in result.alone} == set(columns)
    assert "word_overlap (+" in verdict(result)[0]


def test_each_feature_alone_is_printed_with_what_it_supports(capsys):
    points, values = made(seed=1)
    few = [point for point in points if point.source == "aa"]
    print_fit(fit(few, values, ["piece_gap", "labelled_overlap"], permutations=0))
    shown = capsys.readouterr().out
    assert "explanation, each alone" in shown
    assert "labelled_overlap*" in shown
    assert "all intervals hold 0" in shown or "Alone, these go with F1" in shown


def test_a_single_target_or_too_few_points_are_refused():
    points, values = made()
    with pytest.raises(XnerError, match=r"1 target language\(s\) \(bb\)"):
        fit([p for p in points if p.target == "bb"], values, ["word_overlap"])
    with pytest.raises(XnerError, match="3 points"):
        fit(
            [p for p in points if p.source == "aa"][:3],
            values,
            ["word_overlap"],
        )


def test_models_are_never_pooled():
    points, values = made()
    mixed = [*points[:-1], Point("other", *PAIRS[-1], 50.0)]
    with pytest.raises(XnerError, match="several models"):
        fit(mixed, values, ["word_overlap"])


def test_constant_f1_gives_no_coefficients():
    points, values = made()
    same = [Point("model", p.source, p.target, 50.0) for p in points]
    result = fit(same, values, ["word_overlap"], permutations=9)
    assert result.explained is None
    assert result.alone == []
    assert result.singles[0].r2 == 0.0


def write(path, text):
    path.write_text(text, "utf8")
    return path


def test_matrix_is_read_by_language_code_and_without_its_diagonal(tmp_path):
    matrix = write(tmp_path / "m.csv", ",amh Evaled on,hau Evaled on\nam (x),70,40.5\nhau,33,80\n")
    points = read_points(matrix)
    assert points == [Point("m", "am", "hau", 40.5), Point("m", "hau", "amh", 33.0)]
    kept, left = rename_points(points, ["am"])
    assert (kept, left) == ([], ["hau"])


def test_rows_are_averaged_over_seeds_and_grouped_by_model(tmp_path):
    row = {"metric": "f1", "k": 0, "sources": ["en"], "target": "hau", "role": "student"}
    rows = [row | {"value": 50.0}, row | {"value": 54.0}, row | {"value": 1.0, "text": "raw"}]
    rows += [row | {"value": 9.0, "k": 10}, row | {"value": 9.0, "sources": ["en", "de"]}]
    path = write(tmp_path / "r.jsonl", "\n".join(map(json.dumps, rows)))
    assert read_points(path) == [Point("student", "en", "hau", 52.0)]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("m.csv", ",am,hau\nam,1\n", "2 cells, the header has 3"),
        ("m.csv", ",am,hau\nam,1,x\n", "column hau: found 'x'"),
        ("m.csv", ",am,hau\n12,1,2\n", "language code"),
        ("m.csv", ",am\nam,1\n", "no F1 of a system with one source"),
        ("m.jsonl", "{\n", "line 1: no row of results"),
        ("m.jsonl", "", "is empty"),
    ],
)
def test_faulty_results_are_named(tmp_path, name, text, said):
    with pytest.raises(XnerError, match=said):
        read_points(write(tmp_path / name, text))


def test_analyze_fits_kept_features_and_writes_json(tmp_path):
    points, values = made()
    pairs = [{"source": s, "target": t, **each} for (s, t), each in values.items()]
    features = write(
        tmp_path / "f.json", json.dumps({"encoder": "tiny", "layers": 3, "pairs": pairs})
    )
    rows = [
        {"metric": "f1", "k": 0, "sources": [p.source], "target": p.target, "value": p.f1}
        for p in points
    ]
    results = write(tmp_path / "r.jsonl", "\n".join(map(json.dumps, rows)))
    output = tmp_path / "fit.json"
    fits, measured = analyze(results, features=features, output=output, permutations=19)
    assert measured.encoder == "tiny"
    assert fits[0].columns == ["word_overlap", "piece_gap"]
    assert json.loads(output.read_text("utf8"))["fits"][0]["predicted"]["r2"] > 0.9
    with pytest.raises(XnerError, match="labelled_overlap looks at labels"):
        analyze(results, features=features, columns=["labelled_overlap"])
    with pytest.raises(XnerError, match="no feature 'overlap'"):
        analyze(results, features=features, columns=["overlap"])
    for pair, each in zip(pairs, values.values(), strict=True):
        pair["mean_cosine@1"] = each["word_overlap"]
    write(features, json.dumps({"encoder": "tiny", "layers": 3, "pairs": pairs}))
    layered = {"features": features, "columns": ["mean_cosine"], "permutations": 9}
    assert analyze(results, **layered)[0][0].columns == ["mean_cosine@1"]
    with pytest.raises(XnerError, match="measured for 0 of"):
        analyze(results, **layered, layer=2)
    with pytest.raises(XnerError, match="layers 0 to 2"):
        analyze(results, features=features, layer=3)
    with pytest.raises(XnerError, match="give --encoder"):
        analyze(results)


def test_kept_features_of_other_languages_are_refused(tmp_path):
    features = write(
        tmp_path / "f.json",
        json.dumps({"encoder": "e", "layers": 1, "pairs": [{"source": "xx", "target": "yy"}]}),
    )
    results = write(tmp_path / "m.csv", ",am,hau\nam,1,2\nhau,3,4\n")
    with pytest.raises(XnerError, match="other languages: xx, yy"):
        analyze(results, features=features)
    with pytest.raises(XnerError, match="no features"):
        analyze(results, features=write(tmp_path / "g.json", "{}"))


@pytest.mark.parametrize("name", ["points.csv", "rows.jsonl"])
def test_a_table_that_is_not_utf8_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes('{"target": "\xe9"}\n'.encode("latin-1"))
    with pytest.raises(XnerError, match=rf"{name}.*UTF-8"):
        read_points(path)


def test_a_score_that_is_no_number_is_named(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text(",am\nen,nan\n", "utf8")
    with pytest.raises(XnerError, match=r"line 2, column \w+: found 'nan'; expected a number"):
        read_points(path)
