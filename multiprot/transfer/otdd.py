"""Optimal transport dataset distance: vectors and labels are transported together.

  d((x, y), (x', y'))² = |x − x'|² + BW²(class y, class y'),   OTDD = (<P*, d²>)^½

BW is the Bures-Wasserstein distance of the classes' Gaussians. Alvarez-Melis & Fusi 2020, NeurIPS,
arXiv:2002.02923.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from multiprot.optimal_transport.costs import squared_euclidean_costs
from multiprot.optimal_transport.exact import wasserstein
from multiprot.optimal_transport.gaussians import Gaussian, squared_distances
from multiprot.transfer.labels import classes_of
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.sample import Sample


def otdd(samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """OTDD of source and target; numbers of a regression are binned at their quantiles."""
    source, target = samples
    classes = [classes_of(sample, options.bins) for sample in samples]
    gaussians = [class_gaussians(sample, of) for sample, of in zip(samples, classes, strict=True)]
    between = squared_distances(*gaussians)
    costs = squared_euclidean_costs(source.vectors, target.vectors)
    costs += between[classes[0]][:, classes[1]]
    return Outcome(wasserstein(costs, 2.0))


def class_gaussians(sample: Sample, classes: NDArray[np.int64]) -> list[Gaussian]:
    """The Gaussian of each class; of a class with one protein, a point."""
    return [
        Gaussian.of(sample.vectors[classes == number]) for number in range(int(classes.max()) + 1)
    ]
