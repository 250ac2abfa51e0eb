"""Layers that let proteins of an interaction network look at their neighbours.

Graph isomorphism layers (Xu et al. 2019, arXiv:1810.00826), used over a network of interacting
proteins as in GNN-PPI (Lv et al. 2021, arXiv:2105.06709).
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from multiprot.bundle.protein_network import DIGEST_BYTES, ProteinNetwork
from multiprot.config import Section


class GraphSettings(Section):
    """A network and the layers over it."""

    proteins: int = Field(ge=0)
    """Of the network."""
    edges: int = Field(ge=0)
    """Of the network, each way counted."""
    layers: int = Field(default=1, ge=1)
    """How many links away a protein still counts."""
    width: int = Field(default=256, ge=1)
    """Channels of a protein's state."""
    neighbours: Literal["sum", "mean"] = "sum"
    """How the neighbours' states are joined."""
    hides: bool = True
    """Whether a pair's own link is left out while it is learnt, as a new pair has none."""


class GraphLayer(nn.Module):
    """A protein's state and its neighbours' through two linear layers.

    `norm(linear(relu(linear((1 + epsilon) * own + neighbours))))`; the norm is over a protein's own
    channels, so that its state depends on no other protein but through links.

    Parameters
    ----------
    inputs, width
        Channels of states before and after.
    neighbours
        "sum" or "mean".
    """

    def __init__(self, inputs: int, width: int, neighbours: Literal["sum", "mean"]) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(1))
        self.inner = nn.Linear(inputs, width)
        self.outer = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self._mean = neighbours == "mean"

    def forward(self, states: Tensor, edges: Tensor) -> Tensor:
        """States [protein, width].

        Parameters
        ----------
        states
            float [protein, input].
        edges
            int64 [2, edge]: from, to.
        """
        # A linear map of a sum is the sum of the maps: neighbours are added up where they are
        # narrow.
        mapped = functional.linear(states, self.inner.weight)
        seen = torch.zeros_like(mapped).index_add(0, edges[1], mapped.index_select(0, edges[0]))
        if self._mean:
            seen = seen / torch.bincount(edges[1], minlength=len(states)).clamp(min=1)[:, None]
        joined = (1 + self.epsilon) * mapped + seen + self.inner.bias
        made: Tensor = self.norm(self.outer(joined.relu()))
        return made


class InteractionGraph(nn.Module):
    """States of pairs of proteins, of which some are in a network.

    Attributes
    ----------
    vectors
        float32 [protein, channel]: of the network's proteins, as the model gave them.
    digests, edges
        As `ProteinNetwork` has them.
    """

    vectors: Tensor
    digests: Tensor
    edges: Tensor

    def __init__(self, settings: GraphSettings, channels: int) -> None:
        super().__init__()
        proteins, width = settings.proteins, settings.width
        self._hides = settings.hides
        self.register_buffer("vectors", torch.zeros(proteins, channels))
        self.register_buffer("digests", torch.zeros(proteins, DIGEST_BYTES, dtype=torch.uint8))
        self.register_buffer("edges", torch.zeros(2, settings.edges, dtype=torch.int64))
        self.layers = nn.ModuleList(
            GraphLayer(width if number else channels, width, settings.neighbours)
            for number in range(settings.layers)
        )

    def take(self, network: ProteinNetwork, vectors: Tensor) -> None:
        """Know a network; `vectors` float32 [protein, channel] in its order."""
        self.vectors.copy_(vectors)
        self.digests.copy_(torch.from_numpy(network.digests.copy()))
        self.edges.copy_(torch.from_numpy(network.edges))

    def network(self) -> ProteinNetwork:
        """The network that it knows."""
        return ProteinNetwork(self.digests.cpu().numpy(), self.edges.cpu().numpy())

    def forward(self, known: Tensor, first: Tensor, second: Tensor, nodes: Tensor) -> Tensor:
        """float [pair, width]: the product of both proteins' states, in which neither is the first.

        Parameters
        ----------
        known
            float [protein, channel]: `vectors`, as the head standardises them.
        first, second
            float [pair, channel]: the pairs' own vectors, standardised.
        nodes
            int64 [pair, 2]: which proteins of the network they are; one that is in none (-1) has no
            neighbours.
        """
        edges = self._unasked(nodes) if self.training and self._hides else self.edges
        alone = edges[:, :0]
        own = torch.cat([first, second])
        states = torch.cat([self._states(known, edges), self._states(own, alone)])
        behind = len(known) + torch.arange(len(own), device=own.device)
        place = torch.where(nodes >= 0, nodes, behind.view(2, -1).T)
        return states[place[:, 0]] * states[place[:, 1]]

    def _states(self, vectors: Tensor, edges: Tensor) -> Tensor:
        states = vectors
        for layer in self.layers:
            states = layer(states, edges)
        return states

    def _unasked(self, nodes: Tensor) -> Tensor:
        """Links but those of the pairs in question, as they will not be there for new pairs."""
        count = len(self.vectors)
        there = nodes[(nodes >= 0).all(dim=1)]
        asked = torch.cat([there, there.flip(1)])
        kept = ~torch.isin(self.edges[0] * count + self.edges[1], asked[:, 0] * count + asked[:, 1])
        return self.edges[:, kept]
