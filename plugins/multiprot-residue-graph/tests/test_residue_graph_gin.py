"""The weighted GIN against the paper's formula on a dense matrix."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.nn import GINConv

from multiprot.encoders.contract import Layout
from multiprot.testing.records import backbone, protein
from multiprot_residue_graph.gin import ResidualGin, WeightedGin, inverse_square
from multiprot_residue_graph.gin_encoder import GinEncoder
from multiprot_residue_graph.nodes import periodic_dihedrals, steps_dihedrals
from multiprot_residue_graph.options import GinOptions

RECORDS = [protein(np.random.default_rng(seed), f"p{seed}", 20 + seed) for seed in range(3)]


def encoder(**options: object) -> GinEncoder:
    torch.manual_seed(0)
    return GinEncoder(GinOptions(width=12, **options)).eval()


@pytest.mark.parametrize("update", ["linear", "mlp"])
@pytest.mark.parametrize("number", range(3))
def test_tokens_are_the_formula_on_a_dense_matrix(update: str, number: int) -> None:
    """GIN₂(GIN₁(x)) + x, where GIN(x) = f((I + W) x) and W has 1 / (d² + ε) where d < 7 Å."""
    record, model = RECORDS[number], encoder(update=update)
    features = model.featurizer([record], Layout.PADDED)
    alpha = torch.from_numpy(backbone(record).coordinates[:, 1].astype(np.float64))
    squares = (alpha[:, None] - alpha[None]).square().sum(-1)
    joined = (squares < 49) & ~torch.eye(len(alpha), dtype=torch.bool)
    matrix = torch.where(joined, 1 / (squares + 1e-6), 0.0).float()
    with torch.no_grad():
        start = states = model.input(features.graph)
        for layer in model.gin.layers:
            states = layer.perceptron(states + matrix @ states)
        found = model(features).values[0]
    torch.testing.assert_close(found, states + start, atol=1e-5, rtol=1e-5)


def test_with_weights_of_one_it_is_the_library_layer() -> None:
    torch.manual_seed(0)
    linear = nn.Linear(5, 5)
    library = GINConv(linear)
    nodes, edges = torch.randn(9, 5), torch.randint(0, 9, (2, 30))
    found = WeightedGin(linear)(nodes, edges, torch.ones(30))
    torch.testing.assert_close(found, library(nodes, edges))


def test_the_layers_of_steps_are_linear_and_the_default_ones_are_not() -> None:
    torch.manual_seed(0)
    edges, weights = torch.randint(0, 9, (2, 30)), torch.rand(30)
    left, right = torch.randn(2, 9, 6)
    for plain in (True, False):
        gin = ResidualGin(6, 2, plain=plain, dropout=0.0).eval()
        ends = (gin(nodes, edges, weights) for nodes in (left, right))
        middle = gin((left + right) / 2, edges, weights)
        assert torch.allclose(middle, sum(ends) / 2, atol=1e-4) is plain


def test_layers_take_any_node_states() -> None:
    """As a model that joins a language model's tokens to the graph will use them."""
    gin = ResidualGin(24, 2, plain=False, dropout=0.1)
    nodes = torch.randn(9, 24, requires_grad=True)
    gin(nodes, torch.randint(0, 9, (2, 30)), torch.rand(30)).sum().backward()
    assert nodes.grad is not None
    assert nodes.grad.abs().sum() > 0


def test_weights_are_bounded_by_epsilon_alone_on_one_spot() -> None:
    distances = torch.tensor([0.0, 2.9, 3.8, 7.0])
    weights = inverse_square(distances, 1e-6)
    torch.testing.assert_close(weights[0], torch.tensor(1e6))
    assert weights[1] < 0.12
    torch.testing.assert_close(weights[2:], 1 / distances[2:].square())


@pytest.mark.parametrize("update", ["linear", "mlp"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_residues_on_one_spot_have_finite_tokens(update: str, dtype: torch.dtype) -> None:
    record = protein(np.random.default_rng(0), "spot", 10)
    coordinates = np.tile(backbone(record).coordinates[:1], (10, 1, 1))
    coordinates[~backbone(record).present] = np.nan
    object.__setattr__(backbone(record), "coordinates", coordinates)
    model = encoder(update=update).to(dtype)
    values = model(model.featurizer([record], Layout.PADDED)).values
    assert torch.isfinite(values).all()
    values.sum().backward()
    assert all(torch.isfinite(part.grad).all() for part in model.parameters())


def test_periodic_features_close_the_circle_and_those_of_steps_tear_it() -> None:
    """Two degrees apart across 180°: nearly the same to one, strangers to the other."""
    angles = torch.deg2rad(torch.tensor([[179.0] * 3, [-179.0] * 3]))
    defined = torch.ones(2, 3, dtype=torch.bool)
    alike = {
        describe.__name__: torch.cosine_similarity(*describe(angles, defined), dim=0)
        for describe in (periodic_dihedrals, steps_dihedrals)
    }
    assert alike["periodic_dihedrals"] > 0.99
    assert alike["steps_dihedrals"] < 1e-6


def test_features_of_steps_are_their_formula() -> None:
    angles = torch.tensor([[0.3, -2.0, 3.1], [1.0, 2.0, 3.0]])
    defined = torch.tensor([[True, True, False], [False, True, True]])
    found = steps_dihedrals(angles, defined).view(2, 2, 128)
    centres = np.linspace(-np.pi, np.pi, 128)
    for node, angle in [(0, 0), (0, 1), (1, 1)]:
        degrees = np.degrees(float(angles[node, angle]))
        wanted = np.exp(-10 * (degrees / 180 - centres) ** 2)
        np.testing.assert_allclose(found[node, angle], wanted, atol=1e-5)
    assert not found[1, 0].any()


def test_undefined_dihedrals_are_zeros_and_say_so() -> None:
    angles = torch.tensor([[0.3, 0.0, 0.0]])
    channels = periodic_dihedrals(angles, torch.tensor([[True, False, True]]))
    wanted = [np.sin(0.3), 0, 0, np.cos(0.3), 0, 1, 1, 0, 1]
    torch.testing.assert_close(channels, torch.tensor([wanted], dtype=torch.float32))


@pytest.mark.parametrize(("radius", "epsilon"), [(7.0, 1.0), (9.0, 1e-6)])
def test_options_reach_the_graph(radius: float, epsilon: float) -> None:
    model, plain = encoder(radius=radius, epsilon=epsilon), encoder()
    changed, usual = (m(m.featurizer(RECORDS, Layout.PADDED)).values for m in (model, plain))
    assert (changed - usual).abs().max() > 1e-3
