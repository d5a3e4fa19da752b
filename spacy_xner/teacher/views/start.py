"""Beginning a multimodal teacher with a trained plain one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from spacy.language import Language

from ...errors import XnerError
from ..loading import load_pipeline

__all__ = ["start_from_teacher"]


def start_from_teacher(path: str | Path | None) -> Callable[[Language], Language]:
    """Make a callback for `[initialize.after_init]` that takes the weights of a trained teacher.

    With `spacy-xner.ViewFusion.v1` the pipeline then predicts what that teacher predicts, until it
    is trained further. With `components.transformer.model.frozen = ["embeddings","encoder"]` only
    views and classifier are, which takes a fraction of the time.

    path (Optional[Union[str, Path]]): A pipeline with `transformer` and `xner_teacher`, of the same
        encoder.
    RETURNS (Callable[[Language], Language]): The callback.
    RAISES: XnerError: On calling, if there is no path, the pipeline is no such, or labels or widths
        differ.
    """

    def start(nlp: Language) -> Language:
        if path is None:
            raise XnerError(
                "spacy-xner.start_from_teacher.v1 has no `path`. Train configs/teacher.cfg first, "
                "and name that teacher with --paths.start."
            )
        plain = load_pipeline(path)
        theirs: dict[str, Any] = {name: plain.get_pipe(name) for name in plain.pipe_names}
        teacher: Any = nlp.get_pipe("xner_teacher")
        found = theirs.get("xner_teacher")
        if found is None or ("transformer" in nlp.pipe_names) != ("transformer" in theirs):
            raise XnerError(
                f"{path} has {', '.join(theirs) or 'no components'}; to begin with it, it needs "
                f"those of this pipeline: {', '.join(nlp.pipe_names)}."
            )
        if found.labels != teacher.labels:
            raise XnerError(
                f"{path} knows {', '.join(found.labels)}, this corpus has "
                f"{', '.join(teacher.labels)}. Begin with a teacher of the same labels."
            )
        head, trained = teacher.model.get_ref("output"), found.model.get_ref("output")
        if head.get_dim("nI") != trained.get_dim("nI"):
            raise XnerError(
                f"{path} is {trained.get_dim('nI')} wide, this teacher {head.get_dim('nI')}. Begin "
                "with a teacher over the same encoder."
            )
        head.from_bytes(trained.to_bytes())
        if "transformer" in theirs:
            ours: Any = nlp.get_pipe("transformer")
            frozen = ours.model.attrs["frozen"]
            ours.model.from_bytes(theirs["transformer"].model.to_bytes())
            ours.model.attrs["frozen"] = frozen
        return nlp

    return start
