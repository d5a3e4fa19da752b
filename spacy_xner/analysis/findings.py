"""What a regression of transfer supports, in tables and in words."""

from collections.abc import Mapping, Sequence

from wasabi.printer import Printer

from .prediction import Predicted
from .regression import Coefficient, Fit

__all__ = ["print_fit", "verdict"]


def print_fit(result: Fit) -> None:
    """Print what one model's points support.

    result (Fit): Of `analysis.regression.fit`.
    """
    printer = Printer()
    targets = sorted({point.target for point in result.points})
    printer.divider(f"{result.model}")
    printer.text(f"{len(result.points)} points, {len(targets)} targets: {', '.join(targets)}")
    for column, why in result.left_out.items():
        printer.text(f"{column} left out: {why}")
    if result.explained is not None:
        _print_coefficients(printer, "explanation, all together", result.explained.coefficients)
        r2, adjusted = result.explained.r2, result.explained.adjusted_r2
        printer.text(f"R2 on these very points {r2:.2f}, adjusted {adjusted:.2f}")
    if result.alone:
        _print_coefficients(printer, "explanation, each alone", result.alone)
        if any(each.labels for each in result.alone):
            printer.text("* looks at labels of the target: it explains and cannot predict")
    predictions = [*([result.predicted] if result.predicted else []), *result.singles]
    lines = [_prediction(each, result.correlations) for each in predictions]
    names = ("prediction", "r", "R2 unseen", "rank in target", "p")
    if lines:
        printer.table(lines, header=names, divider=True, aligns=("l", *"rrrr"))
    for line in verdict(result):
        printer.text(line)
    for note in result.notes:
        printer.warn(note)


def _print_coefficients(printer: Printer, title: str, coefficients: Sequence[Coefficient]) -> None:
    rows = [
        (
            each.feature + ("*" if each.labels else ""),
            f"{each.value:+.1f}",
            f"{each.low:+.1f} to {each.high:+.1f}",
            f"{each.p:.3f}",
            f"{each.vif:.1f}",
        )
        for each in coefficients
    ]
    header = (title, "F1 per SD", "95%", "p", "VIF")
    printer.table(rows, header=header, divider=True, aligns=("l", *"rrrr"))


def _prediction(each: Predicted, correlations: Mapping[str, float]) -> tuple[str, ...]:
    one = len(each.features) == 1
    return (
        each.features[0] if one else "all features",
        f"{correlations[each.features[0]]:+.2f}" if one else "",
        f"{each.r2:+.2f}",
        f"{each.rank:+.2f}" if each.rank is not None else "",
        f"{each.p:.3f}",
    )


def verdict(result: Fit) -> list[str]:
    """Say in words what the data support.

    result (Fit): Of `analysis.regression.fit`.
    RETURNS (list[str]): Sentences.
    """
    lines = []
    if result.alone:
        lines.append(_explains(result.alone))
    if result.predicted is not None:
        lines.append(f"All features together: {_says(result.predicted)}.")
    good = [each for each in result.singles if each.predicts]
    tried = len(result.singles)
    if good:
        names = ", ".join(f"{each.features[0]} (R2 {each.r2:.2f}, p {each.p:.3f})" for each in good)
        chance = f"; of {tried} tried, {tried * 0.05:.1f} would by chance" if tried > 1 else ""
        lines.append(f"Alone, these predict a target left out: {names}{chance}.")
    elif tried:
        lines.append("No feature alone predicts F1 of a target left out.")
    return lines


def _explains(alone: Sequence[Coefficient]) -> str:
    apart = [each for each in alone if each.low > 0 or each.high < 0]
    if not apart:
        return "No feature alone goes with F1 at these points: all intervals hold 0."
    names = ", ".join(
        f"{each.feature} ({each.value:+.1f}, {each.low:+.1f} to {each.high:+.1f})" for each in apart
    )
    return (
        f"Alone, these go with F1 at these points: {names}; of {len(alone)} tried, "
        f"{len(alone) * 0.05:.1f} would by chance."
    )


def _says(each: Predicted) -> str:
    if each.permuted == "points" and each.r2 > 0:
        return f"R2 {each.r2:.2f}, but gaps in the table leave no test that could support it"
    if each.predicts:
        return f"they predict F1 of a target left out (R2 {each.r2:.2f}, p {each.p:.3f})"
    if each.r2 <= 0:
        return (
            f"does not predict: the mean F1 of the other languages is the better guess "
            f"(R2 {each.r2:.2f})"
        )
    return f"does not predict: R2 {each.r2:.2f} is no more than chance gives (p {each.p:.3f})"
