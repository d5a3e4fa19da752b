"""Tokenizer rules and norms for any script, as settings of spaCy's own tokenizer and vocabulary."""

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice, pairwise
from pathlib import Path

from spacy.lang.norm_exceptions import BASE_NORMS
from spacy.lang.tokenizer_exceptions import BASE_EXCEPTIONS
from spacy.language import Language
from spacy.lookups import Table
from spacy.tokenizer import Tokenizer
from spacy.util import registry
from spacy.vocab import Vocab

from ..errors import XnerError
from .forms import norm

__all__ = ["AffixRules", "add_norms", "affix_rules", "norm", "set_rules", "tokenizer_rules"]

# Written for an apostrophe or a glottal stop inside words; U+1FEF and U+1FFD are canonically
# equal to ` and ´, so that both normal forms must be here.
APOSTROPHES = "'’‘‛`´\u1fef\u1ffd՚׳״"
# Inside words and numbers: Catalan middle dot (two code points, canonically equal), Tibetan
# syllable marks, and the glue of `AT&T`, `first_name`, `user@host`.
INSIDE_WORDS = APOSTROPHES + "·\u0387་༌&_@"
# Between digits these belong to the number (1,000.50 and 10:30), elsewhere they split.
IN_NUMBERS = ".,:٫٬"
# Top-level domains of a bare `host.tld` without www or a scheme. Two-letter ones are left out
# except after a second-level label: `gida.na` is a missing space, not a Namibian host.
GENERIC_DOMAINS = "com|org|net|edu|gov|info|int|mil|biz|africa|news|xyz"
SECOND_LEVEL = "com|co|org|or|net|ne|edu|ac|gov|go|mil|sch"
SCHEME = r"(?:[A-Za-z][A-Za-z0-9+.-]*://|www\.)"
JOINERS = "\u200c\u200d"
SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"


@dataclass(frozen=True)
class AffixRules:
    """The regular expressions of a `spacy.Tokenizer`, by the names of its arguments."""

    prefix_search: str
    suffix_search: str
    infix_finditer: str
    token_match: str
    url_match: str


def _char_class(chars: set[str]) -> str:
    r"""Write a set of characters as a regular expression's character class.

    The class is the negated complement: `re` looks code points below U+10000 up in a map and walks
    a list for those above, so that a letter, which is what nearly always stands there, leaves at
    once. Written in ASCII, because the complement holds surrogates, which no UTF-8 file may.

    chars (set[str]): Single characters.
    RETURNS (str): The class with its brackets.
    """
    ends = [-1, *sorted(map(ord, chars)), sys.maxunicode + 1]
    gaps = ((a + 1, b - 1) for a, b in pairwise(ends) if b - a > 1)
    return "[^" + "".join(f"{_escape(a)}-{_escape(b)}" for a, b in gaps) + "]"


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _by_category() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for code in range(sys.maxunicode + 1):
        category = unicodedata.category(chr(code))
        if category[0] in "MPS":
            found.setdefault(category, set()).add(chr(code))
    return found


