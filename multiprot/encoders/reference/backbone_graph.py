"""Backbones as a graph of nearest residues: what the reference structure encoder is fed with.

No residue's identity is looked at, and CB is left out because its absence would give glycine away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from multiprot.encoders.contract import Layout
from multiprot.proteins import BackboneStructure, ProteinRecord
from multiprot.proteins.geometry import backbone_dihedrals

DIHEDRAL_CHANNELS = 10
"""Sine and cosine of phi, psi and omega, which are defined, and whether there is a frame."""

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BackboneFeatures:
    """Residues of all proteins one after another, in either layout, with their neighbours.

    Attributes
    ----------
    alpha
        float32 [token, xyz], Å: CA relative to its protein's centre; zero where there is none.
    frames
        float32 [token, xyz, axis]: local axes as columns, right-handed; zero where N, CA or C is
        missing.
    dihedrals
        float32 [token, 10], see `DIHEDRAL_CHANNELS`.
    neighbours
        int64 [token, neighbour]: the nearest CA atoms of the same protein; the residue itself
        where there are fewer.
    weights
        float32 [token, neighbour]: 1 near, 0 at the distance of the first atom that is no longer a
        neighbour, so that a tie there decides nothing; 0 where there is no neighbour.
    bonded
        bool [token]: a peptide bond leads to the next token.
    mask
        bool [token]: CA was seen.
    lengths
        int64 [protein].
    layout
        Layout of the tokens that are to be made.
    """

    alpha: Tensor
    frames: Tensor
    dihedrals: Tensor
    neighbours: Tensor
    weights: Tensor
    bonded: Tensor
    mask: Tensor
    lengths: Tensor
    layout: Layout

    def to(self, device: torch.device, non_blocking: bool = False) -> BackboneFeatures:
        """The same features on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> BackboneFeatures:
        """The same features in page-locked memory."""
        return self._map(Tensor.pin_memory)

    def hide_geometry(self, hidden: Tensor) -> BackboneFeatures:
        """Hidden residues keep their place and lose frame and dihedrals; see `HideableGeometry`."""
        inside = torch.arange(hidden.shape[1], device=hidden.device) < self.lengths[:, None]
        kept = ~hidden[inside]
        return replace(
            self,
            frames=torch.where(kept[:, None, None], self.frames, 0.0),
            dihedrals=torch.where(kept[:, None], self.dihedrals, 0.0),
        )

    def _map(self, move: Callable[[Tensor], Tensor]) -> BackboneFeatures:
        names = [f.name for f in fields(self) if f.name != "layout"]
        moved: dict[str, Any] = {name: move(getattr(self, name)) for name in names}
        return replace(self, **moved)


@dataclass(frozen=True, slots=True)
class BackboneFeaturizer:
    """Records to graphs; a record without structure has no edge and mask False everywhere.

    Attributes
    ----------
    neighbours
        Size of the neighbour axis.
    """

    neighbours: int

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> BackboneFeatures:
        """Graphs of `records`, one after another."""
        parts = [self._one(record) for record in records] or [self._blank(0)]
        starts = np.cumsum([0, *(len(record) for record in records)])
        for part, start in zip(parts, starts, strict=False):
            part["neighbours"] += int(start)
        joined = {
            name: torch.from_numpy(np.concatenate([part[name] for part in parts]))
            for name in parts[0]
        }
        lengths = torch.tensor([len(record) for record in records], dtype=torch.int64)
        return BackboneFeatures(**joined, lengths=lengths, layout=layout)

    def _one(self, record: ProteinRecord) -> dict[str, NDArray[Any]]:
        part = self._blank(len(record))
        structure = record.structure
        if structure is None:
            return part
        seen = structure.present[:, 1]
        alpha = np.where(seen[:, None], structure.coordinates[:, 1], 0).astype(np.float64)
        # Far from the origin float32 would lose the digits that distances are made of.
        alpha[seen] -= alpha[seen].mean(axis=0) if seen.any() else 0
        part["alpha"] = alpha.astype(np.float32)
        part["mask"] = seen.copy()
        part["frames"] = local_frames(structure)
        part["dihedrals"] = _dihedral_channels(structure, part["frames"])
        part["bonded"] = np.append(seen[:-1] & seen[1:] & ~structure.chain_breaks[:-1], False)
        rows, ranks, others, weights = nearest_residues(alpha, seen, self.neighbours)
        part["neighbours"][rows, ranks] = others
        part["weights"][rows, ranks] = weights
        return part

    def _blank(self, residues: int) -> dict[str, NDArray[Any]]:
        own = np.arange(residues, dtype=np.int64)
        return {
            "alpha": np.zeros((residues, 3), np.float32),
            "frames": np.zeros((residues, 3, 3), np.float32),
            "dihedrals": np.zeros((residues, DIHEDRAL_CHANNELS), np.float32),
            "neighbours": np.repeat(own[:, None], self.neighbours, axis=1),
            "weights": np.zeros((residues, self.neighbours), np.float32),
            "bonded": np.zeros(residues, np.bool_),
            "mask": np.zeros(residues, np.bool_),
        }


