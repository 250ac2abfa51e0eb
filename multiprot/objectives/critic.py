"""A critic that scores pairs: its towers, and the Jensen-Shannon loss of its scores."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from multiprot.objectives.gather import joint_means
from multiprot.objectives.numeric import masked_sum


class Tower(nn.Module):
    """Two linear maps, each beside a residual: h = relu(A·x + x), then B·h + h.

    Parameters
    ----------
    width
        Channels in and out.
    rectified
        Another ReLU at the end and no scaling, as STEPS released it: no product of two vectors is
        negative then.
    """

    def __init__(self, width: int, *, rectified: bool) -> None:
        super().__init__()
        self.first = nn.Linear(width, width)
        self.second = nn.Linear(width, width)
        self.rectified = rectified

    def forward(self, vectors: Tensor) -> Tensor:
        """float32 [item, width] of `vectors` [item, width]; of unit length unless rectified."""
        hidden = functional.relu(self.first(vectors) + vectors)
        out = (self.second(hidden) + hidden).float()
        return functional.relu(out) if self.rectified else functional.normalize(out, dim=-1)


@dataclass(frozen=True, slots=True)
class CriticScores:
    """Scores of pairs with this process's items; an item's own pair is its first positive.

    Attributes
    ----------
    positive, negative
        float32 [item, pair].
    is_positive, is_negative
        bool [item, pair]: which of them count.
    """

    positive: Tensor
    is_positive: Tensor
    negative: Tensor
    is_negative: Tensor


@dataclass(frozen=True, slots=True)
class CriticMeans:
    """Means over the pairs of all processes, float32 scalars; zero where there is no pair.

    Attributes
    ----------
    loss
        Mean of softplus(−score) over positives plus mean of softplus(score) over negatives, with
        gradients made for averaging over processes.
    accuracy
        Share of negatives that score below the own pair of their item; equal ones count half.
    positives, negatives
        How many pairs there are.
    """

    loss: Tensor
    accuracy: Tensor
    positives: Tensor
    negatives: Tensor


def critic_means(scores: CriticScores) -> CriticMeans:
    """Loss and accuracy of `scores`; every process must call it."""
    own, negative = scores.positive[:, :1].detach(), scores.negative.detach()
    below = (negative < own).float() + (negative == own).float() / 2
    positives = joint_means(
        masked_sum(functional.softplus(-scores.positive), scores.is_positive),
        scores.is_positive.sum(),
        {},
    )
    negatives = joint_means(
        masked_sum(functional.softplus(scores.negative), scores.is_negative),
        scores.is_negative.sum(),
        {"accuracy": masked_sum(below, scores.is_negative)},
    )
    return CriticMeans(
        loss=positives.loss + negatives.loss,
        accuracy=negatives.metrics["accuracy"],
        positives=positives.count,
        negatives=negatives.count,
    )
