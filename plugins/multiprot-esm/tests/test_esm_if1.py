"""ESM-IF1's encoder: the same tokens as fair-esm's own, from the file it is published as."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from multiprot.encoders.contract import Layout
from multiprot.errors import PluginError
from multiprot.proteins import BackboneStructure, ProteinRecord
from multiprot.testing import example_records
from multiprot_esm.inverse_folding.encoder import EsmIf1Encoder
from multiprot_esm.inverse_folding.geometry import BREAK
from multiprot_esm.inverse_folding.options import EsmIf1Options, Sizes
from multiprot_esm.inverse_folding.plugin import esm_if1

ARGS = {
    "arch": "gvp_transformer_invariant_gvp_tiny",
    "encoder_embed_dim": 24,
    "encoder_layers": 2,
    "encoder_attention_heads": 3,
    "encoder_ffn_embed_dim": 40,
    "decoder_embed_dim": 24,
    "decoder_input_dim": 24,
    "decoder_output_dim": 24,
    "decoder_layers": 1,
    "decoder_attention_heads": 3,
    "decoder_ffn_embed_dim": 40,
    "share_decoder_input_output_embed": True,
    "dropout": 0.1,
    "attention_dropout": 0.1,
    "gvp_top_k_neighbors": 12,
    "gvp_node_hidden_dim_scalar": 14,
    "gvp_node_hidden_dim_vector": 5,
    "gvp_edge_hidden_dim_scalar": 8,
    "gvp_edge_hidden_dim_vector": 1,
    "gvp_num_encoder_layers": 2,
    "gvp_dropout": 0.1,
}

OLD_NAMES = {
    "gvp_encoder.embed_graph.embed_node": "gvp_encoder.W_v",
    "gvp_encoder.embed_graph.embed_edge": "gvp_encoder.W_e",
    "gvp_encoder.embed_graph.embed_confidence.": "gvp_encoder.embed_score.",
    "encoder.embed_confidence": "encoder.embed_scores.0",
    "embed_dihedrals": "embed_ingraham_features",
    "embed_gvp_output": "embed_gvp_in_local_frame.0",
    "embed_gvp_input_features": "embed_features_in_local_frame.0",
}


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """fair-esm's own model; what its modules want at import and the encoder never uses is faked."""
    pytest.importorskip("esm.model.esm2", reason="the package fair-esm is not installed")
    structure = pytest.importorskip("biotite.structure")
    fake: Any = ModuleType("torch_scatter")
    fake.scatter = fake.scatter_add = None
    monkeypatch.setitem(sys.modules, "torch_scatter", fake)
    monkeypatch.setattr(structure, "filter_backbone", None, raising=False)
    import esm
    from esm.inverse_folding.gvp_transformer import GVPTransformerModel

    torch.manual_seed(0)
    alphabet = esm.data.Alphabet.from_architecture(ARGS["arch"])
    model = GVPTransformerModel(argparse.Namespace(**ARGS), alphabet)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture
def file(theirs: Any, tmp_path: Path) -> Path:
    """The model as it is published: the names of the training, the decoder with it."""
    tensors = {}
    for name, tensor in theirs.state_dict().items():
        for new, old in OLD_NAMES.items():
            name = name.replace(new, old)
        tensors[name] = tensor
    tensors["encoder.version"] = torch.ones(1)
    path = tmp_path / "esm_if1_tiny.pt"
    torch.save({"args": argparse.Namespace(**ARGS), "model": tensors}, path)
    return path


def encoder(file: Path, **options: Any) -> EsmIf1Encoder:
    return EsmIf1Encoder(EsmIf1Options(checkpoint=str(file), **options)).eval()


