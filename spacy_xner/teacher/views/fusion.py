"""Text and views in one state a token: a gated sum.

In training whole views are dropped, and the text of tokens is mixed with that of others.
"""

from collections.abc import Callable, Sequence
from typing import Any, cast

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Floats2d

from ...errors import XnerError
from .gate import Seen, gated_view, openness

__all__ = ["NAME", "build_view_fusion_v1", "gates_of"]

NAME = "view_fusion"

DocsModel = Model[list[Doc], list[Floats2d]]


def build_view_fusion_v1(
    text: DocsModel,
    views: dict[str, Any],
    hidden: int = 64,
    view_dropout: float = 0.2,
    text_mixing: dict[str, float] = {},  # noqa: B006  (spaCy fills None in as an empty dict)
) -> DocsModel:
    """Build the layer that joins text and views: state of the text + sum of gate * projected view.

    Before training it gives the states of the text alone, so that a trained teacher can be gone on
    with (`spacy-xner.start_from_teacher.v1`). A view that is missing adds nothing.

    text (Model[List[Doc], List[Floats2d]]): Gives one vector a token; a listener or a layer.
    views (Dict[str, Model[List[Doc], List[Floats2d]]]): The views, by any names.
    hidden (int): Width of the hidden layer that reads a view.
    view_dropout (float): Share of documents for which a view is missing in training (modality
        dropout: Neverova et al. 2016), each view by itself.
    text_mixing (Dict[str, float]): For a view, share of tokens whose text is mixed in training with
        that of another token of the batch, by a weight that is drawn from 0 to 1 (after mixup:
        Zhang et al. 2018; their tags are not), and which no other view sees. So a view learns to
        speak where the text is unsure or wrong: for views that know the target language.
    RETURNS (Model[List[Doc], List[Floats2d]]): Tokens x width of the text.
    RAISES: XnerError: A share is not within 0 and 1, those of mixing add up to more, or are of no
        view.
    """
    if not 0 <= view_dropout < 1:
        raise XnerError(f"view_dropout is {view_dropout!r}; expected a share from 0 to below 1.")
    shares = text_mixing.values()
    if any(share < 0 for share in shares) or sum(shares) > 1 or not {*text_mixing} <= {*views}:
        raise XnerError(
            f"text_mixing is {text_mixing!r}; expected shares from 0, at most 1 together, of the "
            f"views {', '.join(views)}."
        )
    return Model(
        NAME,
        forward,
        init=init,
        layers=[text, *views.values(), *(gated_view(hidden) for _ in views)],
        dims={"nO": text.maybe_get_dim("nO")},
        attrs={
            "views": list(views),
            "view_dropout": view_dropout,
            "text_mixing": [text_mixing.get(name, 0.0) for name in views],
        },
    )


def init(model: DocsModel, X: list[Doc] | None = None, Y: Any = None) -> None:
    text, views, gates = _parts(model)
    text.initialize(X=X)
    for view in views:
        view.initialize(X=X)
    if X is None:
        return
    states = model.ops.xp.concatenate(text.predict(X))
    model.set_dim("nO", states.shape[1])
    for view, gate in zip(views, gates, strict=True):
        rows = model.ops.xp.concatenate(view.predict(X))
        gate.initialize(X=Seen(states, rows, _mask(model, rows)))


def _parts(model: DocsModel) -> tuple[DocsModel, list[DocsModel], list[Model[Seen, Floats2d]]]:
    n = len(model.attrs["views"])
    return model.layers[0], model.layers[1 : n + 1], model.layers[n + 1 :]


def _mask(model: Model, rows: Any) -> Floats2d:
    return cast(Floats2d, rows.any(axis=1)[:, None].astype("float32"))


