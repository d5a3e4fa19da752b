"""How well entities are projected, by the ways to align and to match: no student, no choice.

`verbatim`: names that stand in the source sentence and, spelled the same, exactly once in the
target; their projection has to be that span. `alike`: names of one word that is nowhere in the
target, while exactly one word there is spelled like it ("Nigeria", "Naijeriya"); the projection has
to hold that word. Neither needs gold, so that settings may be chosen by them.
`gold`: sentences of parallel text that the NER training set holds too; only Yoruba has any.
Entities of the English side, as the teacher tags it, faults included, are projected and set beside
the gold of the target. Nothing is chosen by it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from projection_data import gold, parallel_files
from spacy.tokens import Doc

from spacy_xner.corpora.conll import read_conll
from spacy_xner.corpora.raw import normal_form
from spacy_xner.evaluation.scores import bootstrap_interval, f1_from_counts, sentence_counts
from spacy_xner.projection.aligners import Alignment, EncoderAligner, SentencePair
from spacy_xner.projection.matching import MATCHERS, Match, Span
from spacy_xner.projection.parallel import iter_lines
from spacy_xner.projection.project import Projector
from spacy_xner.projection.states import PieceEncoder
from spacy_xner.tags import decode, iob2_from_spans, spans_from_iob2
from spacy_xner.teacher.sources import ProbabilitySource

METHODS = ("inter", "itermax", "mwmf")
UNITS = ("pieces", "words")
LAYERS = (4, 6, 8, 10, 12)
LIKE = 0.65


@dataclass(frozen=True)
class Setting:
    """One way to project.

    layer, method, unit: Of the alignment.
    matching (str): Of the entities.
    """

    layer: int = 8
    method: str = "itermax"
    unit: str = "pieces"
    matching: str = "exact"


class Remembered:
    """Encodes texts once; the ways to align them share what was found."""

    def __init__(self, encoder: Path, layer: int) -> None:
        self.layer = layer
        self._encoder = PieceEncoder(encoder, layer=layer)
        self.fingerprint = self._encoder.fingerprint
        self._found: list[tuple[np.ndarray, np.ndarray]] = []

    def __call__(self, texts: Sequence[Sequence[str]]) -> list[tuple[np.ndarray, np.ndarray]]:
        self._found = self._found or self._encoder(texts)
        return self._found


def settings(default: Setting) -> list[Setting]:
    """Give the default, and the ways that differ from it in one respect."""
    others = [
        *({"layer": layer} for layer in LAYERS),
        *({"method": method, "unit": unit} for method in METHODS for unit in UNITS),
        *({"matching": matching} for matching in MATCHERS),
    ]
    made = [Setting(**(vars(default) | other)) for other in others]
    return list(dict.fromkeys([default, *made]))


def measure(
    source: ProbabilitySource,
    encoder: Path,
    root: Path,
    targets: list[str],
    *,
    default: Setting,
    limit: int,
) -> Iterator[dict[str, Any]]:
    """Project by each setting and count.

    YIELDS (dict[str, Any]): What a row needs, as recipe, target, test_set, metric and value.
    """
    for lang in targets:
        pairs, tags = gold_pairs(source, root, lang, limit)
        yield from _measure(
            source, encoder, lang, some_pairs(source, root, lang, limit), None, default
        )
        if any(tag != "O" for one in tags for tag in one):
            yield from _measure(source, encoder, lang, pairs, tags, default)


def _measure(
    source: ProbabilitySource,
    encoder: Path,
    lang: str,
    pairs: list[SentencePair],
    tags: list[list[str]] | None,
    default: Setting,
) -> Iterator[dict[str, Any]]:
    probs = [np.asarray(rows) for rows in source.predict([pair.source for pair in pairs])]
    tagged = [spans_from_iob2(decode(rows, source.tagset)) for rows in probs]
    entities = [[(start, end) for start, end, _ in spans] for spans in tagged]
    labels = [[label for _, _, label in spans] for spans in tagged]
    aligned: dict[tuple[int, str, str], list[Alignment]] = {}
    states = Remembered(encoder, default.layer)
    # Layer by layer, so that each is computed once and one is in memory.
    for setting in sorted(settings(default), key=lambda one: one.layer):
        key = (setting.layer, setting.method, setting.unit)
        if key not in aligned:
            if setting.layer != states.layer:
                states = Remembered(encoder, setting.layer)
            aligner = EncoderAligner(states, method=setting.method, unit=setting.unit)
            aligned[key] = aligner(pairs)
        projector = Projector(source, lambda pairs: [], setting.matching)
        matches = projector.match(pairs, entities, aligned[key])
        row = {"recipe": "projection", "target": lang, **vars(setting)}
        row["default"] = setting == default
        if tags is not None:
            predicted = [
                iob2_from_spans(len(pair.target), _labelled(one, names))
                for pair, one, names in zip(pairs, matches, labels, strict=True)
            ]
            yield from _scores(row | {"test_set": "gold"}, sentence_counts(tags, predicted))
        else:
            for test_set, found in _names(pairs, entities, matches).items():
                if found:
                    value = {"value": 100 * float(np.mean(found)), "n": len(found)}
                    yield row | {"test_set": test_set, "metric": "recall", **value}


def _labelled(matches: list[Match], names: list[str]) -> list[tuple[int, int, str]]:
    return [(match.start, match.end, names[match.entity]) for match in matches]


def _scores(row: dict[str, Any], counts: np.ndarray) -> Iterator[dict[str, Any]]:
    right, predicted, wanted = counts.sum(axis=0).tolist()
    low, high = bootstrap_interval(counts)
    yield row | {
        "metric": "f1",
        "value": float(f1_from_counts(counts.sum(axis=0))),
        "low": low,
        "high": high,
    }
    for metric, of in (("precision", predicted), ("recall", wanted)):
        yield row | {"metric": metric, "value": 100 * right / max(1, of), "n": int(of)}


def _names(
    pairs: list[SentencePair], entities: list[list[Span]], matches: list[list[Match]]
) -> dict[str, list[bool]]:
    """Tell of names whose place in the target their spelling tells whether they were put there."""
    right: dict[str, list[bool]] = {"verbatim": [], "alike": []}
    for pair, spans, found in zip(pairs, entities, matches, strict=True):
        words = [token.text for token in pair.target]
        for number, (start, end) in enumerate(spans):
            name = [token.text for token in pair.source[start:end]]
            where = [(one.start, one.end) for one in found if one.entity == number]
            places = [i for i in range(len(words)) if words[i : i + len(name)] == name]
            if len(places) == 1:
                right["verbatim"].append(where == [(places[0], places[0] + len(name))])
            elif not places and len(name) == 1 and len(name[0]) > 3:
                like = [i for i, word in enumerate(words) if _is_like(name[0], word)]
                if len(like) == 1:
                    right["alike"].append(any(i <= like[0] < j for i, j in where))
    return right


def _is_like(name: str, word: str) -> bool:
    matcher = SequenceMatcher(None, name.lower(), word.lower())
    return matcher.quick_ratio() >= LIKE and matcher.ratio() >= LIKE


def _lines(root: Path, lang: str) -> Iterator[tuple[str, str]]:
    for files in parallel_files(root, lang):
        for source, target in zip(*map(iter_lines, files), strict=True):
            if source and target:
                yield source, target


def some_pairs(source: ProbabilitySource, root: Path, lang: str, limit: int) -> list[SentencePair]:
    """Give pairs spread over the parallel text of a language."""
    lines = list(_lines(root, lang))
    chosen = lines[:: max(1, len(lines) // limit)][:limit]
    make_doc = source.nlp.make_doc
    return [SentencePair(i, make_doc(s), make_doc(t)) for i, (s, t) in enumerate(chosen)]


def gold_pairs(
    source: ProbabilitySource, root: Path, lang: str, limit: int
) -> tuple[list[SentencePair], list[list[str]]]:
    """Give the pairs whose target is a sentence of the training set, in its words, and its tags."""
    sentences = {normal_form("".join(s.words)): s for s in read_conll(gold(root, lang, "train"))}
    pairs, tags = [], []
    vocab = spacy.blank("xx").vocab
    for text, target in _lines(root, lang):
        sentence = sentences.pop(normal_form(target), None)
        if sentence is not None and len(sentence.words) > 4 and len(pairs) < limit:
            doc = Doc(vocab, words=sentence.words)
            pairs.append(SentencePair(len(pairs), source.nlp.make_doc(text), doc))
            tags.append(sentence.tags)
    return pairs, tags
