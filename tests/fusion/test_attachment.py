"""Outputs cut off from what they came from, and tied to more than that."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import torch
from torch import Tensor

from multiprot.encoders.contract import FusionOutputs, ResidueTokens
from multiprot.fusion.attachment import attached, detached
from tests.fusion.fakes import make_batch, make_model


@pytest.fixture
def outputs() -> FusionOutputs:
    found: FusionOutputs = make_model()(make_batch())
    return found


def tensors(outputs: FusionOutputs) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for each in fields(outputs):
        value: Any = getattr(outputs, each.name)
        if isinstance(value, ResidueTokens):
            found |= {f"{each.name}.values": value.values, f"{each.name}.mask": value.mask}
        elif isinstance(value, Tensor):
            found[each.name] = value
    return found


def test_detached_outputs_are_equal_and_have_no_graph(outputs: FusionOutputs) -> None:
    found = tensors(detached(outputs))
    assert any(value.requires_grad for value in tensors(outputs).values())
    assert not any(value.requires_grad for value in found.values())
    torch.testing.assert_close(found, tensors(outputs), rtol=0, atol=0)


def test_attached_outputs_are_equal_and_lead_to_more(outputs: FusionOutputs) -> None:
    elsewhere = torch.ones((), requires_grad=True)
    found = tensors(attached(detached(outputs), elsewhere * 0.0))
    torch.testing.assert_close(found, tensors(outputs), rtol=0, atol=0, check_stride=False)
    for name, value in found.items():
        if value.is_floating_point():
            (slope,) = torch.autograd.grad(value.sum(), elsewhere, retain_graph=True)
            assert float(slope) == 0.0, name
