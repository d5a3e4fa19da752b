import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from spacy_xner.teacher.windows import WordPieces, batch_windows, split_windows

from ..encoders.tiny import KINDS

LONG_WORD = "Amina" * 1000


@pytest.fixture(scope="module")
def tokenizer(encoder):
    return AutoTokenizer.from_pretrained(encoder)


@st.composite
def documents(draw):
    lengths = draw(st.lists(st.integers(1, 30), min_size=1, max_size=80))
    prefix = [900] * draw(st.integers(0, 2))
    suffix = [901] * draw(st.integers(0, 2))
    room = draw(st.integers(1, 40))
    overlap = draw(st.integers(0, room - 1))
    return lengths, prefix, suffix, room, overlap


def cut(lengths, prefix, suffix, room, overlap):
    firsts = np.cumsum([0, *lengths[:-1]])
    ids = np.arange(sum(lengths)) + 1000
    max_length = room + len(prefix) + len(suffix)
    return (
        ids,
        firsts,
        list(
            split_windows(
                3, ids, firsts, prefix=prefix, suffix=suffix, max_length=max_length, overlap=overlap
            )
        ),
    )


@given(documents())
def test_every_word_belongs_to_exactly_one_window(document):
    _, firsts, windows = cut(*document)
    assert [word for window in windows for word in window.words] == list(range(len(firsts)))


@given(documents())
def test_a_position_holds_the_first_piece_of_its_word(document):
    ids, firsts, windows = cut(*document)
    for window in windows:
        assert (window.ids[window.positions] == ids[firsts[window.words]]).all()


@given(documents())
def test_windows_are_framed_stretches_of_the_document_and_fit(document):
    _, prefix, suffix, room, _ = document
    ids, _, windows = cut(*document)
    for window in windows:
        assert len(window.ids) <= room + len(prefix) + len(suffix)
        end = len(window.ids) - len(suffix)
        inner = window.ids[len(prefix) : end]
        assert (inner == ids[window.start : window.start + len(inner)]).all()
        assert list(window.ids[: len(prefix)]) == prefix
        assert list(window.ids[end:]) == suffix


@given(documents())
def test_words_stand_half_an_overlap_away_from_the_edges_inside_a_document(document):
    _, prefix, _, room, overlap = document
    ids, _, windows = cut(*document)
    for window in windows:
        at = window.positions - len(prefix)
        assert window.start == 0 or (at >= overlap // 2).all()
        assert window.start + room >= len(ids) or (at < room - overlap + overlap // 2).all()


def test_a_document_that_fits_is_one_window():
    _, _, windows = cut([1, 2, 3], [900], [901], 6, 2)
    assert [list(w.ids) for w in windows] == [[900, *range(1000, 1006), 901]]
    assert list(windows[0].positions) == [1, 2, 4]


@given(st.lists(st.integers(1, 60), max_size=40), st.integers(1, 300))
def test_batches_hold_every_window_once_and_no_more_pieces_than_allowed(lengths, max_pieces):
    windows = [cut([1] * n, [], [], n, 0)[2][0] for n in lengths]
    batches = list(batch_windows(windows, max_pieces))
    assert sorted(id(w) for batch in batches for w in batch) == sorted(map(id, windows))
    for batch in batches:
        padded = max(len(w.ids) for w in batch) * len(batch)
        assert padded <= max_pieces or len(batch) == 1


def test_a_document_of_20000_words_is_read_whole():
    _, _, windows = cut([1, 2, 1, 3] * 5000, [900], [901], 254, 64)
    assert sum(len(w.words) for w in windows) == 20_000
    assert len(windows) == 184  # ceil((35,000 - 254) / 190) + 1


def test_a_word_of_5000_characters_keeps_all_its_pieces(tokenizer):
    pieces = WordPieces(tokenizer)
    ids, firsts = pieces(["Bello", LONG_WORD, "Lagos"])
    alone = tokenizer(LONG_WORD, add_special_tokens=False)["input_ids"]
    assert len(alone) > 300
    assert list(ids[firsts[1] : firsts[2]]) == alone
    windows = list(split_windows(0, ids, firsts, prefix=[0], suffix=[2], max_length=64, overlap=16))
    assert [list(w.words) for w in windows] == [[0, 1], [2]]


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_those_of_the_tokenizer(tiny_of, kind):
    tokenizer = AutoTokenizer.from_pretrained(tiny_of(kind))
    words = ["Amina", "visited", "Köln", "አቶ", "Amina", "ბათუმი", "Zenith-Bank", "."]
    pieces = WordPieces(tokenizer)
    ids, firsts = pieces(words)
    expected = tokenizer(words, is_split_into_words=True)
    framed = [*pieces.prefix, *ids, *pieces.suffix]
    assert framed == expected["input_ids"]
    word_ids = expected.word_ids()
    assert [word_ids.index(i) for i in range(len(words))] == list(firsts + len(pieces.prefix))


def test_special_pieces_are_found_for_a_tokenizer_without_its_own_class(tokenizer):
    generic = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, unk_token="<unk>", pad_token="<pad>"
    )
    pieces = WordPieces(generic)
    assert (pieces.prefix, pieces.suffix) == ([0], [2])


@pytest.mark.parametrize("word", [" ", "\n\n", "\u00a0"])
def test_a_word_without_a_piece_gets_the_unknown_piece(tokenizer, word):
    assert tokenizer([[word]], is_split_into_words=True, add_special_tokens=False)["input_ids"] == [
        []
    ]
    ids, firsts = WordPieces(tokenizer)([word, "Amina", word])
    assert ids[0] == ids[-1] == tokenizer.unk_token_id
    assert list(firsts) == [0, 1, len(ids) - 1]


def test_forgetting_word_types_changes_no_piece(tokenizer):
    words = ["Amina", "Bello", "visited", "Lagos", "on", "Monday"]
    small, large = WordPieces(tokenizer, max_types=2), WordPieces(tokenizer)
    for batch in (words[:2], words[1:4], words):
        assert [list(a) for a in small(batch)] == [list(a) for a in large(batch)]
    assert len(large._pieces) == 6


def test_the_piece_behind_a_bare_mark_stands_for_the_word(tiny_of):
    tokenizer = AutoTokenizer.from_pretrained(tiny_of("xlm-roberta"))
    words = ["Amina", "ከበደ", "Lagos", "ZZZ"]
    ids, plain = WordPieces(tokenizer)(words)
    same, skipped = WordPieces(tokenizer, skip_mark=True)(words)
    assert ids.tolist() == same.tolist()
    mark = tokenizer.get_vocab()["▁"]
    ends = [*plain[1:], len(ids)]
    bare = [ids[at] == mark and end - at > 1 for at, end in zip(plain, ends, strict=True)]
    assert any(bare)
    assert (skipped - plain).tolist() == [int(b) for b in bare]
