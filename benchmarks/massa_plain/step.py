"""The step: losses, micro-batches in the order given, the optimizer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.massa_plain.config import FOCUS, IGNORED, TAGGINGS
from benchmarks.massa_plain.features import PlainGraph, featurise
from benchmarks.massa_plain.masks import prepare
from benchmarks.massa_plain.model import PlainMassa
from benchmarks.massa_plain.proteins import PlainProtein


def focal_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over labelled rows of (1 - p)² · -ln p; 0 where there are none."""
    entropy = F.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none")
    focal = (1.0 - (-entropy).exp()) ** FOCUS * entropy
    return focal.sum() / (labels != IGNORED).sum().clamp(min=1)


def objective_losses(logits: dict[str, Tensor], labels: dict[str, Tensor]) -> dict[str, Tensor]:
    """The five losses and, as "total", their plain sum."""
    losses = {}
    for name, rows in logits.items():
        loss = focal_loss if name in TAGGINGS else F.cross_entropy
        losses[name] = loss(rows.flatten(0, 1), labels[name].flatten())
    return {**losses, "total": torch.stack(list(losses.values())).sum()}


def micro_batch(
    model: PlainMassa,
    proteins: Sequence[PlainProtein],
    graphs: Sequence[PlainGraph] | None = None,
    weight: float = 1.0,
    *,
    mixed: bool = False,
) -> dict[str, float]:
    """Forward and backward pass of proteins padded together; gradients add up.

    Parameters
    ----------
    graphs
        Features of the proteins; None computes them here, as the released step does.
    weight
        Of these proteins' losses in the gradient.
    mixed
        Forward pass and losses under autocast to bfloat16, which the released step has not.

    Returns
    -------
    dict
        Losses by objective, and "total".
    """
    if graphs is None:
        graphs = [featurise(protein, model.config.neighbours) for protein in proteins]
    batch = prepare(proteins, graphs, model.go_vectors, model.chance)
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        losses = objective_losses(model(batch), batch.labels)
    (losses["total"] * weight).backward()  # type: ignore[no-untyped-call]
    return {name: loss.item() for name, loss in losses.items()}


def plain_step(
    model: PlainMassa,
    proteins: Sequence[PlainProtein],
    optimizer: torch.optim.Optimizer | None = None,
    graphs: Sequence[PlainGraph] | None = None,
    *,
    mixed: bool = False,
) -> dict[str, float]:
    """Micro-batches of `config.batch` proteins in the order given, then a step of `optimizer`.

    Thirty-two proteins make MASSA's step: eight micro-batches of four. Without an optimizer,
    gradients are left on the parameters; `graphs` and `mixed` as in `micro_batch`.

    Returns
    -------
    dict
        Means over the micro-batches of the losses by objective, and of their sum, "total".
    """
    size = model.config.batch
    starts = range(0, len(proteins), size)
    found = [
        micro_batch(
            model,
            proteins[start : start + size],
            None if graphs is None else graphs[start : start + size],
            1 / len(starts),
            mixed=mixed,
        )
        for start in starts
    ]
    if optimizer is not None:
        optimizer.step()
        optimizer.zero_grad()
    return {name: sum(each[name] for each in found) / len(found) for name in found[0]}


def plain_optimizer(model: PlainMassa) -> torch.optim.RAdam:
    """RAdam with weight decay on everything but biases."""
    biases = [p for name, p in model.named_parameters() if name.endswith("bias")]
    others = [p for name, p in model.named_parameters() if not name.endswith("bias")]
    groups = [
        {"params": biases, "weight_decay": 0.0},
        {"params": others, "weight_decay": model.config.weight_decay},
    ]
    return torch.optim.RAdam(groups, lr=model.config.lr)


def count_parameters(model: PlainMassa) -> dict[str, int]:
    """Parameters by block, heads with "protein_go", and "total"."""
    blocks = {
        name: sum(parameter.numel() for parameter in block.parameters())
        for name, block in model.named_children()
    }
    return {**blocks, "total": sum(blocks.values())}


def dead_parameters(model: PlainMassa) -> dict[str, int]:
    """Sizes of the parameters that the last backward pass gave no gradient."""
    return {name: p.numel() for name, p in model.named_parameters() if p.grad is None}
