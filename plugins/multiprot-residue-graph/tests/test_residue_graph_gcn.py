"""DeepFRI's graph convolutions against the formula on a dense matrix and the library's layer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.nn import GCNConv

from multiprot.encoders.contract import Layout, ReadsSequenceTokens, ResidueTokens
from multiprot.errors import PluginError
from multiprot.testing.records import backbone, protein
from multiprot_residue_graph.gcn import ConvolutionStack, GraphConvolution, normalised_adjacency
from multiprot_residue_graph.gcn_encoder import GcnEncoder, JoinedGcnEncoder
from multiprot_residue_graph.options import GcnOptions
from multiprot_residue_graph.plugin import gcn_residue_graph

RECORDS = [protein(np.random.default_rng(seed), f"p{seed}", 20 + seed) for seed in range(3)]
CHANNELS = 6


def encoder(**options: Any) -> GcnEncoder:
    torch.manual_seed(0)
    return GcnEncoder(GcnOptions(width=12, dropout=0.0, **options)).eval()


def joined(**options: Any) -> JoinedGcnEncoder:
    torch.manual_seed(0)
    made = JoinedGcnEncoder(GcnOptions(width=12, sequence_tokens="joined", dropout=0.0, **options))
    made.bind_sequence(CHANNELS)
    return made.eval()


def dense_adjacency(number: int, radius: float = 10.0) -> Tensor:
    """D^-1/2 (A + I) D^-1/2 of a record, from its coordinates."""
    alpha = torch.from_numpy(backbone(RECORDS[number]).coordinates[:, 1].astype(np.float64))
    contacts = (torch.cdist(alpha, alpha) < radius).double()
    contacts.fill_diagonal_(1.0)
    roots = contacts.sum(dim=1).rsqrt()
    return (roots[:, None] * contacts * roots[None]).float()


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize("number", range(3))
def test_tokens_are_the_formula_on_a_dense_matrix(norm: bool, number: int) -> None:
    """H_k = ReLU(Â H_(k-1) W_k), and the token is H_1, H_2 and H_3 side by side."""
    model = encoder(norm=norm)
    features = model.featurizer([RECORDS[number]], Layout.PADDED)
    matrix = dense_adjacency(number)
    with torch.no_grad():
        states, wanted = torch.relu(model.input(features.graph)), []
        for layer, bend in zip(model.convolutions.layers, model.convolutions.bends, strict=True):
            states = matrix @ states @ layer.linear.weight.T + layer.linear.bias
            if norm:
                states = torch.nn.functional.layer_norm(states, (12,), bend[0].weight, bend[0].bias)
            states = states.clamp(min=0)
            wanted.append(states)
        found = model(features).values[0]
    assert model.token_dim == 36
    torch.testing.assert_close(found, torch.cat(wanted, dim=1), atol=1e-5, rtol=1e-5)


def test_with_one_bias_it_is_the_library_layer() -> None:
    torch.manual_seed(0)
    pairs = torch.tensor([(a, b) for a in range(9) for b in range(a) if (a * b) % 3 == 1])
    edges = torch.cat([pairs, pairs.flip(1)]).T
    layer, library, nodes = GraphConvolution(5, 7), GCNConv(5, 7), torch.randn(9, 5)
    with torch.no_grad():
        library.lin.weight.copy_(layer.linear.weight)
        library.bias.copy_(layer.linear.bias)
    found = layer(nodes, *normalised_adjacency(edges, 9))
    torch.testing.assert_close(found, library(nodes, edges))


def test_a_node_without_contacts_keeps_its_own_state() -> None:
    edges, weights = normalised_adjacency(torch.zeros(2, 0, dtype=torch.int64), 3)
    assert edges.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert weights.tolist() == [1.0, 1.0, 1.0]


def test_layers_take_any_node_states_and_no_nodes() -> None:
    stack = ConvolutionStack(8, 3, norm=True, dropout=0.1)
    nodes = torch.randn(9, 8, requires_grad=True)
    stack(nodes, torch.randint(0, 9, (2, 30))).sum().backward()
    assert nodes.grad is not None
    assert nodes.grad.abs().sum() > 0
    assert stack(nodes[:0], torch.zeros(2, 0, dtype=torch.int64)).shape == (0, 24)


def test_the_radius_reaches_the_contacts() -> None:
    near, far = (
        m(m.featurizer(RECORDS[:1], Layout.PADDED)).values for m in (encoder(), encoder(radius=6.0))
    )
    assert (near - far).abs().max() > 1e-3


@pytest.mark.parametrize("layout", Layout)
def test_joined_tokens_enter_by_one_linear_map_beside_the_amino_acids(layout: Layout) -> None:
    model = joined()
    longest = max(map(len, RECORDS))
    mask = torch.arange(longest) < torch.tensor([*map(len, RECORDS)])[:, None]
    values = torch.randn(*mask.shape, CHANNELS, requires_grad=True)
    features = model.featurizer(RECORDS, layout)
    found = model(features, ResidueTokens(values, mask))
    assert model.sequence_input is not None
    assert model.input.residue is not None
    normed = torch.nn.functional.layer_norm(values[mask], (CHANNELS,))
    lettered = model.input.residue.weight[features.graph.residues]
    linear = model.sequence_input.linear
    start = torch.relu(normed @ linear.weight.T + linear.bias + lettered)
    wanted = model.convolutions(start, features.graph.edge_index)
    torch.testing.assert_close(found.values[found.mask], wanted, atol=1e-5, rtol=1e-5)
    found.values.sum().backward()
    assert values.grad is not None
    assert values.grad[mask].abs().sum() > 0
    assert not values.grad[~mask].any()


def test_without_sequence_tokens_it_is_what_its_structure_says() -> None:
    model = joined()
    features = model.featurizer(RECORDS, Layout.PADDED)
    nothing = ResidueTokens(
        torch.full((*features.mask.shape, CHANNELS), torch.nan), torch.zeros_like(features.mask)
    )
    assert torch.equal(model(features).values, model(features, nothing).values)


def test_only_a_joined_encoder_reads_sequence_tokens() -> None:
    assert isinstance(joined(), ReadsSequenceTokens)
    assert not isinstance(gcn_residue_graph.build(GcnOptions()), ReadsSequenceTokens)
    unbound = gcn_residue_graph.build(GcnOptions(sequence_tokens="joined"))
    with pytest.raises(PluginError, match=r"gcn-residue-graph.*bound to none"):
        unbound(unbound.featurizer(RECORDS, Layout.PADDED))
    with pytest.raises(PluginError, match="6 channels and cannot be bound to 7"):
        joined().bind_sequence(7)


def test_residues_that_are_all_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="all residues alike"):
        GcnOptions(residues=False, dihedrals="none")
