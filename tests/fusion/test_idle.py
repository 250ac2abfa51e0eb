"""Zeros that reach every parameter."""

from __future__ import annotations

import torch
from torch import nn

from multiprot.fusion.idle import zero_of


def test_zero_reaches_every_trainable_parameter_and_changes_nothing() -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1))
    module[1].requires_grad_(False)
    zero = zero_of([module])
    assert isinstance(zero, torch.Tensor)
    assert zero == 0
    zero.backward()
    for name, parameter in module.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
        assert parameter.grad is None or not parameter.grad.any()


def test_nothing_to_attach_to_is_a_plain_zero() -> None:
    assert zero_of([nn.Identity()]) == 0.0
    with torch.no_grad():
        assert zero_of([nn.Linear(2, 2)]) == 0.0
