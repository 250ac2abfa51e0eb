"""The GVP-GNN encoder keeps the contract and the symmetries it claims."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from importlib.metadata import entry_points

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from multiprot.encoders.contract import Layout
from multiprot.proteins import BackboneStructure, ProteinRecord
from multiprot_gvp.encoder import GvpEncoder, offset_waves, radial_basis
from multiprot_gvp.layers import lengths
from multiprot_gvp.options import GvpOptions
from multiprot_gvp.plugin import gvp

SMALL = GvpOptions(
    node_scalars=16, node_vectors=4, edge_scalars=8, neighbours=6, dropout=0.2, token_dim=10
)


def chain(residues: int, seed: int = 0) -> np.ndarray:
    """A backbone [residue, atom, xyz] in Å with bonds of about the right length."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(residues, 1, 3)) + np.array([1.5, 0, 0])
    steps *= 3.8 / np.linalg.norm(steps, axis=-1, keepdims=True)
    places = np.array([[-1.4, 0, 0.5], [0, 0, 0], [1.4, 0.3, 0], [1.6, 1.4, 0.4], [0, -1.3, 0.8]])
    return np.cumsum(steps, axis=0) + places + rng.normal(size=(residues, 5, 3)) * 0.2


def record(
    name: str,
    coordinates: np.ndarray,
    breaks: tuple[int, ...] = (),
    unseen: tuple[int, ...] = (),
    sequence: str | None = None,
) -> ProteinRecord:
    coordinates = coordinates.astype(np.float32)
    present = np.ones(coordinates.shape[:2], dtype=bool)
    present[list(unseen)] = False
    coordinates[list(unseen)] = np.nan
    chain_breaks = np.zeros(len(coordinates), dtype=bool)
    chain_breaks[list(breaks)] = True
    return ProteinRecord(
        id=name,
        sequence=sequence or "A" * len(coordinates),
        structure=BackboneStructure(
            coordinates=coordinates,
            present=present,
            chain_breaks=chain_breaks,
            confidence=np.full(len(coordinates), np.nan, np.float32),
        ),
    )


def encoder(options: GvpOptions = SMALL, seed: int = 0) -> GvpEncoder:
    torch.manual_seed(seed)
    return GvpEncoder(options).eval()


def tokens(model: GvpEncoder, *records: ProteinRecord, layout: Layout = Layout.PADDED):
    with torch.no_grad():
        return model(model.featurizer(records, layout))


def test_the_entry_point_is_the_plugin() -> None:
    (found,) = entry_points(group="multiprot.structure_encoders", name="gvp")
    assert found.load() is gvp
    assert gvp.name == found.name


def test_listing_imports_no_torch() -> None:
    code = "import sys, multiprot_gvp.plugin; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("layout", list(Layout))
def test_row_r_is_residue_r(layout: Layout) -> None:
    model = encoder()
    records = [record("a", chain(9), unseen=(2, 5)), record("b", chain(14, 1))]
    out = tokens(model, *records, layout=layout)
    expected = [[r not in (2, 5) for r in range(9)], [True] * 14]
    if layout is Layout.PACKED:
        assert out.values.shape == (23, 10)
        assert out.offsets.tolist() == [0, 9, 23]
        assert out.mask.tolist() == expected[0] + expected[1]
    else:
        assert out.values.shape == (2, 14, 10)
        assert out.mask.tolist() == [expected[0] + [False] * 5, expected[1]]
    assert torch.isfinite(out.values).all()
    assert not out.values[~out.mask].any()
    assert (out.values[out.mask].abs().sum(-1) > 0).all()


def test_packed_and_padded_tokens_agree() -> None:
    model = encoder()
    records = [record("a", chain(9), unseen=(2,)), record("b", chain(14, 1))]
    padded = tokens(model, *records)
    packed = tokens(model, *records, layout=Layout.PACKED)
    torch.testing.assert_close(padded.values[0, :9], packed.values[:9])
    torch.testing.assert_close(padded.values[1], packed.values[9:])


