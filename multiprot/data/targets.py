"""What is known of a corpus beside its records, as the targets and sets of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from multiprot.data.fold_state_targets import fold_state_targets
from multiprot.data.geometry_targets import geometry_targets
from multiprot.data.go_labels import GoLabels
from multiprot.data.go_sets import GoSets
from multiprot.data.span_labels import SpanLabels
from multiprot.data.teaching import Teacher, teachings
from multiprot.data.token_cache.reader import Excerpt
from multiprot.encoders.contract import GeometryTargets, GoSet, GoTargets, SpanTargets, Teachings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchTargets:
    """Makes the parts of a batch that no encoder's featurizer makes.

    Attributes
    ----------
    labels
        GO terms to be predicted, or None for batches without them.
    go_sets
        GO terms that the model reads, or None for a model that reads none.
    spans
        Annotated stretches, or None for batches without them.
    geometry
        Whether batches tell where residues are and how their backbone turns.
    fold_states
        Whether batches tell the residues' 3Di states.
    teachers
        Whom the model learns from, by name.
    """

    labels: GoLabels | None = None
    go_sets: GoSets | None = None
    spans: SpanLabels | None = None
    geometry: bool = False
    fold_states: bool = False
    teachers: Mapping[str, Teacher] = field(default_factory=dict)

    def terms(self, rows: NDArray[np.int64], *, only_present: bool) -> GoTargets | None:
        """Targets of corpus rows; parameters as of `GoLabels.targets`. None if nothing is known."""
        if self.labels is None or not self.labels.known[rows].any():
            return None
        return self.labels.targets(rows, only_present=only_present)

    def sets(self, rows: NDArray[np.int64], shown: Sequence[bool]) -> GoSet | None:
        """What the model reads of corpus rows; parameters as of `GoSets.of`."""
        return None if self.go_sets is None else self.go_sets.of(rows, shown)

    def stretches(self, excerpts: Sequence[Excerpt]) -> SpanTargets | None:
        """Spans of what a batch holds of each protein."""
        if self.spans is None:
            return None
        return self.spans.targets(
            [each.record for each in excerpts], [(each.start, each.stop) for each in excerpts]
        )

    def shapes(self, excerpts: Sequence[Excerpt], draws: Sequence[int]) -> GeometryTargets | None:
        """Geometry of what a batch holds of each protein; `draws` as of `geometry_targets`."""
        if not self.geometry:
            return None
        return geometry_targets(
            [each.record for each in excerpts],
            [(each.start, each.stop) for each in excerpts],
            draws,
        )

    def states(self, excerpts: Sequence[Excerpt]) -> Tensor | None:
        """3Di states of what a batch holds of each protein, as `ProteinBatch.fold_states`."""
        if not self.fold_states:
            return None
        return fold_state_targets(
            [each.record for each in excerpts], [(each.start, each.stop) for each in excerpts]
        )

    def lessons(self, excerpts: Sequence[Excerpt]) -> Teachings | None:
        """What teachers made of what a batch holds of each protein."""
        return teachings(self.teachers, excerpts)
