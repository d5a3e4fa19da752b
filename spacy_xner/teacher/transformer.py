"""A transformer for the `transformer` pipe of spacy-transformers: frozen where the config says so,
bf16 where the machine has it, long documents read in overlapping windows.

The pipe, its listeners and `doc._.trf_data` stay those of spacy-transformers; what differs is the
layer inside. In place of a padded batch of pieces it hands on one state a token: that of the
token's first piece that holds a character.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import srsly
import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, TransformerData, WordpieceBatch
from thinc.api import Model, PyTorchShim, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats2d, Ragged
from transformers.utils.generic import ModelOutput

from ..encoders.load import load_encoder
from ..encoders.serialize import encoder_from_bytes, encoder_to_bytes
from ..errors import XnerError
from .batches import BATCH_PIECES, WORTHWHILE, run_batch, windows_of
from .precision import autocast_type
from .windows import Window, WordPieces, batch_windows

__all__ = ["TokenStates", "build_transformer_model_v1"]


def build_transformer_model_v1(
    name: str,
    frozen: list[str] = ["embeddings"],  # noqa: B006  (spaCy fills None in as an empty list)
    precision: str = "auto",
    max_length: int = 256,
    overlap: int = 64,
) -> Model[list[Doc], FullTransformerBatch]:
    """Build the encoder layer of a `transformer` pipe.

    name (str): Folder of the encoder, or its name on the Hugging Face Hub.
    frozen (List[str]): Beginnings of parameter names that are not trained, such as "embeddings".
    precision (str): "fp32", "bf16" or "auto" (bf16 where the processor or GPU computes in it).
    max_length (int): Pieces in a window at most; never more than the encoder has positions.
    overlap (int): Pieces shared by neighbouring windows of a long document.
    RETURNS (Model[List[Doc], FullTransformerBatch]): The layer.
    RAISES: XnerError: `overlap` leaves no room in a window, or `precision` is unknown.
    """
    if not 0 <= overlap < max_length - 2:
        raise XnerError(
            f"components.transformer.model.overlap is {overlap}; expected a number from 0 to "
            f"max_length - 3 ({max_length - 3})."
        )
    autocast_type(precision, torch.device("cpu"))
    return Model(
        "xner_transformer",
        forward,
        init=init,
        shims=[EncoderShim(None)],
        dims={"nO": None},
        attrs={
            "name": str(name),
            "frozen": list(frozen),
            "precision": precision,
            "max_length": max_length,
            "overlap": overlap,
        },
    )


class EncoderShim(PyTorchShim):
    """Holds the tokenizer beside the torch module; saves both without pickle."""

    def __init__(self, module: Any, tokenizer: Any = None) -> None:
        super().__init__(module)
        self.tokenizer = tokenizer
        self.pieces: WordPieces | None = None

    def set_encoder(self, tokenizer: Any, module: Any) -> None:
        self.tokenizer, self._model = tokenizer, module.to(get_torch_default_device())
        _drop_nothing(self._model)
        self.pieces = WordPieces(tokenizer, skip_mark=True)

    def to_bytes(self) -> bytes:
        if self._model is None:
            return cast(bytes, srsly.msgpack_dumps({}))
        return encoder_to_bytes(self.tokenizer, self._model)

    def from_bytes(self, bytes_data: bytes) -> "EncoderShim":
        if len(bytes_data) > 1:
            self.set_encoder(*encoder_from_bytes(bytes_data))
        return self


def init(model: Model, X: Any = None, Y: Any = None) -> None:
    shim = cast(EncoderShim, model.shims[0])
    if shim._model is None:
        shim.set_encoder(*load_encoder(model.attrs["name"]))
    model.set_dim("nO", shim._model.config.hidden_size)
    freeze(model)


def freeze(model: Model) -> None:
    """Switch the gradient of the parameters that the config names off.

    RAISES: XnerError: The encoder has no parameter of such a name.
    """
    module = model.shims[0]._model
    table = module.get_input_embeddings().weight
    unused = set(model.attrs["frozen"])
    for name, parameter in module.named_parameters():
        matches = {start for start in model.attrs["frozen"] if name.startswith(start)}
        # BERT and XLM-R keep the table of pieces in `embeddings`; mT5 calls it otherwise.
        if parameter is table and "embeddings" in model.attrs["frozen"]:
            matches.add("embeddings")
        unused -= matches
        parameter.requires_grad_(not matches)
    if unused:
        first = ", ".join(sorted({n.rpartition(".")[0] for n, _ in module.named_parameters()})[:4])
        raise XnerError(
            f"components.transformer.model.frozen names {', '.join(sorted(unused))}, but no "
            f"parameter of the encoder begins so. Expected the beginning of a name such as {first}."
        )


def _drop_nothing(module: torch.nn.Module) -> None:
    # Drawing the masks inside the encoder took 28% of a training step on a CPU; what dropout a
    # fine-tuning of three epochs needs is in the classifier's own layer.
    for layer in module.modules():
        if isinstance(layer, torch.nn.Dropout):
            layer.p = 0.0
        for name in ("dropout", "dropout_prob"):  # T5, BERT: rates outside a Dropout layer
            if isinstance(getattr(layer, name, None), float):
                setattr(layer, name, 0.0)


@dataclass
class TokenStates(FullTransformerBatch):
    """A batch of encoder output with one row a token, in the form that spacy-transformers expects.

    states (List[Floats2d]): One array a document, tokens x width.
    """

    states: list[Floats2d] = field(default_factory=list)

    @property
    def doc_data(self) -> list[TransformerData]:
        if self.cached_doc_data is None:
            self.cached_doc_data = [_doc_data(states) for states in self.states]
        return self.cached_doc_data

    def unsplit_by_doc(self, arrays: list[list[Any]]) -> "TokenStates":
        """Collect gradients; spacy-transformers leaves documents without tokens out."""
        gradients = iter(arrays)
        states = [
            next(gradients)[0].reshape(rows.shape) if len(rows) else rows for rows in self.states
        ]
        return token_states(states)


def token_states(states: list[Floats2d]) -> TokenStates:
    empty = FullTransformerBatch.empty(0)
    return TokenStates(
        spans=[],
        wordpieces=empty.wordpieces,
        model_output=empty.model_output,
        align=empty.align,
        states=states,
    )


def _doc_data(states: Floats2d) -> TransformerData:
    n = len(states)
    if not n:
        return TransformerData.empty()
    return TransformerData(
        wordpieces=WordpieceBatch.empty(),
        model_output=ModelOutput(last_hidden_state=cast(Any, states)[None]),
        align=Ragged(cast(Any, np.arange(n, dtype="i")), cast(Any, np.ones(n, dtype="i"))),
    )


def forward(
    model: Model, docs: Sequence[Doc], is_train: bool
) -> tuple[FullTransformerBatch, Callable]:
    shim = cast(EncoderShim, model.shims[0])
    if shim.pieces is None:
        raise XnerError(
            "The transformer has no encoder yet. Call `nlp.initialize`, or load a trained pipeline."
        )
    if is_train:
        freeze(model)
    shim._model.train(is_train)
    windows = windows_of(
        shim._model,
        shim.pieces,
        docs,
        max_length=model.attrs["max_length"],
        overlap=model.attrs["overlap"],
    )
    pad, precision = shim.tokenizer.pad_token_id, model.attrs["precision"]
    rows: list[tuple[list[Window], torch.Tensor]] = []
    with torch.set_grad_enabled(is_train):
        for batch in batch_windows(windows, BATCH_PIECES, WORTHWHILE[is_train]):
            rows.append((batch, run_batch(shim._model, batch, pad=pad, precision=precision)))
    states: list[Any] = [model.ops.alloc2f(len(doc), model.get_dim("nO")) for doc in docs]
    for batch, output in rows:
        array = torch2xp(output.detach())
        at = 0
        for window in batch:
            states[window.doc][window.words] = array[at : at + len(window.words)]
            at += len(window.words)

    def backprop(d_batch: TokenStates) -> Sequence[Doc]:
        d_states: list[Any] = d_batch.states
        gradients = [
            xp2torch(
                model.ops.xp.concatenate([d_states[w.doc][w.words] for w in batch]),
                device=output.device,
            )
            for batch, output in rows
        ]
        trained = [i for i, (_, output) in enumerate(rows) if output.requires_grad]
        if trained:
            torch.autograd.backward([rows[i][1] for i in trained], [gradients[i] for i in trained])
        return docs

    return token_states(states), backprop
