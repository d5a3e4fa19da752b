"""A Hugging Face token classifier as a source of probabilities."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import spacy
import torch
from safetensors import SafetensorError
from spacy.tokens import Doc
from thinc.api import get_torch_default_device
from thinc.types import Floats2d
from transformers import AutoModelForTokenClassification

from ..corpora.manifest import Tags
from ..encoders.load import load_tokenizer, quiet
from ..errors import XnerError
from .batches import run_batches, windows_of
from .label_maps import LabelMap
from .precision import autocast_type
from .windows import WordPieces

__all__ = ["TokenClassifierSource", "load_classifier", "load_token_classifier"]


def load_token_classifier(path: Path) -> tuple[Any, Any]:
    """Load the folder of a token classifier; see `load_classifier`."""
    return load_classifier(path, AutoModelForTokenClassification)


def load_classifier(path: Path, auto: Any) -> tuple[Any, Any]:
    """Load the folder of a classifier.

    path (Path): The folder.
    auto (type): The class that knows its architectures, such as `AutoModelForTokenClassification`.
    RETURNS (Tuple[PreTrainedModel, PreTrainedTokenizerFast]): Module and tokenizer.
    RAISES: XnerError: Weights are missing, pickled or incomplete, or there is no fast tokenizer.
    """
    kind = "sequence classifier" if "Sequence" in auto.__name__ else "token classifier"
    if not any(path.glob("*.safetensors")):
        raise XnerError(
            f"{path} has no *.safetensors, and other weights are pickles, which can run any code "
            'when they are read. If you trust it, convert it once: python -c "from transformers '
            f"import {auto.__name__} as M; M.from_pretrained('{path}')"
            f".save_pretrained('{path}', safe_serialization=True)\""
        )
    try:
        with quiet():
            tokenizer = load_tokenizer(path)
            module, info = auto.from_pretrained(
                str(path),
                use_safetensors=True,
                trust_remote_code=False,
                torch_dtype=torch.float32,
                output_loading_info=True,
            )
    except XnerError:
        raise
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise XnerError(f"{path} does not load as a {kind}: {error}") from error
    if missing := sorted(info["missing_keys"]):
        raise XnerError(
            f"The weights of {path} lack {len(missing)} tensors of {type(module).__name__}, among "
            f"them {missing[0]}. It may be an encoder that was never trained to classify, "
            "or an incomplete download."
        )
    return module, tokenizer


class TokenClassifierSource:
    """A Hugging Face token classifier; see `ProbabilitySource`.

    module (PreTrainedModel): Gives logits for each piece.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    labels (LabelMap): From its labels to IOB2.
    fingerprint (str): Hex digest of the model.
    precision (str): "auto", "fp32" or "bf16".
    max_length (int): Pieces in a window at most.
    overlap (int): Pieces shared by neighbouring windows of a long document.
    """

    def __init__(
        self,
        module: Any,
        tokenizer: Any,
        labels: LabelMap,
        fingerprint: str,
        *,
        precision: str = "auto",
        max_length: int = 256,
        overlap: int = 64,
    ) -> None:
        device = get_torch_default_device()
        dtype = autocast_type(precision, device) or torch.float32
        self.nlp = spacy.blank("xx")
        self.tagset: Tags = labels.tagset
        self.fingerprint = fingerprint
        self._module, self._labels = module.to(device, dtype).eval(), labels
        self.tokenizer = tokenizer
        self._pieces = WordPieces(tokenizer)
        self._pad = tokenizer.pad_token_id
        self._max_length, self._overlap = max_length, overlap

    def predict(self, docs: Sequence[Doc]) -> list[Floats2d]:
        """Give one float32 array a document, tokens x tags, rows summing to 1."""
        windows = windows_of(
            self._module,
            self._pieces,
            docs,
            max_length=self._max_length,
            overlap=self._overlap,
        )
        n_labels = self._module.config.num_labels
        found = [np.zeros((len(doc), n_labels), dtype="float32") for doc in docs]
        with torch.inference_mode():
            batches = run_batches(self._module, windows, pad=self._pad, output="logits")
        for batch, logits in batches:
            ends = np.cumsum([len(window.words) for window in batch])[:-1]
            rows = np.split(logits.float().softmax(dim=1).cpu().numpy(), ends)
            for window, of_window in zip(batch, rows, strict=True):
                found[window.doc][window.words] = of_window
        return [cast(Floats2d, self._labels(probabilities)) for probabilities in found]
