from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Optimizer

from ..encoders.tiny import make_tiny

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

TEXTS = [
    "Amina Bello visited Lagos on Monday with the minister of finance .",
    "Nobody at Zenith Bank knows what Chidi bought in Abuja .",
    "Die Ministerin sprach am Montag in Köln über Straßen und Brücken .",
    "Waziri wa fedha alitembelea Dodoma siku ya Jumatatu .",
    "Olùkọ́ náà lọ sí Ìbàdàn ní ọjọ́ Ajé .",
    "አቶ ከበደ ሰኞ ዕለት ወደ ባሕር ዳር ሄዱ ።",
]
TAGGED = [
    ("Amina Bello visited Lagos on Monday", ["B-PER", "I-PER", "O", "B-LOC", "O", "O"]),
    ("Nobody at Zenith Bank knows Chidi", ["O", "O", "B-ORG", "I-ORG", "O", "B-PER"]),
    ("Waziri alitembelea Dodoma", ["O", "O", "B-LOC"]),
    ("አቶ ከበደ ወደ ባሕር ዳር ሄዱ", ["O", "B-PER", "O", "B-LOC", "I-LOC", "O"]),
]


@pytest.fixture(scope="session")
def tiny_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a tiny encoder by its kind; each is made once and must not be written to."""
    made: dict[str, Path] = {}

    def get(kind: str) -> Path:
        if kind not in made:
            made[kind] = make_tiny(kind, tmp_path_factory.mktemp(kind) / "encoder", TEXTS * 3)
        return made[kind]

    return get


@pytest.fixture(scope="session")
def encoder(tiny_of: Callable[[str], Path]) -> Path:
    return tiny_of("xlm-roberta")


def transformer_config(encoder: Path, **settings: Any) -> dict[str, Any]:
    """Config of a `transformer` pipe with our layer; computes in fp32, so that numbers compare."""
    architecture = {"@architectures": "spacy-xner.TransformerModel.v1", "name": str(encoder)}
    return {"model": architecture | {"precision": "fp32"} | settings}


def doc_of(nlp: Language, text: str) -> Doc:
    return Doc(nlp.vocab, words=text.split())


def examples_of(nlp: Language, tagged: list = TAGGED) -> list[Example]:
    return [
        Example(doc_of(nlp, text), Doc(nlp.vocab, words=text.split(), ents=tags))
        for text, tags in tagged
    ]


def make_pipeline(encoder: Path, **settings: Any) -> Language:
    nlp = spacy.blank("xx")
    # The first piece of most words is a bare "▁" here: only unfrozen embeddings tell them apart.
    settings = {"frozen": []} | settings
    nlp.add_pipe("transformer", config=transformer_config(encoder, **settings))
    nlp.add_pipe("xner_teacher")
    return nlp


def train(nlp: Language, steps: int, rate: float = 0.005, tagged: list = TAGGED) -> list[float]:
    """Initialise and train on the tagged sentences; give the loss of each step."""
    spacy.util.fix_random_seed(0)
    examples = examples_of(nlp, tagged)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = rate
    return [update(nlp, examples, optimizer) for _ in range(steps)]


def update(nlp: Language, examples: list[Example], optimizer: Optimizer) -> float:
    """Make one step as `spacy train` does; give the loss.

    `nlp.update(..., sgd=optimizer)` would step the transformer before its listener has given it
    gradients.
    """
    losses: dict[str, float] = {}
    nlp.update(examples, sgd=False, losses=losses)
    for _, pipe in nlp.pipeline:
        pipe.finish_update(optimizer)
    return losses[nlp.pipe_names[-1]]


@pytest.fixture(scope="session")
def teacher(encoder: Path) -> Language:
    """A teacher that knows its sentences by heart; tests must not train it."""
    nlp = make_pipeline(encoder)
    train(nlp, 120)
    return nlp


@pytest.fixture(scope="session")
def teacher_folder(teacher: Language, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher") / "pipeline"
    teacher.to_disk(folder)
    return folder
