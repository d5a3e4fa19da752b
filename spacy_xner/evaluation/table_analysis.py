"""What tables of docs/results/analysis.jsonl show: transfer, rankings, explanations."""

from collections.abc import Iterable

from .results import Row

__all__ = [
    "explanations",
    "is_of_explanations",
    "is_of_published",
    "is_of_rankings",
    "rankings",
    "transfer",
]


def is_of_published(row: Row) -> bool:
    shown = row["metric"] in ("r2", "spearman_within_target")
    # R2 of every layer is there too; of layered features the one that predictions use is shown.
    return shown and row.get("recipe") == "published-points"


def transfer(rows: list[Row]) -> list[list[str]]:
    """Each feature alone and all together, the best first."""
    rank = {r["feature"]: r["value"] for r in rows if r["metric"] == "spearman_within_target"}
    found = {r["feature"]: r for r in rows if r["metric"] == "r2" and r["feature"] in rank}
    body = [
        [name, f"{row['value']:.2f}", f"{rank[name]:.2f}", _p(row.get("p"))]
        for name, row in sorted(found.items(), key=lambda item: -item[1]["value"])
    ]
    return [["feature", "R2, target left out", "rank correlation", "p"], *body]


def is_of_rankings(row: Row) -> bool:
    return row["metric"] in ("ndcg@3", "top1_regret") and row["target"] == "all"


def rankings(rows: list[Row]) -> list[list[str]]:
    """Each ranking, the best first."""
    values = {(row["recipe"], row["metric"]): row["value"] for row in rows}
    names = sorted({name for name, _ in values}, key=lambda name: -values[name, "ndcg@3"])
    body = [
        [name, f"{values[name, 'ndcg@3']:.3f}", f"{values[name, 'top1_regret']:.1f}"]
        for name in names
    ]
    return [["ranking", "NDCG@3", "regret of the first, places"], *body]


def is_of_explanations(row: Row) -> bool:
    return row.get("recipe") in ("shap", "random-teacher", "random-student") and "words" not in row


def explanations(rows: list[Row]) -> list[list[str]]:
    """Teacher and student by language."""
    kept = {(row["target"], row["recipe"], row["role"], row["metric"]): row for row in rows}
    body = []
    for target in sorted({row["target"] for row in rows}):
        for role in ("teacher", "student"):
            own = {m: kept.get((target, "shap", role, m)) for m in _SHOWN}
            random = {m: kept.get((target, f"random-{role}", "baseline", m)) for m in _SHOWN}
            entities = own["comprehensiveness"]
            cells = [str(entities["n"]) if entities else ""]
            for metric in ("comprehensiveness", "context_comprehensiveness"):
                cells += [_values((own[metric], random[metric])), _p((own[metric] or {}).get("p"))]
            wall, busy = _values([own["seconds"]], 1), _values([own["cpu_seconds"]], 1)
            cells += [f"{wall} ({busy})", _values([own["rank_agreement"]])]
            body.append([target, role, *cells])
    header = ["target", "model", "entities", "top two, random", "p", "outside, random", "p"]
    return [[*header, "s a sentence", "agreement"], *body]


_SHOWN = (
    *("comprehensiveness", "context_comprehensiveness", "seconds", "cpu_seconds"),
    "rank_agreement",
)


def _values(rows: Iterable[Row | None], digits: int = 2) -> str:
    return ", ".join(f"{row['value']:.{digits}f}" for row in rows if row)


def _p(p: float | None) -> str:
    return "" if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"
