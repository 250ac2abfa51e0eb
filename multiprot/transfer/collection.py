"""OTFRM of every task among many, from similarities of pairs that can be computed one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from multiprot.errors import TransferError
from multiprot.transfer.estimates import Draws, Estimate, draws_of, estimate_of
from multiprot.transfer.measure import Outcome
from multiprot.transfer.options import DEFAULTS, TransferOptions
from multiprot.transfer.registry import MEASURES
from multiprot.transfer.sample import Sample
from multiprot.transfer.transport import intra_similarity, otfrm_of

Pair = tuple[str, str]

_OTFRM = MEASURES["otfrm"]
_DISTANCE = MEASURES["wasserstein"]
_INTRA = replace(
    _OTFRM, name="intra", compute=lambda samples, _: Outcome(intra_similarity(samples[0]))
)


def pair_distances(first: Sample, second: Sample, options: TransferOptions) -> Draws:
    """W_p of two tasks: of all drawn proteins, parts of them, and random halves.

    Which proteins are drawn depends on a task's name and the seed only, so that the distances of
    one task to all others are of the same proteins, and of the same halves.
    """
    _DISTANCE.check((first, second))
    return draws_of(_DISTANCE, (first, second), options)


def otfrm(
    samples: Sequence[Sample],
    options: TransferOptions = DEFAULTS,
    known: Mapping[Pair, Draws] | None = None,
) -> dict[str, Estimate]:
    """OTFRM of each task among all, as MASSA defines it.

    Parameters
    ----------
    samples
        At least two, of different names.
    options
        n, p and the rest.
    known
        Distances that `pair_distances` gave before, by the names of the pair in either order.

    Returns
    -------
    dict
        By the name of the task.

    Raises
    ------
    TransferError
        If there are too few samples, names repeat, or widths differ.
    """
    names = [sample.name for sample in samples]
    if len(names) < 2 or len(set(names)) < len(names):
        raise TransferError(
            f"OTFRM compares at least two tasks of different names, not ({', '.join(names)}); "
            "give each set a name of its own"
        )
    distances = dict(known or {})
    for first, second in combinations(samples, 2):
        pair = (first.name, second.name)
        if pair not in distances and pair[::-1] not in distances:
            distances[pair] = pair_distances(first, second, options)
    return {sample.name: otfrm_of_one(sample, samples, options, distances) for sample in samples}


def otfrm_of_one(
    sample: Sample,
    samples: Sequence[Sample],
    options: TransferOptions,
    distances: Mapping[Pair, Draws],
) -> Estimate:
    """OTFRM of `sample`, which is one of `samples`, of distances that are known.

    Raises
    ------
    TransferError
        If one of its distances is not among them, there is no other set, or the mean similarity is
        exactly 0.
    """
    intra = draws_of(_INTRA, (sample,), options)
    names = [each.name for each in samples if each.name != sample.name]
    others = [distances.get((sample.name, n)) or distances.get((n, sample.name)) for n in names]
    known = [each for each in others if each is not None]
    if not names or len(known) < len(names):
        lacking = [n for n, each in zip(names, others, strict=True) if each is None]
        raise TransferError(
            f"{sample.name}: {_DISTANCE.name} to {', '.join(lacking) or 'any other set'} has no "
            "value, of which OTFRM is made; leave out what cannot be compared"
        )
    draws = _combined(sample.name, intra, known)
    return replace(estimate_of(_OTFRM, (sample,), draws, options), samples=(*names, sample.name))


def _combined(name: str, intra: Draws, others: Sequence[Draws]) -> Draws:
    """Outcome of each size and each half, of the same proteins in all distances."""

    def joined(own: Outcome | None, apart: Sequence[Outcome | None]) -> Outcome | None:
        if own is None or any(each is None for each in apart):
            return None
        similar = [1.0 - each.value for each in apart if each is not None]
        return otfrm_of(own.value, similar, name) if np.mean(similar) else None

    # From the whole downwards: a small task may lack the quarter.
    depth = min(len(each.by_size) for each in (intra, *others))
    by_size = []
    for level in range(-depth, 0):
        size, own = intra.by_size[level]
        outcome = joined(own, [each.by_size[level][1] for each in others])
        if outcome is not None:
            by_size.append((size, outcome))
        elif level == -1:
            raise TransferError(
                f"{name}: the mean OT similarity to {len(others)} other sets is 0 and OTFRM "
                "divides by it; compare with wasserstein or sinkhorn"
            )
    halves = zip(intra.halves, *(each.halves for each in others), strict=True)
    return Draws(
        intra.proteins, tuple(by_size), tuple(joined(own, apart) for own, *apart in halves)
    )