def protein(residues: int, seed: int) -> ProteinRecord:
    """A chain of random torsions, N, CA and C of it only, none of them flat."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(residues * 3, 3))
    chain = np.cumsum(1.45 * steps / np.linalg.norm(steps, axis=-1, keepdims=True), axis=0)
    atoms = np.full((residues, 5, 3), np.nan, np.float32)
    atoms[:, :3] = chain.reshape(residues, 3, 3)
    return record(atoms, np.zeros(residues, np.bool_))


def record(atoms: np.ndarray, breaks: np.ndarray) -> ProteinRecord:
    """The record of atoms [residue, atom, xyz], its seen CA atoms' mean at the origin."""
    centre = np.nanmean(atoms[:, 1], axis=0) if len(atoms) else 0.0
    structure = BackboneStructure(
        coordinates=atoms - centre,
        present=np.isfinite(atoms).all(-1),
        chain_breaks=breaks,
        confidence=np.full(len(atoms), np.nan, np.float32),
    )
    return ProteinRecord(id="p", sequence="A" * len(atoms), structure=structure)


def tokens(model: EsmIf1Encoder, *records: ProteinRecord) -> torch.Tensor:
    with torch.no_grad():
        values: torch.Tensor = model(model.featurizer(records, Layout.PADDED)).values
    return values


def their_tokens(model: Any, atoms: np.ndarray) -> torch.Tensor:
    """Of N, CA, C [residue, atom, xyz]; infinite where unresolved, NaN between chains."""
    from esm.inverse_folding.util import CoordBatchConverter

    converter = CoordBatchConverter(model.decoder.dictionary)
    coords, confidence, _, _, padding = converter([(atoms.astype(np.float32), None, None)])
    with torch.no_grad():
        out = model.encoder(coords, padding, confidence)["encoder_out"][0]
    return out[1:-1, 0]


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert float(found.std()) > 0.1


@pytest.mark.parametrize("residues", [2, 5, 60])
def test_tokens_are_those_of_fair_esm(theirs: Any, file: Path, residues: int) -> None:
    """Proteins with more and with fewer residues than neighbours, in a padded batch."""
    given = protein(residues, residues)
    found = tokens(encoder(file), protein(31, 9), given)[1, :residues]
    same(found, their_tokens(theirs, given.structure.coordinates[:, :3]))


def test_unresolved_residues_are_as_fair_esm_advises(theirs: Any, file: Path) -> None:
    """The authors write infinity there; the residue beside it looks to the origin."""
    atoms = protein(50, 3).structure.coordinates.copy()
    atoms[[0, 20, 21, 22, 40]] = np.nan
    given = record(atoms, np.zeros(50, np.bool_))
    seen = np.isfinite(atoms[:, 0, 0])
    infinite = np.where(seen[:, None, None], given.structure.coordinates[:, :3], np.inf)
    found, expected = tokens(encoder(file), given)[0], their_tokens(theirs, infinite)
    same(found[seen], expected[seen])
    assert not found[~seen].any()


def test_a_break_is_as_between_the_chains_of_a_complex(theirs: Any, file: Path) -> None:
    """Two stretches with their centres at one place, so that both codes have one origin."""
    halves = [protein(n, n).structure.coordinates for n in (25, 32)]
    atoms = np.concatenate(halves)
    given = record(atoms, np.arange(57) == 24)
    gap = np.full((BREAK, 3, 3), np.nan)
    joined = np.concatenate([halves[0][:, :3], gap, halves[1][:, :3]])
    expected = their_tokens(theirs, joined)
    same(tokens(encoder(file), given)[0], torch.cat([expected[:25], expected[25 + BREAK :]]))


def test_theirs_depends_on_where_the_protein_lies_and_ours_does_not(
    theirs: Any, file: Path
) -> None:
    """Why proteins are centred here: at chain ends their code reads the distance to the origin."""
    given = protein(30, 1)
    atoms = given.structure.coordinates + np.float32(25)
    moved = replace(given, structure=replace(given.structure, coordinates=atoms))
    model = encoder(file)
    torch.testing.assert_close(tokens(model, moved), tokens(model, given), atol=1e-4, rtol=1e-4)
    there, here = (their_tokens(theirs, r.structure.coordinates[:, :3]) for r in (moved, given))
    assert not torch.allclose(there, here, atol=1e-2)


