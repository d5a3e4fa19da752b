"""What one view adds to the states of the text, and how far its gate is open."""

from collections.abc import Callable
from typing import Any, NamedTuple

from thinc.api import Dropout, Linear, Mish, Model, chain
from thinc.initializers import zero_init
from thinc.types import Floats2d

__all__ = ["Seen", "gated_view", "openness"]


class Seen(NamedTuple):
    """What a gate looks at.

    text (Floats2d): States of the text, tokens x width.
    view (Floats2d): Rows of the view, tokens x its width.
    mask (Floats2d): 1 where the view has something to say, else 0; tokens x 1.
    """

    text: Floats2d
    view: Floats2d
    mask: Floats2d


def gated_view(hidden: int) -> Model[Seen, Floats2d]:
    """Build the layer that projects a view and gates it, token by token.

    With z the view after a hidden layer: sigmoid(a [text; z] + b) * (U z + c), times the mask
    (after the gated multimodal unit of Arevalo et al. 2017). U and c begin as zeros, so that
    nothing is added before training.

    hidden (int): Width of the hidden layer.
    RETURNS (Model[Seen, Floats2d]): The layer; tokens x width of the text.
    """
    reads: Model = chain(Mish(nO=hidden), Dropout())
    return Model(
        "gated_view",
        forward,
        init=init,
        layers=[reads, Linear(nO=1, init_W=zero_init), Linear(nI=hidden, init_W=zero_init)],
        attrs={"hidden": hidden},
    )


def init(model: Model, X: Seen | None = None, Y: Any = None) -> None:
    reads, gate, adds = model.layers
    if X is not None:
        reads.initialize(X=X.view)
        gate.set_dim("nI", X.text.shape[1] + model.attrs["hidden"])
        adds.set_dim("nO", X.text.shape[1])
        gate.initialize()
        adds.initialize()


def openness(model: Model[Seen, Floats2d], seen: Seen) -> Floats2d:
    """Tell how far the gate is open.

    model (Model[Seen, Floats2d]): A gated view.
    seen (Seen): Text and view.
    RETURNS (Floats2d): From 0 to 1, tokens x 1; 0 where the view says nothing.
    """
    reads, gate, _ = model.layers
    z = reads.predict(seen.view)
    both = model.ops.xp.concatenate([seen.text, z], axis=1)
    return model.ops.sigmoid(gate.predict(both)) * seen.mask


def forward(
    model: Model[Seen, Floats2d], seen: Seen, is_train: bool
) -> tuple[Floats2d, Callable[[Floats2d], tuple[Floats2d, Floats2d]]]:
    reads, gate, adds = model.layers
    concatenate = model.ops.xp.concatenate
    z, back_z = reads(seen.view, is_train)
    logits, back_gate = gate(concatenate([seen.text, z], axis=1), is_train)
    added, back_added = adds(z, is_train)
    opened = model.ops.sigmoid(logits)
    share = opened * seen.mask

    def backprop(gradient: Floats2d) -> tuple[Floats2d, Floats2d]:
        d_z = back_added(gradient * share)
        d_opened = (gradient * added).sum(axis=1, keepdims=True) * seen.mask
        d_both = back_gate(d_opened * opened * (1 - opened))
        width = seen.text.shape[1]
        return d_both[:, :width], back_z(d_z + d_both[:, width:])

    return added * share, backprop
