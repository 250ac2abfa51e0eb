"""One conformer per residue: which alternate location, and which residue where they differ."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError
from multiprot.proteins.entry import AtomSites


@dataclass(frozen=True, slots=True)
class ConformerChoice:
    """The choice made for one residue; fields as in `AltlocChoice`, `residue` is 0-based."""

    residue: int
    chosen: str
    left_out: tuple[str, ...]
    component: str
    components_left_out: tuple[str, ...]


def choose_conformers(
    sites: AtomSites, residue: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], list[ConformerChoice]]:
    """Keep each atom of each residue once.

    The alternate location with the highest mean occupancy wins, on a tie the first label; atoms
    that it lacks are taken from the location in which they are most occupied. Where alternatives
    are different residues, the winner's residue is kept whole and the others are dropped.

    Parameters
    ----------
    sites
        Atoms of one chain.
    residue
        int64 [atom]: index of the atom's residue.

    Returns
    -------
    kept : NDArray[np.bool_]
        [atom].
    choices : list[ConformerChoice]
        One for every residue with alternate locations, in order.
    """
    kept = np.ones(len(sites), dtype=np.bool_)
    choices = []
    for index in _ambiguous_residues(sites, residue):
        rows = np.flatnonzero(residue == index)
        taken, choice = _choose(sites, rows, int(index))
        kept[rows] = False
        kept[taken] = True
        choices.append(choice)
    return kept, choices


def _ambiguous_residues(sites: AtomSites, residue: NDArray[np.int64]) -> NDArray[np.int64]:
    """Residues with alternate location labels, or with an atom that is given twice."""
    names, atom = np.unique(sites.atom, return_inverse=True)
    keys, counts = np.unique(residue * len(names) + atom, return_counts=True)
    repeated = keys[counts > 1] // len(names)
    components = np.unique(sites.component, return_inverse=True)[1]
    by_component = np.unique(np.stack([residue, components]), axis=1)[0]
    mixed, counts = np.unique(by_component, return_counts=True)
    labelled = residue[sites.altloc != ""]
    return np.unique(np.concatenate([labelled, repeated, mixed[counts > 1]]))


def _choose(
    sites: AtomSites, rows: NDArray[np.int64], residue: int
) -> tuple[list[int], ConformerChoice]:
    """Rows to keep of one residue, and the choice."""
    label_of = {int(row): str(sites.altloc[row]) for row in rows}
    chosen = _winner(sites, rows)
    component = _component_of(sites, rows, chosen)
    candidates: dict[str, list[int]] = defaultdict(list)
    for row in label_of:
        if sites.component[row] == component:
            candidates[str(sites.atom[row])].append(row)
    taken = [
        min(same, key=lambda r: (label_of[r] != chosen, -sites.occupancy[r], label_of[r], r))
        for same in candidates.values()
    ]
    others = {str(c) for c in sites.component[rows]} - {component}
    dropped = {label for row, label in label_of.items() if row not in taken} - {chosen, ""}
    return taken, ConformerChoice(
        residue, chosen, tuple(sorted(dropped)), component, tuple(sorted(others))
    )


def _winner(sites: AtomSites, rows: NDArray[np.int64]) -> str:
    """Label of highest mean occupancy among the atoms that are there more than once."""
    names, counts = np.unique(sites.atom[rows], return_counts=True)
    contested = rows[np.isin(sites.atom[rows], names[counts > 1])]
    if len(contested) == 0:
        contested = rows[sites.altloc[rows] != ""]
    if len(contested) == 0:
        contested = rows
    occupancies: dict[str, list[float]] = defaultdict(list)
    for row in contested:
        occupancies[str(sites.altloc[row])].append(float(sites.occupancy[row]))
    # Rounded, so that the order of summation cannot decide a tie.
    return min(occupancies, key=lambda label: (-round(np.mean(occupancies[label]), 6), label))


def _component_of(sites: AtomSites, rows: NDArray[np.int64], label: str) -> str:
    found = sorted({str(c) for c in sites.component[rows][sites.altloc[rows] == label]})
    if len(found) > 1:
        row = rows[0]
        raise FileFormatError(
            f"chain {sites.chain[row]} residue {sites.number[row]}{sites.insertion[row]} is given "
            f"as {' and '.join(found)} without alternate location labels to tell them apart"
        )
    return found[0]
