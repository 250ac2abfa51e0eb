"""A measure over many sets, pair by pair, and the best sources for a target."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from math import inf, nan

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.transfer.estimates import Estimate, estimate
from multiprot.transfer.measure import Measure, Takes
from multiprot.transfer.options import DEFAULTS, TransferOptions
from multiprot.transfer.sample import Sample

Pair = tuple[str, str]
"""Names of source and target."""


@dataclass(frozen=True, slots=True)
class PairResult:
    """What came of one pair: an estimate, or why there is none."""

    source: str
    target: str
    estimate: Estimate | None
    problem: str | None


def pairs_of(measure: Measure, names: Sequence[str]) -> list[Pair]:
    """Pairs that a matrix needs: each once if the measure is symmetric, else in both directions.

    A set with itself is among them only where rows are paired, or for a measure of one set, whose
    pairs are a target with itself.

    Raises
    ------
    TransferError
        If names repeat.
    """
    if len(set(names)) < len(names):
        raise TransferError(f"names repeat among {', '.join(names)}; give each set its own")
    if measure.takes is Takes.ONE_SET:
        return [(name, name) for name in names]
    if not measure.symmetric:
        return [(a, b) for a, b in product(names, names) if a != b]
    both = combinations_with_replacement(names, 2)
    return [(a, b) for a, b in both if a != b or measure.takes is Takes.PAIRED_ROWS]


def measured_pairs(
    measure: Measure,
    samples: Sequence[Sample],
    options: TransferOptions = DEFAULTS,
    done: Collection[Pair] = (),
) -> Iterator[PairResult]:
    """One result after another, so that a caller can keep each and go on later where it stopped.

    Parameters
    ----------
    measure
        What is measured.
    samples
        Sets of different names.
    options
        How.
    done
        Pairs to leave out.

    Yields
    ------
    PairResult
        A pair that cannot be measured is told and does not stop the others.
    """
    by_name = {sample.name: sample for sample in samples}
    for source, target in pairs_of(measure, [sample.name for sample in samples]):
        if (source, target) in done:
            continue
        one = measure.takes is Takes.ONE_SET
        given = [by_name[target]] if one else [by_name[source], by_name[target]]
        try:
            found = estimate(measure, given, options)
        except TransferError as error:
            yield PairResult(source, target, None, str(error))
        else:
            yield PairResult(source, target, found, None)


def value_matrix(
    measure: Measure, names: Sequence[str], estimates: Mapping[Pair, Estimate]
) -> NDArray[np.float64]:
    """Values [source, target]; NaN where there is none.

    Parameters
    ----------
    measure
        What was measured; if symmetric, a pair fills both places.
    names
        Order of rows and columns.
    estimates
        By source and target.
    """
    values = np.full((len(names), len(names)), nan)
    place = {name: row for row, name in enumerate(names)}
    for (source, target), found in estimates.items():
        values[place[source], place[target]] = found.value
        if measure.symmetric:
            values[place[target], place[source]] = found.value
    return values


def ranked_sources(
    measure: Measure,
    target: Sample,
    sources: Sequence[Sample],
    options: TransferOptions = DEFAULTS,
) -> list[PairResult]:
    """Sources for a target, the most promising first; those that cannot be measured last.

    Equal values are ordered by name.

    Raises
    ------
    TransferError
        If the measure looks at one set only: it says nothing about sources.
    """
    if measure.takes is Takes.ONE_SET:
        raise TransferError(
            f"{measure.name} looks at the target alone and ranks no sources; compare the same "
            "target as several models see it, or take a measure of pairs, such as wasserstein"
        )
    results = []
    for source in sources:
        try:
            found = estimate(measure, (source, target), options)
        except TransferError as error:
            results.append(PairResult(source.name, target.name, None, str(error)))
        else:
            results.append(PairResult(source.name, target.name, found, None))
    sign = -1.0 if measure.larger_is_better else 1.0

    def order(result: PairResult) -> tuple[float, str]:
        value = inf if result.estimate is None else sign * result.estimate.value
        return value, result.source

    return sorted(results, key=order)
