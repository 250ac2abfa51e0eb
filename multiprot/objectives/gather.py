"""The only place where processes exchange tensors of a loss.

Two laws, tested with two gloo processes: the loss of each process is the loss of the joint batch,
and the gradients that DistributedDataParallel averages are the gradients of that joint loss.
With one process both functions are the identity and the plain mean. Every process must call them
equally often and in the same order, also with nothing to contribute; so an objective never
returns before its exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Number of processes that train together; 1 without torch.distributed."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size()
    return 1


def process_rank() -> int:
    """Number of this process among those that train together; 0 without torch.distributed."""
    return dist.get_rank() if world_size() > 1 else 0


def gather_rows(rows: Tensor) -> Tensor:
    """Rows of all processes one after another, in rank order; differentiable.

    Parameters
    ----------
    rows
        [item, ...]; the number of items may differ between processes, zero included.

    Returns
    -------
    Tensor
        [items of all processes, ...]. In the backward pass a row receives the sum of the
        gradients that all processes have for it.
    """
    if world_size() == 1:
        return rows
    gather: Callable[[Tensor], Tensor] = _GatherRows.apply
    return gather(rows)


def joint_means(sums: Mapping[str, Tensor], count: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Means over the items of all processes, from the sums of this one.

    Parameters
    ----------
    sums
        Named scalars, sums over this process's items; the same names on every process.
    count
        Scalar: this process's number (or total weight) of items.

    Returns
    -------
    tuple[dict[str, Tensor], Tensor]
        The joint means, float32, zero where there is no item at all, and the joint count.
        Gradients are scaled so that their average over processes, which is what
        DistributedDataParallel takes, is the gradient of the joint mean.
    """
    names = list(sums)
    local = torch.stack([count.float().detach(), *(sums[name].float() for name in names)])
    joint = local.detach().clone()
    processes = world_size()
    if processes > 1:
        dist.all_reduce(joint)
    divisor = torch.where(joint[0] > 0, joint[0], torch.ones_like(joint[0]))
    means = local[1:] * (processes / divisor)
    if processes > 1:
        means = means + (joint[1:] / divisor - means).detach()
    return dict(zip(names, means.unbind(), strict=True)), joint[0]


def global_mean(local_sum: Tensor, local_count: Tensor) -> Tensor:
    """`joint_means` of a single sum: the joint mean, with gradients made for averaging."""
    return joint_means({"mean": local_sum}, local_count)[0]["mean"]


class _GatherRows(torch.autograd.Function):
    """Pads to the longest process, all-gathers, strips; sums the gradients on the way back."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        own = torch.tensor([len(rows)], device=rows.device)
        counts = [torch.zeros_like(own) for _ in range(world_size())]
        dist.all_gather(counts, own)
        sizes = [int(count) for count in counts]
        padded = rows.new_zeros((max(sizes), *rows.shape[1:]))
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in sizes]
        dist.all_gather(parts, padded)
        start = sum(sizes[: process_rank()])
        ctx.own = slice(start, start + len(rows))
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[ctx.own]
