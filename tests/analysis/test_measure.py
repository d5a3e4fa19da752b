"""Features of language pairs through an encoder, and the commands that rest on them."""

import json

import numpy as np
import pytest
import spacy

from spacy_xner.analysis.features import Measured, measure, plain_name
from spacy_xner.analysis.languages import LanguageText
from spacy_xner.analysis.tagging import tag_language
from spacy_xner.cli.analyze import analyze
from spacy_xner.cli.rank_sources import rank_sources, rank_sources_cli
from spacy_xner.encoders.load import load_encoder
from spacy_xner.errors import XnerError
from spacy_xner.tags import TagSet
from spacy_xner.teacher.states import encode

from ..encoders.tiny import LAYERS, WIDTH, make_tiny

TEXTS = {
    "hau": ("Amina ta tafi Kano yau", "Ladi ta zo daga Abuja", "Musa ya ce haka"),
    "swa": ("Amina alienda Dodoma leo", "Musa alitoka Nairobi jana"),
    "am": ("አቶ ከበደ ወደ ባሕር ዳር ሄዱ", "አበባ ትናንት መጣች"),
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    texts = [text for each in TEXTS.values() for text in each]
    return make_tiny("xlm-roberta", tmp_path_factory.mktemp("encoder") / "tiny", texts)


def languages():
    mentions = {"hau": ("Amina", "Kano"), "swa": ("Amina",), "am": None}
    return {name: LanguageText(name, texts, mentions[name]) for name, texts in TEXTS.items()}


@pytest.mark.slow
def test_states_are_means_of_pieces_at_every_layer_in_the_order_of_the_texts(encoder):
    tokenizer, module = load_encoder(encoder)
    texts = ["Amina ta tafi Kano yau", "Kano"]
    both = encode(tokenizer, module, texts, precision="fp32")
    assert both.sentences.shape == (LAYERS + 1, 2, WIDTH)
    alone = encode(tokenizer, module, texts[1:], precision="fp32")
    np.testing.assert_allclose(both.sentences[:, 1], alone.sentences[:, 0], atol=1e-5)
    np.testing.assert_allclose(alone.tokens.mean(axis=1), alone.sentences[:, 0], atol=1e-5)
    with pytest.raises(XnerError, match="no text"):
        encode(tokenizer, module, [])


@pytest.mark.slow
def test_every_feature_is_measured_at_every_layer(encoder, tmp_path):
    folder = tmp_path / "en-swa"
    folder.mkdir()
    lines = [f"this is english line {i}" for i in range(60)]
    (folder / "dev.en").write_text("\n".join(lines), "utf8")
    (folder / "dev.swa").write_text("\n".join(f"Amina {i} leo" for i in range(60)), "utf8")
    (tmp_path / "en-hau").mkdir()
    (tmp_path / "en-hau" / "dev.en").write_text("\n".join(lines), "utf8")
    (tmp_path / "en-hau" / "dev.hau").write_text("\n".join(f"Kano {i}" for i in range(60)), "utf8")
    pairs = [("hau", "swa"), ("swa", "hau"), ("hau", "am")]
    found = measure(languages(), pairs, encoder, parallel=tmp_path, labels=True)
    assert found.layers == LAYERS + 1
    near, far = found.values["hau", "swa"], found.values["hau", "am"]
    assert near["entity_hits"] == pytest.approx(1000 * 1 / 8)  # Amina, among eight words
    assert far["entity_hits"] == 0.0
    assert near["script_overlap"] == 1.0
    assert far["script_overlap"] == 0.0
    assert near["labelled_overlap"] == pytest.approx(1 / 3)
    assert "labelled_overlap" not in far
    for name in ("mean_cosine", "neighbours", "cosine_gap", "p1", "csls_p1", "cka"):
        assert f"{name}@{LAYERS}" in near
    assert "cka@0" not in far
    assert near["cka@1"] == pytest.approx(found.values["swa", "hau"]["cka@1"])
    assert {plain_name(column) for column in near} >= {"word_overlap", "piece_gap", "unknown"}
    assert Measured.from_json(json.loads(json.dumps(found.to_json()))) == found
    with pytest.raises(XnerError, match="no text of zul"):
        measure(languages(), [("hau", "zul")], encoder)


class Capitals:
    """A tagger that calls capitalised words people."""

    def __init__(self):
        self.nlp = spacy.blank("xx")
        self.tagset = TagSet.from_types(["PER"])
        self.fingerprint = "00"

    def predict(self, docs):
        name, other = [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]
        return [np.array([name if t.text[0].isupper() else other for t in d]) for d in docs]


def test_a_tagger_finds_entities_in_raw_text_up_to_a_number_of_words():
    hau = languages()["hau"]
    assert tag_language(hau, Capitals()).found == ("Amina", "Kano", "Ladi", "Abuja", "Musa")
    assert tag_language(hau, Capitals(), max_words=5).found == ("Amina", "Kano")
    assert tag_language(languages()["am"], Capitals()).found == ()


@pytest.mark.slow
def test_overlap_through_a_tagger_needs_no_gold_and_a_source_without_entities_has_no_hits(encoder):
    tagged = {name: tag_language(each, Capitals()) for name, each in languages().items()}
    tagged["swa"] = LanguageText("swa", TEXTS["swa"], (), tagged["swa"].found)
    found = measure(tagged, [("hau", "swa"), ("swa", "hau"), ("am", "hau")], encoder).values
    # Amina and Musa of Amina, Kano, Ladi, Abuja, Musa and Amina, Dodoma, Musa, Nairobi.
    assert found["hau", "swa"]["tagged_overlap"] == pytest.approx(2 / 9)
    assert found["am", "hau"]["tagged_overlap"] == 0.0
    assert "entity_hits" not in found["am", "hau"]
    assert found["swa", "hau"]["entity_hits"] == 0.0
    assert (
        "tagged_overlap" not in measure(languages(), [("hau", "swa")], encoder).values["hau", "swa"]
    )


@pytest.mark.slow
def test_gold_without_entities_is_said_and_leaves_hits_to_the_other_sources(
    encoder, tmp_path, capsys
):
    raw = tmp_path / "raw.txt"
    raw.write_text("Amina ta zo Kano\n", "utf8")
    for name, tag in (("hau", "B-PER"), ("swa", "O")):
        lines = "\n".join(f"{word} {tag}" for word in TEXTS[name][0].split())
        (tmp_path / f"{name}.txt").write_text(lines + "\n", "utf8")
    given = [f"{name}={tmp_path / name}.txt" for name in ("hau", "swa")]
    ranked, _ = rank_sources(raw, given, encoder, tagger=Capitals())
    values = {each.source: each.values for each in ranked}
    assert values["hau"]["entity_hits"] > values["swa"]["entity_hits"] == 0.0
    assert all("tagged_overlap" in each.parts for each in ranked)
    untagged, _ = rank_sources(raw, given, encoder)
    assert not any("tagged_overlap" in each.parts for each in untagged)
    assert "swa.txt holds no entity" in " ".join(capsys.readouterr().out.split())
    rank_sources_cli(raw, given[:1], encoder)
    assert "there is nothing to compare it with" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_sources_are_ranked_from_raw_text_with_reasons(encoder, tmp_path):
    for name in TEXTS:
        (tmp_path / "gold" / name).mkdir(parents=True)
        tagged = "\n\n".join(
            "\n".join(f"{word} {'B-PER' if i == 0 else 'O'}" for i, word in enumerate(t.split()))
            for t in TEXTS[name]
        )
        (tmp_path / "gold" / name / "train.txt").write_text(tagged + "\n", "utf8")
    raw = tmp_path / "raw.txt"
    raw.write_text("Amina ta zo Kano\nMusa ya tafi Abuja\n", "utf8")
    ranked, _ = rank_sources(raw, [tmp_path / "gold"], encoder, output=tmp_path / "r.json")
    assert [each.source for each in ranked][-1] == "am"
    assert len(ranked[0].reasons) >= 4
    written = json.loads((tmp_path / "r.json").read_text("utf8"))["ranking"]
    assert [each["source"] for each in written] == [each.source for each in ranked]
    (alone,), _ = rank_sources(raw, [tmp_path / "gold"], encoder, leave_out=["am", "hau"])
    assert alone.source == "swa"


@pytest.mark.slow
def test_points_without_text_are_left_out_and_said(encoder, tmp_path, capsys):
    pytest.importorskip("statsmodels")
    texts = tmp_path / "texts"
    texts.mkdir()
    for name, lines in TEXTS.items():
        (texts / f"{name}.txt").write_text("\n".join(lines), "utf8")
    cells = ",amh,hau,swa,zul\namh,1,20,30,4\nhau,21,1,33,4\nswa,22,31,1,4\nzul,1,2,3,4\n"
    (tmp_path / "m.csv").write_text(cells, "utf8")
    fits, _ = analyze(tmp_path / "m.csv", encoder=encoder, texts=[texts], permutations=5)
    assert "No text of zul" in capsys.readouterr().out
    assert len(fits[0].points) == 6
    assert fits[0].explained is None
    (tmp_path / "other.csv").write_text(",xho,zul\nxho,1,2\nzul,3,4\n", "utf8")
    with pytest.raises(XnerError, match="No point has text"):
        analyze(tmp_path / "other.csv", encoder=encoder, texts=[texts])
