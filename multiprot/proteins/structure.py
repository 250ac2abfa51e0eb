"""A protein backbone: coordinates in Å, what was resolved, and where the chain is broken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import RecordError

BACKBONE_ATOMS: Final = ("N", "CA", "C", "O", "CB")
"""Order of the atom axis."""

MAX_PEPTIDE_BOND: Final = 2.5
"""Å. A longer C–N distance is a chain break; the ideal bond is 1.33 Å (Engh & Huber 1991)."""


NANOMETRE_BOND: Final = (0.13, 0.16)
"""A median N–CA distance in this range, 1.46 Å in nm, tells coordinates in the wrong unit."""


class Confidence(StrEnum):
    """What the per-residue confidence column holds."""

    NONE = "none"
    B_FACTOR = "b_factor"
    PLDDT = "plddt"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BackboneStructure:
    """Backbone of one chain on the full sequence; arrays are read-only.

    Attributes
    ----------
    coordinates
        float32 [residue, atom, xyz], Å, atoms as in `BACKBONE_ATOMS`; NaN where `present` is False.
    present
        bool [residue, atom].
    chain_breaks
        bool [residue]; True at r where residue r is known not to be bonded to residue r + 1.
        The last entry is always False.
    confidence
        float32 [residue]; mean over the residue's atoms of the B-factor column (Å² or pLDDT 0–100),
        NaN where unresolved or where the file has none.
    confidence_kind
        What `confidence` holds.
    """

    coordinates: NDArray[np.float32]
    present: NDArray[np.bool_]
    chain_breaks: NDArray[np.bool_]
    confidence: NDArray[np.float32]
    confidence_kind: Confidence = Confidence.NONE

    def __post_init__(self) -> None:
        residues = len(self.coordinates)
        atoms = len(BACKBONE_ATOMS)
        expected = {
            "coordinates": ((residues, atoms, 3), np.float32),
            "present": ((residues, atoms), np.bool_),
            "chain_breaks": ((residues,), np.bool_),
            "confidence": ((residues,), np.float32),
        }
        for field, (shape, dtype) in expected.items():
            array: NDArray[Any] = np.array(getattr(self, field), dtype=dtype)
            if array.shape != shape:
                raise RecordError(
                    f"structure: {field} has shape {array.shape}, expected {shape} for {residues} "
                    f"residues and the atoms {', '.join(BACKBONE_ATOMS)}"
                )
            array.flags.writeable = False
            object.__setattr__(self, field, array)
        self._check_values()

    def _check_values(self) -> None:
        finite = np.isfinite(self.coordinates).all(axis=-1)
        blank = np.isnan(self.coordinates).all(axis=-1)
        wrong = np.argwhere(np.where(self.present, ~finite, ~blank))
        if len(wrong):
            residue, atom = (int(i) for i in wrong[0])
            raise RecordError(
                f"structure: residue {residue + 1} atom {BACKBONE_ATOMS[atom]} has coordinates "
                f"{self.coordinates[residue, atom].tolist()} with present="
                f"{bool(self.present[residue, atom])}; a missing atom must be a row of NaN, "
                "a present one must be finite"
            )
        self._check_unit()
        if len(self.chain_breaks) and self.chain_breaks[-1]:
            raise RecordError("structure: the last residue cannot have a chain break after it")

    def _check_unit(self) -> None:
        bonded = self.present[:, :2].all(axis=1)
        if not bonded.any():
            return
        bonds = self.coordinates[bonded, 0] - self.coordinates[bonded, 1]
        length = float(np.median(np.linalg.norm(bonds, axis=1)))
        low, high = NANOMETRE_BOND
        if low < length < high:
            raise RecordError(
                f"structure: the median N–CA distance is {length:.3f}; in Å it is 1.46, so these "
                "coordinates are in nanometres: multiply them by 10"
            )

    def __len__(self) -> int:
        return len(self.coordinates)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BackboneStructure):
            return NotImplemented
        arrays = ("coordinates", "present", "chain_breaks", "confidence")
        return self.confidence_kind == other.confidence_kind and all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True)
            for name in arrays
        )

    @property
    def resolved(self) -> NDArray[np.bool_]:
        """bool [residue]: at least one backbone atom was seen."""
        return np.asarray(self.present.any(axis=1))

    @property
    def has_frame(self) -> NDArray[np.bool_]:
        """bool [residue]: N, CA and C are all there, so that the residue has a local frame."""
        return np.asarray(self.present[:, :3].all(axis=1))

    def crop(self, start: int, stop: int) -> BackboneStructure:
        """Residues `start` to `stop` (half-open) as a structure of their own."""
        breaks = self.chain_breaks[start:stop].copy()
        if len(breaks):
            breaks[-1] = False
        return BackboneStructure(
            coordinates=self.coordinates[start:stop],
            present=self.present[start:stop],
            chain_breaks=breaks,
            confidence=self.confidence[start:stop],
            confidence_kind=self.confidence_kind,
        )
