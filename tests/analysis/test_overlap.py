"""Overlap of texts and ranking of sources: values that can be counted by hand."""

import pytest

from spacy_xner.analysis.languages import (
    find_texts,
    parallel_text,
    read_language,
    same_language,
)
from spacy_xner.analysis.overlap import (
    entity_hits,
    lexicon_of,
    piece_gap,
    script_overlap,
    tagged_overlap,
    type_overlap,
)
from spacy_xner.analysis.ranking import ndcg, paired_means, rank, read_ranks, regret
from spacy_xner.cli.rank_sources import rank_sources
from spacy_xner.errors import XnerError


class Pieces:
    """A tokenizer of single letters; "?" is unknown."""

    unk_token_id = 0

    def __call__(self, words, add_special_tokens):
        assert not add_special_tokens
        return {"input_ids": [[0 if c == "?" else ord(c) for c in word] for word in words]}


def lexicon(*texts, **options):
    return lexicon_of(texts, Pieces(), **options)


def test_lexicon_counts_words_pieces_scripts_and_unknowns():
    found = lexicon("Kano ce", "KANO ባህ?")
    assert found.words == {"kano": 2, "ce": 1, "ባህ": 1}
    assert found.fertility == pytest.approx(13 / 4)
    assert found.unknown == pytest.approx(1 / 13)
    assert found.scripts == {"other": 10, "Ethi": 2} or found.scripts == {"Latn": 10, "Ethi": 2}


def test_lexicon_stops_at_its_number_of_words_and_is_empty_without_any():
    assert lexicon("a b c", "d e f", max_words=4).words.total() == 4
    empty = lexicon("", "   ")
    assert (empty.fertility, empty.unknown, empty.words.total()) == (0.0, 0.0, 0)
    assert script_overlap(empty, empty) == piece_gap(empty, lexicon("a")) == 0.0


def test_type_overlap_is_half_for_equal_sets_and_nothing_for_empty_ones():
    assert type_overlap({1, 2}, {1, 2}) == 0.5
    assert type_overlap({1, 2, 3}, {3}) == 0.25
    assert type_overlap([], []) == 0.0


def test_script_overlap_and_piece_gap():
    latin, both = lexicon("abcd"), lexicon("ab ባህ")
    assert script_overlap(latin, both) == pytest.approx(0.5)
    assert script_overlap(latin, latin) == pytest.approx(1.0)
    assert piece_gap(latin, both) == pytest.approx(1.0)


def test_entity_hits_count_the_longest_mention_once_by_normal_form():
    mentions = ["Kano", "Jihar Kano", "X", "2019", ""]
    # "Jihar Kano" once and "KANO" once in six words; a letter and a number name nothing.
    texts = ["A jihar Kano ,", "KANO, X 2019"]
    assert entity_hits(mentions, texts) == pytest.approx(1000 * 2 / 6)
    assert entity_hits([], texts) == 0.0
    assert entity_hits(mentions, [""]) == 0.0


def test_tagged_overlap_is_of_normal_forms_without_letters_and_numbers():
    found = ["KANO", "Jihar Kano", "X", "2019"]
    assert tagged_overlap(found, ["Kano", "Abuja", "x", "2019"]) == pytest.approx(1 / 4)
    assert tagged_overlap(found, ["kano", "jihar  kano"]) == 0.5
    assert tagged_overlap([], ["Kano"]) == 0.0


def test_codes_of_two_and_three_letters_name_one_language():
    assert same_language("amh", "am")
    assert same_language("swa", "swa")
    assert not same_language("swa", "swe")


