"""Features of a source and a target language that may tell how well one transfers to the other."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import XnerError
from ..teacher.states import States, encode
from . import overlap, similarity
from .languages import LanguageText, parallel_text

__all__ = ["FEATURES", "Feature", "Measured", "measure", "plain_name"]

Pair = tuple[str, str]
SENTENCES = 500


@dataclass(frozen=True)
class Feature:
    """What a column of features is.

    name (str): Its name; a layered one is followed by "@" and the layer.
    unit (str): Range and unit.
    function (Callable): Whose docstring has the definition and its source.
    labels (bool): It looks at labels of the target: fit for explanation, never for prediction.
    parallel (bool): It needs parallel text.
    layered (bool): There is one for each layer of the encoder.
    """

    name: str
    unit: str
    function: Callable[..., Any]
    labels: bool = False
    parallel: bool = False
    layered: bool = False


FEATURES = {
    feature.name: feature
    for feature in (
        Feature("mean_cosine", "cosine, -1 to 1", similarity.mean_cosine, layered=True),
        Feature("neighbours", "share, 0 to 1", similarity.neighbour_shares, layered=True),
        Feature(
            "cosine_gap", "cosines, -2 to 2", similarity.cosine_gap, parallel=True, layered=True
        ),
        Feature("p1", "share, 0 to 1", similarity.retrieval_p1, parallel=True, layered=True),
        Feature("csls_p1", "share, 0 to 1", similarity.csls_p1, parallel=True, layered=True),
        Feature("cka", "0 to 1", similarity.linear_cka, parallel=True, layered=True),
        Feature("word_overlap", "0 to 0.5", overlap.type_overlap),
        Feature("piece_overlap", "0 to 0.5", overlap.type_overlap),
        Feature("entity_hits", "mentions for each 1,000 words", overlap.entity_hits),
        Feature("tagged_overlap", "0 to 0.5", overlap.tagged_overlap),
        Feature("script_overlap", "share, 0 to 1", overlap.script_overlap),
        Feature("piece_gap", "|log2 of a ratio|, 0 or more", overlap.piece_gap),
        Feature("fertility", "pieces a word of the target", overlap.lexicon_of),
        Feature("unknown", "share of the target's pieces, 0 to 1", overlap.lexicon_of),
        Feature("labelled_overlap", "0 to 0.5", overlap.type_overlap, labels=True),
    )
}


def plain_name(column: str) -> str:
    """Give the feature behind a column, whose name may end in a layer.

    column (str): Such as "mean_cosine@8".
    RETURNS (str): Such as "mean_cosine", a key of `FEATURES`.
    RAISES: XnerError for a name that is no feature's.
    """
    name = column.partition("@")[0]
    if name not in FEATURES:
        raise XnerError(f"There is no feature {name!r}; expected one of {', '.join(FEATURES)}.")
    return name


@dataclass(frozen=True)
class Measured:
    """Features of language pairs.

    encoder (str): The encoder that they were taken with.
    layers (int): Its layers, the embeddings among them.
    values (dict[Pair, dict[str, float]]): Columns by (source, target); a column is missing where it
        could not be measured.
    """

    encoder: str
    layers: int
    values: dict[Pair, dict[str, float]]

    def layer(self, wanted: int | None = None) -> int:
        """Choose a layer: nobody knows the best one of a new language.

        wanted (int | None): The layer; two thirds up if not given.
        RETURNS (int): It.
        RAISES: XnerError where the encoder has none of that number.
        """
        layer = round(2 * (self.layers - 1) / 3) if wanted is None else wanted
        if not 0 <= layer < self.layers:
            raise XnerError(f"--layer {layer}: the encoder has layers 0 to {self.layers - 1}.")
        return layer

    def to_json(self) -> dict[str, Any]:
        """RETURNS (dict[str, Any]): What `from_json` reads."""
        pairs = [{"source": s, "target": t, **each} for (s, t), each in self.values.items()]
        return {"encoder": self.encoder, "layers": self.layers, "pairs": pairs}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Measured":
        """Read what `to_json` gave.

        data (Mapping[str, Any]): The object.
        RETURNS (Measured): The features.
        RAISES: XnerError where it is another kind of object.
        """
        try:
            values = {
                (pair["source"], pair["target"]): {
                    key: float(value) for key, value in pair.items() if key not in _KEYS
                }
                for pair in data["pairs"]
            }
            return cls(str(data["encoder"]), int(data["layers"]), values)
        except (KeyError, TypeError, ValueError) as error:
            raise XnerError(
                f"These are no features ({type(error).__name__}: {error}); expected the JSON that "
                "`spacy xner analyze --save-features` wrote."
            ) from None


_KEYS = ("source", "target")


def measure(
    languages: Mapping[str, LanguageText],
    pairs: Iterable[Pair],
    encoder: Path | str,
    *,
    parallel: Path | str | None = None,
    labels: bool = False,
    sentences: int = SENTENCES,
    note: Callable[[str], Any] = lambda text: None,
) -> Measured:
    """Measure every feature of pairs of languages.

    languages (Mapping[str, LanguageText]): Text by language.
    pairs (Iterable[Pair]): (source, target) to measure; both in `languages`.
    encoder (Path | str): Folder of an encoder.
    parallel (Path | str | None): Folder of parallel text, see `parallel_text`.
    labels (bool): Also measure what looks at labels of the target.
    sentences (int): Texts of each language, and parallel pairs, that are encoded.
    note (Callable[[str], Any]): Told what is being done.
    RETURNS (Measured): The features.
    RAISES: XnerError where a language has no text, or the encoder does not load.
    """
    from ..encoders.load import load_encoder

    pairs = list(pairs)
    if missing := sorted({name for pair in pairs for name in pair} - set(languages)):
        raise XnerError(f"There is no text of {', '.join(missing)}: give it with --texts.")
    tokenizer, module = load_encoder(encoder)
    states: dict[str, States] = {}
    lexicons = {}
    for name in sorted({name for pair in pairs for name in pair}):
        note(f"encode {name}")
        states[name] = encode(tokenizer, module, languages[name].texts[:sentences])
        lexicons[name] = overlap.lexicon_of(languages[name].texts, tokenizer)
    values = {
        (source, target): _unlayered(
            languages[source], languages[target], lexicons[source], lexicons[target], labels
        )
        | _per_layer("mean_cosine", similarity.mean_cosine, states[source], states[target])
        for source, target in pairs
    }
    for target in {target for _, target in pairs}:
        note(f"neighbours of {target}")
        _add_neighbours(values, states, target)
    if parallel is not None:
        for pair, both in _parallel_states(parallel, pairs, tokenizer, module, sentences, note):
            values[pair] |= _parallel(*both)
    return Measured(Path(encoder).name, next(iter(states.values())).layers, values)


MIN_PARALLEL = 50


def _parallel_states(
    parallel: Path | str,
    pairs: Iterable[Pair],
    tokenizer: Any,
    module: Any,
    sentences: int,
    note: Callable[[str], Any],
) -> Iterator[tuple[Pair, tuple[States, States]]]:
    """Encode parallel text, of each pair of which there is enough; both ways it is the same."""
    seen: dict[frozenset[str], dict[str, States]] = {}
    for pair in pairs:
        texts = parallel_text(parallel, *pair, limit=sentences)
        if len(texts[0]) < MIN_PARALLEL:
            continue
        if frozenset(pair) not in seen:
            note(f"parallel {'-'.join(pair)}")
            seen[frozenset(pair)] = {
                name: encode(tokenizer, module, each, max_tokens=1)
                for name, each in zip(pair, texts, strict=True)
            }
        found = seen[frozenset(pair)]
        yield pair, (found[pair[0]], found[pair[1]])


def _unlayered(
    source: LanguageText,
    target: LanguageText,
    ours: overlap.Lexicon,
    theirs: overlap.Lexicon,
    labels: bool,
) -> dict[str, float]:
    found = {
        "word_overlap": overlap.type_overlap(ours.words, theirs.words),
        "piece_overlap": overlap.type_overlap(ours.pieces, theirs.pieces),
        "script_overlap": overlap.script_overlap(ours, theirs),
        "piece_gap": overlap.piece_gap(ours, theirs),
        "fertility": theirs.fertility,
        "unknown": theirs.unknown,
    }
    if source.mentions is not None:
        found["entity_hits"] = overlap.entity_hits(set(source.mentions), target.texts)
        if labels and target.mentions:
            found["labelled_overlap"] = overlap.type_overlap(source.mentions, target.mentions)
    if source.found is not None and target.found is not None:
        found["tagged_overlap"] = overlap.tagged_overlap(source.found, target.found)
    return found


def _per_layer(
    name: str, function: Callable[..., float], source: States, target: States
) -> dict[str, float]:
    return {
        f"{name}@{layer}": function(source.sentences[layer], target.sentences[layer])
        for layer in range(source.layers)
    }


def _add_neighbours(
    values: dict[Pair, dict[str, float]], states: Mapping[str, States], target: str
) -> None:
    sources = [source for source, other in values if other == target]
    for layer in range(states[target].layers):
        pool = {source: states[source].tokens[layer] for source in sources}
        for source, share in similarity.neighbour_shares(
            pool, states[target].tokens[layer]
        ).items():
            values[source, target][f"neighbours@{layer}"] = share


def _parallel(source: States, target: States) -> dict[str, float]:
    found: dict[str, float] = {}
    for feature in FEATURES.values():
        if feature.parallel:
            found |= _per_layer(feature.name, feature.function, source, target)
    return found
