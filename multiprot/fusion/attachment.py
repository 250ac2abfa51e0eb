"""What a model said of a batch, cut off from what it came from, or tied to more than that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any

from torch import Tensor

from multiprot.encoders.contract import FusionOutputs


def detached(outputs: FusionOutputs) -> FusionOutputs:
    """The same values; what learns from them teaches nothing that lies before them."""
    found: FusionOutputs = _mapped(outputs, lambda tensor: tensor.detach())
    return found


def attached(outputs: FusionOutputs, zero: Tensor | float) -> FusionOutputs:
    """The same values, each with a graph that leads to what the scalar `zero` is attached to.

    A gradient with respect to some parameters alone passes over whatever does not lead to them,
    exchanges between processes included. Where one process's batch lacks a modality it would pass
    over other exchanges than its neighbour's, and both would wait for each other.
    """
    found: FusionOutputs = _mapped(
        outputs, lambda tensor: tensor + zero if tensor.is_floating_point() else tensor
    )
    return found


def _mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """`value` with `change` made to every tensor in it."""
    if isinstance(value, Tensor):
        return change(value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {each.name: _mapped(getattr(value, each.name), change) for each in fields(value)}
        return replace(value, **parts)
    return value
