"""Reliability of probabilities that come part by part, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.reliability import ReliabilityDiagram, reliability_diagram


@dataclass(slots=True)
class Reliability:
    """What was claimed of pairs of term and protein, beside what is true.

    Attributes
    ----------
    least
        From which probability on a pair is written by annotation.
    """

    least: float
    _all: list[ReliabilityDiagram] = field(default_factory=list)
    _written: list[ReliabilityDiagram] = field(default_factory=list)

    def add(self, truth: NDArray[np.bool_], claimed: NDArray[np.float64]) -> None:
        """Count pairs, any shape."""
        written = claimed >= self.least
        for diagrams, which in ((self._all, slice(None)), (self._written, written)):
            if claimed[which].size:
                diagrams.append(reliability_diagram(truth[which], claimed[which]))
                diagrams[:] = [merged(diagrams)]

    @property
    def everything(self) -> ReliabilityDiagram | None:
        """All pairs; None if there were none."""
        return self._all[0] if self._all else None

    @property
    def written(self) -> ReliabilityDiagram | None:
        """Pairs that annotation writes; None if there were none."""
        return self._written[0] if self._written else None


def merged(diagrams: Sequence[ReliabilityDiagram]) -> ReliabilityDiagram:
    """The diagram of all pairs together; all must have the same bins."""
    count = np.sum([diagram.count for diagram in diagrams], axis=0)
    with np.errstate(invalid="ignore"):
        predicted, observed = (
            np.sum([_sums(diagram, name) for diagram in diagrams], axis=0) / count
            for name in ("predicted", "observed")
        )
    return ReliabilityDiagram(
        edges=diagrams[0].edges, predicted=predicted, observed=observed, count=count
    )


def _sums(diagram: ReliabilityDiagram, name: str) -> NDArray[np.float64]:
    """float64 [bin]: means times counts, 0 for empty bins, whose mean is NaN."""
    means: NDArray[np.float64] = getattr(diagram, name)
    return np.where(diagram.count > 0, means, 0.0) * diagram.count
