"""Real proteins of natural lengths, and some that fill nearly all the places that MTDP pads to."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

from benchmarks.mtdp_training.plain import PLACES
from multiprot.proteins import AMINO_ACIDS, ProteinRecord, read_fasta

NATURAL: Final = (30, PLACES - 1)
LONG: Final = (950, PLACES - 1)
"""Fewest and most residues: MTDP cuts longer proteins, which would not be the same work."""


def drawn(
    path: Path, count: int, residues: tuple[int, int], seed: int = 0
) -> tuple[ProteinRecord, ...]:
    """`count` proteins of a FASTA file with standard letters, the same for the same seed.

    Parameters
    ----------
    path
        The file.
    count
        How many.
    residues
        Fewest and most.
    seed
        Of the draw.

    Raises
    ------
    ValueError
        If the file has fewer.
    """
    known = set(AMINO_ACIDS)
    fitting = [
        record
        for record in read_fasta(path)
        if residues[0] <= len(record) <= residues[1] and set(record.sequence) <= known
    ]
    if count > len(fitting):
        raise ValueError(
            f"{path}: {len(fitting)} proteins of {residues[0]} to {residues[1]} residues, {count} "
            "asked for; ask for fewer"
        )
    return tuple(random.Random(seed).sample(fitting, count))
