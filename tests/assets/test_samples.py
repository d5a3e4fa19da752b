"""The sample corpora are what assets/README.md says, and the audit that proves it can fail."""

import shutil
import sys
from pathlib import Path

import pytest

ASSETS = Path(__file__).resolve().parents[2] / "assets"
sys.path.insert(0, str(ASSETS))

import audit  # noqa: E402
import wording  # noqa: E402

CHECKS = {check.__name__: check for check in audit.CHECKS}


@pytest.fixture(scope="module", params=audit.LANGUAGES)
def samples(request):
    return audit.load(request.param)


@pytest.mark.parametrize("check", CHECKS)
def test_samples_pass_audit(samples, check):
    faults = CHECKS[check](samples)
    assert not faults, "\n".join(map(str, ["", *faults]))


def test_files_and_languages_are_all_audited():
    found = {str(p.relative_to(audit.ROOT)) for p in audit.ROOT.rglob("*") if p.is_file()}
    assert found == {f"{x}/{name}" for x in audit.LANGUAGES for name in audit.file_names(x)}


@pytest.mark.slow
def test_script_prints_a_row_a_file_and_no_fault(capsys):
    assert audit.main() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 3 * len(audit.LANGUAGES) + 1
    assert lines[-1] == "0 faults"


# What follows plants faults in a copy, so that a check that finds nothing cannot pass.


@pytest.fixture
def planted(tmp_path):
    """A copy of the Hausa corpora, a function that adds text, and one that audits."""
    shutil.copytree(audit.ROOT / "hau", tmp_path / "hau")
    return Planted(tmp_path)


class Planted:
    def __init__(self, root):
        self.root = root

    def dev(self):
        return audit.load("hau", self.root).tagged["dev.conll"]

    def add(self, name, text):
        with (self.root / "hau" / name).open("a", encoding="utf8") as file:
            file.write(text)

    def faults(self, check):
        return [str(f) for f in CHECKS[check](audit.load("hau", self.root))]


def with_entities(planted, n):
    """The first dev sentence with n entities and at least six words besides, none at its ends."""
    for sent in planted.dev():
        pieces = wording.template(sent)
        if len(pieces) == n + 1 and all(pieces) and sum(map(len, pieces)) > 5:
            return sent
    raise AssertionError("no such sentence")


def test_raw_line_with_other_spacing_and_case_is_found_as_overlap(planted):
    sent = planted.dev()[0]
    planted.add("raw.txt", f"Kuma -- {'  '.join(sent.words).upper()}!\n")
    (fault,) = planted.faults("overlap_faults")
    assert fault == f"hau/dev.conll:1: in the known text: {' '.join(sent.words)}"


def test_sentence_in_dev_and_test_is_found(planted):
    sent = planted.dev()[0]
    rows = "".join(f"{w} {t}\n" for w, t in zip(sent.words, sent.tags, strict=True))
    planted.add("test.conll", f"\n{rows}")
    (fault,) = planted.faults("overlap_faults")
    assert "also in dev.conll" in fault


def test_raw_line_from_template_of_dev_sentence_is_found(planted):
    sent = with_entities(planted, 2)
    first, middle, last = wording.template(sent)
    words = [*first, "Zz", "Yy", *middle, "Xx", *last]
    planted.add("raw.txt", f"{' '.join(words).capitalize()}.\n")
    n = len(audit.load("hau", planted.root).raw)
    assert [f for f in planted.faults("template_faults") if f"raw.txt:{n}" in f]


def test_raw_line_with_another_middle_is_no_template(planted):
    sent = with_entities(planted, 2)
    first, middle, last = wording.template(sent)
    words = [*first, "Zz", "Yy", *middle, "qqq", "Xx", *last[:-1], "qqq"]
    planted.add("raw.txt", f"{' '.join(words)}.\n")
    assert planted.faults("template_faults") == []


def test_six_words_of_dev_in_raw_are_a_shared_run_and_five_are_not(planted):
    run = next(
        r for s in planted.dev() if "B-PER" not in s.tags for r in wording.runs(" ".join(s.words))
    )
    planted.add("raw.txt", f"Zzz {' '.join(run[:5])} zzz.\n")
    assert planted.faults("run_faults") == []
    planted.add("raw.txt", f"Zzz {' '.join(run)} zzz.\n")
    assert [f for f in planted.faults("run_faults") if repr(" ".join(run)) in f]


def test_known_entities_are_counted(planted):
    known = {e for e, _ in wording.entities(planted.dev())}
    assert planted.faults("entity_faults") == []
    planted.add("raw.txt", "\n".join(known) + "\n")
    (fault,) = planted.faults("entity_faults")
    assert fault.startswith(f"hau/dev.conll: 0 of {len(known)} distinct entities are new")


def test_copies_do_not_count_as_sentences(planted):
    raw = audit.load("hau", planted.root).raw
    text = "".join(f"{line}\n{line.upper()} !\n" for line in raw[:600])
    (planted.root / "hau" / "raw.txt").write_text(text, encoding="utf8")
    (fault,) = planted.faults("size_faults")
    assert fault == "hau/raw.txt: 600 distinct sentences; at least 1000 are wanted"


def test_decomposed_letter_tab_and_other_type_are_found(planted):
    planted.add("test.conll", "\ne\u0301 O\nb\tO\nc B-MISC\n")
    faults = planted.faults("form_faults")
    assert [f.split(": ")[1] for f in faults] == ["not NFC", "not `token TAG`", "not `token TAG`"]


def test_missing_file_is_named(planted):
    (planted.root / "hau" / "raw.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"hau/raw\.txt is missing"):
        audit.load("hau", planted.root)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Kano's “Best”, 1,500!", ["kano", "s", "“", "best", "”", ",", "0", "!"]),
        ("Kano 's “ Best ” , 3.5 !", ["kano", "s", "“", "best", "”", ",", "0", "!"]),
        ("ተናገሩ። አበባ፣", ["ተናገሩ", "።", "አበባ", "፣"]),
        ("'yan ƙasa", ["'", "yan", "ƙasa"]),
        ("Àjàyi\u0301-Adé", ["àjàyí-adé"]),
        ("ශ්\u200dරී ලංකා", ["ශ්\u200dරී", "ලංකා"]),
    ],
)
def test_units_are_the_same_for_text_and_tokens(text, expected):
    assert list(wording.units(text)) == expected