@given(lengths=st.lists(st.integers(1, 20), min_size=1, max_size=4), seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_tokens_do_not_depend_on_the_batch(lengths: list[int], seed: int) -> None:
    model = encoder()
    records = [record(f"p{i}", chain(n, seed + i)) for i, n in enumerate(lengths)]
    together = tokens(model, *records)
    for row, single in enumerate(records):
        alone = tokens(model, single).values[0]
        torch.testing.assert_close(together.values[row, : len(single)], alone, atol=2e-5, rtol=2e-4)


def test_no_structure_no_token() -> None:
    model = encoder()
    bare = ProteinRecord(id="bare", sequence="ACDEF")
    both = tokens(model, bare, record("a", chain(8)))
    assert not both.mask[0].any()
    assert not both.values[0].any()
    assert both.mask[1].all()
    alone = model(model.featurizer([bare], Layout.PADDED))
    assert alone.values.shape == (1, 5, 10)
    assert not alone.mask.any()
    alone.values.sum().backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


@given(
    seed=st.integers(0, 1000),
    shift=st.sampled_from([0.0, 100.0, 2000.0]),
    residues=st.integers(1, 40),
)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_turning_a_protein_turns_its_vectors_and_keeps_its_scalars(
    seed: int, shift: float, residues: int
) -> None:
    model = encoder()
    rotation = Rotation.random(rng=seed).as_matrix()
    coordinates = chain(residues, seed)
    moved = coordinates @ rotation.T + shift
    states = []
    for place in (coordinates, moved):
        with torch.no_grad():
            states.append(
                model.scalars_and_vectors(model.featurizer([record("a", place)], Layout.PADDED))
            )
    (scalars, vectors), (turned_scalars, turned_vectors) = states
    expected = vectors @ torch.from_numpy(rotation.T).float()
    # float32 coordinates 2,000 Å away carry an error of 1e-4 Å, a hundred Å away one of 4e-6 Å.
    tolerance = 1e-3 if shift < 1000 else 2e-2
    torch.testing.assert_close(turned_scalars, scalars, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(turned_vectors, expected, atol=tolerance, rtol=tolerance)
    # Without this the comparison could hold between zeros.
    assert vectors.norm(dim=-1).mean() > 0.05


def test_a_mirror_image_has_other_tokens() -> None:
    model = encoder()
    coordinates = chain(20)
    here = tokens(model, record("a", coordinates)).values
    mirrored = tokens(model, record("a", coordinates * [1, 1, -1])).values
    assert (here - mirrored).abs().max() > 1e-2 * here.abs().max()


def test_residue_identity_is_not_an_input() -> None:
    model = encoder()
    coordinates = chain(6)
    torch.testing.assert_close(
        tokens(model, record("a", coordinates, sequence="ACDEFG")).values,
        tokens(model, record("a", coordinates, sequence="WWWWWW")).values,
        atol=0,
        rtol=0,
    )


def test_a_chain_break_changes_what_is_known_along_the_chain() -> None:
    featurizer = encoder().featurizer
    coordinates = chain(8)
    whole = featurizer([record("a", coordinates)], Layout.PADDED).graph
    broken = featurizer([record("a", coordinates, breaks=(3,))], Layout.PADDED).graph
    assert torch.equal(whole.neighbours, broken.neighbours)
    side = torch.arange(8) > 3
    across = side[:, None] != side[broken.neighbours]
    assert across.any()
    assert not broken.offsets[across].any()
    assert torch.equal(broken.offsets[~across], whole.offsets[~across])
    assert (whole.offsets[whole.present] != 0).all()


def test_offsets_across_unresolved_residues_count_them() -> None:
    featurizer = encoder().featurizer
    graph = featurizer([record("a", chain(8), unseen=(3, 4))], Layout.PADDED).graph
    rows = torch.tensor([0, 1, 2, 5, 6, 7])
    expected = rows[graph.neighbours] - rows[:, None]
    assert torch.equal(graph.offsets[graph.present], expected[graph.present])


def test_features_survive_pickling_and_moving() -> None:
    model = encoder()
    features = model.featurizer([record("a", chain(8)), record("b", chain(5))], Layout.PADDED)
    again = pickle.loads(pickle.dumps(features))  # noqa: S301
    moved = features.to(torch.device("meta"))
    assert moved.graph.scalars.device.type == "meta"
    assert features.graph.scalars.device.type == "cpu"
    torch.testing.assert_close(model(again).values, model(features).values)
    assert pickle.loads(pickle.dumps(model.featurizer)) == model.featurizer  # noqa: S301


@pytest.mark.parametrize(
    "changed", [{}, {"gate": False}, {"message_depth": 1}, {"update_depth": 1}]
)
def test_every_parameter_learns(changed: dict[str, object]) -> None:
    model = encoder(SMALL.model_copy(update=changed)).train()
    records = [record("a", chain(30)), record("b", chain(4))]
    out = model(model.featurizer(records, Layout.PADDED))
    (out.values * torch.randn_like(out.values)).sum().backward()
    silent = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_the_message_is_the_papers_formula() -> None:
    """Node-wise sums and the early average are identities of the direct computation."""
    torch.manual_seed(0)
    options = SMALL.model_copy(update={"message_vectors": 9})
    message = GvpEncoder(options).layers[0].message
    nodes = (torch.randn(7, 16), torch.randn(3, 7, 4))
    edges = (torch.randn(7, 5, 8), torch.randn(3, 7, 5, 1))
    neighbours = torch.randint(0, 7, (7, 5))
    present = torch.rand(7, 5) > 0.4
    present[2] = False
    scalars = torch.cat(
        [nodes[0][neighbours], edges[0], nodes[0][:, None].expand(-1, 5, -1)], dim=-1
    )
    vectors = torch.cat(
        [nodes[1][:, neighbours], edges[1], nodes[1][:, :, None].expand(-1, -1, 5, -1)], dim=-1
    )
    for gvp_layer in (message.first, *message.middle, message.last):
        scalars, vectors = gvp_layer(scalars, vectors)
    weight = present / present.sum(1, keepdim=True).clamp(min=1)
    expected = torch.einsum("nk,nkc->nc", weight, scalars)
    expected_vectors = torch.einsum("nk,xnkc->xnc", weight, vectors)
    found, found_vectors = message(nodes, edges, neighbours, present)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found_vectors, expected_vectors, atol=1e-5, rtol=1e-4)
    assert not found[2].any()
    assert not found_vectors[:, 2].any()
    # None says that all are present: a quicker way to the same mean.
    quick = message(nodes, edges, neighbours, None)
    for part, same in zip(
        quick, message(nodes, edges, neighbours, torch.ones_like(present)), strict=True
    ):
        torch.testing.assert_close(part, same)


def test_dropout_drops_whole_vectors_and_only_in_training() -> None:
    model = encoder()
    dropout = model.layers[0].dropout
    scalars, vectors = torch.ones(50, 16), torch.ones(3, 50, 4)
    assert dropout(scalars, vectors)[1] is vectors
    _, dropped = dropout.train()(scalars, vectors)
    assert torch.equal(dropped[0], dropped[1])
    assert torch.equal(dropped[0], dropped[2])
    assert set(dropped.unique().tolist()) == {0.0, 1.25}


def test_bfloat16_is_close() -> None:
    """As the capabilities claim: parameters in bf16, features in fp32."""
    model = encoder()
    features = model.featurizer([record("a", chain(30))], Layout.PADDED)
    exact = model(features).values
    rough = copy.deepcopy(model).to(torch.bfloat16)(features).values
    assert rough.dtype == torch.bfloat16
    assert (rough.float() - exact).abs().max() < 0.1 * exact.abs().max()
    with torch.autocast("cpu", torch.bfloat16):
        mixed = model(features).values
    assert (mixed.float() - exact).abs().max() < 0.1 * exact.abs().max()


def test_waves_of_offsets() -> None:
    offsets = torch.tensor([[1, -1, 0, 40]])
    waves = offset_waves(offsets)
    assert waves.shape == (1, 4, 16)
    torch.testing.assert_close(waves[0, 0, 0], torch.tensor(1.0).cos())
    torch.testing.assert_close(waves[0, 0, 8:], -waves[0, 1, 8:])
    assert not waves[0, 2].any()
    torch.testing.assert_close(waves[0, 3].square().sum(), torch.tensor(8.0))
    assert offset_waves(offsets[:0]).shape == (0, 4, 16)


def test_radial_basis_peaks_at_its_centres() -> None:
    basis = radial_basis(torch.linspace(0, 20, 16)[None])
    torch.testing.assert_close(basis[0].diagonal(), torch.ones(16))
    assert (basis[0].argmax(-1) == torch.arange(16)).all()


def test_lengths_have_finite_gradients_at_zero() -> None:
    vectors = torch.zeros(3, 2, 4, requires_grad=True)
    lengths(vectors).sum().backward()
    assert torch.isfinite(vectors.grad).all()
