"""The residues of one chain that were seen, with their backbone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.proteins.conformers import ConformerChoice, choose_conformers
from multiprot.proteins.entry import AtomSites
from multiprot.proteins.structure import BACKBONE_ATOMS, MAX_PEPTIDE_BOND

_N, _C = BACKBONE_ATOMS.index("N"), BACKBONE_ATOMS.index("C")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedResidues:
    """Residues of one chain with at least one atom, in order along the chain.

    Attributes
    ----------
    components
        Residue names.
    offered
        All residue names of each residue; more than one where it is heterogeneous.
    numbers
        Author residue numbers with insertion codes, e.g. "52A".
    labels
        int64 [residue]: 1-based position in the full sequence, 0 where the file has none.
    number
        int64 [residue]: author residue number.
    coordinates
        float32 [residue, atom, xyz], Å, NaN where missing; atoms as in `BACKBONE_ATOMS`.
    bonded
        bool [residue - 1]: whether a residue is bonded to the next one in this table.
    b_factor
        float64 [residue]: mean over the residue's atoms, NaN where the file has none.
    choices
        Alternate locations that were chosen; `residue` counts in this table.
    """

    components: tuple[str, ...]
    offered: tuple[frozenset[str], ...]
    numbers: tuple[str, ...]
    labels: NDArray[np.int64]
    number: NDArray[np.int64]
    coordinates: NDArray[np.float32]
    bonded: NDArray[np.bool_]
    b_factor: NDArray[np.float64]
    choices: tuple[ConformerChoice, ...]

    def __len__(self) -> int:
        return len(self.components)


def observed_residues(sites: AtomSites) -> ObservedResidues:
    """Group the atoms of one chain into residues, one conformer each."""
    first, residue = _group(sites)
    count = len(first)
    kept, choices = choose_conformers(sites, residue)
    components = sites.component[first].tolist()
    offered = [frozenset([component]) for component in components]
    for choice in choices:
        components[choice.residue] = choice.component
        offered[choice.residue] |= {choice.component, *choice.components_left_out}
    coordinates = np.full((count, len(BACKBONE_ATOMS), 3), np.nan, dtype=np.float32)
    for column, name in enumerate(BACKBONE_ATOMS):
        rows = kept & (sites.atom == name)
        coordinates[residue[rows], column] = sites.xyz[rows]
    number, insertion = sites.number[first], sites.insertion[first]
    return ObservedResidues(
        components=tuple(components),
        offered=tuple(offered),
        numbers=tuple(f"{n}{i}" for n, i in zip(number, insertion, strict=True)),
        labels=sites.label[first],
        number=number,
        coordinates=coordinates,
        bonded=_bonded(coordinates, number, insertion),
        b_factor=_mean_b_factor(sites.b_factor, residue, kept, count),
        choices=tuple(choices),
    )


def _group(sites: AtomSites) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First atom of each residue, and residue of each atom.

    Residues are told apart by their position in the full sequence, which also orders them; where
    the file does not give it, by author number and insertion code, in the file's order.
    """
    if (sites.label > 0).all():
        _, first, residue = np.unique(sites.label, return_index=True, return_inverse=True)
        return first, residue
    codes = np.unique(sites.insertion, return_inverse=True)[1]
    keys = sites.number * (codes.max() + 1) + codes
    _, first, residue = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[residue]


def _bonded(
    coordinates: NDArray[np.float32], number: NDArray[np.int64], insertion: NDArray[np.str_]
) -> NDArray[np.bool_]:
    """bool [residue - 1]: by C–N distance, or where an atom is missing by author numbers."""
    distance = np.linalg.norm(coordinates[1:, _N] - coordinates[:-1, _C], axis=-1)
    step = np.diff(number)
    consecutive = (step == 1) | ((step == 0) & (insertion[1:] != insertion[:-1]))
    close = distance <= MAX_PEPTIDE_BOND
    return np.asarray(np.where(np.isnan(distance), consecutive, close), dtype=np.bool_)


def _mean_b_factor(
    b_factor: NDArray[np.float64],
    residue: NDArray[np.int64],
    kept: NDArray[np.bool_],
    count: int,
) -> NDArray[np.float64]:
    """float64 [residue]; atoms without a B-factor do not count."""
    rows = kept & np.isfinite(b_factor)
    total = np.bincount(residue[rows], weights=b_factor[rows], minlength=count)
    atoms = np.bincount(residue[rows], minlength=count)
    mean = np.full(count, np.nan)
    np.divide(total, atoms, out=mean, where=atoms > 0)
    return mean
