"""The recipes of scripts/benchmark_multimodal.py, and what it says of them beside each other."""

from typing import Any

from benchmark_scores import Bench, paired_tests
from wasabi import msg

from spacy_xner.evaluation.results import Row, make_row

COMMAND = "python scripts/benchmark_multimodal.py"
WIKIANN = {"am": "amharic", "si": "sinhala", "yor": "yoruba", "kin": "kinyarwanda", "som": "somali"}
ALL_VIEWS = ("romanised", "phonetic", "gazetteer")
# The languages that the goal is set for: their script is not that of the source.
OTHER_SCRIPTS = ("am", "si")


# What a teacher sees beside the text: blocks of configs/multimodal_teacher.cfg.
RECIPES: dict[str, tuple[str, ...]] = {
    "plain": (),
    **{view: (view,) for view in ALL_VIEWS},
    "all": ALL_VIEWS,
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
    pairs = [(name, "plain") for name in names if name != "plain"]
    for role in ("teacher", "student"):
        for group, langs in groups.items():
            for tested in paired_tests(bench, pairs, langs, seeds, role):
                row = _row(group, tested)
                bench.rows.upsert([row])
                msg.info(
                    f"{row['recipe']} {role} {group}: {row['value']:+.2f} F1 against plain, "
                    f"p {row['p']:.4f}"
                )


def _row(group: str, tested: dict[str, Any]) -> Row:
    test_set, _, target = group.rpartition("-")
    elsewhere = {"target": target, "test_set": test_set} if test_set == "wikiann_ipa" else {}
    return make_row(
        **tested
        | {"benchmark": "multimodal", "sources": ["en"], "target": group, "command": COMMAND}
        | {"views": list(RECIPES[tested["recipe"]])}
        | elsewhere
    )