def test_portable_options_need_no_file(file: Path) -> None:
    model = encoder(file, freeze="all")
    expected = tokens(model, *example_records())
    told = json.loads(json.dumps(model.portable_options))
    file.unlink()
    again = EsmIf1Encoder(EsmIf1Options.model_validate(told)).eval()
    again.load_state_dict(model.state_dict())
    assert torch.equal(tokens(again, *example_records()), expected)
    assert not any(part.requires_grad for part in again.parameters())


def test_a_frozen_encoder_drops_nothing() -> None:
    options = {**esm_if1.tiny_options, "dropout": 0.5}
    helix = example_records()[0]
    for freeze in ("none", "all"):
        model = EsmIf1Encoder(EsmIf1Options.model_validate({**options, "freeze": freeze})).train()
        assert torch.equal(tokens(model, helix), tokens(model, helix)) == (freeze == "all")


def test_the_released_shape_is_the_default() -> None:
    sizes = Sizes()
    assert (sizes.width, sizes.layers, sizes.graph_layers, sizes.neighbours) == (512, 8, 4, 30)
    assert esm_if1.capabilities(EsmIf1Options()).weights_license is None
    assert esm_if1.capabilities(EsmIf1Options(checkpoint="x.pt")).weights_license == "MIT"


def change(**settings: object) -> Callable[[dict[str, Any]], None]:
    return lambda data: vars(data["args"]).update(settings)


def drop(data: dict[str, Any]) -> None:
    del data["model"]["encoder.layers.1.fc2.bias"]


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a tensor short": (drop, r"lacks 1 tensors, first layers\.1\.fc2\.bias"),
    "a tensor more": (
        lambda d: d["model"].update({"encoder.new": torch.ones(1)}),
        "no place for 1 tensors, first new",
    ),
    "no table": (lambda d: d["model"].pop("encoder.embed_tokens.weight"), "embed_tokens"),
    "other width": (change(encoder_embed_dim=48), r"is \[.*\], but its settings say \["),
    "no layers": (change(encoder_layers=None), "give encoder_layers as None"),
    "odd heads": (change(encoder_attention_heads=7), "give encoder_attention_heads as 7"),
    "a language model": (change(arch="roberta_large"), "go with the encoder esm2"),
    "no settings": (lambda d: d.pop("args"), "lacks settings or tensors"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_refused_with_its_name(file: Path, fault: str) -> None:
    spoil, expected = FAULTS[fault]
    data = torch.load(file, weights_only=False)
    spoil(data)
    torch.save(data, file)
    with pytest.raises(PluginError, match=expected) as caught:
        encoder(file)
    assert str(file) in str(caught.value)


class Intruder:
    """A pickle of it creates a file when it is read."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.trace,)


def test_a_file_that_runs_code_is_refused_unrun(file: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    torch.save(torch.load(file, weights_only=False) | {"extra": Intruder(trace)}, file)
    with pytest.raises(PluginError, match="could run any code"):
        encoder(file)
    assert not trace.exists()


def test_tokens_do_not_depend_on_turns_of_either_side_of_a_break(file: Path) -> None:
    """With more residues on either side than neighbours, and both sides far apart."""
    halves = [protein(n, n).structure.coordinates for n in (25, 32)]
    turn = np.float32([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    poses = (halves[1] + np.float32(400), halves[1] @ turn.T + np.float32([0, 500, 0]))
    model = encoder(file)
    first, second = (
        tokens(model, record(np.concatenate([halves[0], pose]), np.arange(57) == 24))
        for pose in poses
    )
    torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-4)


def test_packed_layout_is_refused() -> None:
    model = EsmIf1Encoder(EsmIf1Options.model_validate(dict(esm_if1.tiny_options)))
    with pytest.raises(PluginError, match="packs=False"):
        model.featurizer(example_records(), Layout.PACKED)


def test_neither_fair_esm_nor_compiled_extensions_are_needed() -> None:
    program = (
        "import sys; from multiprot_esm.inverse_folding.plugin import esm_if1 as p;"
        "p.build(p.config.model_validate(dict(p.tiny_options)));"
        "sys.exit(bool({'esm', 'torch_scatter', 'torch_geometric'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
