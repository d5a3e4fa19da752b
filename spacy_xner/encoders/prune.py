"""Vocabulary pruning: the pieces that a text needs, and the embedding rows behind them."""

import json
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import XnerError
from .load import OFFSET_POSITIONS, load_tokenizer, quiet

__all__ = ["Needs", "needed_pieces", "prune_vocabulary"]

MAX_WORDS = 500_000
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True)
class Needs:
    """What a text needs of a vocabulary.

    ids (frozenset[int]): the pieces that the tokenizer emits for it.
    n_pieces (int): its length in pieces.
    n_unknown (int): those of them that are the unknown piece.
    """

    ids: frozenset[int]
    n_pieces: int
    n_unknown: int

    @property
    def unknown_share(self) -> float:
        """Give the share of unknown pieces.

        RETURNS (float): 0 to 1.
        """
        return self.n_unknown / max(self.n_pieces, 1)


def needed_pieces(tokenizer: Any, lines: Iterable[str]) -> Needs:
    """Collect every piece that a tokenizer emits for a text, and for its words without punctuation.

    Both count, because a pipeline gives its encoder words from which punctuation was split off.
    Tokenizers of this family cut a word without looking at its neighbours, so that each needs
    looking at once.

    tokenizer (transformers.PreTrainedTokenizerFast): the unpruned tokenizer.
    lines (Iterable[str]): lines of text.
    RETURNS (Needs): piece ids; counts are those of the text as it stands.
    """
    words: Counter[str] = Counter()
    needs = Needs(frozenset(), 0, 0)
    for line in lines:
        words.update(line.split(" "))
        # Text that only we write counts for the vocabulary, not for the share of unknown pieces.
        words.update(dict.fromkeys(line.translate(_spaced_punctuation()).split(" "), 0))
        if len(words) > MAX_WORDS:
            needs = _add(needs, tokenizer, words)
            words.clear()
    return _add(needs, tokenizer, words)


def _add(needs: Needs, tokenizer: Any, words: Counter[str]) -> Needs:
    unknown = tokenizer.unk_token_id
    ids = set(needs.ids)
    n_pieces, n_unknown = needs.n_pieces, needs.n_unknown
    encodings = tokenizer.backend_tokenizer.encode_batch(list(words), add_special_tokens=False)
    for encoding, count in zip(encodings, words.values(), strict=True):
        ids.update(encoding.ids)
        n_pieces += count * len(encoding.ids)
        n_unknown += count * encoding.ids.count(unknown)
    return Needs(frozenset(ids), n_pieces, n_unknown)


@cache
def _spaced_punctuation() -> dict[int, str]:
    points = range(sys.maxunicode + 1)
    return {p: f" {chr(p)} " for p in points if unicodedata.category(chr(p))[0] in "PS"}


def prune_vocabulary(tokenizer: Any, module: Any, ids: Iterable[int]) -> tuple[Any, Any]:
    """Reduce a tokenizer and its encoder to some pieces.

    Kept beside them are special tokens, and pieces of one character, so that any other word of the
    same script still splits into something. Unigram scores stay as they are: on text that the kept
    pieces cover, segmentation and outputs equal those of the unpruned encoder (Abdaoui et al. 2020,
    "Load What You Need", keep the most frequent pieces; here nothing given is lost).

    tokenizer (transformers.PreTrainedTokenizerFast): Unigram or WordPiece.
    module (transformers.PreTrainedModel): the encoder; its embedding table is cut in place.
    ids (Iterable[int]): the pieces to keep, see `needed_pieces`.
    RETURNS (tuple): the pruned tokenizer and the module.
    RAISES: XnerError for tokenizers of another kind, or with more ids than the encoder has rows.
    """
    data = json.loads(tokenizer.backend_tokenizer.to_str())
    kept = sorted(_always_kept(data) | _below_padding(module) | set(ids))
    rows = module.get_input_embeddings().num_embeddings
    if kept[-1] >= rows:
        raise XnerError(
            f"The tokenizer has a token of id {kept[-1]}, the encoder only {rows} embedding rows. "
            "Tokenizer and model are not of one make: fetch both anew from one place."
        )
    new = {old: i for i, old in enumerate(kept)}
    _remap_tokenizer(data, new)
    pruned = _rebuild(tokenizer, data, new)
    _slice_embeddings(module, kept, new)
    return pruned, module


