"""Reading checkpoint folders, whole and broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from transformers import EsmConfig, EsmForMaskedLM, EsmModel, EsmTokenizer

from multiprot.encoders.contract import Layout
from multiprot.errors import PluginError
from multiprot.proteins import ProteinRecord
from multiprot_esm.architecture import resolve
from multiprot_esm.encoder import Esm2Encoder
from multiprot_esm.options import Esm2Options
from multiprot_esm.plugin import esm2
from multiprot_esm.vocabulary import ESM2_TOKENS, Vocabulary

SEQUENCES = ("MKTAYIAKQRXBZUO", "ACDEFGHIKLMNPQRSTVWYACDEF", "W")


@pytest.fixture(params=["rotary", "absolute"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A tiny checkpoint as transformers itself writes it, of ESM-2's or ESM-1b's kind."""
    torch.manual_seed(3)
    config = EsmConfig(
        vocab_size=33,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=40,
        max_position_embeddings=66,
        position_embedding_type=request.param,
        token_dropout=True,
        emb_layer_norm_before=request.param == "absolute",
        mask_token_id=32,
        pad_token_id=1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        layer_norm_eps=1e-5,
    )
    EsmForMaskedLM(config).save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(ESM2_TOKENS) + "\n")
    return tmp_path


def records() -> list[ProteinRecord]:
    return [ProteinRecord(id=f"p{i}", sequence=s) for i, s in enumerate(SEQUENCES)]


def values(model: Esm2Encoder) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(model.featurizer(records(), Layout.PADDED)).values


def test_tokens_are_those_of_transformers(folder: Path) -> None:
    """The library's own model and tokenizer, asked for one protein at a time."""
    direct = EsmModel.from_pretrained(folder, add_pooling_layer=False).eval()
    tokenizer = EsmTokenizer.from_pretrained(folder)
    found = values(Esm2Encoder(Esm2Options(checkpoint=str(folder))))
    for row, sequence in enumerate(SEQUENCES):
        with torch.no_grad():
            expected = direct(**tokenizer(sequence, return_tensors="pt")).last_hidden_state
        torch.testing.assert_close(
            found[row, : len(sequence)], expected[0, 1:-1], atol=2e-6, rtol=1e-5
        )


def test_masking_agrees_with_transformers(folder: Path) -> None:
    """With token dropout, masked residues also rescale all others."""
    model = Esm2Encoder(Esm2Options(checkpoint=str(folder))).eval()
    direct = EsmModel.from_pretrained(folder, add_pooling_layer=False).eval()
    tokenizer = EsmTokenizer.from_pretrained(folder)
    record = ProteinRecord(id="a", sequence="ACDEF")
    masked = torch.tensor([[False, True, False, True, False]])
    features = model.featurizer([record], Layout.PADDED)
    features = features.mask_residues(masked, torch.full((1, 5), -1))
    with torch.no_grad():
        found = model(features).values
        expected = direct(**tokenizer("A<mask>D<mask>F", return_tensors="pt")).last_hidden_state
    torch.testing.assert_close(found, expected[:, 1:-1], atol=2e-6, rtol=1e-5)


def test_capabilities_come_from_the_folder(folder: Path) -> None:
    assert esm2.capabilities(Esm2Options(checkpoint=str(folder))).max_residues == 62


def test_learned_positions_cannot_be_stretched_and_rotary_ones_can(folder: Path) -> None:
    options = Esm2Options(checkpoint=str(folder), max_residues=100)
    if resolve(Esm2Options(checkpoint=str(folder))).shape["position_embedding_type"] == "rotary":
        assert esm2.capabilities(options).max_residues == 100
        return
    with pytest.raises(PluginError, match=r"max_residues 100 is more than the 62"):
        esm2.capabilities(options)


def test_learned_positions_reach_to_the_limit(folder: Path) -> None:
    model = Esm2Encoder(Esm2Options(checkpoint=str(folder)))
    longest = ProteinRecord(id="a", sequence="A" * 62)
    assert model(model.featurizer([longest], Layout.PADDED)).values.shape == (1, 62, 24)


def test_portable_options_need_no_folder(folder: Path) -> None:
    """What a bundle does: build from recorded options, then load its own weights."""
    model = Esm2Encoder(Esm2Options(checkpoint=str(folder), freeze=1))
    told = json.loads(json.dumps(model.portable_options))
    expected, weights = values(model), model.state_dict()
    (folder / "config.json").unlink()
    again = Esm2Encoder(Esm2Options.model_validate(told))
    again.load_state_dict(weights)
    assert torch.equal(values(again), expected)
    assert again.featurizer == model.featurizer
    assert again.portable_options == model.portable_options


