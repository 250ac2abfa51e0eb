"""A measure's value with its interval, its dependence on n, and a warning where it is unstable.

Intervals come from random halves of the proteins, drawn without replacement: the spread of a
statistic over halves is, to first order, the spread of the statistic itself over draws of all
proteins (half-sample bootstrap, or delete-half jackknife: Shao & Wu 1989, Ann. Stat. 17:1176). An
ordinary bootstrap repeats proteins, which shortens transport distances to nothing, makes a protein
its own neighbour, and lets a model be fitted to what it is scored on. A value of a half is biased
where n matters, so the halves' deviations from their own mean are laid around the value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import TransferError
from multiprot.transfer.measure import Measure, Outcome, Takes
from multiprot.transfer.options import DEFAULTS, TransferOptions
from multiprot.transfer.sample import LEAST_ROWS, Sample, drawn_rows, half_rows
from multiprot.transfer.stability import interval_of, warning_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What is known of one value.

    Attributes
    ----------
    measure, samples
        Names of the measure and of what it was given: (target,) or (source, target).
    value
        Of the drawn proteins.
    low, high
        Ends of the interval; NaN without replicates.
    proteins
        How many were drawn from each set.
    by_size
        Proteins of the larger set and value, for a quarter (if that is at least 10), a half and
        all of them.
    parts
        What the value is made of, by name.
    replicates, failed
        Random halves that gave a value, and those that did not.
    warning
        Why the value should not be trusted, one sentence or more; None if nothing speaks against
        it.
    """

    measure: str
    samples: tuple[str, ...]
    value: float
    low: float
    high: float
    proteins: tuple[int, ...]
    by_size: tuple[tuple[int, float], ...]
    parts: Mapping[str, float]
    replicates: int
    failed: int
    warning: str | None

    def as_json(self) -> dict[str, Any]:
        """Plain types; NaN stays NaN."""
        return asdict(self) | {"parts": dict(self.parts)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Estimate:
        """What `as_json` gave, also after a way through a JSON file."""
        sizes = tuple((int(size), float(value)) for size, value in stored["by_size"])
        tuples = {name: tuple(stored[name]) for name in ("samples", "proteins")}
        return cls(**{**stored, **tuples, "by_size": sizes})


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Outcomes of the drawn proteins, of the first parts of them, and of random halves.

    Attributes
    ----------
    proteins
        How many were drawn from each set.
    by_size
        Proteins of the larger set and outcome: quarter, half, all.
    halves
        Outcome of each replicate; None where it failed.
    """

    proteins: tuple[int, ...]
    by_size: tuple[tuple[int, Outcome], ...]
    halves: tuple[Outcome | None, ...]

    @property
    def whole(self) -> Outcome:
        """Of all drawn proteins."""
        return self.by_size[-1][1]

    def replicates(self, part: str | None = None) -> NDArray[np.float64]:
        """Values, or one of their parts, of the halves that gave one."""
        kept = [each for each in self.halves if each is not None]
        return np.array([each.value if part is None else each.parts[part] for each in kept])


def estimate(
    measure: Measure, samples: Sequence[Sample], options: TransferOptions = DEFAULTS
) -> Estimate:
    """A measure's value for (target,) or (source, target).

    The same for the same samples, options and seed, whatever else is computed.

    Raises
    ------
    TransferError
        If the samples are not what the measure takes, or it has no value for them.
    """
    measure.check(samples)
    return estimate_of(measure, samples, draws_of(measure, samples, options), options)


def estimate_of(
    measure: Measure, samples: Sequence[Sample], draws: Draws, options: TransferOptions
) -> Estimate:
    """The estimate that `draws` amount to."""
    whole = draws.whole
    interval = interval_of(whole.value, draws.replicates(), options.confidence)
    divisor = None
    if measure.denominator is not None:
        part = measure.denominator
        replicates = draws.replicates(part)
        divisor = interval_of(whole.parts[part], replicates, options.confidence)
    by_size = tuple((size, outcome.value) for size, outcome in draws.by_size)
    failed = sum(each is None for each in draws.halves)
    return Estimate(
        measure=measure.name,
        samples=tuple(sample.name for sample in samples),
        value=whole.value,
        low=interval.low,
        high=interval.high,
        proteins=draws.proteins,
        by_size=by_size,
        parts=whole.parts,
        replicates=len(draws.halves) - failed,
        failed=failed,
        warning=warning_of(interval, divisor, by_size, failed, len(draws.halves)),
    )


def draws_of(measure: Measure, samples: Sequence[Sample], options: TransferOptions) -> Draws:
    """Compute the measure on all drawn proteins, on parts of them, and on random halves."""
    keys = _keys(measure, samples)
    drawn = [
        sample.take(drawn_rows(sample, options.n, options.seed, key))
        for sample, key in zip(samples, keys, strict=True)
    ]
    by_size = []
    for divisor in (4, 2, 1):
        counts = [len(sample) // divisor for sample in drawn]
        if divisor > 1 and min(counts) < LEAST_ROWS:
            continue
        parts = [sample.take(np.arange(n)) for sample, n in zip(drawn, counts, strict=True)]
        outcome = (
            _computed(measure, parts, options) if divisor == 1 else _tried(measure, parts, options)
        )
        if outcome is not None:
            by_size.append((max(counts), outcome))
    halves = (
        _tried(
            measure,
            [
                sample.take(half_rows(len(sample), options.seed, key, replicate))
                for sample, key in zip(drawn, keys, strict=True)
            ],
            options,
        )
        for replicate in range(options.replicates)
    )
    return Draws(tuple(len(sample) for sample in drawn), tuple(by_size), tuple(halves))


def _keys(measure: Measure, samples: Sequence[Sample]) -> list[str]:
    """What decides which rows are drawn: paired rows are drawn alike."""
    if measure.takes is Takes.PAIRED_ROWS:
        return [samples[0].name] * len(samples)
    return [sample.name for sample in samples]


def _tried(measure: Measure, samples: Sequence[Sample], options: TransferOptions) -> Outcome | None:
    """The outcome, or None: a half may hold one class only, though the whole has two."""
    try:
        return _computed(measure, samples, options)
    except TransferError:
        return None


def _computed(measure: Measure, samples: Sequence[Sample], options: TransferOptions) -> Outcome:
    """The outcome; of a symmetric measure the same to the bit in either order."""
    if measure.symmetric and measure.takes is Takes.PAIR:
        samples = sorted(samples, key=lambda sample: sample.name)
    return measure.compute(samples, options)
