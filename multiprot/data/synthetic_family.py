"""Protein families that a random process evolves: one fold, one motif, many members."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.data.synthetic_backbone import Floats, build_backbone, clashes
from multiprot.data.synthetic_fold import (
    LOOP,
    draw_fold,
    draw_residue,
    draw_residues,
    fold_torsions,
)
from multiprot.proteins import AMINO_ACIDS, FeatureSpan

MOTIFS: Final = 3
MOTIF_RESIDUES: Final = 5
_MUTATED: Final = (0.15, 0.5)
_INDELS: Final = 2
_TORSION_SPREAD: Final = np.radians(2.5)
_CANDIDATES: Final = 8


@dataclass(frozen=True, slots=True)
class Member:
    """One protein in the making.

    Attributes
    ----------
    sequence
        One letter per residue.
    fold
        Secondary structure, one letter per residue.
    torsions
        [residue, 3]: phi, psi, omega, radians.
    motif
        bool [residue]: the residue belongs to a motif of the family.
    """

    sequence: str
    fold: str
    torsions: Floats
    motif: NDArray[np.bool_]


def draw_ancestor(rng: np.random.Generator, kind: int) -> Member:
    """An ancestor with a fold of the given kind (see `draw_fold`), not yet with motifs."""
    fold = draw_fold(rng, kind)
    torsions = fold_torsions(rng, fold)
    sequence = draw_residues(rng, fold, torsions)
    return Member(sequence, fold, torsions, np.zeros(len(fold), dtype=np.bool_))


def found_family(rng: np.random.Generator, ancestor: Member) -> Member:
    """A family's founder: the ancestor's fold, residues and motifs of its own."""
    letters = list(draw_residues(rng, ancestor.fold, ancestor.torsions))
    motif = np.zeros(len(letters), dtype=np.bool_)
    for part in range(MOTIFS):
        low = part * len(letters) // MOTIFS
        high = (part + 1) * len(letters) // MOTIFS - MOTIF_RESIDUES
        start = int(rng.integers(low, high))
        motif[start : start + MOTIF_RESIDUES] = True
        letters[start : start + MOTIF_RESIDUES] = rng.choice(list(AMINO_ACIDS), MOTIF_RESIDUES)
    return replace(ancestor, sequence="".join(letters), motif=motif)


def mutate(rng: np.random.Generator, founder: Member) -> Member:
    """A descendant: substitutions that suit the fold, insertions and deletions in loops."""
    rate = rng.uniform(*_MUTATED)
    letters = list(founder.sequence)
    for position in np.flatnonzero((rng.random(len(letters)) < rate) & ~founder.motif):
        left_handed = bool(founder.torsions[position, 0] > 0)
        letters[position] = draw_residue(rng, founder.fold, int(position), left_handed=left_handed)
    kept = list(range(len(letters)))
    free = [p for p, state in enumerate(founder.fold) if state == LOOP and not founder.motif[p]]
    changes = min(int(rng.integers(_INDELS + 1)), len(free))
    for position in rng.choice(free, size=changes, replace=False):
        place = kept.index(position)
        kept[place : place + 1] = [position, position] if rng.random() < 0.5 else []
    return Member(
        "".join(letters[p] for p in kept),
        "".join(founder.fold[p] for p in kept),
        founder.torsions[kept],
        founder.motif[kept],
    )


def member_backbones(rng: np.random.Generator, members: list[Member]) -> list[Floats]:
    """[residue, atom, xyz] in Å of every member: its torsions, a little shaken.

    Of a few shaken chains per member the one with fewest clashes is taken.
    """
    longest = max(len(member.sequence) for member in members)
    shape = (len(members), _CANDIDATES, longest, 3)
    torsions = np.zeros(shape)
    mask = np.zeros(shape[:-1], dtype=np.bool_)
    for row, member in enumerate(members):
        torsions[row, :, : len(member.torsions)] = member.torsions
        mask[row, :, : len(member.torsions)] = True
    torsions += rng.normal(0.0, _TORSION_SPREAD, shape) * (1.0, 1.0, 0.4)
    flat_mask = mask.reshape(-1, longest)
    flat = build_backbone(*np.moveaxis(torsions.reshape(-1, longest, 3), 2, 0))
    best = clashes(flat, flat_mask).reshape(len(members), _CANDIDATES).argmin(axis=1)
    backbones = flat.reshape(*shape[:3], 5, 3)
    return [backbones[row, best[row], : len(member.sequence)] for row, member in enumerate(members)]


def motif_spans(member: Member, name: str) -> tuple[FeatureSpan, ...]:
    """One "motif" span for each unbroken stretch of motif residues."""
    edges = np.diff(np.concatenate([[0], member.motif.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return tuple(
        FeatureSpan(int(start), int(stop), "motif", f"{name}.{number}")
        for number, (start, stop) in enumerate(zip(starts, stops, strict=True), start=1)
    )
