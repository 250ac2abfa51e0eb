"""Exact optimal transport between two sets in which every protein weighs the same."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.optimal_transport.libraries import import_pot

EXACT_ROWS: Final = 5000
"""Largest set that is solved exactly: 200 MB of costs and about a quarter of a minute."""

_ASSIGNMENT_ROWS: Final = 1000
"""Up to here an assignment is as fast as the network simplex or faster, and needs no POT."""
_PIVOTS: Final = 100_000_000


def exact_cost(costs: NDArray[np.float64]) -> float:
    """The least mean cost of moving one set onto the other, <P*, C>.

    Of two sets of one size the optimum is a permutation (Birkhoff & von Neumann), which
    `scipy.optimize.linear_sum_assignment` finds (Crouse 2016); else the network simplex of POT
    (Bonneel et al. 2011) is used. Both are exact.

    Parameters
    ----------
    costs
        float64 [protein, other protein].

    Raises
    ------
    TransferError
        If there are no costs, one is not finite, a set has more than `EXACT_ROWS` rows, or POT is
        needed and not installed.
    """
    _check(costs)
    rows, columns = costs.shape
    if rows == columns and rows <= _ASSIGNMENT_ROWS:
        return float(costs[assignment(costs)].mean())
    pot = import_pot()
    value, log = pot.emd2([], [], np.ascontiguousarray(costs), numItermax=_PIVOTS, log=True)
    _demand_optimum(log, costs)
    return float(value)


def exact_plan(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The optimal plan P*, float64 [protein, other protein], which sums to 1.

    Raises
    ------
    TransferError
        As in `exact_cost`.
    """
    _check(costs)
    plan, log = import_pot().emd([], [], np.ascontiguousarray(costs), numItermax=_PIVOTS, log=True)
    _demand_optimum(log, costs)
    found: NDArray[np.float64] = plan
    return found


def assignment(costs: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the cheapest one-to-one match, [min(rows, columns)] each."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(costs)
    return rows, columns


def wasserstein(costs: NDArray[np.float64], power: float) -> float:
    """(<P*, C>)^(1/power) for costs that are distances to the `power`."""
    return float(max(exact_cost(costs), 0.0) ** (1.0 / power))


def _check(costs: NDArray[np.float64]) -> None:
    if costs.ndim != 2 or 0 in costs.shape or not np.isfinite(costs).all():
        raise TransferError(
            f"costs of shape {list(costs.shape)} are empty or not finite; "
            "give two sets of finite vectors"
        )
    if max(costs.shape) > EXACT_ROWS:
        raise TransferError(
            f"an exact solution of {costs.shape[0]} × {costs.shape[1]} proteins takes too long; "
            f"take at most {EXACT_ROWS} of each, or a solver for larger sets (refined, minibatch)"
        )


def _demand_optimum(log: dict[str, object], costs: NDArray[np.float64]) -> None:
    if log.get("warning"):
        raise TransferError(
            f"POT found no optimum for {costs.shape[0]} × {costs.shape[1]} proteins "
            f"({log['warning']}); take fewer proteins"
        )
