"""Geometric vector perceptrons, their norm and dropout (Jing et al. 2021).

Shape law: scalars are [..., channel]; vectors are [xyz, ..., channel], the axis of space first, so
that a linear map of channels is one matrix product and a length is a sum of three slabs. A rotation
acts on the axis of space alone, every map here on the channels alone: hence the equivariance.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-8
"""Å² (or its square in hidden units). Keeps the gradient of a vector's length finite at zero."""


def lengths(vectors: Tensor) -> Tensor:
    """Length [..., channel] of `vectors` [xyz, ..., channel]."""
    # linalg.vector_norm does the same and is fifty times slower on the CPU along this axis.
    x, y, z = vectors.unbind(0)
    return torch.sqrt(x * x + y * y + z * z + EPSILON)


class Gvp(nn.Module):
    """Geometric vector perceptron: scalars see the vectors' lengths, vectors mix linearly.

    Parameters
    ----------
    inputs, outputs
        Channels (scalars, vectors).
    activated
        ReLU on scalars and a gate on vectors; without it the map of vectors is linear.
    gate
        Gate vectors by the scalars; False: by their own length.
    hidden
        Vector channels whose lengths the scalars see; None: the larger of those in and out.
    """

    def __init__(
        self,
        inputs: tuple[int, int],
        outputs: tuple[int, int],
        *,
        activated: bool,
        gate: bool,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        hidden = hidden or max(inputs[1], outputs[1])
        self.activated = activated
        self.hidden = nn.Linear(inputs[1], hidden, bias=False)
        self.scalars = nn.Linear(inputs[0] + hidden, outputs[0])
        self.vectors = nn.Linear(hidden, outputs[1], bias=False) if outputs[1] else None
        self.gate = nn.Linear(outputs[0], outputs[1]) if gate and activated and outputs[1] else None

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Scalars and vectors in the output's channels."""
        hidden = self.hidden(vectors)
        return self.finish(self.scalars(torch.cat([scalars, lengths(hidden)], dim=-1)), hidden)

    def finish(self, scalars: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """The second half: activation and gate, from scalars and hidden vectors."""
        if self.activated:
            scalars = F.relu(scalars)
        if self.vectors is None:
            return scalars, hidden[..., :0]
        vectors = self.vectors(hidden)
        if self.activated:
            opened = self.gate(scalars) if self.gate is not None else lengths(vectors)
            vectors = vectors * torch.sigmoid(opened)
        return scalars, vectors


class TupleNorm(nn.Module):
    """LayerNorm of scalars; vectors divided by the root mean square of their lengths."""

    def __init__(self, scalars: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(scalars)

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """The same shapes, normalised."""
        power = vectors.square().sum(0).mean(-1, keepdim=True)
        return self.norm(scalars), vectors * torch.rsqrt(power + EPSILON)


class TupleDropout(nn.Module):
    """Drops scalar channels, and vectors whole, so that no direction of space is preferred."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """The same shapes; identity outside training."""
        if not self.training or self.probability == 0.0:
            return scalars, vectors
        kept = F.dropout(torch.ones_like(vectors[0]), self.probability)
        return F.dropout(scalars, self.probability), vectors * kept