@lru_cache(maxsize=1)
def affix_rules() -> AffixRules:
    r"""Build the rules for all scripts from Unicode categories.

    Punctuation and symbols (P, S) split at both ends of a word and, but for those that words and
    numbers hold, inside. A combining mark (M) is part of what it stands on, be it a letter or a
    sign, so that the composed and the decomposed form of a text split at the same places.
    A joiner (U+200C, U+200D) never begins a token. Python's `re` knows no `\p{M}`: the classes are
    written out, and so are saved with the tokenizer. Each pattern begins with one class, because
    `re` skips fast to a class, not to an alternation.

    RETURNS (AffixRules): One pattern for each setting of `spacy.Tokenizer`.
    """
    categories = _by_category()
    signs = {c for key, cs in categories.items() if key[0] in "PS" for c in cs}
    marks = {c for key, cs in categories.items() if key[0] == "M" for c in cs}
    mark = _char_class(marks)
    dash = _char_class(categories["Pd"])
    # Skin tones are symbols that belong to the symbol before them; emoji that a joiner glues
    # together are one.
    tail = _char_class(marks | set(JOINERS) | set(SKIN_TONES))
    after = rf"{tail}*(?:(?<=\u200d){_char_class(signs)}{tail}*)*"
    # What follows a first sign of its kind: ... --- '' `` ‘‘ ’’ ´´ and the Ethiopic full stop ፡፡
    again = rf"(?:(?<=\.)\.+|(?<={dash}){dash}+|(?<=')'|(?<=`)`|(?<=‘)‘|(?<=’)’|(?<=´)´|(?<=፡)፡)"
    again += f"{tail}*"
    possessive = rf"(?:(?<={mark}['’])|(?<=\w['’]))[sS]"
    sign, inner = _char_class(signs), _char_class(signs - set(INSIDE_WORDS))
    # A sign of a number splits only where no number is.
    before_number = r"(?:(?<![+.\-−])|(?!\d))"
    in_number = rf"(?:(?<![{IN_NUMBERS}])|(?<!\d.)|(?!\d))"
    return AffixRules(
        prefix_search=rf"^{sign}(?:{again}|{before_number}{after})",
        suffix_search=rf"{sign}(?:{again}|{possessive}|{after})$",
        infix_finditer=rf"{inner}(?:{again}|{in_number}{after})",
        # A single letter keeps its apostrophe (Igbo n', m'); an address keeps its last slash.
        token_match=rf"^(?:[^\W\d_]{mark}*['’]|{SCHEME}\S*[\w/])$",
        url_match=rf"^(?:{SCHEME}\S+|[^\s@,;()]+@[^\s@,;()]+\.[A-Za-z]{{2,}}"
        rf"|(?:[A-Za-z0-9-]+\.)+(?:(?:{GENERIC_DOMAINS}|(?:{SECOND_LEVEL})\.[a-z]{{2}})"
        r"(?::\d{2,5})?(?:[/?#]\S*)?|[a-z]{2,3}/\S+))$",
    )


def set_rules(tokenizer: Tokenizer) -> None:
    """Give a tokenizer the rules of this module, in place.

    tokenizer (Tokenizer): spaCy's own tokenizer.
    """
    # The white space keeps its entries; `a.`, `8)` and other English habits go.
    tokenizer.rules = {orth: rule for orth, rule in BASE_EXCEPTIONS.items() if orth.isspace()}
    rules = affix_rules()
    tokenizer.prefix_search = re.compile(rules.prefix_search).search
    tokenizer.suffix_search = re.compile(rules.suffix_search).search
    tokenizer.infix_finditer = re.compile(rules.infix_finditer).finditer
    tokenizer.token_match = re.compile(rules.token_match).match
    tokenizer.url_match = re.compile(rules.url_match).match


def _default_norm(word: str) -> str:
    return BASE_NORMS.get(word, word.lower())


def _spellings(word: str) -> Iterator[str]:
    """Yield the code point sequences that may stand for a word, the likely ones first."""
    cases = dict.fromkeys((word, word.lower(), word.capitalize(), word.upper()))
    for form in cases:
        yield from (form, unicodedata.normalize("NFD", form), unicodedata.normalize("NFC", form))
        yield _marks_reversed(form)


def _marks_reversed(word: str) -> str:
    """Compose accents before dots below, as some keyboards do: ó + U+0323 for ọ́."""
    clusters: list[list[str]] = []
    for char in unicodedata.normalize("NFD", word):
        if clusters and unicodedata.combining(char):
            clusters[-1].append(char)
        else:
            clusters.append([char])
    out = []
    for base, *marks in clusters:
        for mark in reversed(marks):
            composed = unicodedata.normalize("NFC", base[-1] + mark) if len(base) == 1 else ""
            base = composed if len(composed) == 1 else base + mark
        out.append(base)
    return "".join(out)


