"""3Di states of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from multiprot.data.geometry_targets import Crop
from multiprot.encoders.contract import NO_FOLD_STATE
from multiprot.proteins import UNDEFINED_STATE, ProteinRecord, fold_state_numbers


def fold_state_targets(records: Sequence[ProteinRecord], crops: Sequence[Crop]) -> Tensor | None:
    """Targets of a batch, as `ProteinBatch.fold_states`; None where no residue has a state.

    A state is made of the residue nearest in space, which a crop may leave out: states are those of
    the whole protein. That takes some 5 µs a residue.

    Parameters
    ----------
    records
        Whole proteins, with the structures that are known of them, seen by the model or not.
    crops
        What of each is in the batch.
    """
    longest = max(stop - start for start, stop in crops)
    states = np.full((len(records), longest), NO_FOLD_STATE, np.int64)
    for row, (record, (start, stop)) in enumerate(zip(records, crops, strict=True)):
        if record.structure is not None:
            numbers = fold_state_numbers(record.structure)[start:stop]
            defined = (numbers >= 0) & (numbers < UNDEFINED_STATE)
            states[row, : stop - start][defined] = numbers[defined]
    return torch.from_numpy(states) if (states != NO_FOLD_STATE).any() else None
