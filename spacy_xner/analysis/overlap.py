"""What the texts of two languages share, counted without an encoder's states."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..corpora.raw import normal_form
from ..corpora.scripts import script_of

__all__ = [
    "Lexicon",
    "entity_hits",
    "lexicon_of",
    "piece_gap",
    "script_overlap",
    "tagged_overlap",
    "type_overlap",
]


@dataclass(frozen=True)
class Lexicon:
    """What is counted in a text.

    words (Counter[str]): Words by their normal form (NFC, case folded, letters and digits).
    pieces (Counter[int]): Pieces of the encoder's tokenizer, special ones left out.
    scripts (Counter[str]): Letters by script, ISO 15924.
    fertility (float): Pieces a word (Rust et al. 2021, section 3.1).
    unknown (float): Share of pieces that are the unknown piece, 0 to 1.
    """

    words: Counter[str]
    pieces: Counter[int]
    scripts: Counter[str]
    fertility: float
    unknown: float


def lexicon_of(texts: Iterable[str], tokenizer: Any, *, max_words: int = 20_000) -> Lexicon:
    """Count words, pieces and letters of a text, up to a number of words, so that texts compare.

    texts (Iterable[str]): Texts; words are what white space separates.
    tokenizer (PreTrainedTokenizerFast): The encoder's.
    max_words (int): Words after which the rest is left out.
    RETURNS (Lexicon): The counts; empty ones for a text without words.
    """
    tokens: list[str] = []
    for text in texts:
        tokens += text.split()
        if len(tokens) >= max_words:
            break
    tokens = tokens[:max_words]
    forms = Counter(form for token in tokens if (form := normal_form(token)))
    pieces: Counter[int] = Counter()
    counted = Counter(tokens)
    types = list(counted)
    if types:
        ids = tokenizer(types, add_special_tokens=False)["input_ids"]
        for word, cut in zip(types, ids, strict=True):
            for piece in cut:
                pieces[piece] += counted[word]
    scripts: Counter[str] = Counter()
    for letter, n in Counter(char for form in forms.elements() for char in form).items():
        if letter.isalpha():
            scripts[script_of(letter)] += n
    total = pieces.total()
    return Lexicon(
        forms,
        pieces,
        scripts,
        total / len(tokens) if tokens else 0.0,
        pieces[tokenizer.unk_token_id] / total if total else 0.0,
    )


def type_overlap(source: Collection[Any], target: Collection[Any]) -> float:
    """Overlap of two sets of types: shared types over the sum of both sizes.

    For words and for subwords, as Lin et al. (2019, LangRank, section 4.1).

    source (Collection): Distinct types of the source, or counts by type.
    target (Collection): Those of the target.
    RETURNS (float): 0 (nothing shared) to 0.5 (the same types); 0 where both are empty.
    """
    one, other = set(source), set(target)
    return len(one & other) / (len(one) + len(other)) if one or other else 0.0


def script_overlap(source: Lexicon, target: Lexicon) -> float:
    """Share of letters that are written in the same script: the sum of the smaller shares.

    Histogram intersection (Swain and Ballard 1991, section 3) of the letters' scripts.

    source (Lexicon): Counts of the source.
    target (Lexicon): Counts of the target.
    RETURNS (float): 0 (no script in common) to 1.
    """
    n, m = source.scripts.total(), target.scripts.total()
    if not n or not m:
        return 0.0
    return sum(min(source.scripts[s] / n, target.scripts[s] / m) for s in source.scripts)


def piece_gap(source: Lexicon, target: Lexicon) -> float:
    """How differently the tokenizer cuts two languages: |log2 of the ratio of their fertilities|.

    Fertility is pieces a word (Rust et al. 2021, section 3.1).

    source (Lexicon): Counts of the source.
    target (Lexicon): Counts of the target.
    RETURNS (float): 0 (cut alike) or more; 1 where one language has twice the pieces a word.
    """
    if not source.fertility or not target.fertility:
        return 0.0
    return abs(math.log2(source.fertility / target.fertility))


def entity_hits(mentions: Iterable[str], texts: Sequence[str]) -> float:
    """Entities of a gazetteer that a text holds, for each 1,000 of its words.

    The gazetteer is the source's own entities, so no label of the target is used: the unlabelled
    kin of the data overlap of Beukman and Fokam (2023). A mention counts where its words follow
    one another in the text, all by normal form; the longest that begins at a word is taken.

    mentions (Iterable[str]): Entities of the source, words separated by white space.
    texts (Sequence[str]): Texts of the target.
    RETURNS (float): Mentions found for each 1,000 words; 0 for a text without words.
    """
    known = _forms(mentions)
    longest = max(map(len, known), default=0)
    found = total = 0
    for text in texts:
        words = [form for word in text.split() if (form := normal_form(word))]
        total += len(words)
        i = 0
        while i < len(words):
            lengths = range(min(longest, len(words) - i), 0, -1)
            taken = next((n for n in lengths if tuple(words[i : i + n]) in known), 0)
            found += taken > 0
            i += taken or 1
    return 1000 * found / total if total else 0.0


def tagged_overlap(source: Iterable[str], target: Iterable[str]) -> float:
    """Overlap of the entities that one tagger finds in raw text of two languages.

    `type_overlap` of their normal forms: the data overlap of Beukman and Fokam (2023, section 4)
    with a tagger's entities in place of gold, so neither language needs a label. What the tagger
    finds wrongly in both counts as well.

    source (Iterable[str]): Entities found in text of the source, words separated by white space.
    target (Iterable[str]): Those found in text of the target.
    RETURNS (float): 0 (nothing shared) to 0.5 (the same entities); 0 where nothing was found.
    """
    return type_overlap(_forms(source), _forms(target))


def _forms(mentions: Iterable[str]) -> set[tuple[str, ...]]:
    """Normal forms; single letters and numbers stand in any text."""
    forms = {tuple(filter(None, map(normal_form, mention.split()))) for mention in mentions}
    return {form for form in forms if len("".join(form)) > 2 and not "".join(form).isdigit()}