def add_norms(nlp: Language, words: Iterable[str], max_norms: int = 200000) -> int:
    """Give composed, decomposed and mixed spellings of words one norm, now and when saved.

    The norms go into the `lexeme_norm` table of `nlp.vocab`, which stock spaCy saves and applies on
    loading. A living vocabulary ignores a new table and keeps the norms of the words that it knows:
    here both are brought up to date, so that `nlp` and its saved copy agree.

    nlp (Language): The pipeline, changed in place.
    words (Iterable[str]): Word types, the most important first.
    max_norms (int): The most entries that the table may have.
    RETURNS (int): The number of entries that were added.
    """
    entries: dict[str, str] = {}
    for word in words:
        if len(entries) >= max_norms:
            break
        for form in _spellings(word):
            target = norm(form)
            if target != _default_norm(form):
                entries[form] = target
    entries = dict(islice(entries.items(), max_norms))
    lookups = nlp.vocab.lookups
    if not lookups.has_table("lexeme_norm"):
        lookups.add_table("lexeme_norm")
    table: Table = lookups.get_table("lexeme_norm")
    for form, target in entries.items():
        table.set(form, target)
    # Assigning the lookups is what makes spaCy's getter consult the table.
    nlp.vocab.lookups = lookups
    for lexeme in nlp.vocab:
        if lexeme.orth in table:
            lexeme.norm_ = table[lexeme.orth]
    return len(entries)


def _text_files(path: str | Path) -> list[Path]:
    path = Path(path)
    return sorted(f for f in path.iterdir() if f.is_file()) if path.is_dir() else [path]


def _word_types(paths: Sequence[str | Path]) -> list[str]:
    """Count the tokens of raw text that have more than one spelling, the most frequent first."""
    chunks: Counter[str] = Counter()
    for path in chain.from_iterable(map(_text_files, paths)):
        try:
            with path.open(encoding="utf8") as file:
                for line in file:
                    chunks.update(c for c in line.split() if not c.isascii() or "'" in c)
        except (OSError, UnicodeDecodeError) as error:
            raise XnerError(
                f"{path}: cannot be read as UTF-8 text ({error}). `texts` of "
                "spacy-xner.tokenizer_rules.v1 takes raw text files; mend or drop this path."
            ) from error
    # A vocabulary of its own, so that the pipeline's does not fill with every word of the text.
    tokenizer = Tokenizer(Vocab())
    set_rules(tokenizer)
    words: Counter[str] = Counter()
    for chunk, count in chunks.items():
        for token in tokenizer(chunk):
            words[token.text] += count
    return [
        word
        for word, _ in sorted(words.items(), key=lambda item: (-item[1], item[0]))
        if any(map(str.isalpha, word))
        and any(norm(w) != _default_norm(w) for w in _spellings(word))
    ]


@registry.callbacks("spacy-xner.tokenizer_rules.v1")
def tokenizer_rules(
    texts: list[str | Path] = [],  # noqa: B006 (a config needs a plain default)
    max_norms: int = 200000,
) -> Callable[[Language], Language]:
    """Create the `[initialize.before_init]` callback that makes a pipeline ready for real text.

    texts (list[str | Path]): Raw UTF-8 text files, or folders of them, whose words get norms.
    max_norms (int): The most entries of the norm table.
    RETURNS (Callable[[Language], Language]): Sets tokenizer rules and norms of the pipeline.
    RAISES: XnerError if a text cannot be read, or the pipeline has another tokenizer than spaCy's.
    """

    def before_init(nlp: Language) -> Language:
        if not isinstance(nlp.tokenizer, Tokenizer):
            raise XnerError(
                f"spacy-xner.tokenizer_rules.v1: [nlp.tokenizer] of language '{nlp.lang}' is a "
                f'{type(nlp.tokenizer).__name__}, expected spacy.Tokenizer.v1. Set lang = "xx" in '
                "[nlp], or drop [initialize.before_init]."
            )
        set_rules(nlp.tokenizer)
        add_norms(nlp, _word_types(texts), max_norms)
        return nlp

    return before_init
