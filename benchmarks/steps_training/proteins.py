"""Real proteins, as either step reads them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.steps_training.ours import letters_of
from benchmarks.steps_training.plain import PlainStructure
from multiprot.data.corpus import Corpus
from multiprot.proteins import BACKBONE_ATOMS, ProteinRecord, backbone_dihedrals
from multiprot.student.encoder import StudentEncoder

_CA = BACKBONE_ATOMS.index("CA")


def drawn(corpus: Corpus, count: int, longest: int, seed: int) -> list[ProteinRecord]:
    """Proteins of the train split whose CA are all known, of 30 to `longest` residues."""
    rows = corpus.rows("train")
    rows = rows[corpus.has_structure[rows]]
    rows = rows[(corpus.lengths[rows] >= 30) & (corpus.lengths[rows] <= longest)]
    found: list[ProteinRecord] = []
    for row in np.random.default_rng(seed).permutation(rows):
        if len(found) == count:
            break
        record = corpus.read([row])[0]
        if _alphas(record) is not None:
            found.append(record)
    if len(found) < count:
        raise ValueError(f"{corpus.path}: {len(found)} such proteins, {count} asked for")
    return found


def as_long_as(
    corpus: Corpus, lengths: NDArray[np.int64], count: int, longest: int
) -> list[ProteinRecord]:
    """Different proteins of the train split whose CA are all known, as long as those of a task.

    Parameters
    ----------
    corpus
        Where they are taken from.
    lengths
        Of the task's proteins, residues; those above `longest` are left out.
    count
        How many: one for each of as many evenly spaced quantiles, the nearest in length there is.
    longest
        Residues.
    """
    wanted = np.quantile(lengths[lengths <= longest], (np.arange(count) + 0.5) / count)
    rows = corpus.rows("train")
    rows = rows[corpus.has_structure[rows] & (corpus.lengths[rows] <= longest)]
    found: dict[int, ProteinRecord] = {}
    for length in wanted:
        for row in rows[np.argsort(np.abs(corpus.lengths[rows] - length), kind="stable")]:
            record = corpus.read([row])[0]
            if row not in found and _alphas(record) is not None:
                found[row] = record
                break
    if len(found) < count:
        raise ValueError(f"{corpus.path}: {len(found)} such proteins, {count} asked for")
    return list(found.values())


def of_length(corpus: Corpus, length: int) -> ProteinRecord:
    """The shortest protein of at least `length` residues whose CA are all known."""
    rows = np.flatnonzero(corpus.has_structure & (corpus.lengths >= length))
    for row in rows[np.argsort(corpus.lengths[rows], kind="stable")]:
        record = corpus.read([row])[0]
        if _alphas(record) is not None:
            return record
    raise ValueError(f"{corpus.path}: no whole structure of {length} residues; ask for fewer")


def plain(encoder: StudentEncoder, record: ProteinRecord) -> PlainStructure:
    """The protein as the plain step reads it."""
    alphas = _alphas(record)
    if alphas is None or record.structure is None:
        raise ValueError(f"{record.id}: CA atoms are missing; choose another protein")
    angles = backbone_dihedrals(record.structure)[:, :2].astype(np.float32)
    return PlainStructure(letters_of(encoder, record), alphas, torch.from_numpy(angles))


def _alphas(record: ProteinRecord) -> np.ndarray | None:
    """float32 [residue, 3], or None where one is missing."""
    if record.structure is None or not record.structure.present[:, _CA].all():
        return None
    return record.structure.coordinates[:, _CA].astype(np.float32)
