"""Test entries that training has, too, or something like them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from multiprot.evaluation.tasks import Finding, Severity, load_task
from multiprot.evaluation.tasks.leakage import leakage
from tests.evaluation.comparison.sources import random_sequences
from tests.evaluation.tasks.folders import Row, proteins, write_task

needs_mmseqs = pytest.mark.skipif(shutil.which("mmseqs") is None, reason="mmseqs2 not installed")


def found(
    folder: Path, rows: list[Row], kind: str = "regression", identity: float | None = None
) -> list[Finding]:
    return list(leakage(load_task(write_task(folder, rows, kind)), identity=identity, threads=1))


def messages(findings: list[Finding]) -> list[str]:
    assert {finding.severity for finding in findings} <= {Severity.WARNING}
    return [finding.message for finding in findings]


@pytest.mark.parametrize("copies", [0, 1, 4])
def test_identical_proteins_are_counted(tmp_path: Path, copies: int) -> None:
    rows = proteins()
    for row in [row for row in rows if row["split"] == "test"][:copies]:
        row["sequence"] = rows[0]["sequence"]
    expected = [f"{copies} of 10 entries of test are in train, too"] if copies else []
    assert messages(found(tmp_path / "t", rows)) == expected


def test_each_test_split_is_looked_at_and_valid_is_not(tmp_path: Path) -> None:
    rows = proteins()
    rows[2]["sequence"] = rows[0]["sequence"]
    assert found(tmp_path / "valid", rows) == []
    rows[3].update(sequence=rows[0]["sequence"], split="test_far")
    rows[7].update(sequence=rows[1]["sequence"])
    assert messages(found(tmp_path / "both", rows)) == [
        "1 of 9 entries of test are in train, too",
        "1 of 1 entries of test_far are in train, too",
    ]


def test_dropped_entries_leak_nothing(tmp_path: Path) -> None:
    rows = proteins()
    rows[3]["sequence"] = rows[0]["sequence"]
    rows[0]["split"] = "drop"
    assert found(tmp_path / "t", rows) == []


def pairs() -> list[Row]:
    sequences = random_sequences(80)
    return [
        {
            "id": row["id"],
            "sequence_a": sequences[2 * n],
            "sequence_b": sequences[2 * n + 1],
            "target": row["target"],
            "split": row["split"],
        }
        for n, row in enumerate(proteins(40))
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_a_pair_leaks_whichever_way_round(tmp_path: Path, turned: bool) -> None:
    rows = pairs()
    a, b = rows[0]["sequence_a"], rows[0]["sequence_b"]
    rows[3].update(sequence_a=b if turned else a, sequence_b=a if turned else b)
    told = messages(found(tmp_path / "t", rows, "pair_regression"))
    assert told[0] == "1 of 10 entries of test are in train, too"


def test_a_protein_may_leak_in_another_pair(tmp_path: Path) -> None:
    rows = pairs()
    rows[3]["sequence_b"] = rows[0]["sequence_a"]
    assert messages(found(tmp_path / "t", rows, "pair_regression")) == [
        "1 of 20 proteins of test are in train, in other entries"
    ]


def test_pairs_of_a_protein_with_itself(tmp_path: Path) -> None:
    rows = pairs()
    rows[0]["sequence_b"] = rows[0]["sequence_a"]
    rows[3].update(sequence_a=rows[0]["sequence_a"], sequence_b=rows[0]["sequence_a"])
    told = messages(found(tmp_path / "t", rows, "pair_regression"))
    assert told[0] == "1 of 10 entries of test are in train, too"


def test_one_protein_with_another_ligand_is_another_entry(tmp_path: Path) -> None:
    rows = [row | {"smiles": "CCO"} for row in proteins()]
    rows[3].update(sequence=rows[0]["sequence"], smiles="CCN")
    kind = "protein_ligand_regression"
    assert messages(found(tmp_path / "other", rows, kind)) == [
        "1 of 10 proteins of test are in train, in other entries"
    ]
    rows[3]["smiles"] = "CCO"
    assert messages(found(tmp_path / "same", rows, kind))[0].startswith("1 of 10 entries")


def long_rows() -> list[Row]:
    sequences = random_sequences(40, length=120)
    return [row | {"sequence": s} for row, s in zip(proteins(40), sequences, strict=True)]


def mutated(sequence: str, share: float, seed: int = 0) -> str:
    """The same protein with a share of its residues changed."""
    rng = np.random.default_rng(seed)
    letters = list(sequence)
    for place in rng.choice(len(letters), int(share * len(letters)), replace=False):
        letters[place] = "ACDEFGHIKLMNPQRSTVWY"[
            ("ACDEFGHIKLMNPQRSTVWY".index(letters[place]) + rng.integers(1, 20)) % 20
        ]
    return "".join(letters)


@needs_mmseqs
@pytest.mark.parametrize(("identity", "expected"), [(0.9, 1), (0.5, 3)])
def test_likeness_is_counted_from_the_identity_on(
    tmp_path: Path, identity: float, expected: int
) -> None:
    """Copies of a twentieth, a fifth and two fifths of changed residues."""
    rows = long_rows()
    for row, share in zip((3, 7, 11), (0.05, 0.2, 0.4), strict=True):
        rows[row]["sequence"] = mutated(rows[row - 3]["sequence"], share)
    (message,) = messages(found(tmp_path / "t", rows, identity=identity))
    assert message == (
        f"{expected} of 10 further proteins of test are at least {identity:.0%} identical to one "
        "in train"
    )


@needs_mmseqs
def test_identical_proteins_are_not_counted_as_similar_once_more(tmp_path: Path) -> None:
    rows = long_rows()
    rows[3]["sequence"] = rows[0]["sequence"]
    rows[7]["sequence"] = mutated(rows[4]["sequence"], 0.1)
    told = messages(found(tmp_path / "t", rows, identity=0.5))
    assert told == [
        "1 of 10 entries of test are in train, too",
        "1 of 9 further proteins of test are at least 50% identical to one in train",
    ]


@needs_mmseqs
def test_where_all_of_test_is_in_training_there_is_nothing_further(tmp_path: Path) -> None:
    rows = long_rows()
    for row in rows:
        if row["split"] == "test":
            row["sequence"] = rows[0]["sequence"]
    assert messages(found(tmp_path / "t", rows, identity=0.5)) == [
        "10 of 10 entries of test are in train, too"
    ]
