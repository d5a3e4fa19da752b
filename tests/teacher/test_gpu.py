"""The same labels and a student from a GPU; skipped where there is none."""

import numpy as np
import pytest
import spacy
from thinc.api import require_cpu
from thinc.util import gpu_is_available

from spacy_xner.cli.annotate import annotate
from spacy_xner.cli.distill import distill
from spacy_xner.corpora.soft_labels import SoftLabelCorpus

from ..distillation.made_up import config_of, entities
from .conftest import TEXTS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not gpu_is_available(), reason="no GPU, or cupy is not installed"),
]


@pytest.fixture(autouse=True)
def back_to_the_processor():
    yield
    require_cpu()


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_text("\n".join(TEXTS * 5), "utf8")
    return path


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 2e-3), ("bf16", 0.1), ("fp16", 0.1)])
def test_a_gpu_labels_as_the_processor_does(precision, tolerance, teacher_folder, raw, tmp_path):
    annotate(teacher_folder, raw, tmp_path / "cpu", precision="fp32")
    annotate(teacher_folder, raw, tmp_path / "gpu", precision=precision, gpu_id=0)
    pairs = zip(SoftLabelCorpus(tmp_path / "cpu"), SoftLabelCorpus(tmp_path / "gpu"), strict=True)
    for one, other in pairs:
        assert (one.doc_id, one.text) == (other.doc_id, other.text)
        np.testing.assert_allclose(other.probs, one.probs, atol=tolerance)


def test_a_student_learns_on_a_gpu_and_is_read_on_the_processor(teacher_folder, raw, tmp_path):
    annotate(teacher_folder, raw, tmp_path / "labels", gpu_id=0)
    config_of().to_disk(tmp_path / "student.cfg")
    distill(tmp_path / "student.cfg", [tmp_path / "labels"], tmp_path / "out", gpu_id=0)
    require_cpu()
    nlp = spacy.load(tmp_path / "out" / "model-last")
    assert all(start < end for start, end, _ in entities(nlp(TEXTS[0])))
