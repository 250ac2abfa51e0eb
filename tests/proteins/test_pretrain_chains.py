"""All 4,718 real chains: sequence, length and id as the manifest and the FASTA file have them."""

from __future__ import annotations

import csv
import gzip
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from multiprot.proteins import MAX_PEPTIDE_BOND, Confidence, read_fasta, read_structure_file

CHUNKS = 4


@cache
def expectations(folder: Path) -> dict[str, tuple[int, str]]:
    """Length from the manifest and sequence from the FASTA file, by id."""
    with gzip.open(folder / "manifest.tsv.gz", "rt") as handle:
        lengths = {
            r["protein_id"]: int(r["length"]) for r in csv.DictReader(handle, delimiter="\t")
        }
    sequences = {r.id: r.sequence for r in read_fasta(folder / "sequences.fasta.gz")}
    return {protein: (length, sequences[protein]) for protein, length in lengths.items()}


def files(folder: Path) -> list[Path]:
    return sorted((folder / "structures").iterdir())


def test_there_is_one_file_for_each_chain(shared: Path) -> None:
    folder = shared / "data/pretrain"
    assert sorted(p.name.split(".")[0] for p in files(folder)) == sorted(expectations(folder))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_chains_give_the_known_sequences(shared: Path, chunk: int) -> None:
    folder = shared / "data/pretrain"
    known = expectations(folder)
    for path in files(folder)[chunk::CHUNKS]:
        (reading,) = read_structure_file(path)
        record, account = reading.record, reading.account
        assert (len(record), record.sequence) == known[record.id], path.name
        assert record.id == path.name.split(".")[0]
        assert (account.residues, account.unresolved) == (len(record), 0)
        xyz = record.structure.coordinates
        distance = np.linalg.norm(xyz[1:, 0] - xyz[:-1, 2], axis=-1)
        measured = np.isfinite(distance)
        breaks = record.structure.chain_breaks[:-1]
        np.testing.assert_array_equal(breaks[measured], distance[measured] > MAX_PEPTIDE_BOND)


@pytest.mark.long
def test_totals_equal_those_the_data_were_published_with(shared: Path) -> None:
    broken_bonds: list[int] = []
    missing = dict.fromkeys(("N", "C", "O"), 0)
    without_confidence = 0
    for path in files(shared / "data/pretrain"):
        structure = read_structure_file(path)[0].record.structure
        xyz = structure.coordinates
        distance = np.linalg.norm(xyz[1:, 0] - xyz[:-1, 2], axis=-1)
        # The published count drew the line at 2 Å.
        broken_bonds.append(int((distance > 2.0).sum()))
        for name, column in (("N", 0), ("C", 2), ("O", 3)):
            missing[name] += int((~structure.present[:, column]).sum())
        without_confidence += structure.confidence_kind is Confidence.NONE
    assert (sum(broken_bonds), missing) == (2445, {"N": 9, "C": 8, "O": 31})
    assert sum(map(bool, broken_bonds)) == 1094
    assert without_confidence == 383
