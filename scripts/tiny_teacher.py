"""Teacher, text and student of a few kilobytes, for what must be run hundreds of times.

The teacher is `xner_teacher` over a convolution with random weights: no torch, no encoder.
"""

import random

import spacy
from spacy.language import Language
from thinc.api import fix_random_seed

MODEL = {
    "@architectures": "spacy-xner.TokenClassifier.v1",
    "tok2vec": {
        "@architectures": "spacy.HashEmbedCNN.v2",
        "pretrained_vectors": None,
        "width": 16,
        "depth": 1,
        "embed_size": 200,
        "window_size": 1,
        "maxout_pieces": 2,
        "subword_features": True,
    },
}


def make_tiny_teacher(types: tuple[str, ...] = ("LOC", "PER")) -> Language:
    """Make a teacher whose labels are random, and the same in every process.

    types (tuple[str, ...]): Entity types.
    RETURNS (Language): The pipeline.
    """
    fix_random_seed(0)
    nlp = spacy.blank("xx")
    pipe = nlp.add_pipe("xner_teacher", config={"model": MODEL})
    for name in types:
        pipe.add_label(name)
    nlp.initialize()
    return nlp


def make_text(lines: int, words: int = 8, seed: int = 0) -> list[str]:
    """Make text of syllables.

    lines (int): Texts.
    words (int): Words in each, on the average.
    seed (int): The same gives the same text.
    RETURNS (list[str]): The texts.
    """
    rng = random.Random(seed)

    def word() -> str:
        made = "".join(rng.choice("bdgklmnrst") + rng.choice("aeiou") for _ in range(3))
        return made.title() if rng.random() < 0.2 else made

    sizes = [rng.randint(1, 2 * words - 1) for _ in range(lines)]
    return [" ".join(word() for _ in range(size)) for size in sizes]


STUDENT = """
[paths]
soft_labels = null
[system]
seed = 0
gpu_allocator = null
[nlp]
lang = "xx"
pipeline = ["ner"]
[components]
[components.ner]
factory = "ner"
[components.ner.model]
@architectures = "spacy.TransitionBasedParser.v2"
state_type = "ner"
extra_state_tokens = false
hidden_width = 16
maxout_pieces = 2
use_upper = true
[components.ner.model.tok2vec]
@architectures = "spacy.HashEmbedCNN.v2"
width = 16
depth = 1
embed_size = 300
window_size = 1
maxout_pieces = 2
subword_features = true
pretrained_vectors = null
[corpora]
[corpora.distillation]
@readers = "spacy-xner.SoftLabelCorpus.v1"
path = ${paths.soft_labels}
split = "train"
held_out = 0.2
[corpora.train]
@readers = "spacy-xner.SoftLabelCorpus.v1"
path = ${paths.soft_labels}
split = "train"
held_out = 0.2
[corpora.dev]
@readers = "spacy-xner.SoftLabelCorpus.v1"
path = ${paths.soft_labels}
split = "held_out"
held_out = 0.2
[distillation]
max_epochs = 2
checkpoint_every = 3
[distillation.batcher]
@batchers = "spacy.batch_by_words.v1"
size = 60
tolerance = 0.2
discard_oversize = false
[distillation.optimizer]
@optimizers = "Adam.v1"
learn_rate = 0.01
[training]
train_corpus = "corpora.train"
dev_corpus = "corpora.dev"
seed = ${system.seed}
gpu_allocator = ${system.gpu_allocator}
patience = 0
max_epochs = 2
max_steps = 0
eval_frequency = 4
[training.logger]
@loggers = "spacy.ConsoleLogger.v1"
progress_bar = false
[training.score_weights]
ents_f = 1.0
[training.before_to_disk]
@callbacks = "spacy-xner.plain_pipeline.v1"
"""