def forward(
    model: DocsModel, docs: Sequence[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], Any]]:
    text, views, gates = _parts(model)
    docs = list(docs)
    lengths = [len(doc) for doc in docs]
    view_dropout = model.attrs["view_dropout"] if is_train else 0.0
    parts, back_text = text(docs, is_train)
    drawn = _drawn_for(model, sum(lengths), is_train)
    states, back_mixed = _mixed(model, _joined(model, parts), drawn < len(views))
    fused, backs = states, []
    for i, (view, gate) in enumerate(zip(views, gates, strict=True)):
        rows_of_docs, back_view = view(docs, is_train)
        rows = _joined(model, rows_of_docs)
        mask = _mask(model, rows) * _kept(model, lengths, view_dropout)
        mask *= ((drawn == i) | (drawn == len(views)))[:, None]
        added, back_gate = gate(Seen(states, rows, mask), is_train)
        fused = fused + added
        backs.append((back_view, back_gate))

    def backprop(gradients: list[Floats2d]) -> Any:
        gradient = d_states = _joined(model, gradients)
        for back_view, back_gate in backs:
            d_text, d_rows = back_gate(gradient)
            d_states = d_states + d_text
            back_view(_split(d_rows, lengths))
        return back_text(_split(back_mixed(d_states), lengths))

    return _split(fused, lengths), backprop


def _drawn_for(model: Model, tokens: int, is_train: bool) -> Any:
    """Draw for each token the view that its text is mixed for, or the number of views for none."""
    xp, rates = model.ops.xp, model.attrs["text_mixing"]
    if not is_train or not any(rates):
        return xp.full(tokens, len(rates))
    ends = xp.cumsum(xp.asarray(rates, dtype="float32"))
    return xp.searchsorted(ends, xp.random.uniform(0.0, 1.0, tokens), side="right")


def _mixed(model: Model, states: Any, hit: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Mix the states of the tokens that are hit with those of others; each is once the other."""
    if not hit.any():
        return states, lambda gradient: gradient
    xp, n = model.ops.xp, len(states)
    other = xp.random.permutation(n)
    share = hit[:, None] * xp.random.uniform(0.0, 1.0, (n, 1)).astype("float32")

    def backprop(gradient: Any) -> Any:
        d_states = gradient * (1 - share)
        d_states[other] += gradient * share
        return d_states

    return states * (1 - share) + states[other] * share, backprop


def gates_of(model: DocsModel, docs: Sequence[Doc]) -> list[Floats2d]:
    """Tell for each token how far the gate of each view is open.

    model (Model[List[Doc], List[Floats2d]]): The fusion.
    docs (Sequence[Doc]): Documents that the pipes before have seen.
    RETURNS (List[Floats2d]): From 0 to 1, tokens x views; 0 where a view says nothing.
    """
    text, views, gates = _parts(model)
    lengths, docs = [len(doc) for doc in docs], [doc for doc in docs if len(doc)]
    if not docs or not views:
        return [model.ops.alloc2f(length, len(views)) for length in lengths]
    states = _joined(model, text.predict(docs))
    columns = []
    for view, gate in zip(views, gates, strict=True):
        rows = _joined(model, view.predict(docs))
        columns.append(openness(gate, Seen(states, rows, _mask(model, rows))))
    return _split(model.ops.xp.concatenate(columns, axis=1), lengths)


def _kept(model: Model, lengths: Sequence[int], rate: float) -> Floats2d:
    """1 or, with the probability of the rate, 0 for each stretch; tokens x 1."""
    xp = model.ops.xp
    drawn = xp.random.uniform(0.0, 1.0, len(lengths)) >= rate
    return cast(Floats2d, xp.repeat(drawn, lengths).astype("float32")[:, None])


def _joined(model: Model, arrays: Sequence[Any]) -> Any:
    # Of a document without tokens some layers give an array without columns.
    full = [array for array in arrays if len(array)]
    return model.ops.xp.concatenate(full or arrays[:1]).astype("float32")


def _split(rows: Any, lengths: Sequence[int]) -> list[Any]:
    arrays, at = [], 0
    for length in lengths:
        arrays.append(rows[at : at + length])
        at += length
    return arrays
