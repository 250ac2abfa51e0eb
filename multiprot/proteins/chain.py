"""One protein chain of an entry as a record, with the account of its residues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError
from multiprot.proteins.account import (
    AltlocChoice,
    ModifiedResidue,
    StructureAccount,
    StructureReading,
)
from multiprot.proteins.alignment import place_on_sequence, spread
from multiprot.proteins.entry import PROTEIN, Entry, FullSequence
from multiprot.proteins.modified import ResidueIdentity, identify
from multiprot.proteins.observed import ObservedResidues, observed_residues
from multiprot.proteins.record import ProteinRecord
from multiprot.proteins.structure import BackboneStructure, Confidence

_Identify = Callable[[str], ResidueIdentity]


@dataclass(frozen=True, slots=True, kw_only=True)
class _PlacedChain:
    """Observed residues of a chain and where they belong.

    `positions` is int64 [observed residue], 0-based; `components` has one name per residue of the
    full sequence.
    """

    observed: ObservedResidues
    positions: NDArray[np.int64]
    components: tuple[str, ...]


def read_chain(entry: Entry, chain: str, record_id: str) -> StructureReading:
    """Record and account of a protein chain.

    Raises
    ------
    FileFormatError
        If observed residues contradict the full sequence; the message has no file name.
    """

    @cache
    def identity(component: str) -> ResidueIdentity:
        return identify(component, entry.parents)

    placed = _place(entry, chain, identity)
    identities = [identity(component) for component in placed.components]
    record = ProteinRecord(
        id=record_id,
        sequence="".join(i.letter for i in identities),
        structure=_structure(placed, predicted=entry.predicted),
    )
    modified = tuple(
        ModifiedResidue(position, component, i.letter)
        for position, (component, i) in enumerate(
            zip(placed.components, identities, strict=True), start=1
        )
        if i.modified
    )
    return StructureReading(record, _account(entry, placed, record, modified))


def _account(
    entry: Entry,
    placed: _PlacedChain,
    record: ProteinRecord,
    modified: tuple[ModifiedResidue, ...],
) -> StructureAccount:
    observed, structure = placed.observed, record.structure
    altlocs = tuple(
        AltlocChoice(
            int(placed.positions[c.residue]) + 1,
            c.chosen,
            c.left_out,
            c.component,
            c.components_left_out,
        )
        for c in observed.choices
    )
    return StructureAccount(
        id=record.id,
        residues=len(record),
        resolved=len(observed),
        unresolved=len(record) - len(observed),
        modified=modified,
        unknown=record.sequence.count("X"),
        altlocs=altlocs,
        breaks=0 if structure is None else int(structure.chain_breaks.sum()),
        models=entry.models,
        chains=tuple(c for c, kind in entry.kinds.items() if kind == PROTEIN),
        left_out=tuple(f"{c} ({kind})" for c, kind in entry.kinds.items() if kind != PROTEIN),
    )


def _place(entry: Entry, chain: str, identity: _Identify) -> _PlacedChain:
    """Put the observed residues on the full sequence, or in a row if the file states none."""
    observed = observed_residues(entry.sites.take(entry.sites.chain == chain))
    full = entry.sequences.get(chain)
    if full is None:
        positions = np.arange(len(observed), dtype=np.int64)
        return _PlacedChain(observed=observed, positions=positions, components=observed.components)
    if (observed.labels > 0).all():
        positions = observed.labels - 1
    else:
        positions = place_on_sequence(
            "".join(identity(components[0]).letter for components in full),
            "".join(_letters_as_stated(observed, full, identity)),
            observed.bonded,
            observed.number,
        )
    components = [stated[0] for stated in full]
    for index, position in enumerate(positions.tolist()):
        _check_agreement(chain, observed, index, position, full, identity)
        components[position] = observed.components[index]
    return _PlacedChain(observed=observed, positions=positions, components=tuple(components))


def _letters_as_stated(
    observed: ObservedResidues, full: FullSequence, identity: _Identify
) -> list[str]:
    """Letters to align by: of heterogeneous residues one that the full sequence also uses."""
    stated = {components[0] for components in full}
    return [
        identity(min(offered & stated, default=component)).letter
        for component, offered in zip(observed.components, observed.offered, strict=True)
    ]


def _check_agreement(
    chain: str,
    observed: ObservedResidues,
    index: int,
    position: int,
    full: FullSequence,
    identity: _Identify,
) -> None:
    """Raise if an observed residue is not what the full sequence states at its position."""
    seen = f"chain {chain} residue {observed.numbers[index]} ({observed.components[index]})"
    if not 0 <= position < len(full):
        raise FileFormatError(
            f"{seen} has no place in the full sequence of {len(full)} residues that the file "
            "states (SEQRES or entity_poly_seq); correct the file"
        )
    stated = set(full[position])
    letters = {identity(component).letter for component in stated}
    if not (
        observed.offered[index] & stated or identity(observed.components[index]).letter in letters
    ):
        raise FileFormatError(
            f"{seen} stands where the file's full sequence (SEQRES or entity_poly_seq) has "
            f"{'/'.join(sorted(stated))} at position {position + 1}; correct the file"
        )


def _structure(placed: _PlacedChain, *, predicted: bool) -> BackboneStructure:
    observed = placed.observed
    confidence, kind = _confidence(observed.b_factor, predicted=predicted)
    seen = BackboneStructure(
        coordinates=observed.coordinates,
        present=np.asarray(np.isfinite(observed.coordinates).all(axis=-1)),
        chain_breaks=np.append(~observed.bonded, False),
        confidence=confidence.astype(np.float32),
        confidence_kind=kind,
    )
    return spread(seen, placed.positions, len(placed.components))


def _confidence(
    b_factor: NDArray[np.float64], *, predicted: bool
) -> tuple[NDArray[np.float64], Confidence]:
    """Meaning of the B-factor column: absent or zero everywhere means that there is none."""
    given = b_factor[np.isfinite(b_factor)]
    if not given.any():
        return np.full(len(b_factor), np.nan), Confidence.NONE
    if not predicted:
        return b_factor, Confidence.B_FACTOR
    # Some predictors write fractions; nobody publishes a chain of which no residue exceeds 1 %.
    return (b_factor * 100 if given.max() <= 1.0 else b_factor), Confidence.PLDDT
