"""A multimodal teacher teaches as any other: its student never hears of views."""

import json
import subprocess
import sys

import pytest
import spacy

from spacy_xner.cli.annotate import annotate
from spacy_xner.corpora.origin import doc_id_of, lang_of
from spacy_xner.corpora.readers import create_conll_corpus_v1
from spacy_xner.corpora.soft_labels import SoftLabelCorpus
from spacy_xner.evaluation.gold import read_gold
from spacy_xner.evaluation.predict import predict_tags

from ...distillation.made_up import run, tagged_sentences
from ...distillation.test_saved_student import ALONE
from ..conftest import examples_of, update
from .conftest import ROMANISED, fused


@pytest.fixture(scope="module")
def sentences():
    return tagged_sentences(30)


@pytest.fixture(scope="module")
def teacher(sentences, tmp_path_factory):
    """A teacher with two views that knows the made-up sentences; its list of names is gone."""
    folder = tmp_path_factory.mktemp("multimodal")
    names = folder / "LOC.txt"
    names.write_text("Kano\nLagos\nAbuja\n", "utf8")
    gazetteer = {"@architectures": "spacy-xner.GazetteerView.v1", "files": [str(names)]}
    nlp = fused({"romanised": ROMANISED, "names": gazetteer})
    spacy.util.fix_random_seed(0)
    examples = examples_of(nlp, [(" ".join(words), tags) for words, tags in sentences])
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(40):
        update(nlp, examples, optimizer)
    nlp.to_disk(folder / "teacher")
    names.unlink()
    return folder / "teacher"


def test_its_student_loads_with_spacy_alone(teacher, sentences, tmp_path):
    texts = [" ".join(words) for words, _ in sentences]
    (tmp_path / "am.txt").write_text("\n".join(texts), "utf8")
    annotate(teacher, tmp_path / "am.txt", tmp_path / "soft", lang="am")
    labels = SoftLabelCorpus(tmp_path / "soft")
    assert (labels.n_docs, labels.lang) == (len(texts), "am")
    run(tmp_path / "soft", tmp_path / "student", overrides={"distillation.max_epochs": 6})
    student = tmp_path / "student" / "model-best"
    command = [sys.executable, "-c", ALONE, str(student), json.dumps(texts[:8])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    nlp = spacy.load(teacher)
    gold = [[(e.start_char, e.end_char, e.label_) for e in nlp(text).ents] for text in texts[:8]]
    entities = {(i, *entity) for i, doc in enumerate(gold) for entity in doc}
    learned = {(i, *entity) for i, doc in enumerate(found) for entity in doc}
    assert len(entities) > 5
    assert len(entities & learned) >= 0.8 * len(entities | learned)


def test_documents_know_their_name_and_language(tmp_path):
    (tmp_path / "hau.conll").write_text("Kano B-LOC\n\nAbuja B-LOC\n", "utf8")
    nlp = spacy.blank("xx")
    examples = list(create_conll_corpus_v1(tmp_path / "hau.conll")(nlp))
    assert [(doc_id_of(eg.x), lang_of(eg.x)) for eg in examples] == [
        ("hau:0", "hau"),
        ("hau:1", "hau"),
    ]
    seen = []

    @spacy.Language.component("xner_test_watch")
    def watch(doc):
        seen.append((doc_id_of(doc), lang_of(doc)))
        return doc

    nlp.add_pipe("xner_test_watch")
    predict_tags(nlp, read_gold(tmp_path / "hau.conll"))
    assert sorted(seen) == [("hau:0", "hau"), ("hau:1", "hau")]


def test_annotation_tells_the_teacher_name_and_language(teacher, tmp_path):
    from spacy_xner.teacher.annotate import annotate_documents
    from spacy_xner.teacher.sources import load_source

    source = load_source(teacher)
    seen = []
    predict = source.predict

    def watched(docs):
        seen.extend((doc_id_of(doc), lang_of(doc)) for doc in docs)
        return predict(docs)

    source.predict = watched
    folder = tmp_path / "raw"
    folder.mkdir()
    for lang in ("am", "si"):
        (folder / f"{lang}.txt").write_text("Kano\n", "utf8")
    annotate_documents(source, folder, tmp_path / "soft")
    assert sorted(seen) == [("am:0", "am"), ("si:0", "si")]
