"""OTMTD: tasks as vectors in one linear space, by transport from common reference points.

Classes of both tasks get vectors of 10 numbers whose distances are the Bures-Wasserstein distances
of the classes (multidimensional scaling). A protein is its vector with that of its class beside it.
A task is embedded by its optimal plan to 200 reference points: where each of them is sent on
average, divided by √200. The distance of two tasks is Euclidean. Steps as the authors of MASSA
describe them in their repository OTMTD; task embedding by Liu et al. 2022, arXiv:2208.11726, linear
transport by Wang et al. 2013, Int. J. Comput. Vis. 101:254.

The authors scale the classes of all tasks together. Here it is done for each pair, so that a
distance does not depend on which other tasks are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.optimal_transport.costs import squared_euclidean_costs
from multiprot.optimal_transport.exact import exact_plan
from multiprot.optimal_transport.gaussians import squared_distances
from multiprot.optimal_transport.libraries import import_sklearn
from multiprot.transfer.labels import classes_of
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.otdd import class_gaussians
from multiprot.transfer.sample import Sample

LABEL_CHANNELS: Final = 10
REFERENCE_POINTS: Final = 200


def otmtd(samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """Distance of the embeddings of source and target."""
    classes = [classes_of(sample, options.bins) for sample in samples]
    gaussians = [class_gaussians(s, of) for s, of in zip(samples, classes, strict=True)]
    everyone = [each for of_set in gaussians for each in of_set]
    places = scaled_places(np.sqrt(squared_distances(everyone, everyone)))
    parts = (places[: len(gaussians[0])], places[len(gaussians[0]) :])
    width = samples[0].vectors.shape[1] + LABEL_CHANNELS
    reference = reference_points(width, options.seed)
    embedded = [
        task_embedding(np.hstack([sample.vectors, part[of]]), reference)
        for sample, part, of in zip(samples, parts, classes, strict=True)
    ]
    return Outcome(float(np.linalg.norm(embedded[0] - embedded[1])))


def reference_points(width: int, seed: int) -> NDArray[np.float64]:
    """Standard normal points, float64 [`REFERENCE_POINTS`, width]."""
    return np.random.default_rng(seed).standard_normal((REFERENCE_POINTS, width))


def task_embedding(
    rows: NDArray[np.floating], reference: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean place to which each reference point is sent, less the point, / √points.

    Parameters
    ----------
    rows
        [protein, width].
    reference
        float64 [point, width].

    Returns
    -------
    NDArray
        float64 [point, width].
    """
    plan = exact_plan(squared_euclidean_costs(rows, reference))
    points = len(reference)
    return np.asarray((points * plan.T @ rows - reference) / np.sqrt(points))


def scaled_places(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places whose distances are close to those given, float64 [class, `LABEL_CHANNELS`].

    Classical scaling, its axes turned so that the largest number of each is positive, then
    majorisation of the stress (SMACOF) by scikit-learn: no random start, and the same places
    whatever the order of the classes.
    """
    symmetric = (distances + distances.T) / 2
    start = _classical(symmetric)
    if not start.any():
        return start
    # Before scikit-learn 1.7 the tolerance depends on the unit of the distances.
    unit = symmetric.max()
    places, _ = import_sklearn("manifold").smacof(
        symmetric / unit,
        n_components=LABEL_CHANNELS,
        init=start / unit,
        n_init=1,
        max_iter=1000,
        eps=1e-9,
    )
    return np.asarray(places * unit)


def _classical(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Torgerson 1952: eigenvectors of the doubly centred squared distances."""
    squared = distances**2
    rows = squared.mean(axis=0, keepdims=True)
    centred = -0.5 * (squared - rows - rows.T + squared.mean())
    values, vectors = np.linalg.eigh(centred)
    best = np.argsort(values)[::-1][:LABEL_CHANNELS]
    axes = vectors[:, best] * np.sqrt(np.clip(values[best], 0.0, None))
    largest = np.abs(axes).argmax(axis=0)
    axes *= np.where(axes[largest, np.arange(len(best))] < 0, -1.0, 1.0)
    return np.pad(axes, ((0, 0), (0, LABEL_CHANNELS - len(best))))
