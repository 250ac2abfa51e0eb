"""MTDP's head: two linear layers with nothing between them, on vectors that stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from multiprot.evaluation.tasks.task_type import Target

EPOCHS: Final = 20
BATCH: Final = 64
RATE: Final = 1e-3


class Examples(NamedTuple):
    """Proteins to learn from.

    Attributes
    ----------
    vectors
        float32 [protein, channel].
    labels
        Numbers or class indices [protein].
    """

    vectors: NDArray[np.float32]
    labels: NDArray[Any]


def answers_by_epoch(
    train: Examples, asked: NDArray[np.float32], target: Target, classes: int, seed: int
) -> Iterator[NDArray[np.float64]]:
    """After each of 20 epochs what the head says of `asked`, as metrics read it.

    Numbers [protein], or probabilities [protein, class], of the class 1 alone where there are two.

    Parameters
    ----------
    train
        What it learns.
    asked
        float32 [protein, channel].
    target
        Kind of the labels.
    classes
        How many; not read for numbers.
    seed
        Of weights and order.
    """
    chance = torch.Generator().manual_seed(seed)
    numbers = target is Target.REGRESSION
    labels, mean, deviation = _scaled(train.labels) if numbers else (train.labels, 0.0, 1.0)
    head = _head(train.vectors.shape[1], 1 if numbers else classes, seed)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE)
    values, goals = torch.from_numpy(train.vectors), torch.from_numpy(labels)
    for _ in range(EPOCHS):
        for rows in torch.split(torch.randperm(len(values), generator=chance), BATCH):
            loss = _loss(head(values[rows]), goals[rows], numbers=numbers)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        with torch.no_grad():
            said = head(torch.from_numpy(asked)).double()
        yield _told(said, target).numpy() * deviation + mean


def _head(channels: int, outputs: int, seed: int) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(channels, channels), nn.Linear(channels, outputs))


def _scaled(labels: NDArray[Any]) -> tuple[NDArray[np.float32], float, float]:
    """In deviations from their mean: in degrees, 20 epochs would go into finding the mean."""
    mean, deviation = float(labels.mean()), float(labels.std())
    if not deviation:
        raise ValueError(f"all {len(labels)} training labels are {mean}; give more proteins")
    return ((labels - mean) / deviation).astype(np.float32), mean, deviation


def _loss(said: Tensor, goals: Tensor, *, numbers: bool) -> Tensor:
    if numbers:
        return functional.mse_loss(said[:, 0], goals)
    return functional.cross_entropy(said, goals)


def _told(said: Tensor, target: Target) -> Tensor:
    if target is Target.REGRESSION:
        return said[:, 0]
    shares = said.softmax(dim=1)
    return shares[:, 1] if target is Target.BINARY else shares
