"""Sequences with something to learn: of two kinds, each with its own letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiprot.data.sequences import SequenceBuildOptions, SequenceShards, build_sequences
from multiprot.proteins import ProteinRecord, write_fasta


def two_kinds(count: int) -> list[ProteinRecord]:
    """A protein repeats one of two words: a hidden letter follows from those around it."""
    rng = np.random.default_rng(0)
    words = ("ACDEFG", "HIKLMN")
    made = []
    for number in range(count):
        word = words[number % 2]
        turn, length = rng.integers(6), rng.integers(30, 80)
        made.append(
            ProteinRecord(id=f"p{number}", sequence=(word[turn:] + word * 20)[:length] + "X")
        )
    return made


@pytest.fixture
def shards(tmp_path: Path) -> SequenceShards:
    records = two_kinds(120)
    write_fasta(records, tmp_path / "all.fasta")
    rows = [f"{record.id}\tvalid" for record in records[:30]]
    (tmp_path / "splits.tsv").write_text("\n".join(["protein_id\tsplit", *rows, ""]))
    options = SequenceBuildOptions(splits=tmp_path / "splits.tsv")
    return build_sequences([tmp_path / "all.fasta"], options, tmp_path / "sequences")
