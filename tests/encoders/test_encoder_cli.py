import errno
import os

import pytest
from transformers import AutoModel, AutoTokenizer
from typer.testing import CliRunner

from spacy_xner.cli import app
from spacy_xner.cli.encoder import encoder
from spacy_xner.encoders.load import load_encoder
from spacy_xner.errors import XnerError


def run(*arguments):
    return CliRunner().invoke(app, ["encoder", *(str(argument) for argument in arguments)])


@pytest.fixture
def text_file(tmp_path, texts):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(texts[:3]), encoding="utf8")
    return path


def test_folder_is_written_with_its_vocabulary_pruned_and_sizes_told(tiny_of, tmp_path, text_file):
    source = tiny_of("xlm-roberta")
    output = tmp_path / "made" / "encoder"
    report = encoder(output, source="path", name=str(source), keep_vocab_of=[text_file])
    tokenizer, module = load_encoder(output)
    whole, _ = load_encoder(source)
    assert report.pieces == (len(whole), len(tokenizer))
    assert len(tokenizer) < len(whole)
    assert report.unknown == {str(text_file): 0.0}
    parameters = sum(p.numel() for p in module.parameters())
    assert report.megabytes[1] == pytest.approx(4 * parameters / 1e6)
    assert report.folder_megabytes > report.megabytes[1]
    assert sorted(path.name for path in output.parent.iterdir()) == ["encoder"]


def test_written_folder_loads_with_transformers_alone(tiny_of, tmp_path, text_file, texts):
    encoder(tmp_path / "e", source="path", name=str(tiny_of("bert")), keep_vocab_of=[text_file])
    tokenizer, module = (
        AutoTokenizer.from_pretrained(tmp_path / "e"),
        AutoModel.from_pretrained(tmp_path / "e"),
    )
    ours, _ = load_encoder(tiny_of("bert"))
    tokens = [each.convert_ids_to_tokens(each(texts[0]).input_ids) for each in (tokenizer, ours)]
    assert tokens[0] == tokens[1]
    assert module.embeddings.word_embeddings.num_embeddings == len(tokenizer)


def test_without_text_the_whole_vocabulary_stays(tiny_of, tmp_path):
    report = encoder(tmp_path / "e", source="path", name=str(tiny_of("mt5")))
    assert report.pieces[0] == report.pieces[1]
    assert report.megabytes[0] == report.megabytes[1]


def test_encoder_folder_is_replaced_as_a_whole(tiny_of, tmp_path, text_file):
    output = tmp_path / "e"
    encoder(output, source="path", name=str(tiny_of("bert")))
    encoder(output, source="path", name=str(tiny_of("mt5")), keep_vocab_of=[text_file])
    assert load_encoder(output)[1].config.model_type == "mt5"
    assert not (tmp_path / "e.old.tmp").exists()


def test_an_encoder_may_be_pruned_in_its_place(own_tiny, text_file):
    before = len(load_encoder(own_tiny)[0])
    encoder(own_tiny, source="path", name=str(own_tiny), keep_vocab_of=[text_file])
    assert len(load_encoder(own_tiny)[0]) < before


@pytest.mark.parametrize("name", ["thesis.tex", "config.json/notes.txt"])
def test_folder_with_anything_else_in_it_is_not_overwritten(name, tiny_of, tmp_path):
    output = tmp_path / "mine"
    file = output / name
    file.parent.mkdir(parents=True)
    file.write_text("years of work", encoding="utf8")
    with pytest.raises(XnerError, match="is no encoder folder; it is not overwritten"):
        encoder(output, source="path", name=str(tiny_of("bert")))
    assert file.read_text("utf8") == "years of work"


def test_file_and_foreign_temporary_folder_are_not_overwritten(tiny_of, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf8")
    with pytest.raises(XnerError, match="not overwritten"):
        encoder(tmp_path / "file", source="path", name=str(tiny_of("bert")))
    (tmp_path / "e.tmp").mkdir()
    (tmp_path / "e.tmp" / "thesis.tex").write_text("x", encoding="utf8")
    with pytest.raises(XnerError, match=r"e\.tmp is in the way"):
        encoder(tmp_path / "e", source="path", name=str(tiny_of("bert")))
    assert (tmp_path / "e.tmp" / "thesis.tex").exists()


def test_leftover_of_a_killed_run_is_no_obstacle(tiny_of, tmp_path):
    (tmp_path / "e.tmp").mkdir()
    (tmp_path / "e.tmp" / "model.safetensors").write_bytes(b"half")
    encoder(tmp_path / "e", source="path", name=str(tiny_of("bert")))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["e"]


def test_full_disk_leaves_the_old_encoder_and_nothing_else(own_tiny, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = (own_tiny / "model.safetensors").read_bytes()
    name = str(own_tiny)
    monkeypatch.setattr("transformers.PreTrainedTokenizerFast.save_pretrained", full)
    with pytest.raises(XnerError, match=r"could not be written .*No space left.*Free room"):
        encoder(own_tiny, source="path", name=name)
    assert (own_tiny / "model.safetensors").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own"]


def test_unknown_script_is_warned_of_with_its_share(tiny_of, tmp_path):
    path = tmp_path / "thai.txt"
    path.write_text("กรุงเทพ Lagos", encoding="utf8")
    source = tiny_of("bert")
    result = run(tmp_path / "e", "--source", "path", "--name", source, "--keep-vocab-of", path)
    assert result.exit_code == 0
    known = len(load_encoder(source)[0].tokenize("Lagos"))
    assert f"does not know {1 / (1 + known):.0%} of the pieces of" in result.output.replace(
        "\n", " "
    )


def test_command_prints_vocabulary_and_size(tiny_of, tmp_path, text_file):
    result = run(
        tmp_path / "e", "--source", "path", "--name", tiny_of("bert"), "--keep-vocab-of", text_file
    )
    assert result.exit_code == 0
    before, after = len(load_encoder(tiny_of("bert"))[0]), len(load_encoder(tmp_path / "e")[0])
    line = next(line for line in result.output.splitlines() if line.startswith("pieces"))
    assert line.split() == ["pieces", str(before), str(after)]
    assert "Wrote the encoder" in result.output
    assert "does not know" not in result.output


def test_dev_and_test_files_of_a_folder_are_left_out_and_told(tiny_of, tmp_path, text_file):
    folder = tmp_path / "corpus"
    folder.mkdir()
    text_file.rename(folder / "train.txt")
    (folder / "test.txt").write_text("Zanzibar\n", encoding="utf8")
    result = run(
        tmp_path / "e", "--source", "path", "--name", tiny_of("bert"), "--keep-vocab-of", folder
    )
    assert "Left out 1 dev and test files" in result.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--source", "path"], "--source path needs --name: the folder"),
        (["--source", "hub"], "--source hub needs --name: the model's name"),
        (["--name", "xlm-roberta-base"], "goes with --source hub"),
        (["--source", "path", "--name", "no/where"], "No encoder folder at no/where"),
        (["--keep-vocab-of", "absent.txt"], "nothing at absent.txt"),
    ],
)
def test_mistakes_end_with_a_message_and_exit_code_1(options, told, tmp_path):
    result = run(tmp_path / "e", *options)
    assert result.exit_code == 1
    assert told in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert not (tmp_path / "e").exists()


def test_unknown_source_is_refused_by_the_function(tmp_path):
    with pytest.raises(XnerError, match="--source web: expected one of embedded, hub, path"):
        encoder(tmp_path / "e", source="web")
