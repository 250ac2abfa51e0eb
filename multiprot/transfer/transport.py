"""Distances between two sets of vectors, and OTFRM, which is made of one of them.

  W_p(a, b)   = (<P*, C>)^(1/p),  C_ij = (1 − cos(a_i, b_j))^p,  P* the exact plan, weights equal
  OTsim(a, b) = 1 − W_p(a, b)
  intra(t)    = 1 − mean over all pairs of t, i = j included, of 1 − cos
  OTFRM(t)    = intra(t) / mean over s ≠ t of OTsim(t, s)

OTFRM: Hu et al. 2023, Adv. Sci. 10:2301223 (MASSA), p = 2. Of two sets the mean is over one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multiprot.errors import TransferError
from multiprot.optimal_transport.costs import cosine_costs, mean_cosine_distance
from multiprot.optimal_transport.exact import wasserstein
from multiprot.optimal_transport.rows import unit_rows
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.sample import Sample


def wasserstein_distance(samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """W_p between two sets, from 0 to 2; what MASSA's authors call OT distance."""
    x, y = (sample.vectors for sample in samples)
    if options.solver == "exact":
        costs = cosine_costs(x, y, options.power)
        return Outcome(wasserstein(costs, options.power))
    if options.solver == "refined":
        from multiprot.optimal_transport.refined import Refinement, refined_match

        cost = refined_match(x, y, power=options.power, how=Refinement(seed=options.seed)).cost
    else:
        from multiprot.optimal_transport.minibatch import minibatch_cost

        cost = minibatch_cost(x, y, power=options.power, seed=options.seed)
    return Outcome(float(max(cost, 0.0) ** (1 / options.power)))


def pair_otfrm(samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """OTFRM of the target among two tasks: intra(target) / OTsim(target, source)."""
    intra = intra_similarity(samples[1])
    inter = 1.0 - wasserstein_distance(samples, options).value
    return Outcome(otfrm_ratio(intra, inter, samples[1].name), {"intra": intra, "inter": inter})


def intra_similarity(sample: Sample) -> float:
    """intra(t), from 0 to 1: how tight a set is."""
    return 1.0 - mean_cosine_distance(sample.vectors)


def otfrm_ratio(intra: float, inter: float, name: str) -> float:
    """intra / inter, whatever its sign; `TransferError` if the mean OTsim is exactly 0."""
    if inter == 0.0:
        raise TransferError(
            f"{name}: the OT similarity to the other sets is 0 and OTFRM divides by it; "
            "compare with wasserstein or sinkhorn"
        )
    return intra / inter


def sinkhorn(samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """S_ε with cost 1 − cosine: at least 0, and 0 for equal sets."""
    from multiprot.optimal_transport.arrays import sinkhorn_of_arrays
    from multiprot.optimal_transport.sinkhorn import SinkhornOptions

    x, y = (sample.vectors for sample in samples)
    how = SinkhornOptions(epsilon=options.epsilon)
    # The potentials are found up to a tolerance, which may put equal sets below 0.
    return Outcome(max(sinkhorn_of_arrays(x, y, how, options.device), 0.0))


def sliced(samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """Sliced 2-Wasserstein distance of the unit vectors."""
    from multiprot.optimal_transport.sliced import sliced_wasserstein

    x, y = (unit_rows(sample.vectors, sample.name) for sample in samples)
    return Outcome(sliced_wasserstein(x, y, directions=options.directions, seed=options.seed))


def otfrm_of(intra: float, similarities: Sequence[float], name: str) -> Outcome:
    """OTFRM of one task among many.

    Parameters
    ----------
    intra
        `intra_similarity` of the task.
    similarities
        OTsim to every other task.
    name
        Of the task.
    """
    inter = float(np.mean(similarities))
    return Outcome(otfrm_ratio(intra, inter, name), {"intra": intra, "inter": inter})
