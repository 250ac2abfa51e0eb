"""The only place where processes exchange tensors of a loss.

Two laws, tested with two gloo processes: the loss of each process is the loss of the joint batch,
and the gradients that DistributedDataParallel averages are the gradients of that joint loss.
With one process both functions are the identity and the plain mean. Every process must call them
equally often and in the same order, also with nothing to contribute; so an objective never
returns before its exchange.

All exchanges can be differentiated twice, so that an inner loss may use them: see
`multiprot.training.bilevel`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class JointMeans:
    """Means over the items of all processes; zero where there is no item at all.

    Attributes
    ----------
    loss
        Float32 scalar with gradients made for averaging over processes.
    metrics
        Named float32 scalars without gradients.
    count
        Float32 scalar: the joint number (or total weight) of items.
    """

    loss: Tensor
    metrics: dict[str, Tensor]
    count: Tensor


def joint_means(loss: Tensor, count: Tensor, metrics: Mapping[str, Tensor]) -> JointMeans:
    """Means over the items of all processes, from the sums of this one.

    Parameters
    ----------
    loss
        Scalar: the loss summed over this process's items.
    count
        Scalar: how many items (or which total weight) these are.
    metrics
        Named scalars, sums over the same items; the same names on every process.

    Returns
    -------
    JointMeans
        The gradient of `loss` is scaled so that its average over processes, which is what
        DistributedDataParallel takes, is the gradient of the joint mean.
    """
    sums = [count, loss, *metrics.values()]
    joint = torch.stack([each.detach().float() for each in sums])
    processes = world_size()
    if processes > 1:
        dist.all_reduce(joint)
    divisor = torch.where(joint[0] > 0, joint[0], torch.ones_like(joint[0]))
    means = joint[1:] / divisor
    local = loss.float() * (processes / divisor)
    return JointMeans(
        loss=local + (means[0] - local).detach(),
        metrics=dict(zip(metrics, means[1:].unbind(), strict=True)),
        count=joint[0],
    )


def global_mean(local_sum: Tensor, local_count: Tensor) -> Tensor:
    """The joint mean of one sum, with gradients made for averaging; see `joint_means`."""
    return joint_means(local_sum, local_count, {}).loss


def mean_over_processes(tensors: Sequence[Tensor], anchor: Tensor) -> tuple[Tensor, ...]:
    """Mean of each tensor over all processes; differentiable, and one exchange for all of them.

    Parameters
    ----------
    tensors
        Floating-point tensors on one device; the same shapes on every process.
    anchor
        Scalar that goes into the graph with them; its gradient is zero. What it is attached to
        receives its gradient only after the exchange of the backward pass, and that exchange takes
        place even on a process whose `tensors` need no gradient.

    Returns
    -------
    tuple of Tensor
        Shapes and dtypes of `tensors`. In the backward pass each of them receives the mean of the
        gradients that all processes have for its mean.
    """
    if world_size() == 1:
        return tuple(tensors)
    mean: Callable[[Tensor, Tensor], Tensor] = _MeanOverProcesses.apply
    joint = mean(torch.cat([tensor.reshape(-1) for tensor in tensors]), anchor)
    parts = torch.split(joint, [tensor.numel() for tensor in tensors])
    return tuple(
        part.view_as(tensor).to(tensor.dtype) for part, tensor in zip(parts, tensors, strict=True)
    )


class _MeanOverProcesses(torch.autograd.Function):
    """Averages a tensor; it is its own transpose."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, anchor: Tensor) -> Tensor:
        ctx.zero = torch.zeros_like(anchor)
        joint = own.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(joint)
        return joint / world_size()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        mean: Callable[[Tensor, Tensor], Tensor] = _MeanOverProcesses.apply
        return mean(gradients[0], ctx.zero), ctx.zero


class _GatherRows(torch.autograd.Function):
    """Pads to the longest process, all-gathers, strips; `_OwnSums` on the way back."""

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
        sums: Callable[[Tensor, slice], Tensor] = _OwnSums.apply
        return sums(gradients[0], ctx.own)


class _OwnSums(torch.autograd.Function):
    """Sums rows over all processes and keeps this one's: the transpose of gathering."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, own: slice) -> Tensor:
        total = rows.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total[own]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gather_rows(gradients[0]), None
