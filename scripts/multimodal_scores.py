"""The recipes of scripts/benchmark_multimodal.py, and what it says of them beside each other."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from benchmark_scores import Bench, counts_path
from wasabi import msg

from spacy_xner.evaluation.results import Row, make_row
from spacy_xner.evaluation.scores import paired_bootstrap_mean

COMMAND = "python scripts/benchmark_multimodal.py"
WIKIANN = {"am": "amharic", "si": "sinhala", "yor": "yoruba", "kin": "kinyarwanda", "som": "somali"}
ALL_VIEWS = ("romanised", "phonetic", "gazetteer")
# The languages that the goal is set for: their script is not that of the source.
OTHER_SCRIPTS = ("am", "si")


@dataclass(frozen=True)
class Recipe:
    """What a teacher sees and how it learns.

    views (tuple[str, ...]): Blocks of configs/multimodal_teacher.cfg.
    text_dropout (float): See `spacy-xner.ViewFusion.v1`.
    started (bool): Begin with the plain teacher of the seed and train views and classifier alone.
    """

    views: tuple[str, ...] = ()
    text_dropout: float = 0.0
    started: bool = False


RECIPES = {
    "plain": Recipe(),
    **{view: Recipe((view,)) for view in ALL_VIEWS},
    "all": Recipe(ALL_VIEWS),
    "all-text-dropout": Recipe(ALL_VIEWS, text_dropout=0.15),
    "all-started": Recipe(ALL_VIEWS, started=True),
}


def summarise_views(bench: Bench, names: list[str], targets: list[str], seeds: int) -> None:
    """Write rows of what each recipe gains over the plain one, with a paired bootstrap.

    On the mean of the languages of other scripts, on that of all, and on each.
    """
    groups = {
        "mean-other-scripts": [lang for lang in OTHER_SCRIPTS if lang in targets],
        "mean": targets,
        **{lang: [lang] for lang in targets},
        **{f"wikiann_ipa-{lang}": [f"wikiann_ipa-{lang}"] for lang in WIKIANN},
    }
    for name in names:
        for role in ("teacher", "student") if name != "plain" else ():
            for group, langs in groups.items():
                for row in _compare(bench, name, role, group, langs, seeds):
                    bench.rows.upsert([row])
                    msg.info(
                        f"{name} {role} {group}: {row['value']:+.2f} F1 against plain, "
                        f"p {row['p']:.4f}"
                    )


def _compare(
    bench: Bench, name: str, role: str, group: str, langs: list[str], seeds: int
) -> Iterator[Row]:
    ours, theirs, known = [], [], []
    for lang in langs:
        both = [
            (counts_path(bench, name, role, lang, i), counts_path(bench, "plain", role, lang, i))
            for i in range(seeds)
        ]
        counts = [(np.load(a), np.load(b)) for a, b in both if a.exists() and b.exists()]
        if counts:
            known.append(lang)
            ours.append(np.stack([a for a, _ in counts]))
            theirs.append(np.stack([b for _, b in counts]))
    if not known:
        return
    result = paired_bootstrap_mean(ours, theirs)
    test_set, _, target = group.rpartition("-")
    yield make_row(
        benchmark="multimodal",
        recipe=name,
        role=role,
        views=list(RECIPES[name].views),
        sources=["en"],
        target=target if test_set == "wikiann_ipa" else group,
        test_set=test_set if test_set == "wikiann_ipa" else None,
        targets=known,
        metric="f1_difference",
        against="plain",
        value=result["delta"],
        low=result["low"],
        high=result["high"],
        p=result["p"],
        n=sum(len(each) for each in ours),
        command=COMMAND,
    )
