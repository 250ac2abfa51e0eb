"""Files of facebookresearch/esm: the same tokens as fair-esm's own models and as transformers'."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from multiprot.encoders.contract import Layout
from multiprot.errors import PluginError
from multiprot.proteins import ProteinRecord
from multiprot_esm.architecture import resolve
from multiprot_esm.encoder import Esm2Encoder
from multiprot_esm.options import Esm2Options
from multiprot_esm.plugin import esm2

LAYERS, HEADS, POSITIONS = 3, 2, 64
"""Of the models in conftest.py."""

Tokens = Callable[..., torch.Tensor]

SEQUENCES = ("MKTAYIAKQRXBZUO", "ACDEFGHIKLMNPQRSTVWYACDEF" * 2, "W")


def encoder(checkpoint: Path, **options: Any) -> Esm2Encoder:
    return Esm2Encoder(Esm2Options(checkpoint=str(checkpoint), **options)).eval()


def features(model: Esm2Encoder, *, hidden: bool = False) -> Any:
    """A padded batch, with some residues hidden or none."""
    records = [ProteinRecord(id=f"p{i}", sequence=s) for i, s in enumerate(SEQUENCES)]
    made = model.featurizer(records, Layout.PADDED)
    if not hidden:
        return made
    masked = torch.zeros_like(made.mask)
    masked[0, [0, 3]] = masked[1, 10:20] = True
    return made.mask_residues(masked, torch.full(masked.shape, -1))


def values(model: Esm2Encoder, given: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(given).values


@pytest.mark.parametrize("hidden", [False, True])
def test_tokens_are_those_of_fair_esm(file: Path, their_tokens: Tokens, hidden: bool) -> None:
    """Its own loader, classes and forward, in a padded batch, with token dropout."""
    model = encoder(file)
    given = features(model, hidden=hidden)
    found, expected = values(model, given), their_tokens(file, given.tokens)
    torch.testing.assert_close(found[given.mask], expected[given.mask], atol=1e-5, rtol=1e-5)
    assert float(found[given.mask].std()) > 0.1


def test_without_token_dropout_too(file: Path, their_tokens: Tokens) -> None:
    model = encoder(file, token_dropout=False)
    given = features(model, hidden=True)
    found, expected = values(model, given), their_tokens(file, given.tokens, token_dropout=False)
    torch.testing.assert_close(found[given.mask], expected[given.mask], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("hidden", [False, True])
def test_tokens_are_those_of_a_folder(file: Path, their_folder: Path, hidden: bool) -> None:
    one, other = encoder(file), encoder(their_folder)
    given = features(one, hidden=hidden)
    torch.testing.assert_close(values(one, given), values(other, given), atol=1e-5, rtol=1e-5)
    assert one.featurizer == other.featurizer


def test_shape_comes_from_the_files_settings(file: Path, kind: str) -> None:
    shape = resolve(Esm2Options(checkpoint=str(file))).shape
    assert (shape["num_hidden_layers"], shape["num_attention_heads"]) == (LAYERS, HEADS)
    assert shape["position_embedding_type"] == ("rotary" if kind == "esm2" else "absolute")
    capabilities = esm2.capabilities(Esm2Options(checkpoint=str(file)))
    assert capabilities.max_residues == (1022 if kind == "esm2" else POSITIONS - 2)
    assert capabilities.weights_license == "MIT"


def test_learned_positions_reach_to_the_limit(file: Path) -> None:
    model = encoder(file)
    limit = esm2.capabilities(Esm2Options(checkpoint=str(file))).max_residues
    longest = model.featurizer([ProteinRecord(id="a", sequence="A" * limit)], Layout.PADDED)
    assert torch.isfinite(values(model, longest)).all()


def test_half_precision_files_keep_their_positions(half_file: Path, their_tokens: Tokens) -> None:
    """The frequencies of the positions are those that the model learned with, rounded."""
    model = encoder(half_file)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    given = features(model)
    found, expected = values(model, given), their_tokens(half_file, given.tokens)
    torch.testing.assert_close(found[given.mask], expected[given.mask], atol=1e-5, rtol=1e-5)


def test_old_files_and_files_with_the_regression_load(file: Path) -> None:
    data = torch.load(file, weights_only=False)
    before = encoder(file)
    given = features(before)
    data["model"]["contact_head.regression.weight"] = torch.ones(1, LAYERS * HEADS)
    data["last_optimizer_state"] = None
    torch.save(data, file, _use_new_zipfile_serialization=False)
    assert torch.equal(values(encoder(file), given), values(before, given))


def test_a_built_model_does_not_lean_on_its_file(file: Path) -> None:
    model = encoder(file)
    given = features(model)
    before = values(model, given)
    file.write_bytes(b"\0" * file.stat().st_size)
    assert torch.equal(values(model, given), before)


def test_portable_options_need_no_file(file: Path) -> None:
    model = encoder(file, freeze=1)
    given = features(model)
    expected, weights = values(model, given), model.state_dict()
    told = json.loads(json.dumps(model.portable_options))
    file.unlink()
    again = Esm2Encoder(Esm2Options.model_validate(told)).eval()
    again.load_state_dict(weights)
    assert torch.equal(values(again, given), expected)


class Intruder:
    """A pickle of it creates a file when it is read."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["args", "model", "extra"])