def _always_kept(data: dict[str, Any]) -> set[int]:
    kept = {token["id"] for token in data["added_tokens"]}
    vocab = data["model"]["vocab"]
    kind = data["model"]["type"]
    if kind == "Unigram":
        kept.add(data["model"]["unk_id"])
        kept.update(i for i, (piece, _) in enumerate(vocab) if len(piece) == 1)
        # `tokenizers` scores an unknown character by the lowest score of the vocabulary.
        kept.add(min(range(len(vocab)), key=lambda i: vocab[i][1]))
        if data["model"].get("byte_fallback"):
            fallback = {f"<0x{byte:02X}>" for byte in range(256)}
            kept.update(i for i, (piece, _) in enumerate(vocab) if piece in fallback)
    elif kind == "WordPiece":
        kept.add(vocab[data["model"]["unk_token"]])
        prefix = data["model"]["continuing_subword_prefix"]
        kept.update(i for piece, i in vocab.items() if len(piece.removeprefix(prefix)) == 1)
    else:
        raise XnerError(
            f"The encoder's tokenizer is of the kind {kind}; pruning knows Unigram (XLM-R, mT5, "
            "mDeBERTa) and WordPiece (mBERT). Leave --keep-vocab-of away to keep all of it."
        )
    return kept


def _below_padding(module: Any) -> set[int]:
    """Ids whose loss would move the padding id, from which RoBERTa counts its positions."""
    config = module.config
    return set(range(config.pad_token_id)) if config.model_type in OFFSET_POSITIONS else set()


def _remap_tokenizer(data: dict[str, Any], new: dict[int, int]) -> None:
    model = data["model"]
    if model["type"] == "Unigram":
        model["vocab"] = [item for i, item in enumerate(model["vocab"]) if i in new]
        model["unk_id"] = new[model["unk_id"]]
    else:
        model["vocab"] = {piece: new[i] for piece, i in model["vocab"].items() if i in new}
    for token in data["added_tokens"]:
        token["id"] = new[token["id"]]
    data["padding"] = data["truncation"] = None
    if data.get("post_processor"):
        _remap_processor(data["post_processor"], new)


def _remap_processor(processor: dict[str, Any], new: dict[int, int]) -> None:
    for inner in processor.get("processors", ()):
        _remap_processor(inner, new)
    for name in ("sep", "cls"):  # BertProcessing, RobertaProcessing
        if name in processor:
            processor[name][1] = new[processor[name][1]]
    special = processor.get("special_tokens")  # TemplateProcessing
    for token in special.values() if isinstance(special, dict) else ():
        token["ids"] = [new[i] for i in token["ids"]]


def _rebuild(tokenizer: Any, data: dict[str, Any], new: dict[int, int]) -> Any:
    with tempfile.TemporaryDirectory() as name, quiet():
        folder = Path(name)
        # Without this argument a slow tokenizer's file of the whole vocabulary would come too.
        tokenizer.save_pretrained(name, legacy_format=False)
        for path in folder.iterdir():
            if path.name not in TOKENIZER_FILES:
                path.unlink()
        _write(folder / "tokenizer.json", data)
        config = json.loads((folder / "tokenizer_config.json").read_text("utf8"))
        if added := config.get("added_tokens_decoder"):
            config["added_tokens_decoder"] = {str(new[int(i)]): t for i, t in added.items()}
        _write(folder / "tokenizer_config.json", config)
        return load_tokenizer(folder)


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf8")


def _slice_embeddings(module: Any, kept: list[int], new: dict[int, int]) -> None:
    import torch

    embedding = module.get_input_embeddings()
    weight = embedding.weight
    rows = weight.detach()[torch.tensor(kept, device=weight.device)]
    embedding.weight = torch.nn.Parameter(rows, requires_grad=weight.requires_grad)
    embedding.num_embeddings = len(kept)
    if embedding.padding_idx is not None:
        embedding.padding_idx = new[embedding.padding_idx]
    config = module.config
    config.vocab_size = len(kept)
    for key in [key for key in vars(config) if key.endswith("_token_id")]:
        old = getattr(config, key)
        if isinstance(old, int):
            setattr(config, key, new.get(old))
