"""All that is measured of a student's vectors beside a teacher's."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FidelityError
from multiprot.evaluation.statistics import BootstrapOptions, Units, interval_of
from multiprot.fidelity.card import Agreement, MappedAgreement, Measured, Overlap
from multiprot.fidelity.kernel_alignment import kernel_alignment
from multiprot.fidelity.mapping import halves, mapped_cosines
from multiprot.fidelity.overlap import (
    nearest_rows,
    neighbour_counts,
    rank_correlation,
    shared_neighbours,
)
from multiprot.fidelity.proteins import LEAST_PROTEINS
from multiprot.fidelity.vectors import PairedRows

_BINS: Final = 40


def agreement(
    proteins: PairedRows, residues: PairedRows, neighbours: int, bootstrap: BootstrapOptions
) -> Agreement:
    """How alike the vectors are.

    Parameters
    ----------
    proteins, residues
        Rows that both models have.
    neighbours
        Nearest proteins that are compared.
    bootstrap
        How intervals are made; whole proteins are drawn.

    Raises
    ------
    FidelityError
        If there are too few proteins, or a model makes the same of all of them.
    SearchError
        If a vector is not finite or has no direction.
    """
    count = len(proteins.ids)
    if count < LEAST_PROTEINS:
        raise FidelityError(
            f"{count} different proteins have a vector of both models; give "
            f"{LEAST_PROTEINS} or more"
        )
    return Agreement(
        proteins=count,
        kernel_alignment=kernel_alignment(proteins.student, proteins.teacher),
        protein_cosine=mapped(proteins, bootstrap),
        residue_cosine=mapped(residues, bootstrap),
        overlaps=tuple(_overlaps(proteins, neighbours, bootstrap)),
        neighbours=neighbours,
        rank_correlation=_or_none(rank_correlation(proteins.student, proteins.teacher)),
    )


def mapped(rows: PairedRows, bootstrap: BootstrapOptions) -> MappedAgreement:
    """Cosines after the best linear map, fitted on the other half of the proteins.

    Raises
    ------
    FidelityError
        If fewer than four proteins have rows.
    """
    count = len(rows.ids)
    if count < 4:
        raise FidelityError(
            f"{count} proteins to map on one another; give more, or a greater "
            "--max-compared-residues"
        )
    found = mapped_cosines(rows.student, rows.teacher, halves(count)[rows.protein])
    units = Units(len(rows.protein), rows.protein)
    edges = np.linspace(-1, 1, _BINS + 1)
    return MappedAgreement(
        rows=len(rows.protein),
        proteins=count,
        plain=_mean(found.plain, units, bootstrap),
        centred=_mean(found.centred, units, bootstrap),
        mean_alone=float(found.mean_alone.mean()),
        histogram=tuple(int(n) for n in np.histogram(np.clip(found.centred, -1, 1), edges)[0]),
    )


def _overlaps(rows: PairedRows, neighbours: int, bootstrap: BootstrapOptions) -> list[Overlap]:
    count = len(rows.ids)
    counts = neighbour_counts(neighbours, count)
    ours = nearest_rows(rows.student, rows.ids, "the student", counts[-1])
    theirs = nearest_rows(rows.teacher, rows.ids, "the teacher", counts[-1])
    units = Units(count, None)
    return [
        Overlap(
            k=k,
            share=_mean(shared_neighbours(ours, theirs, k), units, bootstrap),
            chance=k / (count - 1),
        )
        for k in counts
    ]


def _mean(values: NDArray[np.float64], units: Units, bootstrap: BootstrapOptions) -> Measured:
    def mean(counts: NDArray[np.floating]) -> float:
        return float(counts @ values / counts.sum())

    found = interval_of(mean, units, bootstrap)
    return Measured.of(found.value, found.low, found.high)


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
