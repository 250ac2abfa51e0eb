"""How a suite says what is wrong and how to mend it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from multiprot.errors import MultiprotError


def demand(condition: object, problem: str, mend: str) -> None:
    """Fail with `problem` and the way to mend it, unless `condition` holds."""
    __tracebackhide__ = True
    if not condition:
        raise AssertionError(f"{problem}\n  To mend it: {mend}")


def demand_close(found: Tensor, wanted: Tensor, tolerance: float, problem: str, mend: str) -> None:
    """Fail unless two tensors have one shape and agree to `tolerance`, absolutely or relatively."""
    __tracebackhide__ = True
    demand(
        found.shape == wanted.shape,
        f"{problem}: shape {list(found.shape)}, expected {list(wanted.shape)}",
        mend,
    )
    found, wanted = found.detach(), wanted.detach()
    excess = (found - wanted).abs() - tolerance * wanted.abs()
    worst = float(excess.max()) if excess.numel() else 0.0
    # NaN compares False and so fails.
    demand(worst <= tolerance, f"{problem}: differs by up to {worst:.1e}", mend)


def demand_same(found: Tensor, wanted: Tensor, problem: str, mend: str) -> None:
    """Fail unless two tensors are equal to the bit."""
    __tracebackhide__ = True
    demand(torch.equal(found, wanted), problem, mend)


def refusal(kind: type[MultiprotError], call: Callable[[], object], problem: str, mend: str) -> str:
    """The message of the error of that kind that `call` must raise."""
    __tracebackhide__ = True
    try:
        call()
    except kind as error:
        return str(error)
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise AssertionError(
            f"{problem}: {cause} is raised instead of {kind.__name__}\n  To mend it: {mend}"
        ) from error
    raise AssertionError(f"{problem}: nothing is raised\n  To mend it: {mend}")
