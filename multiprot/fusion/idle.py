"""Zeros for what a batch leaves unused, so that distributed training does not wait forever."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def zero_of(modules: Iterable[nn.Module]) -> Tensor | float:
    """Zero, attached to every trainable parameter of `modules`.

    DistributedDataParallel waits for the gradient of every parameter; a process whose batch leaves
    a part unused must still deliver one.
    """
    return zero_attached(parameter for module in modules for parameter in module.parameters())


def zero_attached(tensors: Iterable[Tensor]) -> Tensor | float:
    """Zero, attached to those of `tensors` that need a gradient.

    Only the first entry of each is read: that is enough.
    """
    if not torch.is_grad_enabled():
        return 0.0
    firsts = [
        tensor.reshape(-1)[:1].float().sum()
        for tensor in tensors
        if tensor.requires_grad and tensor.numel()
    ]
    return torch.stack(firsts).sum() * 0.0 if firsts else 0.0
