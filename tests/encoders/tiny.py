"""Tiny random encoders of four families, with tokenizers trained on given texts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

WIDTH = 32
LAYERS = 2
HEADS = 4
FEED_FORWARD = 64
MAX_PIECES = 128
VOCABULARY = 400

KINDS = ("xlm-roberta", "bert", "deberta-v2", "mt5")


def make_tiny(kind: str, path: Path, texts: Iterable[str], *, vocabulary: int = VOCABULARY) -> Path:
    """Write a random encoder as a hub would hold it; mT5 with its decoder.

    kind (str): one of `KINDS`.
    path (Path): the folder to make.
    texts (Iterable[str]): what the tokenizer is trained on.
    vocabulary (int): number of pieces aimed at.
    RETURNS (Path): the folder.
    """
    import torch

    tokenizer = {
        "xlm-roberta": _xlm_roberta_tokenizer,
        "bert": _bert_tokenizer,
        "deberta-v2": _deberta_tokenizer,
        "mt5": _mt5_tokenizer,
    }[kind](list(texts), vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = _model(kind, tokenizer)
        with torch.no_grad():
            # As drawn, all rows of a table are nearly equal once normalised.
            model.get_input_embeddings().weight.normal_()
    model.save_pretrained(path, safe_serialization=True)
    tokenizer.save_pretrained(path)
    return Path(path)


def _model(kind: str, tokenizer: Any) -> Any:
    import transformers as hf

    ids = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.cls_token_id,
        "eos_token_id": tokenizer.sep_token_id,
    }
    shape = {
        "vocab_size": len(tokenizer) + 3,  # as real ones, more rows than pieces
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": FEED_FORWARD,
        "max_position_embeddings": MAX_PIECES,
        "type_vocab_size": 1,
    }
    if kind == "bert":
        return hf.BertModel(hf.BertConfig(**shape, **ids))
    if kind == "xlm-roberta":
        shape["max_position_embeddings"] = MAX_PIECES + 2
        return hf.XLMRobertaModel(hf.XLMRobertaConfig(**shape, **ids))
    if kind == "deberta-v2":
        config = hf.DebertaV2Config(
            **shape | {"type_vocab_size": 0},
            **ids,
            relative_attention=True,
            pos_att_type=["p2c", "c2p"],
            position_buckets=16,
            share_att_key=True,
            norm_rel_ebd="layer_norm",
            position_biased_input=False,
        )
        return hf.DebertaV2Model(config)
    config = hf.MT5Config(
        vocab_size=shape["vocab_size"],
        d_model=WIDTH,
        d_kv=WIDTH // HEADS,
        d_ff=FEED_FORWARD,
        num_layers=LAYERS,
        num_heads=HEADS,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    return hf.MT5ForConditionalGeneration(config)


def _unigram(texts: list[str], vocabulary: int, special: list[str], unknown: str) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=vocabulary, special_tokens=special, unk_token=unknown, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _frame(tokenizer: Any, template: str, tokens: list[str]) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer.post_processor = TemplateProcessing(
        single=template, special_tokens=[(token, tokenizer.token_to_id(token)) for token in tokens]
    )


def _xlm_roberta_tokenizer(texts: list[str], vocabulary: int) -> Any:
    from transformers import XLMRobertaTokenizerFast

    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = _unigram(texts, vocabulary, special, "<unk>")
    _frame(tokenizer, "<s> $A </s>", ["<s>", "</s>"])
    return XLMRobertaTokenizerFast(tokenizer_object=tokenizer, model_max_length=MAX_PIECES)


def _deberta_tokenizer(texts: list[str], vocabulary: int) -> Any:
    from transformers import DebertaV2TokenizerFast

    tokenizer = _unigram(texts, vocabulary, ["[PAD]", "[CLS]", "[SEP]", "[UNK]"], "[UNK]")
    _frame(tokenizer, "[CLS] $A [SEP]", ["[CLS]", "[SEP]"])
    # [MASK] comes after all pieces, in no vocabulary but that of added tokens, as in mDeBERTa.
    return DebertaV2TokenizerFast(tokenizer_object=tokenizer, model_max_length=MAX_PIECES)


def _mt5_tokenizer(texts: list[str], vocabulary: int) -> Any:
    from transformers import T5TokenizerFast

    tokenizer = _unigram(texts, vocabulary, ["<pad>", "</s>", "<unk>"], "<unk>")
    _frame(tokenizer, "$A </s>", ["</s>"])
    return T5TokenizerFast(tokenizer_object=tokenizer, extra_ids=0, model_max_length=MAX_PIECES)


def _bert_tokenizer(texts: list[str], vocabulary: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import BertTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    _frame(tokenizer, "[CLS] $A [SEP]", ["[CLS]", "[SEP]"])
    return BertTokenizerFast(
        tokenizer_object=tokenizer,
        do_lower_case=False,
        strip_accents=False,
        model_max_length=MAX_PIECES,
    )
