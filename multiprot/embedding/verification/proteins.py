"""Proteins to try a model with: short and long, with strange letters, with structures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from multiprot.data.synthetic import SyntheticOptions, synthetic_records
from multiprot.proteins import AMINO_ACIDS, RESIDUE_LETTERS, ProteinRecord

_LENGTHS: Final = (1, 2, 3, 7, 16, 31, 32, 33, 64, 65, 100, 127, 128, 129, 200, 256, 333, 511, 700)
"""Around the powers of two, where kernels change their minds."""

_LONGEST: Final = 1200
"""Beyond this no window is tried: it would take minutes, not seconds."""


def trial_proteins(limit: int | None, *, structures: bool, seed: int = 0) -> list[ProteinRecord]:
    """The same proteins each time.

    Parameters
    ----------
    limit
        Longest protein that the model takes in one piece; one longer than that is among them
        where it is at most 1,200.
    structures
        Whether some have structures.
    seed
        Other proteins for another number.
    """
    rng = np.random.default_rng(seed)
    return [*_sequences(rng, limit), *(_folded(seed) if structures else ())]


def _sequences(rng: np.random.Generator, limit: int | None) -> Iterator[ProteinRecord]:
    lengths = [length for length in _LENGTHS if limit is None or length <= limit]
    if limit is not None and limit <= _LONGEST:
        lengths += [limit, limit + limit // 2 + 1]
    for number, length in enumerate(lengths):
        letters = RESIDUE_LETTERS if number % 5 == 4 else AMINO_ACIDS
        sequence = "".join(rng.choice(list(letters), size=length))
        yield ProteinRecord(id=f"drawn-{number}-{length}", sequence=sequence)


def _folded(seed: int) -> Iterator[ProteinRecord]:
    options = SyntheticOptions(families=3, proteins_per_family=4, seed=seed)
    for record, _ in synthetic_records(options):
        yield replace(record, go_terms=None, not_go_terms=frozenset(), features=())
