"""GearNet's layers against the paper's formulas on dense matrices."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from multiprot.encoders.contract import Layout
from multiprot.proteins import ProteinRecord, residue_indices
from multiprot.testing.records import backbone, broken, protein
from multiprot_residue_graph.gearnet import (
    EdgeConvolution,
    GearNetLayer,
    RelationalConvolution,
    corners_by_angle,
)
from multiprot_residue_graph.gearnet_encoder import GearNetEncoder
from multiprot_residue_graph.options import GearNetOptions

RECORDS = [
    protein(np.random.default_rng(0), "p", 14),
    broken(protein(np.random.default_rng(1), "q", 17), 8),
    protein(np.random.default_rng(2), "r", 1),
]

Edge = tuple[int, int, int]
"""Sender, receiver, relation."""


def encoder(seed: int = 0, **options: object) -> GearNetEncoder:
    torch.manual_seed(seed)
    return GearNetEncoder(GearNetOptions(width=12, **options)).eval()


def edges_of(record: ProteinRecord) -> list[Edge]:
    """The paper's edges: offsets -2 … 2, nearer than 10 Å, ten nearest; written out."""
    alpha, breaks = alpha_of(record), backbone(record).chain_breaks
    nodes = range(len(alpha))
    found = []
    for j in nodes:
        space = []
        for i in nodes:
            whole = not breaks[min(i, j) : max(i, j)].any()
            if whole and abs(i - j) <= 2:
                found.append((i, j, i - j + 2))
            if i != j and not (whole and abs(i - j) < 5):
                space.append((np.linalg.norm(alpha[i] - alpha[j]), i))
        found += [(i, j, 5) for length, i in space if length < 10]
        nearest = sorted(space)[:10]
        found += [
            (i, j, 6)
            for length, i in nearest
            if length < 20 or not breaks[min(i, j) : max(i, j)].any()
        ]
    return found


def alpha_of(record: ProteinRecord) -> NDArray[np.float64]:
    return backbone(record).coordinates[:, 1].astype(np.float64)


def convolved(layer: RelationalConvolution | EdgeConvolution, sums: list[Tensor]) -> Tensor:
    """ReLU(norm(Σ W_r s_r + b)), `sums` [receiver, input] one for each relation."""
    maps = layer.linear.weight.chunk(len(sums), dim=1)
    total = sum(part @ weight.T for part, weight in zip(sums, maps, strict=True))
    return F.relu(layer.norm(total + layer.linear.bias))


def dense_nodes(layer: RelationalConvolution, messages: Tensor, edges: list[Edge]) -> Tensor:
    """One relation's sum is a matrix [node, edge] times the messages."""
    nodes = 1 + max(j for _, j, _ in edges)
    matrices = torch.zeros(7, nodes, len(edges))
    for number, (_, j, relation) in enumerate(edges):
        matrices[relation, j, number] = 1
    return convolved(layer, [matrix @ messages for matrix in matrices])


def shares(angle: float, smooth: bool) -> list[float]:
    """How far an angle belongs to each of eight bins."""
    if smooth:
        return [max(0.0, 1 - abs(angle - r * np.pi / 7) / (np.pi / 7)) for r in range(8)]
    return [float(min(int(angle / np.pi * 8), 7) == r) for r in range(8)]


def dense_edges(
    layer: EdgeConvolution,
    states: Tensor,
    edges: list[Edge],
    places: NDArray[np.float64],
    smooth: bool,
) -> Tensor:
    """Each bin of the angle is a matrix [edge, edge]."""
    matrices = torch.zeros(8, len(edges), len(edges))
    for (a, (i, j, _)), (b, (middle, k, _)) in product(enumerate(edges), enumerate(edges)):
        if j != middle or i == k:
            continue
        towards, away = places[i] - places[j], places[k] - places[j]
        angle = np.arctan2(np.linalg.norm(np.cross(towards, away)), towards @ away)
        matrices[:, b, a] = torch.tensor(shares(angle, smooth))
    return convolved(layer, [matrix @ states for matrix in matrices])


def first_edge_states(model: GearNetEncoder, record: ProteinRecord, edges: list[Edge]) -> Tensor:
    part, alpha = model.edge_input, alpha_of(record)
    breaks, residues = backbone(record).chain_breaks, residue_indices(record.sequence)
    states = []
    for i, j, relation in edges:
        whole = not breaks[min(i, j) : max(i, j)].any()
        length = np.linalg.norm(alpha[i] - alpha[j])
        measures = [length / 10, np.log(1 + abs(i - j)) if whole else 0.0, float(whole)]
        state = part.measures(torch.tensor(measures, dtype=torch.float32))
        state = state + part.relation.weight[relation]
        if part.sender is not None:
            state = state + part.sender.weight[residues[i]] + part.receiver.weight[residues[j]]
        states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.id)
@pytest.mark.parametrize("borders", [None, "smooth", "hard"])
@pytest.mark.parametrize("residues", [False, True])
def test_tokens_are_the_formulas(
    record: ProteinRecord, borders: str | None, residues: bool
) -> None:
    """h + ReLU(norm(Σ W_r Σ (h_j + FC(m_ji)))), and the same among edges."""
    edge_messages, smooth = borders is not None, borders == "smooth"
    model = encoder(
        edge_messages=edge_messages,
        edge_width=8,
        residues=residues,
        layers=3,
        angle_borders=borders or "smooth",
    )
    features, edges = model.featurizer([record], Layout.PADDED), edges_of(record)
    with torch.no_grad():
        nodes = model.input(features.graph)
        states = first_edge_states(model, record, edges) if edge_messages else None
        outputs = []
        for layer in model.layers:
            messages = nodes[[i for i, _, _ in edges]]
            if states is not None:
                states = dense_edges(layer.edges, states, edges, alpha_of(record), smooth)
                messages = messages + layer.heard(states)
            nodes = nodes + dense_nodes(layer.nodes, messages, edges)
            outputs.append(nodes)
        found = model(features).values[0]
    torch.testing.assert_close(found, torch.cat(outputs, dim=-1), atol=1e-5, rtol=1e-5)


