"""Stopping at the first number that is none, before it reaches the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from multiprot.errors import TrainingError

_IDS_NAMED = 8


@dataclass(frozen=True, slots=True)
class SeenBatch:
    """What one batch of an optimizer step gave.

    Attributes
    ----------
    ids
        Its proteins.
    losses
        Scalar loss of each objective, by name, detached.
    """

    ids: tuple[str, ...]
    losses: Mapping[str, Tensor]


def refuse_non_finite(gradient_norm: Tensor, seen: Sequence[SeenBatch], step: int) -> None:
    """Raise if a gradient is NaN or infinite; one look at the device per optimizer step.

    A loss that is NaN or infinite gives such a gradient, so one test covers both.

    Parameters
    ----------
    gradient_norm
        Scalar, joint norm of all gradients.
    seen
        The batches that the gradients come from.
    step
        Optimizer steps taken before this one.

    Raises
    ------
    TrainingError
        Naming the objective and the batch's proteins; weights are as before the step.
    """
    if math.isfinite(float(gradient_norm)):
        return
    for batch in seen:
        for name, loss in batch.losses.items():
            if not math.isfinite(float(loss)):
                raise TrainingError(_message(f"loss of {name} is {float(loss)}", batch.ids, step))
    ids = tuple(name for batch in seen for name in batch.ids)
    cause = f"gradient norm is {float(gradient_norm)} though this process's losses are finite"
    raise TrainingError(_message(cause, ids, step))


def _message(cause: str, ids: Sequence[str], step: int) -> str:
    named = ", ".join(ids[:_IDS_NAMED])
    more = f" and {len(ids) - _IDS_NAMED} more" if len(ids) > _IDS_NAMED else ""
    return (
        f"step {step + 1}: {cause}; the batch's proteins are {named}{more}; the weights were not "
        "touched: look at these records, lower optimizer.peak_lr or resume from the last checkpoint"
    )
