"""Zeros for what a batch leaves unused, so that distributed training does not wait forever."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def zero_of(modules: Iterable[nn.Module]) -> Tensor | float:
    """Zero, attached to every trainable parameter of `modules`.

    DistributedDataParallel waits for the gradient of every parameter; a process whose batch leaves
    a part unused must still deliver one. Only the first entry of each is read: that is enough.
    """
    if not torch.is_grad_enabled():
        return 0.0
    firsts = [
        parameter.reshape(-1)[:1].float().sum()
        for module in modules
        for parameter in module.parameters()
        if parameter.requires_grad and parameter.numel()
    ]
    return torch.stack(firsts).sum() * 0.0 if firsts else 0.0
