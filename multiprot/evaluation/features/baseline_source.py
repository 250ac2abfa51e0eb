"""A baseline among the models that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multiprot.evaluation.baselines import find_baseline
from multiprot.evaluation.features.source import FeatureSource

if TYPE_CHECKING:
    from multiprot.evaluation.probes.rows import Features


class BaselineSource(FeatureSource):
    """Letters alone, as `multiprot.evaluation.baselines` describes them.

    Parameters
    ----------
    baseline
        Name of the baseline.
    name
        In tables.
    """

    def __init__(self, baseline: str, name: str) -> None:
        self._baseline = find_baseline(baseline)
        self.name = name
        self.identity = {"kind": "baseline", "name": baseline}

    def missing(self, sequences: Sequence[str], *, residues: bool) -> Mapping[str, str]:
        """None ever."""
        return {}

    def proteins(self, sequences: Sequence[str]) -> Features:
        """As `Baseline.proteins`."""
        self.residues_embedded += sum(map(len, sequences))
        return self._baseline.proteins(sequences)

    def residues(
        self, sequences: Sequence[str], chosen: Sequence[NDArray[np.bool_]]
    ) -> NDArray[np.float32]:
        """As `Baseline.residues`, of the chosen ones."""
        self.residues_embedded += sum(map(len, sequences))
        kept = np.concatenate(chosen)
        parts, start = [], 0
        for block in self._baseline.residue_blocks(sequences):
            parts.append(block[kept[start : start + len(block)]])
            start += len(block)
        return np.concatenate(parts)
