"""MASSA's structure encoder: its shape, its recipe, and its formula written out edge by edge."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from multiprot.encoders.contract import Layout
from multiprot.testing import example_records
from multiprot_gvp.encoder import GvpEncoder
from multiprot_gvp.geometry import backbone_frames
from multiprot_gvp.layers import Gvp
from multiprot_gvp.options import MASSA, GvpOptions

State = tuple[Tensor, Tensor]
"""Scalars [row, channel] and vectors [row, channel, xyz]."""


def test_the_recipe_of_the_readme_is_massas() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    recipes = [yaml.safe_load(r) for r in re.findall(r"^```yaml\n(.*?)^```", readme, re.M | re.S)]
    options = [recipe["model"]["structure"]["options"] for recipe in recipes]
    assert MASSA in [GvpOptions.model_validate(each) for each in options]


def test_massa_has_its_published_size() -> None:
    """7.39 million, of which 0.53 are a head for model quality that MASSA never calls."""
    model = GvpEncoder(MASSA)
    learned = sum(parameter.numel() for parameter in model.parameters())
    never_called = (512 * 1024 + 1024) + (1024 + 1)
    assert learned + never_called == 7_391_073
    assert model.token_dim == 512
    assert model.vector_dim == 16
    assert len(model.layers) == 2
    assert len(model.layers[0].message.middle) == 1
    assert len(model.layers[0].update) == 2
    assert model.layers[0].message.first.hidden.weight.shape == (33, 33)


def perceptron(gvp: Gvp, state: State, *, activated: bool) -> State:
    """Algorithm 1 of Jing et al. 2021, vectors gated by their own length."""
    scalars, vectors = state
    hidden = torch.einsum("hc,ncx->nhx", gvp.hidden.weight, vectors)
    scalars = gvp.scalars(torch.cat([scalars, hidden.norm(dim=-1)], dim=-1))
    if gvp.vectors is None:
        return (scalars.relu() if activated else scalars), hidden[:, :0]
    out = torch.einsum("oh,nhx->nox", gvp.vectors.weight, hidden)
    if activated:
        return scalars.relu(), out * out.norm(dim=-1, keepdim=True).sigmoid()
    return scalars, out


def normed(norm: nn.LayerNorm, state: State) -> State:
    scalars, vectors = state
    return norm(scalars), vectors / vectors.square().sum(-1).mean(-1)[:, None, None].sqrt()


def added(left: State, right: State) -> State:
    return left[0] + right[0], left[1] + right[1]


def gathered(state: State, rows: Tensor) -> State:
    return state[0][rows], state[1][rows]


def massa(model: GvpEncoder, nodes: State, pairs: State, edges: tuple[Tensor, Tensor]) -> Tensor:
    """MASSA's network on a list of edges (sender, receiver), outside training."""
    senders, receivers = edges
    nodes = perceptron(model.node_input, normed(model.node_norm.norm, nodes), activated=False)
    pairs = perceptron(model.edge_input, normed(model.edge_norm.norm, pairs), activated=False)
    for layer in model.layers:
        parts = gathered(nodes, senders), pairs, gathered(nodes, receivers)
        message = tuple(torch.cat(part, dim=1) for part in zip(*parts, strict=True))
        steps = [layer.message.first, *layer.message.middle, layer.message.last]
        for step, gvp in enumerate(steps):
            message = perceptron(gvp, message, activated=step < 2)
        count = torch.bincount(receivers, minlength=len(nodes[0]))
        received = tuple(
            torch.zeros(len(count), *part.shape[1:]).index_add(0, receivers, part)
            / count.reshape(-1, *[1] * (part.ndim - 1))
            for part in message
        )
        nodes = normed(layer.norms[0].norm, added(nodes, received))
        change = perceptron(layer.update[0], nodes, activated=True)
        change = perceptron(layer.update[1], change, activated=False)
        nodes = normed(layer.norms[1].norm, added(nodes, change))
    out, _ = perceptron(model.output, normed(model.last_norm.norm, nodes), activated=True)
    return model.token_norm(out)


def test_massa_edge_by_edge() -> None:
    """The same tokens from edges and vectors as MASSA lays them out."""
    torch.manual_seed(0)
    small = {"node_scalars": 24, "node_vectors": 5, "message_vectors": 11, "neighbours": 6}
    model = GvpEncoder(MASSA.model_copy(update=small)).eval()
    for norm in model.modules():
        if isinstance(norm, nn.LayerNorm):
            nn.init.normal_(norm.weight, 1.0, 0.2)
            nn.init.normal_(norm.bias, 0.0, 0.2)
    record = example_records()[0]
    features = model.featurizer([record], Layout.PADDED)
    alpha = torch.from_numpy(backbone_frames(record.structure).atoms[:, 1]).float()
    apart = torch.cdist(alpha, alpha).fill_diagonal_(np.inf)
    senders = apart.argsort(dim=1)[:, :6].flatten()
    receivers = torch.arange(len(alpha)).repeat_interleave(6)
    distance = apart[receivers, senders][:, None]
    waves = (senders - receivers)[:, None] * 10_000.0 ** (-torch.arange(0, 16, 2) / 16)
    radial = torch.exp(-(((distance - torch.linspace(0, 20, 16)) / 1.25) ** 2))
    direction = (alpha[senders] - alpha[receivers]) / distance
    pairs = torch.cat([radial, waves.cos(), waves.sin()], dim=1), direction[:, None]
    nodes = features.graph.scalars, features.graph.vectors
    with torch.no_grad():
        expected = massa(model, nodes, pairs, (senders, receivers))
        found = model(features).values[0]
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-3)
