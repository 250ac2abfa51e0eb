"""STEPS' step as it was released, written anew: one protein at a time, all pairs in one tensor.

From the formulas of Chen et al. 2023 (Bioinformatics 39(4) btad189) and from how the released step
is organised: edges by two loops over residues; the whole language model twice for each protein,
before and after the inner step; node features of 256 Gaussians; a tensor of
residues · residues · channels for the distances; the critic's one negative is the protein before.

In the rival's favour: messages are summed by torch, not by Python; nothing is read from files; the
first protein's missing negative is left out instead of being NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from multiprot.encoders.contract import ResidueTokens
from multiprot.student.encoder import StudentEncoder

RADIUS: Final = 7.0
CENTRES: Final = 128
ANGLE_CHANNELS: Final = 2 * CENTRES
BINS: Final = 30
INNER_RATE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class PlainStructure:
    """One protein.

    Attributes
    ----------
    letters
        What the language model reads, of this protein alone.
    alphas
        float32 [residue, 3], Å.
    angles
        float32 [residue, 2]: phi and psi in radians; NaN where there is none.
    """

    letters: Any
    alphas: NDArray[np.float32]
    angles: Tensor


class LastLayers(nn.Module):
    """What of the language model takes the inner step."""

    def __init__(self, encoder: StudentEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens: ResidueTokens) -> Tensor:
        """Tokens float32 [residue, channel] of one protein."""
        return self.encoder.learning_part(tokens).values[0]


class PlainSteps(nn.Module):
    """Language model, graph, heads and critic.

    Parameters
    ----------
    encoder
        The language model.
    moving
        Names of its parameters that take the inner step. It is never updated, as released.
    hidden
        Channels inside the heads.
    """

    def __init__(self, encoder: StudentEncoder, moving: Collection[str], hidden: int = 128) -> None:
        super().__init__()
        frozen = encoder.frozen_part()
        if frozen is None:
            raise ValueError("language model without a frozen part; set freeze to a number")
        self.frozen, self.last = frozen, LastLayers(encoder)
        self.theta = {
            f"encoder.{name}": encoder.get_parameter(name).detach().clone().requires_grad_()
            for name in moving
        }
        width = encoder.token_dim + ANGLE_CHANNELS
        self.width = width
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.distance = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, BINS))
        self.angle = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 2))
        self.u = PlainTower(encoder.token_dim, width)
        self.v = PlainTower(width, width)
        self.centres: Tensor = torch.linspace(-math.pi, math.pi, CENTRES)

    def graph(self, nodes: Tensor, edges: Tensor, weights: Tensor) -> Tensor:
        """Two layers without non-linearity."""
        for layer in self.layers:
            messages = (weights[:, None] * nodes[edges[1]]).to(nodes.dtype)
            nodes = layer(nodes.index_add(0, edges[0], messages))
        return nodes

    def gaussians(self, angles: Tensor) -> Tensor:
        """Node features [residue, 256]: angles in units of 180° against centres in radians."""
        told = torch.nan_to_num(angles) / math.pi
        return torch.exp(-10 * (told[..., None] - self.centres).square()).flatten(1)

    def score(self, sequence: Tensor, structure: Tensor) -> Tensor:
        """The critic's."""
        return torch.vdot(self.u(sequence), self.v(structure))


