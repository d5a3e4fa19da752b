"""From the labels of other token classifiers to IOB2."""

from collections.abc import Sequence

import numpy as np

from ..errors import XnerError
from ..tags import TagSet

__all__ = ["LabelMap"]

# U and L are the BILUO names of what BIOES calls S and E.
_OPENING, _CONTINUING = "BUS", "ILE"


class LabelMap:
    """Turns probabilities of IOB1, IOB2, BILUO, BIOES or plain type labels into those of IOB2 tags.

    The mass of U- (or S-) is added to B-, that of L- (or E-) to I-. A plain type counts as I-. Then
    the mass of each I-X is given to where the entity can be:

    - Where I-X or X is a token's best label, all of it continues (stays I-X) if the best label of
      the token before is of the type X too, and opens (becomes B-X) if not. So the entities are
      those that Hugging Face's pipeline groups, whatever the scheme.
    - Elsewhere as much of it continues as the token before is of type X with any tag, because in
      IOB2 p(I-X) cannot exceed that; the rest opens.

    Probabilities that are sound IOB2 already stay as they are.

    labels (Sequence[str]): The classifier's labels, in the order of its columns.
    origin (str): Where they come from, for the messages.
    RAISES: XnerError: There is no "O", no type, or some labels have a prefix and others none.
    """

    def __init__(self, labels: Sequence[str], origin: str) -> None:
        named = [label for label in labels if label != "O"]
        plain = [label for label in named if not _has_prefix(label)]
        if "O" not in labels or not named:
            raise XnerError(
                f"The labels of {origin} are {', '.join(labels)}; expected `O` for what is no "
                "entity, and B-TYPE and I-TYPE, their BILUO or BIOES forms, or plain types. "
                "Mend `id2label` in its config.json."
            )
        if 0 < len(plain) < len(named):
            raise XnerError(
                f"Some labels of {origin} have a prefix such as B-, others have none: "
                f"{', '.join(plain)}. Write what is no entity as `O` in `id2label` of its "
                "config.json."
            )
        self.tagset = TagSet.from_types(label if plain else label[2:] for label in named)
        self._matrix = np.zeros((len(labels), len(self.tagset)), dtype="float32")
        for row, label in enumerate(labels):
            self._matrix[row, self._column(label, bool(plain))] = 1

    def _column(self, label: str, plain: bool) -> int:
        if label == "O":
            return 0
        if plain:
            return self.tagset.index(f"I-{label}")
        return self.tagset.index(f"{'B' if label[0] in _OPENING else 'I'}-{label[2:]}")

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """Map one document.

        probabilities (np.ndarray): Tokens x labels, rows summing to 1.
        RETURNS (np.ndarray): float32, tokens x tags, rows summing to 1.
        """
        iob2 = np.asarray(probabilities, dtype="float32") @ self._matrix
        if not len(iob2):
            return iob2
        inside = iob2[:, 2::2].copy()
        of_type = iob2[:, 1::2] + inside
        best = iob2.argmax(axis=1)
        best_type = (best + 1) // 2  # 0 for O
        type_before = np.concatenate([[0], best_type[:-1]])
        goes_on = np.zeros_like(inside)
        goes_on[1:] = np.minimum(inside[1:], of_type[:-1])
        sure = np.flatnonzero((best > 0) & (best % 2 == 0))
        column = best_type[sure] - 1
        goes_on[sure, column] = np.where(
            type_before[sure] == best_type[sure], inside[sure, column], 0
        )
        iob2[:, 1::2] += inside - goes_on
        iob2[:, 2::2] = goes_on
        return iob2


def _has_prefix(label: str) -> bool:
    return len(label) > 2 and label[1] == "-" and label[0] in _OPENING + _CONTINUING
