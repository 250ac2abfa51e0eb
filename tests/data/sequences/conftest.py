"""A few FASTA files and what is made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiprot.proteins import ProteinRecord, write_fasta


def random_records(count: int, seed: int = 0, prefix: str = "p") -> list[ProteinRecord]:
    rng = np.random.default_rng(seed)
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWYX"))
    return [
        ProteinRecord(id=f"{prefix}{n}", sequence="".join(rng.choice(letters, rng.integers(5, 90))))
        for n in range(count)
    ]


@pytest.fixture
def records() -> list[ProteinRecord]:
    return random_records(60)


@pytest.fixture
def fasta(tmp_path: Path, records: list[ProteinRecord]) -> Path:
    write_fasta(records, tmp_path / "all.fasta.gz")
    return tmp_path / "all.fasta.gz"


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    """p0 to p9 are valid, p10 to p14 test, p15 to p19 train, all others are not named."""
    names = ["valid"] * 10 + ["test"] * 5 + ["train"] * 5
    rows = [f"p{n}\t{split}" for n, split in enumerate(names)]
    (tmp_path / "splits.tsv").write_text("\n".join(["protein_id\tsplit", *rows, ""]))
    return tmp_path / "splits.tsv"
