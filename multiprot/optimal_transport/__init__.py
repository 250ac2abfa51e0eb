"""Optimal transport between two sets of vectors: arrays in, numbers out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from multiprot.lazy import lazy_names

if TYPE_CHECKING:
    from multiprot.optimal_transport.arrays import sinkhorn_of_arrays
    from multiprot.optimal_transport.costs import (
        cosine_costs,
        mean_cosine_distance,
        squared_euclidean_costs,
    )
    from multiprot.optimal_transport.exact import EXACT_ROWS, exact_cost, exact_plan, wasserstein
    from multiprot.optimal_transport.gaussians import Gaussian, squared_bures_wasserstein
    from multiprot.optimal_transport.low_rank import low_rank_cost
    from multiprot.optimal_transport.minibatch import minibatch_cost
    from multiprot.optimal_transport.refined import Match, Refinement, refined_match
    from multiprot.optimal_transport.sinkhorn import SinkhornOptions, sinkhorn_divergence
    from multiprot.optimal_transport.sliced import sliced_wasserstein

_HOMES: Final = {
    "EXACT_ROWS": "exact",
    "Gaussian": "gaussians",
    "Match": "refined",
    "Refinement": "refined",
    "SinkhornOptions": "sinkhorn",
    "cosine_costs": "costs",
    "exact_cost": "exact",
    "exact_plan": "exact",
    "low_rank_cost": "low_rank",
    "mean_cosine_distance": "costs",
    "minibatch_cost": "minibatch",
    "refined_match": "refined",
    "sinkhorn_divergence": "sinkhorn",
    "sinkhorn_of_arrays": "arrays",
    "sliced_wasserstein": "sliced",
    "squared_bures_wasserstein": "gaussians",
    "squared_euclidean_costs": "costs",
    "wasserstein": "exact",
}

__all__ = [
    "EXACT_ROWS",
    "Gaussian",
    "Match",
    "Refinement",
    "SinkhornOptions",
    "cosine_costs",
    "exact_cost",
    "exact_plan",
    "low_rank_cost",
    "mean_cosine_distance",
    "minibatch_cost",
    "refined_match",
    "sinkhorn_divergence",
    "sinkhorn_of_arrays",
    "sliced_wasserstein",
    "squared_bures_wasserstein",
    "squared_euclidean_costs",
    "wasserstein",
]

__getattr__ = lazy_names(__name__, _HOMES)
