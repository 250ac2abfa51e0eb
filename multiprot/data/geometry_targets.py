"""Geometry of a batch: where its residues are and how their backbone turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch

from multiprot.encoders.contract import GeometryTargets
from multiprot.proteins import BACKBONE_ATOMS, ProteinRecord, backbone_dihedrals

_CA: Final = BACKBONE_ATOMS.index("CA")
_ANGLES: Final = 3

Crop = tuple[int, int]
"""First residue and the one after the last, 0-based."""


def geometry_targets(
    records: Sequence[ProteinRecord], crops: Sequence[Crop], draws: Sequence[int]
) -> GeometryTargets | None:
    """Targets of a batch; None where no CA is known.

    Parameters
    ----------
    records
        Whole proteins, with the structures that are known of them, seen by the model or not.
    crops
        What of each is in the batch.
    draws
        Seed of each protein, ≥ 0.
    """
    longest = max(stop - start for start, stop in crops)
    alpha = np.zeros((len(records), longest, 3), np.float32)
    alpha_known = np.zeros((len(records), longest), np.bool_)
    dihedrals = np.zeros((len(records), longest, _ANGLES), np.float32)
    dihedrals_known = np.zeros((len(records), longest, _ANGLES), np.bool_)
    for row, (record, (start, stop)) in enumerate(zip(records, crops, strict=True)):
        structure = record.structure
        if structure is None:
            continue
        seen = structure.present[start:stop, _CA]
        places = structure.coordinates[start:stop, _CA][seen].astype(np.float64)
        # Far from the origin float32 would lose the digits that distances are made of.
        alpha[row, : stop - start][seen] = places - places.mean(axis=0) if len(places) else places
        alpha_known[row, : stop - start] = seen
        angles = backbone_dihedrals(structure)[start:stop]
        defined = np.isfinite(angles)
        dihedrals[row, : stop - start][defined] = angles[defined]
        dihedrals_known[row, : stop - start] = defined
    if not alpha_known.any():
        return None
    return GeometryTargets(
        torch.from_numpy(alpha),
        torch.from_numpy(alpha_known),
        torch.from_numpy(dihedrals),
        torch.from_numpy(dihedrals_known),
        torch.tensor(draws, dtype=torch.int64),
    )