def test_a_file_that_runs_code_is_refused_unrun(
    file: Path, tmp_path: Path, place: str, zipped: bool
) -> None:
    trace = tmp_path / "trace"
    data = torch.load(file, weights_only=False) | {place: Intruder(trace)}
    torch.save(data, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(PluginError, match=r"asks for .* could run any code") as caught:
        esm2.build(Esm2Options(checkpoint=str(file)))
    assert str(file) in str(caught.value)
    assert not trace.exists()
    torch.load(file, weights_only=False)
    assert trace.exists(), "the test's own file is harmless"


def test_only_this_reading_lets_a_namespace_through(file: Path) -> None:
    before = torch.serialization.get_safe_globals()
    encoder(file)
    assert set(torch.serialization.get_safe_globals()) == set(before)
    assert argparse.Namespace not in before


def change(**settings: object) -> Callable[[dict[str, Any]], None]:
    def act(data: dict[str, Any]) -> None:
        vars(data["cfg"]["model"] if "cfg" in data else data["args"]).update(settings)

    return act


def rename(data: dict[str, Any]) -> None:
    data["model"]["encoder.sentence_encoder.trunk.weight"] = torch.ones(1)


def drop(data: dict[str, Any]) -> None:
    del data["model"]["encoder.sentence_encoder.layers.1.fc2.bias"]


def reshape(data: dict[str, Any]) -> None:
    data["model"]["encoder.sentence_encoder.layers.1.fc2.bias"] = torch.ones(7)


def no_tensor(data: dict[str, Any]) -> None:
    data["model"]["encoder.sentence_encoder.layers.1.fc2.bias"] = "none"


def only_regression(data: dict[str, Any]) -> None:
    data.clear()
    data["model"] = {"contact_head.regression.weight": torch.ones(1, 6)}


def bare(data: dict[str, Any]) -> None:
    tensors = data["model"]
    data.clear()
    data.update(tensors)


FAULTS = {
    "a tensor short": (drop, r"lacks 1 tensors of the model, first layers\.1\.fc2\.bias"),
    "a tensor more": (rename, r"1 tensors that the model has no place for, first trunk\.weight"),
    "another shape": (reshape, r"tensors of other shapes .*layer\.1\.output\.dense\.bias"),
    "no tensor": (no_tensor, r"layers\.1\.fc2\.bias is no tensor"),
    "more layers": (change(encoder_layers=4), "tells of 4 layers but holds 3"),
    "many layers": (change(encoder_layers=10**9), "holds 3"),
    "other width": (change(encoder_embed_dim=32), "tensors of other shapes"),
    "no heads": (change(encoder_attention_heads=0), "give attention_heads as 0"),
    "odd width": (change(encoder_embed_dim="wide"), "give embed_dim as 'wide'"),
    "the regression": (only_regression, r"it holds model.*contact regression"),
    "a bare state_dict": (bare, "bare state_dict"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_refused_with_its_name(file: Path, fault: str) -> None:
    spoil, expected = FAULTS[fault]
    data = torch.load(file, weights_only=False)
    spoil(data)
    torch.save(data, file)
    with pytest.raises(PluginError, match=expected) as caught:
        esm2.build(Esm2Options(checkpoint=str(file)))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arch", "told"),
    [
        ("msa_transformer", "the MSA Transformer"),
        ("protein_bert_base", "ESM-1, which ESM-1b replaced"),
        ("vec_gvp_transformer_invariant_gvp", "ESM-IF1"),
        ("bart", "unknown kind 'bart'"),
    ],
)
def test_other_models_of_the_authors_are_refused_by_name(
    tmp_path: Path, arch: str, told: str
) -> None:
    path = tmp_path / "other.pt"
    torch.save({"args": argparse.Namespace(arch=arch), "model": {}}, path)
    with pytest.raises(PluginError, match=told):
        esm2.capabilities(Esm2Options(checkpoint=str(path)))


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "half": lambda whole: whole[: len(whole) // 2],
    "start": lambda whole: whole[:100],
    "page": lambda whole: b"<!DOCTYPE html><html>404</html>",
    "zip": lambda whole: b"PK\x05\x06" + b"\0" * 18,
    "text": lambda whole: b"encoder_layers: 3\n",
}


@pytest.mark.parametrize("damage", BYTES)
def test_a_damaged_file_is_refused_with_its_name(file: Path, damage: str) -> None:
    file.write_bytes(BYTES[damage](file.read_bytes()))
    with pytest.raises(PluginError, match=r"cannot be read as a \.pt file") as caught:
        esm2.build(Esm2Options(checkpoint=str(file)))
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no file .*gone\.pt.*nothing is fetched"):
        esm2.capabilities(Esm2Options(checkpoint=str(tmp_path / "gone.pt")))


def test_a_list_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save([torch.ones(1)], tmp_path / "list.pt")
    with pytest.raises(PluginError, match="holds a list"):
        esm2.capabilities(Esm2Options(checkpoint=str(tmp_path / "list.pt")))