def test_options_may_change_dropout_of_a_checkpoint(folder: Path) -> None:
    options = Esm2Options(checkpoint=str(folder), dropout=0.25, token_dropout=False)
    shape = resolve(options).shape
    assert (shape["hidden_dropout_prob"], shape["token_dropout"]) == (0.25, False)


def test_a_vocabulary_in_another_order_is_followed(folder: Path) -> None:
    tokens = list(ESM2_TOKENS)
    tokens[4], tokens[5] = tokens[5], tokens[4]
    (folder / "vocab.txt").write_text("\n".join(tokens))
    vocabulary = resolve(Esm2Options(checkpoint=str(folder))).vocabulary
    assert vocabulary.letters[0] == 4
    (folder / "vocab.txt").unlink()
    assert resolve(Esm2Options(checkpoint=str(folder))).tokens == ESM2_TOKENS


def drop_tensor(folder: Path) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    tensors.pop(next(key for key in sorted(tensors) if "layer.1" in key))
    save_file(tensors, path, metadata={"format": "pt"})


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


DAMAGES = {
    "no folder": (lambda f: f.rename(f.with_name(f.name + "-moved")), "is not a folder"),
    "no config": (lambda f: (f / "config.json").unlink(), r"no config\.json"),
    "empty config": (lambda f: (f / "config.json").write_text(""), "not readable as JSON"),
    "binary config": (lambda f: (f / "config.json").write_bytes(b"\xff\x00"), "not readable"),
    "another model": (lambda f: change_config(f, model_type="bert"), "model_type 'bert'"),
    "folding model": (lambda f: change_config(f, is_folding_model=True), "'esmfold'"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), r"no model\.safetensors"),
    "cut weights": (
        lambda f: (f / "model.safetensors").write_bytes(
            (f / "model.safetensors").read_bytes()[:5000]
        ),
        "cannot be read",
    ),
    "empty weights": (lambda f: (f / "model.safetensors").write_bytes(b""), "cannot be read"),
    "a tensor short": (drop_tensor, r"lacks 1 tensors of the model, first .*layer\.1"),
    "more layers": (lambda f: change_config(f, num_hidden_layers=4), r"lacks 16 tensors"),
    "other width": (lambda f: change_config(f, hidden_size=32), "tensors of other shapes"),
    "short vocabulary": (lambda f: (f / "vocab.txt").write_text("<cls>\n<pad>\nA"), "no token"),
    "double token": (
        lambda f: (f / "vocab.txt").write_text("\n".join([*ESM2_TOKENS[:-1], "L"])),
        "'L' stands there twice",
    ),
    "binary vocabulary": (lambda f: (f / "vocab.txt").write_bytes(b"\xff\xfe\x00"), "not UTF-8"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_with_its_name(folder: Path, damage: str) -> None:
    spoil, expected = DAMAGES[damage]
    spoil(folder)
    with pytest.raises(PluginError, match=expected) as caught:
        Esm2Encoder(Esm2Options(checkpoint=str(folder)))
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_decides_its_shape(folder: Path) -> None:
    with pytest.raises(ValidationError, match="layers is decided by checkpoint"):
        Esm2Options(checkpoint=str(folder), layers=2)
    with pytest.raises(ValidationError, match="both given"):
        Esm2Options(checkpoint=str(folder), architecture={})


@pytest.mark.parametrize(
    ("told", "expected"),
    [({}, "lacks 'shape'"), ({"shape": {"hue": 1}, "tokens": ["A"]}, "unknown field 'hue'")],
)
def test_a_bad_architecture_is_refused(told: dict[str, object], expected: str) -> None:
    with pytest.raises(PluginError, match=expected):
        resolve(Esm2Options(architecture=told))


def test_heads_must_fit_the_width() -> None:
    with pytest.raises(ValidationError, match="width 100 must be a multiple of twice heads, 40"):
        Esm2Options(width=100)


def test_only_j_has_a_stand_in() -> None:
    letters = Vocabulary.of(ESM2_TOKENS, "test").letters
    named = {
        letter: ESM2_TOKENS[i]
        for letter, i in zip("ACDEFGHIKLMNPQRSTVWYXBZJUO", letters, strict=True)
    }
    assert {a: b for a, b in named.items() if a != b} == {"J": "X"}