def local_frames(structure: BackboneStructure) -> Float:
    """Axes [residue, xyz, axis] from N, CA and C; zero where one is missing or they align."""
    nitrogen, alpha, carbon = (
        structure.coordinates[:, atom].astype(np.float64) for atom in range(3)
    )
    frames = np.zeros((len(structure), 3, 3), np.float32)
    first, towards = carbon - alpha, nitrogen - alpha
    with np.errstate(invalid="ignore", divide="ignore"):
        first = first / np.linalg.norm(first, axis=1, keepdims=True)
        second = towards - (towards * first).sum(axis=1, keepdims=True) * first
        height = np.linalg.norm(second, axis=1, keepdims=True)
        second = second / height
    # NaN compares False: residues without all three atoms stay without a frame.
    good = height[:, 0] > 1e-2
    axes = np.stack([first, second, np.cross(first, second)], axis=-1)
    frames[good] = axes[good]
    return frames


def nearest_residues(
    alpha: NDArray[np.float64], seen: NDArray[np.bool_], neighbours: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Float]:
    """Nearest other CA atoms of every residue that has one.

    Parameters
    ----------
    alpha
        [residue, xyz], Å.
    seen
        [residue]; False rows are nobody's neighbour.
    neighbours
        How many.

    Returns
    -------
    rows, ranks, others
        [edge]: residue, position on its neighbour axis, the neighbour.
    weights
        [edge]: (1 - (d / D)²)², where D is the distance of the next atom that is no neighbour.
    """
    where = np.flatnonzero(seen)
    count = min(neighbours + 2, len(where))
    none = np.zeros(0, np.int64)
    if count < 2:
        return none, none, none, np.zeros(0, np.float32)
    distances, found = cKDTree(alpha[where]).query(alpha[where], k=count)
    # The atom itself comes first unless another lies on top of it: send it, or the last, away.
    last = np.argsort(found == np.arange(len(where))[:, None], axis=1, kind="stable")[:, :-1]
    found, distances = (np.take_along_axis(part, last, axis=1) for part in (found, distances))
    reach = np.full(len(where), np.inf)
    if distances.shape[1] > neighbours:
        reach = np.maximum(distances[:, neighbours], 1e-3)
    found, distances = found[:, :neighbours], distances[:, :neighbours]
    weights = (1 - np.minimum(distances / reach[:, None], 1) ** 2) ** 2
    rows, ranks = np.indices(found.shape).reshape(2, -1)
    return where[rows], ranks, where[found.ravel()], weights.ravel().astype(np.float32)


def _dihedral_channels(structure: BackboneStructure, frames: Float) -> Float:
    angles = backbone_dihedrals(structure)
    defined: NDArray[np.bool_] = np.isfinite(angles)
    known = np.where(defined, angles, 0)
    circle = np.concatenate([np.sin(known), np.cos(known)], axis=1)
    circle *= np.concatenate([defined, defined], axis=1)
    framed = np.any(frames, axis=(1, 2), keepdims=True)[:, :, 0]
    return np.concatenate([circle, defined, framed], axis=1).astype(np.float32)