def test_readouts() -> None:
    """The last layer alone is the end of all layers side by side; a map may follow."""
    every, last = encoder(layers=3), encoder(layers=3, readout="last")
    mapped = encoder(layers=3, readout="last", token_dim=5)
    assert (every.token_dim, last.token_dim, mapped.token_dim) == (36, 12, 5)
    values = [m(m.featurizer(RECORDS, Layout.PADDED)).values for m in (every, last, mapped)]
    torch.testing.assert_close(values[0][..., 24:], values[1])
    seen = mapped.featurizer(RECORDS, Layout.PADDED).mask
    torch.testing.assert_close(mapped.output(values[1])[seen], values[2][seen])


def test_each_relation_has_its_own_weights() -> None:
    torch.manual_seed(0)
    layer = RelationalConvolution(4, 6, 3)
    message = torch.randn(1, 4)
    heard = [layer(message, torch.tensor([0]), torch.tensor([r]), 1) for r in range(3)]
    assert all((a - b).abs().max() > 1e-3 for a, b in pairwise(heard))


def test_an_edge_hears_nothing_from_the_way_back() -> None:
    """i→j does not tell j→i; with two residues only the loops at their ends remain."""
    model = encoder(edge_messages=True)
    record = protein(np.random.default_rng(0), "two", 2)
    graph = model.featurizer([record], Layout.PADDED).graph
    edges = list(zip(*graph.edge_index.tolist(), strict=True))
    corners = {(edges[a], edges[b]) for a, b in graph.corner_edges.T.tolist()}
    assert corners == {
        ((0, 0), (0, 1)),
        ((1, 1), (1, 0)),
        ((0, 1), (1, 1)),
        ((1, 0), (0, 0)),
    }
    assert not graph.angles.any()


@pytest.mark.parametrize("hidden", [0, 6])
def test_a_hidden_amino_acid_is_hidden_from_edges_too(hidden: int) -> None:
    model = encoder(edge_messages=True, dihedrals="none")
    record = RECORDS[0]
    letters = [*record.sequence]
    letters[hidden] = "W" if letters[hidden] != "W" else "A"
    other = protein(np.random.default_rng(0), "p", 14)
    object.__setattr__(other, "sequence", "".join(letters))
    masked = torch.zeros(1, 14, dtype=torch.bool)
    masked[0, hidden] = True
    nothing = torch.full((1, 14), -1)
    features = [model.featurizer([r], Layout.PADDED) for r in (record, other)]
    shown = [model(f).values for f in features]
    unseen = [model(f.mask_residues(masked, nothing)).values for f in features]
    assert torch.equal(*unseen)
    assert not torch.equal(*shown)


def test_gradients_are_the_same_twice() -> None:
    """Sums run in the order of receivers: nothing is left to chance on the CPU."""
    model = encoder(edge_messages=True)
    features = model.featurizer(RECORDS, Layout.PADDED)
    found = []
    for _ in range(2):
        model.zero_grad()
        model(features).values.square().sum().backward()
        found.append([part.grad.clone() for part in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_corners_of_a_batch_are_those_of_its_proteins() -> None:
    model = encoder(edge_messages=True)
    graph = model.featurizer(RECORDS, Layout.PADDED).graph
    assert (
        sum(len(a) for a, _, _ in corners_by_angle(graph, 8, smooth=False))
        == graph.corner_edges.shape[1]
    )
    owner = graph.batch[graph.edge_index]
    assert torch.equal(owner[0], owner[1])
    across = owner[0][graph.corner_edges]
    assert torch.equal(across[0], across[1])
    middle = graph.edge_index[1][graph.corner_edges[0]]
    assert torch.equal(middle, graph.edge_index[0][graph.corner_edges[1]])


def test_layers_take_any_node_states() -> None:
    model = encoder()
    graph = model.featurizer(RECORDS, Layout.PADDED).graph
    layer = GearNetLayer(20, 7, 0.0, None, 8)
    nodes = torch.randn(graph.num_nodes, 20, requires_grad=True)
    states, edges = layer(nodes, None, graph, [])
    states.sum().backward()
    assert edges is None
    assert nodes.grad is not None


def test_smooth_angles_do_not_jump_and_hard_ones_do() -> None:
    """A hair's breadth on either side of every border."""
    model = encoder(edge_messages=True)
    graph = model.featurizer(RECORDS[:1], Layout.PADDED).graph
    states = torch.randn(graph.edge_index.shape[1], 12)
    jumps = {}
    for smooth in (True, False):
        sides = []
        for hair in (-1e-5, 1e-5):
            borders = torch.arange(1, 8) * torch.pi / 8
            graph.angles = borders[torch.arange(len(graph.angles)) % 7] + hair
            corners = corners_by_angle(graph, 8, smooth=smooth)
            sides.append(model.layers[0].edges(states, corners))
        jumps[smooth] = float((sides[0] - sides[1]).detach().abs().max())
    assert jumps[True] < 1e-3
    assert jumps[False] > 0.1
