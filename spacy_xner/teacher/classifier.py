"""Token classifier: any tok2vec, then one linear layer."""

from spacy.tokens import Doc
from thinc.api import Dropout, Linear, Model, chain, with_array
from thinc.initializers import glorot_uniform_init
from thinc.types import Floats2d

__all__ = ["build_token_classifier_v1"]


def build_token_classifier_v1(
    tok2vec: Model[list[Doc], list[Floats2d]], nO: int | None = None, dropout: float = 0.1
) -> Model[list[Doc], list[Floats2d]]:
    """Build a model that scores every tag of every token.

    tok2vec (Model[List[Doc], List[Floats2d]]): Gives one vector a token; a listener or a layer.
    nO (Optional[int]): Number of tags; usually set when the component is initialised.
    dropout (float): Share of a token's vector that is dropped in training.
    RETURNS (Model[List[Doc], List[Floats2d]]): Scores (logits), one array a document, tokens x
        tags, columns in the order of the component's labels.
    """
    width = tok2vec.maybe_get_dim("nO")
    head: Model = Linear(nO, width, init_W=glorot_uniform_init)
    model: Model[list[Doc], list[Floats2d]] = chain(
        tok2vec, with_array(chain(Dropout(dropout), head))
    )
    model.set_ref("tok2vec", tok2vec)
    model.set_ref("output", head)
    return model
