"""An encoder and its tokenizer as bytes, without pickle: JSON and safetensors inside msgpack."""

import tempfile
from pathlib import Path
from typing import Any, cast

import srsly

from ..safety import check_file_name
from .load import encoder_class

__all__ = ["encoder_from_bytes", "encoder_to_bytes"]


def encoder_to_bytes(tokenizer: Any, module: Any) -> bytes:
    """Write an encoder to bytes.

    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    module (PreTrainedModel): The torch module.
    RETURNS (bytes): msgpack of the configuration, the tokenizer's files and the weights.
    """
    from safetensors.torch import save

    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    # Tied parameters share memory, which safetensors refuses: each is written by itself.
    weights = {name: tensor.contiguous().clone() for name, tensor in module.state_dict().items()}
    message = {
        "config": module.config.to_dict(),
        "tokenizer": files,
        "weights": save(weights),
    }
    return cast(bytes, srsly.msgpack_dumps(message))


def encoder_from_bytes(data: bytes) -> tuple[Any, Any]:
    """Read what `encoder_to_bytes` wrote.

    data (bytes): The bytes.
    RETURNS (Tuple[PreTrainedTokenizerFast, PreTrainedModel]): Tokenizer and module.
    RAISES: XnerError: A file of the tokenizer has a name that leads elsewhere.
    """
    from safetensors.torch import load
    from transformers import AutoConfig, AutoTokenizer

    message = srsly.msgpack_loads(data)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        srsly.write_json(folder / "config.json", message["config"])
        for file, content in message["tokenizer"].items():
            (folder / check_file_name(file, "A file of the tokenizer")).write_bytes(content)
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False)
    module = encoder_class(config)._from_config(config)
    module.load_state_dict(load(message["weights"]))
    return tokenizer, module