def put(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf8")
    return path


def test_texts_are_found_by_language_and_never_from_test_files(tmp_path):
    raw = put(tmp_path / "raw" / "am.txt", "ሰላም\n").parent
    gold = put(tmp_path / "gold" / "amh" / "train.txt", "Musa B-PER\n").parent.parent
    put(tmp_path / "gold" / "hau" / "train.txt", "Musa B-PER\n")
    put(tmp_path / "gold" / "yor" / "test.txt", "Musa B-PER\n")
    found = find_texts([raw, gold])
    assert found == {"am": raw / "am.txt", "hau": gold / "hau" / "train.txt"}
    with pytest.raises(XnerError, match="no such folder"):
        find_texts([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(XnerError, match="holds no text"):
        find_texts([tmp_path / "empty"])


def test_text_and_gold_entities_of_a_language_are_read(tmp_path):
    gold = put(tmp_path / "g.txt", "Musa B-PER\nSani I-PER\nya O\n\nKano B-LOC\n")
    found = read_language("hau", gold, gold)
    assert sorted(found.texts) == ["Kano", "Musa Sani ya"]
    assert found.mentions == ("Musa Sani", "Kano")
    assert read_language("hau", gold).mentions is None
    assert read_language("hau", gold, put(tmp_path / "o.txt", "Musa O\nya O\n")).mentions == ()
    raw = put(tmp_path / "raw.txt", "!!!\n\n")
    with pytest.raises(XnerError, match="no line holds a letter"):
        read_language("hau", raw)
    with pytest.raises(XnerError, match="no CoNLL file"):
        read_language("hau", gold, put(tmp_path / "plain.txt", "Just a text of words.\n"))


def test_parallel_text_goes_through_english(tmp_path):
    lines = ["the cat sat here", "a dog ran away", "one two three four"]
    put(tmp_path / "en-hau" / "dev.en", "\n".join(lines))
    put(tmp_path / "en-hau" / "dev.hau", "h1\nh2\nh3")
    put(tmp_path / "en-amh" / "dev.en", "\n".join(reversed(lines[1:])))
    put(tmp_path / "en-amh" / "dev.amh", "a3\na2")
    one, other = parallel_text(tmp_path, "hau", "am")
    assert sorted(zip(one, other, strict=True)) == [("h2", "a2"), ("h3", "a3")]
    one, other = parallel_text(tmp_path, "en", "hau")
    assert sorted(zip(one, other, strict=True)) == sorted(
        zip(lines, ["h1", "h2", "h3"], strict=True)
    )
    assert parallel_text(tmp_path, "yor", "hau") == ([], [])
    put(tmp_path / "en-hau" / "dev.hau", "h1\nh2")
    with pytest.raises(XnerError, match="has 3 lines, the file beside it 2"):
        parallel_text(tmp_path, "en", "hau")


def test_ranking_adds_standardised_features_and_gives_reasons():
    features = {
        "good": {"entity_hits": 3.0, "piece_gap": 0.0, "unknown": 1.0},
        "bad": {"entity_hits": 1.0, "piece_gap": 1.0, "unknown": 1.0},
        "mid": {"entity_hits": 2.0, "piece_gap": 0.5, "unknown": 1.0},
    }
    weights = {"entity_hits": 1.0, "piece_gap": -1.0, "unknown": 1.0, "fertility": 1.0}
    ranked, unused = rank(features, weights)
    assert [each.source for each in ranked] == ["good", "mid", "bad"]
    assert ranked[1].score == pytest.approx(0.0)
    assert sum(ranked[0].parts.values()) == pytest.approx(ranked[0].score)
    assert unused == ["unknown", "fertility"]
    assert ranked[0].reasons[0].startswith("entity_hits 3")


def test_ranking_without_sources_or_differences_or_with_target_labels_is_refused():
    with pytest.raises(XnerError, match="no source language"):
        rank({}, {"entity_hits": 1.0})
    with pytest.raises(XnerError, match="No feature tells"):
        rank({"a": {"unknown": 1.0}, "b": {"unknown": 1.0}}, {"unknown": 1.0})
    with pytest.raises(XnerError, match="labels of the target"):
        rank({"a": {"labelled_overlap": 1.0}}, {"labelled_overlap": 1.0})
    assert rank({"a": {"unknown": 1.0}}, {"unknown": 1.0})[0][0].source == "a"


def test_ndcg_and_regret_of_known_orders():
    places = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    assert ndcg("abcd", places) == 1.0
    assert ndcg("dcba", places) < ndcg("bacd", places) < 1.0
    assert (regret("abcd", places), regret("cabd", places)) == (0.0, 2.0)
    # By hand, one place: 2^9 - 1 over 2^10 - 1.
    assert ndcg("bacd", places, k=1) == pytest.approx(511 / 1023)


def test_means_of_rankings_are_over_targets_that_all_of_them_have():
    scores = {
        "ours": {"am": (0.5, 2.0), "hau": (0.7, 4.0), "en": (0.0, 9.0)},
        "english": {"hau": (0.1, 1.0), "am": (0.3, 1.0)},
    }
    means, shared = paired_means(scores)
    assert shared == ["am", "hau"]
    assert means["ours"] == pytest.approx((0.6, 3.0))
    assert means["english"] == pytest.approx((0.2, 1.0))
    with pytest.raises(XnerError, match="share no target"):
        paired_means({"ours": {"am": (1.0,)}, "english": {"hau": (1.0,)}})


def test_published_ranks_are_ranked_anew_among_the_sources_at_hand(tmp_path):
    table = put(tmp_path / "r.csv", ",amh,hau\namh,0,7\nhau,2,0\nxho,5,1\nyor,2,3\n")
    found = read_ranks(table, ["am", "si"], ["am", "hau", "xho", "yor"])
    assert found == {"am": {"hau": 1.5, "yor": 1.5, "xho": 3.0}}
    with pytest.raises(XnerError, match="no table of ranks"):
        read_ranks(put(tmp_path / "x.csv", ",a\nb,c\n"), ["a"], ["b"])


def test_ranking_command_names_what_is_missing(tmp_path):
    text = put(tmp_path / "t.txt", "Kano ce.\n")
    gold = put(tmp_path / "gold" / "hau" / "train.txt", "Musa B-PER\n")
    empty = put(tmp_path / "empty.txt", "!?\n")
    with pytest.raises(XnerError, match="no such file; expected CoNLL gold of yor"):
        rank_sources(text, ["yor=nowhere.txt"], "encoder")
    with pytest.raises(XnerError, match="No source is left"):
        rank_sources(text, [f"hau={gold}"], "encoder", leave_out=["hau"])
    with pytest.raises(XnerError, match="no line holds a letter"):
        rank_sources(empty, [f"hau={gold}"], "encoder")
    with pytest.raises(XnerError, match="is empty: expected UTF-8 text"):
        rank_sources(put(tmp_path / "nothing.txt", ""), [f"hau={gold}"], "encoder")
