"""Perceptrons, norm, graph batches and options on their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from multiprot.encoders.contract import Layout
from multiprot.encoders.graphs import HIDDEN
from multiprot.encoders.options import validate_options
from multiprot.errors import ConfigError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord
from multiprot.testing import example_records
from multiprot_gvp.encoder import GvpEncoder, pair_geometry
from multiprot_gvp.features import GvpFeaturizer
from multiprot_gvp.layers import Gvp, TupleDropout, TupleNorm, lengths
from multiprot_gvp.message import GvpLayer
from multiprot_gvp.options import GvpOptions
from multiprot_gvp.plugin import gvp

WIDTHS = st.tuples(st.integers(1, 6), st.integers(1, 5))


def turned(vectors: torch.Tensor, seed: int) -> torch.Tensor:
    """`vectors` [xyz, ...] under a random rotation or reflection."""
    matrix = Rotation.random(rng=seed).as_matrix() * (-1) ** seed
    return torch.einsum("xy,y...->x...", torch.from_numpy(matrix).float(), vectors)


@given(
    inputs=WIDTHS,
    outputs=WIDTHS,
    activated=st.booleans(),
    gate=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_a_perceptron_is_equivariant(
    inputs: tuple[int, int], outputs: tuple[int, int], activated: bool, gate: bool, seed: int
) -> None:
    """Also under reflection: handedness enters by the features alone."""
    torch.manual_seed(seed)
    layer = Gvp(inputs, outputs, activated=activated, gate=gate)
    scalars, vectors = torch.randn(7, inputs[0]), torch.randn(3, 7, inputs[1])
    found = layer(scalars, vectors)
    moved = layer(scalars, turned(vectors, seed))
    assert found[0].shape == (7, outputs[0])
    assert found[1].shape == (3, 7, outputs[1])
    torch.testing.assert_close(moved[0], found[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(moved[1], turned(found[1], seed), atol=1e-5, rtol=1e-4)


def test_a_perceptron_is_the_papers_algorithm() -> None:
    """Algorithm 1 of Jing et al. 2021, with vectors as rows."""
    torch.manual_seed(0)
    layer = Gvp((4, 3), (5, 2), activated=True, gate=False)
    scalars, vectors = torch.randn(4), torch.randn(3, 3)
    hidden = layer.hidden.weight @ vectors.T
    mixed = layer.scalars.weight @ torch.cat([scalars, hidden.norm(dim=1)]) + layer.scalars.bias
    out = layer.vectors.weight @ hidden
    gated = torch.sigmoid(out.norm(dim=1, keepdim=True)) * out
    found, found_vectors = layer(scalars, vectors)
    torch.testing.assert_close(found, torch.relu(mixed))
    torch.testing.assert_close(found_vectors, gated.T, atol=1e-6, rtol=1e-5)


def test_gates_come_from_scalars_where_wanted() -> None:
    torch.manual_seed(0)
    layer = Gvp((4, 3), (5, 2), activated=True, gate=True)
    vectors = torch.randn(3, 1, 3)
    with torch.no_grad():
        layer.gate.weight.zero_()
        layer.gate.bias.fill_(-50.0)
    shut = layer(torch.randn(1, 4), vectors)[1]
    assert shut.abs().max() < 1e-12
    assert not torch.allclose(layer.vectors(layer.hidden(vectors)), shut)


def test_no_vectors_out() -> None:
    layer = Gvp((4, 3), (5, 0), activated=True, gate=False)
    scalars, vectors = layer(torch.randn(2, 4), torch.randn(3, 2, 3))
    assert scalars.shape == (2, 5)
    assert vectors.shape == (3, 2, 0)


@given(scale=st.floats(0.01, 100.0), seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_norm_takes_scale_away_and_keeps_directions(scale: float, seed: int) -> None:
    torch.manual_seed(seed)
    norm = TupleNorm(6)
    scalars, vectors = torch.randn(4, 6), torch.randn(3, 4, 5)
    found, found_vectors = norm(scalars * scale, vectors * scale)
    _, expected = norm(scalars, vectors)
    torch.testing.assert_close(found_vectors, expected, atol=1e-3, rtol=1e-3)
    power = lengths(found_vectors).square().mean(-1)
    torch.testing.assert_close(power, torch.ones(4), atol=1e-2, rtol=0)
    torch.testing.assert_close(found.mean(-1), torch.zeros(4), atol=1e-5, rtol=0)


def test_dropout_keeps_the_mean() -> None:
    torch.manual_seed(0)
    scalars, vectors = TupleDropout(0.3).train()(torch.ones(20_000, 1), torch.ones(3, 20_000, 1))
    assert float(scalars.mean()) == pytest.approx(1.0, abs=0.03)
    assert float(vectors.mean()) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_residue_hears_its_neighbours_and_nobody_else(depth: int) -> None:
    torch.manual_seed(0)
    options = GvpOptions(node_scalars=6, node_vectors=2, edge_scalars=4, message_depth=depth)
    layer = GvpLayer(options).eval()
    neighbours = torch.tensor([[1, 2], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4]])
    scalars, vectors = torch.randn(6, 6), torch.randn(3, 6, 2)
    edges = torch.randn(6, 2, 4), torch.randn(3, 6, 2, 1)
    before = layer((scalars, vectors), edges, neighbours, None)
    changed = scalars.clone()
    changed[0] += 1.0
    after = layer((changed, vectors), edges, neighbours, None)
    moved = (after[0] - before[0]).abs().amax(-1) + (after[1] - before[1]).abs().amax(-1).amax(0)
    assert (moved[:3] > 1e-6).all()
    assert not moved[3:].any()


def test_pairs_are_measured_from_the_residue_to_its_neighbour() -> None:
    alpha = torch.tensor([[0.0, 0, 0], [0, 3, 4]])
    distances, directions = pair_geometry(alpha, torch.tensor([[1], [0]]))
    assert distances.tolist() == [[5.0], [5.0]]
    torch.testing.assert_close(directions[:, 0, 0], torch.tensor([0.0, 0.6, 0.8]))
    torch.testing.assert_close(directions[:, 1, 0], -directions[:, 0, 0])
    assert torch.isfinite(pair_geometry(alpha[[0, 0]], torch.tensor([[1], [0]]))[1]).all()


@pytest.mark.parametrize("layout", list(Layout))
def test_graphs_of_a_batch_do_not_touch(layout: Layout) -> None:
    records = example_records()
    features = GvpFeaturizer(6)(records, layout)
    graph = features.graph
    protein = graph.batch
    assert torch.equal(protein[graph.neighbours], protein[:, None].expand(-1, 6))
    framed = [0 if r.structure is None else int(r.structure.has_frame.sum()) for r in records]
    assert torch.bincount(protein, minlength=len(records)).tolist() == framed
    assert graph.rows.tolist() == features.mask.flatten().nonzero().flatten().tolist()
    assert features.complete is bool(graph.present.all())
    assert graph.scalars.dtype == torch.float32


@pytest.mark.parametrize("layout", list(Layout))
def test_masking_hides_or_replaces_single_amino_acids(layout: Layout) -> None:
    records = example_records()
    features = GvpFeaturizer(6)(records, layout)
    rng = torch.Generator().manual_seed(0)
    shape = (len(records), max(len(record) for record in records))
    masked = torch.rand(shape, generator=rng) < 0.4
    substitutes = torch.randint(-1, 20, shape, generator=rng)
    changed = features.mask_residues(masked, substitutes)
    node = 0
    for number, record in enumerate(records):
        framed = [] if record.structure is None else record.structure.has_frame.nonzero()[0]
        for residue in framed:
            own = RESIDUE_LETTERS.index(record.sequence[residue])
            assert features.graph.residues[node] == own
            shown = int(substitutes[number, residue])
            expected = own if not masked[number, residue] else HIDDEN if shown < 0 else shown
            assert changed.graph.residues[node] == expected
            node += 1
    assert node == len(features.graph.residues) > 0
    assert torch.equal(changed.graph.scalars, features.graph.scalars)


def test_moving_a_batch_leaves_the_original_and_takes_all_parts() -> None:
    features = GvpFeaturizer(6)(example_records(), Layout.PACKED)
    moved = features.to(torch.device("meta"))
    assert {moved.graph[key].device.type for key in ("alpha", "rows", "neighbours")} == {"meta"}
    assert moved.offsets is not None
    assert moved.offsets.device.type == moved.mask.device.type == "meta"
    assert features.graph.alpha.device.type == features.mask.device.type == "cpu"


def test_crops_describe_the_same_fold() -> None:
    """Inside a crop, away from its ends, residues look as in the whole chain."""
    record = max((r for r in example_records() if r.structure is not None), key=len)
    start, stop = 3, len(record) - 3
    whole = GvpFeaturizer(4)([record], Layout.PADDED).graph
    part = GvpFeaturizer(4)([record.crop(start, stop)], Layout.PADDED).graph
    shared = np.intersect1d(whole.rows.numpy(), part.rows.numpy() + start)[2:-2]
    left = torch.from_numpy(np.searchsorted(whole.rows.numpy(), shared))
    right = torch.from_numpy(np.searchsorted(part.rows.numpy() + start, shared))
    assert len(shared) > 5
    torch.testing.assert_close(whole.scalars[left], part.scalars[right], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(whole.vectors[left], part.vectors[right], atol=1e-4, rtol=1e-4)


def test_it_can_learn_handedness() -> None:
    """A few steps tell a protein from its mirror image, which distances alone cannot."""
    record = max((r for r in example_records() if r.structure is not None), key=len)
    structure = record.structure
    assert structure is not None
    image = replace(structure, coordinates=structure.coordinates * np.float32([1, 1, -1]))
    other = ProteinRecord(id="mirror", sequence=record.sequence, structure=image)
    torch.manual_seed(0)
    model = GvpEncoder(GvpOptions(node_scalars=16, node_vectors=4, neighbours=8, token_dim=1))
    features = model.featurizer([record, other], Layout.PADDED)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    wanted = torch.tensor([1.0, 0.0])
    for _ in range(40):
        optimizer.zero_grad()
        score = model(features).values.squeeze(-1).sum(1) / features.mask.sum(1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(score, wanted)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.2


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"neighbours": 0}, "neighbours"),
        ({"dropout": 1.0}, "dropout"),
        ({"neighbors": 16}, "neighbours"),
        ({"gate": "yes"}, "gate"),
    ],
)
def test_a_bad_option_is_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        validate_options(gvp, options, "model.structure.options")