class PlainTower(nn.Module):
    """Two layers with a residual and a ReLU at the end."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, width), nn.Linear(width, width)

    def forward(self, vector: Tensor) -> Tensor:
        """Vector [width], not negative."""
        first = functional.relu(self.first(vector))
        return functional.relu(self.second(first) + first)


def edges_of(alphas: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
    """Pairs of residues nearer than 7 Å and their weights, found by two loops."""
    pairs, weights = [], []
    for i in range(len(alphas)):
        for j in range(i + 1, len(alphas)):
            apart = alphas[i] - alphas[j]
            squared = float(np.dot(apart, apart))
            if squared < RADIUS**2:
                pairs += [(i, j), (j, i)]
                weights += [1 / (squared + 1e-6)] * 2
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T, torch.tensor(weights)


class PlainTrainer:
    """Steps of the model, each on one protein.

    Parameters
    ----------
    model
        What learns.
    keeps
        What is computed once for each protein, other than in the released code: tokens of the
        language model's "frozen" layers, "edges".
    """

    def __init__(self, model: PlainSteps, *, keeps: Collection[str]) -> None:
        self.model = model
        graph = [*model.layers, model.distance, model.angle]
        self.optimizer = torch.optim.Adam([p for part in graph for p in part.parameters()], lr=1e-3)
        self.critic = torch.optim.Adam([*model.u.parameters(), *model.v.parameters()], lr=1e-4)
        self._before: tuple[Tensor, Tensor] | None = None
        self._keeps = keeps
        self._kept: dict[tuple[str, int], Any] = {}

    def step(self, protein: PlainStructure) -> float:
        """Learn from one protein; its outer loss."""
        model = self.model
        edges, weights = self._once("edges", protein, lambda: edges_of(protein.alphas))
        angles = model.gaussians(protein.angles)
        tokens = functional_call(model.last, model.theta, (self._frozen(protein),))
        nodes = torch.cat([tokens, angles], 1)
        pair = tokens.mean(0), model.graph(nodes.detach(), edges, weights).mean(0)
        gradients = torch.autograd.grad(
            self._inner(pair), list(model.theta.values()), create_graph=True
        )
        moved = {
            name: value - INNER_RATE * gradient
            for (name, value), gradient in zip(model.theta.items(), gradients, strict=True)
        }
        adapted = functional_call(model.last, moved, (self._frozen(protein),))
        hidden = torch.rand(len(angles)) < 0.15
        seen = torch.where(hidden[:, None], torch.zeros_like(angles), angles)
        nodes = torch.cat([adapted, seen], 1)
        out = model.graph(nodes.detach(), edges, weights) + nodes
        loss = self._distances(out, protein) + self._angles(out[hidden], protein.angles[hidden])
        self.optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.optimizer.step()
        self._learn_critic(pair)
        return loss.item()

    def _frozen(self, protein: PlainStructure) -> ResidueTokens:
        with torch.no_grad():
            tokens: ResidueTokens = self._once(
                "frozen", protein, lambda: self.model.frozen(protein.letters)
            )
        return tokens

    def _once(self, what: str, protein: PlainStructure, compute: Callable[[], Any]) -> Any:
        """Anew each time, unless it is among what is kept."""
        if what not in self._keeps:
            return compute()
        place = (what, id(protein))
        if place not in self._kept:
            self._kept[place] = compute()
        return self._kept[place]

    def _inner(self, pair: tuple[Tensor, Tensor]) -> Tensor:
        own = functional.softplus(-self.model.score(*pair))
        if self._before is None:
            return own
        return own + functional.softplus(self.model.score(pair[0], self._before[1]))

    def _distances(self, out: Tensor, protein: PlainStructure) -> Tensor:
        alphas = torch.from_numpy(protein.alphas)
        bins = (torch.cdist(alphas, alphas).clamp(0, 149) / 5).long().flatten()
        logits = self.model.distance((out[:, None] - out[None]).square())
        return functional.cross_entropy(logits.flatten(0, 1), bins)

    def _angles(self, out: Tensor, angles: Tensor) -> Tensor:
        if not len(out):
            return out.sum()
        told = torch.nan_to_num(angles) / math.pi
        return functional.mse_loss(torch.tanh(self.model.angle(out)), told)

    def _learn_critic(self, pair: tuple[Tensor, Tensor]) -> None:
        own = (pair[0].detach(), pair[1].detach())
        if self._before is not None:
            self.critic.zero_grad()
            torch.autograd.backward(self._inner(own))
            self.critic.step()
        self._before = own
