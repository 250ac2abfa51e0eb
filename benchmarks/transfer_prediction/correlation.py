"""How well a measure orders points by their gains, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from multiprot.transfer import MEASURES

Point = tuple[str, str, str]
"""Model, source and target."""

_RESAMPLES: Final = 2000


def correlation(
    gains: Mapping[Point, float], values: Mapping[Point, float | None]
) -> dict[str, Any]:
    """Spearman's correlation over all points; its interval; and with one task left out.

    The interval is from resamples of whole targets and models (points that share one are alike), at
    95 %. "within" ranks both within each model and target before: does the measure find the best
    source?
    """
    points = [point for point in gains if values.get(point) is not None]
    if len(points) < 6:
        return {"points": len(points)}
    x = np.array([values[point] for point in points], dtype=np.float64)
    y = np.array([gains[point] for point in points])
    groups = np.unique([f"{p[0]}\t{p[2]}" for p in points], return_inverse=True)[1]
    tasks = sorted({task for point in points for task in point[1:]})
    return {
        "points": len(points),
        "spearman": _rho(x, y),
        "interval": _interval(x, y, groups),
        "within": _rho(_centred(x, groups), _centred(y, groups)),
        "without_task": {
            task: _rho(x[kept], y[kept])
            for task in tasks
            if (kept := np.array([task not in point[1:] for point in points])).sum() > 3
        },
    }


def promising_sign(measure: str) -> int:
    """1 if its authors have it that a larger value promises more, else -1."""
    return 1 if MEASURES[measure].larger_is_better else -1


def _rho(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(spearmanr(x, y).statistic)


def _interval(
    x: NDArray[np.float64], y: NDArray[np.float64], groups: NDArray[np.int64]
) -> Sequence[float]:
    rng = np.random.default_rng(0)
    members = [np.flatnonzero(groups == group) for group in range(groups.max() + 1)]
    found = []
    for _ in range(_RESAMPLES):
        drawn = rng.integers(len(members), size=len(members))
        rows = np.concatenate([members[group] for group in drawn])
        rho = _rho(x[rows], y[rows])
        if rho is not None:
            found.append(rho)
    ends = np.quantile(found, [0.025, 0.975]) if found else ()
    return [float(end) for end in ends]


def _centred(values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Ranks within each group, less their mean."""
    ranks = np.empty_like(values)
    for group in range(groups.max() + 1):
        rows = np.flatnonzero(groups == group)
        order = values[rows].argsort().argsort()
        ranks[rows] = order - order.mean()
    return ranks
