"""Which tasks of a matrix stand side by side: hierarchical clustering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TaskTree:
    """Tasks in order, and the tree that orders them.

    Attributes
    ----------
    order
        int64 [task]: rows of the matrix in the order of the leaves.
    joints
        float64 [joint, point, 2]: place and height of the four corners of each joint; leaf i of the
        order is at place i.
    """

    order: NDArray[np.int64]
    joints: Floats


def task_tree(values: Floats) -> TaskTree | None:
    """Tasks ordered so that those with similar rows and columns are neighbours.

    Average linkage of `profile_distances`, leaves in the optimal order of Bar-Joseph et al. 2001
    (*Bioinformatics* 17:S22).

    Parameters
    ----------
    values
        float64 [source, target]; NaN where there is no value.

    Returns
    -------
    TaskTree or None
        None where two tasks have nothing in common that could be compared, or there are fewer than
        three.
    """
    from scipy.cluster.hierarchy import dendrogram, linkage
    from scipy.spatial.distance import squareform

    distances = profile_distances(values)
    if len(values) < 3 or not np.isfinite(distances).all():
        return None
    tree = linkage(squareform(distances, checks=False), "average", optimal_ordering=True)
    drawn = dendrogram(tree, no_plot=True)
    places = (np.array(drawn["icoord"]) - 5.0) / 10.0
    joints = np.stack([places, np.array(drawn["dcoord"])], axis=2)
    return TaskTree(np.array(drawn["leaves"], dtype=np.int64), joints)


def profile_distances(values: Floats) -> Floats:
    """Root mean squared difference of tasks' rows and columns, [task, task].

    All values are divided by the standard deviation of the matrix without its diagonal. Two tasks'
    values for each other, and for themselves, are left out; NaN where nothing is left.
    """
    size = len(values)
    apart = ~np.eye(size, dtype=bool)
    spread = np.nanstd(values[apart]) if np.isfinite(values[apart]).any() else np.nan
    scaled = np.where(apart, values, np.nan) / (spread or 1.0)
    distances = np.full((size, size), np.nan)
    for first in range(size):
        for second in range(size):
            others = np.delete(np.arange(size), [first, second])
            there = np.concatenate([scaled[first, others], scaled[others, first]])
            here = np.concatenate([scaled[second, others], scaled[others, second]])
            known = np.isfinite(there) & np.isfinite(here)
            if known.any():
                squares = (there[known] - here[known]) ** 2
                distances[first, second] = np.sqrt(squares.mean())
    np.fill_diagonal(distances, 0.0)
    return distances
