"""A transformer for the `transformer` pipe of spacy-transformers: frozen where the config says so,
bf16 where the machine has it, long documents read in overlapping windows.

The pipe, its listeners and `doc._.trf_data` stay those of spacy-transformers; what differs is the
layer inside. In place of a padded batch of pieces it hands on one state a token: that of the
token's first piece that holds a character.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import srsly
import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, TransformerData, WordpieceBatch
from thinc.api import Model, Optimizer, PyTorchShim, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats2d, Ragged
from transformers.utils.generic import ModelOutput

from ..encoders.load import load_encoder
from ..encoders.serialize import encoder_from_bytes, encoder_to_bytes
from ..errors import XnerError
from .batches import in_streams, run_batches, windows_of
from .precision import autocast_type
from .windows import Window, WordPieces

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
    """Holds the tokenizer beside the torch module; saves both without pickle.

    The module keeps float32 weights. Where it computes in bf16, it is a copy that does, made anew
    whenever the weights have changed: casting them for each batch cost a fifth of the time.
    """

    def __init__(self, module: Any, tokenizer: Any = None) -> None:
        super().__init__(module)
        self.tokenizer = tokenizer
        self.pieces: WordPieces | None = None
        self._cast: Any = None
        self.stale = True

    def set_encoder(self, tokenizer: Any, module: Any) -> None:
        self.tokenizer, self._model = tokenizer, module.to(get_torch_default_device())
        _drop_nothing(self._model)
        self.pieces = WordPieces(tokenizer, skip_mark=True)
        self._cast, self.stale = None, True

    def computing(self, precision: str) -> Any:
        """Give the module that computes in a precision: itself, or its copy.

        precision (str): See `autocast_type`.
        RETURNS (PreTrainedModel): Its parameters follow those of the module one by one.
        """
        dtype = autocast_type(precision, self.device)
        if dtype is None:
            return self._model
        if self._cast is None or self._cast.dtype != dtype:
            self._cast = copy.deepcopy(self._model).to(dtype)
        for theirs, ours in self._pairs(self._cast) if self.stale else ():
            with torch.no_grad():
                theirs.copy_(ours)
            theirs.requires_grad_(ours.requires_grad)
        self.stale = False
        return self._cast

    def add_gradients(
        self, module: Any, gradients: Sequence[Sequence[torch.Tensor | None]]
    ) -> None:
        """Add gradients of the trained parameters to those of the float32 weights.

        module (PreTrainedModel): What `computing` gave.
        gradients (Sequence[Sequence[Optional[torch.Tensor]]]): For each batch, one a parameter of
            the module that is trained; None where it had no part in the output.
        """
        trained = [ours for theirs, ours in self._pairs(module) if theirs.requires_grad]
        for parts in gradients:
            for parameter, part in zip(trained, parts, strict=True):
                if part is None:
                    continue
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                parameter.grad.add_(part)

    def _pairs(self, module: Any) -> Iterator[tuple[Any, Any]]:
        return zip(module.parameters(), self._model.parameters(), strict=True)

    def finish_update(self, optimizer: Optimizer) -> None:
        super().finish_update(optimizer)
        self.stale = True

    @contextmanager
    def use_params(self, params: dict[Any, Any]) -> Iterator[None]:
        self.stale = True
        with super().use_params(params):
            yield
        self.stale = True

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
        shim.stale = True  # the copy that computes learns what is frozen
    module = shim.computing(model.attrs["precision"])
    module.train(is_train)
    windows = windows_of(
        module,
        shim.pieces,
        docs,
        max_length=model.attrs["max_length"],
        overlap=model.attrs["overlap"],
    )
    with torch.set_grad_enabled(is_train):
        batches = run_batches(module, windows, pad=shim.tokenizer.pad_token_id)
    states: list[Any] = [model.ops.alloc2f(len(doc), model.get_dim("nO")) for doc in docs]
    for batch, output in batches:
        array = torch2xp(output.detach().float())
        at = 0
        for window in batch:
            words = model.ops.xp.asarray(window.words)
            states[window.doc][words] = array[at : at + len(window.words)]
            at += len(window.words)

    def backprop(d_batch: TokenStates) -> Sequence[Doc]:
        d_states: list[Any] = d_batch.states
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]

        def gradients_of(batch_output: tuple[list[Window], torch.Tensor]) -> Any:
            batch, output = batch_output
            parts = [d_states[w.doc][model.ops.xp.asarray(w.words)] for w in batch]
            rows = model.ops.xp.concatenate(parts)
            gradient = xp2torch(rows, device=output.device).to(output.dtype)
            return torch.autograd.grad([output], trained, [gradient], allow_unused=True)

        # A pooler may be trained and yet have no part in states whose layers are all frozen.
        if any(output.requires_grad for _, output in batches):
            shim.add_gradients(module, in_streams(gradients_of, batches, module.device))
        return docs

    return token_states(states), backprop
