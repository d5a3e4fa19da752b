"""Token classifier: any tok2vec, then one linear layer."""

from collections.abc import Callable
from typing import Any, cast

from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Model, chain, with_array
from thinc.initializers import glorot_uniform_init
from thinc.types import Floats2d

__all__ = ["build_token_classifier_v1"]


def build_token_classifier_v1(
    tok2vec: Model[list[Doc], list[Floats2d]],
    nO: int | None = None,
    dropout: float = 0.1,
    frozen_head: bool = False,
) -> Model[list[Doc], list[Floats2d]]:
    """Build a model that scores every tag of every token.

    tok2vec (Model[List[Doc], List[Floats2d]]): Gives one vector a token; a listener or a layer.
    nO (Optional[int]): Number of tags; usually set when the component is initialised.
    dropout (float): Share of a token's vector that is dropped in training.
    frozen_head (bool): Do not train the linear layer: what is below learns to speak its language.
        For views that are put on a trained teacher (`spacy-xner.start_from_teacher.v1`).
    RETURNS (Model[List[Doc], List[Floats2d]]): Scores (logits), one array a document, tokens x
        tags, columns in the order of the component's labels.
    """
    width = tok2vec.maybe_get_dim("nO")
    head: Model = Linear(nO, width, init_W=glorot_uniform_init)
    scores = frozen(head) if frozen_head else head
    model: Model[list[Doc], list[Floats2d]] = chain(
        tok2vec, with_array(chain(Dropout(dropout), scores))
    )
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output", head)
    return model


def frozen(head: Model[Floats2d, Floats2d]) -> Model[Floats2d, Floats2d]:
    """Wrap a linear layer so that gradients go through it and leave it as it is."""

    def init(model: Model, X: Any = None, Y: Any = None) -> None:
        head.initialize(X, Y)
        for name in dims:
            model.set_dim(name, head.get_dim(name))

    def forward(
        model: Model, X: Floats2d, is_train: bool
    ) -> tuple[Floats2d, Callable[[Floats2d], Floats2d]]:
        def backprop(gradient: Floats2d) -> Floats2d:
            return model.ops.gemm(gradient, cast(Floats2d, head.get_param("W")))

        return head.predict(X), backprop

    dims = {name: head.maybe_get_dim(name) for name in ("nO", "nI")}
    return Model("frozen", forward, init=init, layers=[head], dims=dims)
