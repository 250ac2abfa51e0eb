"""What a measure declares of itself, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from multiprot.errors import TransferError
from multiprot.transfer.options import TransferOptions
from multiprot.transfer.sample import Sample


class Takes(StrEnum):
    """What a measure looks at."""

    ONE_SET = "one set"
    """The target's proteins."""
    PAIR = "pair of sets"
    """Source and target, of different proteins, as one model sees them."""
    PAIRED_ROWS = "paired rows"
    """The same proteins as two models see them, row by row; widths may differ."""


class Labels(StrEnum):
    """Whose labels a measure needs."""

    NONE = "none"
    TARGET = "target"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A value, and the parts it is made of, by name."""

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)


Compute = Callable[[Sequence[Sample], TransferOptions], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One measure of transferability.

    Attributes
    ----------
    name
        Unique.
    summary
        One line.
    source
        Paper.
    takes, labels
        What it looks at.
    symmetric
        Source and target may change places; always so for one set.
    larger_is_better
        A larger value promises better transfer, as its authors have it.
    least, most
        Range; infinite where there is no bound.
    compute
        Given (target,) or (source, target).
    denominator
        Name of the part by which the value is divided, if it may come near 0.
    """

    name: str
    summary: str
    source: str
    takes: Takes
    labels: Labels
    symmetric: bool
    larger_is_better: bool
    least: float
    most: float
    compute: Compute
    denominator: str | None = None

    def check(self, samples: Sequence[Sample]) -> None:
        """Raise `TransferError` unless the samples are what it takes."""
        wanted = 1 if self.takes is Takes.ONE_SET else 2
        if len(samples) != wanted:
            raise TransferError(
                f"{self.name} takes {self.takes.value}, {len(samples)} were given; give {wanted}"
            )
        labelled = {Labels.NONE: samples[:0], Labels.TARGET: samples[-1:], Labels.BOTH: samples}
        for sample in labelled[self.labels]:
            if sample.labels is None:
                raise TransferError(
                    f"{self.name} needs labels of {sample.name}, which has none; "
                    "take a measure without labels, such as wasserstein"
                )
        if self.takes is Takes.PAIR:
            _same_width(self.name, samples)
        if self.takes is Takes.PAIRED_ROWS and len(samples[0]) != len(samples[1]):
            raise TransferError(
                f"{self.name} compares the same proteins row by row, but {samples[0].name} has "
                f"{len(samples[0])} and {samples[1].name} {len(samples[1])}; embed the same records"
            )


def _same_width(name: str, samples: Sequence[Sample]) -> None:
    first, second = samples
    if first.vectors.shape[1] != second.vectors.shape[1]:
        raise TransferError(
            f"{name} compares vectors of one width, but {first.name} has "
            f"{first.vectors.shape[1]} channels and {second.name} {second.vectors.shape[1]}; "
            "embed both with one model"
        )
