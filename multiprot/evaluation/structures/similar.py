"""Chains that a protein is nearly the same as: aligned by mmseqs2, coordinates carried over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.mmseqs import easy_search
from multiprot.proteins import BackboneStructure
from multiprot.proteins.alignment import spread

_FIELDS: Final = "query,target,fident,qstart,tstart,cigar"
_STEPS: Final = re.compile(r"(\d+)([MID])")


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """A protein and a chain with residues in common places.

    Attributes
    ----------
    protein, chain
        Positions among the proteins and the chains.
    identity
        Share of equal residues in the alignment, as mmseqs2 counts it.
    here, there
        int64 [aligned residue]: 0-based places in the protein, and in the chain.
    """

    protein: int
    chain: int
    identity: float
    here: NDArray[np.int64]
    there: NDArray[np.int64]


def aligned_chains(
    proteins: Sequence[str], chains: Sequence[str], identity: float, *, threads: int = 1
) -> Iterator[Aligned]:
    """Every local alignment of a protein with a chain that is like enough.

    Parameters
    ----------
    proteins, chains
        Sequences.
    identity
        Least share of equal residues among those aligned.
    threads
        For mmseqs2.

    Raises
    ------
    DataError
        If mmseqs2 fails.
    """
    options = (
        *("--min-seq-id", str(identity)),
        # As sensitive as chains need that are more than half equal.
        *("-s", "4"),
        # Low-complexity stretches are part of a chain, too.
        *("--mask", "0", "--comp-bias-corr", "0"),
    )
    for line in easy_search(proteins, chains, _FIELDS, options, threads=threads):
        protein, chain, found, here, there, cigar = line
        places = aligned_places(cigar, int(here) - 1, int(there) - 1)
        yield Aligned(int(protein), int(chain), float(found), *places)


def aligned_places(
    cigar: str, here: int, there: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """0-based places of aligned residues in the query and in the target.

    Parameters
    ----------
    cigar
        M: both go on; I: the query alone; D: the target alone.
    here, there
        Where the alignment begins, 0-based.
    """
    ours, theirs = [], []
    for length, step in ((int(n), kind) for n, kind in _STEPS.findall(cigar)):
        if step == "M":
            ours.append(np.arange(here, here + length))
            theirs.append(np.arange(there, there + length))
        here += length if step != "D" else 0
        there += length if step != "I" else 0
    return np.concatenate(ours), np.concatenate(theirs)


def carried_over(
    structure: BackboneStructure, aligned: Aligned, residues: int
) -> BackboneStructure:
    """The chain's coordinates on the protein's aligned residues; all others are unresolved.

    Where the chain goes on and the protein leaves residues out, there is a break.
    """
    rows = BackboneStructure(
        coordinates=structure.coordinates[aligned.there],
        present=structure.present[aligned.there],
        chain_breaks=_breaks(structure, aligned.there),
        confidence=structure.confidence[aligned.there],
        confidence_kind=structure.confidence_kind,
    )
    return spread(rows, aligned.here, residues)


def _breaks(structure: BackboneStructure, there: NDArray[np.int64]) -> NDArray[np.bool_]:
    breaks = structure.chain_breaks[there].copy()
    breaks[:-1] |= np.diff(there) != 1
    breaks[-1] = False
    return breaks
