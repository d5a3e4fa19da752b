"""Sentences, soft labels and configs that were made up for the tests of distillation."""

import io
import random
from pathlib import Path

import numpy as np
from thinc.api import Config

from spacy_xner.corpora.soft_labels import SoftLabels, SoftLabelWriter
from spacy_xner.distillation.loop import distill
from spacy_xner.tags import TagSet

TAGSET = TagSet.from_types(["PER", "LOC"])
PEOPLE = ["Amina Bello", "Chidi", "Wale Musa Adé", "Hirut", "Kebede Tolla"]
PLACES = ["Kano", "Addis Ababa", "Mwanza", "Port Louis", "Galle"]
VERBS = ["visited", "left", "likes", "wrote about"]
ENDS = ["on Monday", "again", "with the children", "last year"]

CONFIG = """
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
[distillation.batcher]
@batchers = "spacy.batch_by_words.v1"
size = 30
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
[initialize]
[initialize.before_init]
@callbacks = "spacy-xner.tokenizer_rules.v1"
"""


def tagged_sentences(n=30, seed=0):
    """Words and IOB2 tags of `n` sentences."""
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        words, tags = [], []
        for phrase, label in (
            (rng.choice(PEOPLE), "PER"),
            (rng.choice(VERBS), None),
            (rng.choice(PLACES), "LOC"),
            (rng.choice(ENDS), None),
            (".", None),
        ):
            for i, word in enumerate(phrase.split()):
                words.append(word)
                tags.append("O" if label is None else f"{'I' if i else 'B'}-{label}")
        made.append((words, tags))
    return made


def sure_of(tags, tagset=TAGSET, sure=0.9):
    """Probabilities that give `sure` to each tag and the rest to all others alike."""
    probs = np.full((len(tags), len(tagset)), (1 - sure) / (len(tagset) - 1), dtype="float32")
    for row, tag in enumerate(tags):
        probs[row, tagset.index(tag)] = sure
    return probs


def soft_labels(sentences, tagset=TAGSET, sure=0.9):
    """What a teacher that cuts text at spaces says of these sentences."""
    docs = []
    for number, (words, tags) in enumerate(sentences):
        lengths = np.array([len(word) for word in words], dtype="int32")
        starts = np.cumsum(lengths + 1, dtype="int32") - lengths - 1
        probs = sure_of(tags, tagset, sure).astype("float16")
        name = f"raw:{number}"
        docs.append(SoftLabels(name, "xx", " ".join(words), starts, starts + lengths, probs))
    return docs


def write_labels(
    folder, docs, *, tagset=TAGSET, teacher="aa11", source="bb22", shard_docs=10
) -> Path:
    """Write a finished folder of soft labels."""
    writer = SoftLabelWriter(folder, tags=tagset.tags, teacher=teacher, source=source, lang="xx")
    shards = [docs[i : i + shard_docs] for i in range(0, len(docs), shard_docs)]
    for index, shard in enumerate(shards):
        writer.write(index, shard)
    writer.close(len(shards))
    return Path(folder)


def config_of(text=CONFIG, **changes):
    """Read a config; changes have `__` for the dots of a key."""
    overrides = {key.replace("__", "."): value for key, value in changes.items()}
    return Config().from_str(text, interpolate=False, overrides=overrides)


def run(labels, output=None, config=None, **arguments):
    """Distil in silence; give the student and what the logger printed."""
    out = io.StringIO()
    config = config or config_of()
    nlp, _ = distill(labels, config, output, stdout=out, stderr=out, **arguments)
    return nlp, out.getvalue()


def weights(nlp):
    """All parameters of a pipeline as bytes, by place."""
    return {
        f"{name}/{i}/{parameter}": node.get_param(parameter).tobytes()
        for name, pipe in nlp.pipeline
        for i, node in enumerate(pipe.model.walk())
        for parameter in node.param_names
        if node.has_param(parameter)
    }


def entities(doc):
    return [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
