"""Sinkhorn divergence in the log domain, in torch: smooth, and differentiable in the vectors.

  OT_ε(x, y) = min over plans P of <P, C> + ε KL(P | uniform)
  S_ε(x, y)  = OT_ε(x, y) − ½ OT_ε(x, x) − ½ OT_ε(y, y)

Genevay, Peyré & Cuturi 2018, arXiv:1706.00292; Feydy et al. 2019, arXiv:1810.08278. The dual
potentials are found without gradient; the value is the dual objective at them, whose gradient in
the costs is the plan, so that no iteration is differentiated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from multiprot.errors import TransferError
from multiprot.optimal_transport.soft_costs import Costs, MatrixCosts, cosine_cost

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVERY: Final = 5
"""Iterations between two looks at the error: a look waits for the GPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkhornOptions:
    """How a Sinkhorn divergence is computed.

    Attributes
    ----------
    epsilon
        Blur, in units of the cost; positive.
    power
        Exponent of 1 − cosine.
    tolerance
        Error of the plan's marginals (sum of absolute differences) at which iteration ends.
    iterations
        At most.
    strict
        Raise if the tolerance is not reached; else the value so far is taken.
    """

    epsilon: float = 0.1
    power: float = 1.0
    tolerance: float = 1e-4
    iterations: int = 2000
    strict: bool = True


def sinkhorn_divergence(
    x: Tensor, y: Tensor, options: SinkhornOptions = SinkhornOptions()
) -> Tensor:
    """S_ε between two sets of vectors, with gradients to both.

    Parameters
    ----------
    x
        Float32 or float64 [protein, channel], not zero.
    y
        [other protein, channel], of the same type and device.
    options
        Blur, cost and accuracy.

    Returns
    -------
    Tensor
        Scalar. With power 1, for which exp(−C/ε) is a positive definite kernel on the sphere, it is
        at least 0, and 0 only where both sets are the same, up to rounding.

    Raises
    ------
    TransferError
        If an option makes no sense, or iteration did not converge and `strict` is set.
    """
    pairs = ((x, y), (x, x), (y, y))
    values = [
        transport(MatrixCosts(cosine_cost(a, b, options.power)), options, symmetric=a is b)
        for a, b in pairs
    ]
    return values[0] - 0.5 * values[1] - 0.5 * values[2]


def transport(costs: Costs, options: SinkhornOptions, *, symmetric: bool) -> Tensor:
    """OT_ε of two sets whose proteins weigh the same.

    Parameters
    ----------
    costs
        Between the sets; `MatrixCosts` carries gradients.
    options
        Blur and accuracy.
    symmetric
        Both sets are the same, which converges faster.

    Returns
    -------
    Tensor
        Scalar.
    """
    if options.epsilon <= 0 or options.iterations < 1:
        raise TransferError(
            f"epsilon {options.epsilon} and {options.iterations} iterations; both must be positive"
        )
    with torch.no_grad():
        solve = _symmetric_potentials if symmetric else _potentials
        f, g, error = solve(costs, options)
        if options.strict and not error <= options.tolerance:
            raise TransferError(
                f"Sinkhorn's marginals still err by {error:.1e} after {options.iterations} "
                f"iterations; raise epsilon {options.epsilon} or the number of iterations"
            )
    mass = costs.mass(f, g, options.epsilon)
    return f.mean() + g.mean() - options.epsilon * (mass - 1.0)


def _potentials(costs: Costs, options: SinkhornOptions) -> tuple[Tensor, Tensor, float]:
    """Both potentials, and by how much the plan's row sums err."""
    f, g = costs.zeros(0), costs.zeros(1)
    for epsilon in (*_warm_up(costs.largest(), options.epsilon), options.epsilon):
        f = costs.softmin(g, epsilon, 0)
        g = costs.softmin(f, epsilon, 1)
    error = math.inf
    for iteration in range(options.iterations):
        new = costs.softmin(g, options.epsilon, 0)
        last = iteration == options.iterations - 1
        if iteration % _EVERY == 0 or last:
            error = _marginal_error(f, new, options.epsilon)
            if error <= options.tolerance or last:
                return f, g, error
        f = new
        g = costs.softmin(f, options.epsilon, 1)
    return f, g, error


def _symmetric_potentials(costs: Costs, options: SinkhornOptions) -> tuple[Tensor, Tensor, float]:
    """The one potential, twice, and by how much the plan's row sums err."""
    f = costs.zeros(0)
    for epsilon in _warm_up(costs.largest(), options.epsilon):
        f = 0.5 * (f + costs.softmin(f, epsilon, 0))
    error = math.inf
    for iteration in range(options.iterations):
        new = costs.softmin(f, options.epsilon, 0)
        last = iteration == options.iterations - 1
        if iteration % _EVERY == 0 or last:
            error = _marginal_error(f, new, options.epsilon)
            if error <= options.tolerance or last:
                break
        f = 0.5 * (f + new)
    return f, f, error


def _marginal_error(f: Tensor, new: Tensor, epsilon: float) -> float:
    """Sum over rows of |row sum of the plan − 1/n|, which an update would mend."""
    return float((((f - new) / epsilon).exp() - 1.0).abs().mean())


def _warm_up(largest: float, epsilon: float) -> Iterator[float]:
    """Blurs from the largest cost down, halved each time: fewer iterations are left then."""
    blur = largest
    while blur > 2 * epsilon:
        yield blur
        blur /= 2
