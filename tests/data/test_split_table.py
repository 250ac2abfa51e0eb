from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.data.split_table import LeakGuard, Place, read_splits, sequence_digest
from multiprot.errors import DataError, FileFormatError


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "splits.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_splits_are_read_by_id(tmp_path: Path) -> None:
    path = write(tmp_path, "protein_id\tsplit\tother", "P1\ttrain\tx", "P2\ttest\ty", "p2\tvalid\t")
    assert read_splits(path) == {"P1": Place("train"), "P2": Place("test"), "p2": Place("valid")}


def test_the_first_cluster_column_tells_the_cluster(tmp_path: Path) -> None:
    header = "protein_id\tsplit\tcluster30\tcluster95"
    path = write(tmp_path, header, "P1\ttrain\tA\tB", "P2\ttrain\t\tB", "P3\ttest\tC\t")
    assert read_splits(path) == {
        "P1": Place("train", "A"),
        "P2": Place("train", None),
        "P3": Place("test", "C"),
    }
    with pytest.raises(FileFormatError, match=r"P1 is in train \(cluster A\) and in train;"):
        read_splits(write(tmp_path, header, "P1\ttrain\tA\tB", "P1\ttrain\t\tB"))


def test_a_repeated_line_is_no_harm_but_a_contradiction_is(tmp_path: Path) -> None:
    header = "protein_id\tsplit"
    assert read_splits(write(tmp_path, header, "P1\ttrain", "P1\ttrain")) == {"P1": Place("train")}
    with pytest.raises(FileFormatError, match="line 3: P1 is in train and in test"):
        read_splits(write(tmp_path, header, "P1\ttrain", "P1\ttest"))


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="line 2: split 'dev' of P1 is not one of train"):
        read_splits(write(tmp_path, "protein_id\tsplit", "P1\tdev"))


def test_a_cluster_in_two_splits_names_two_proteins(tmp_path: Path) -> None:
    lines = ["P1\ttrain\tA", "P2\ttest\tB", "P3\ttest\tA"]
    path = write(tmp_path, "protein_id\tsplit\tcluster30", *lines)
    message = r"leak: P1 \(train\) and P3 \(test\) are both of cluster30 A"
    with pytest.raises(DataError, match=message):
        read_splits(path)


def test_each_cluster_column_is_checked_for_itself(tmp_path: Path) -> None:
    header = "protein_id\tsplit\tcluster95\tcluster30"
    fine = write(tmp_path, header, "P1\ttrain\tX\tY", "P2\ttest\tY\tX", "P3\ttest\t\t")
    assert len(read_splits(fine)) == 3
    with pytest.raises(DataError, match="both of cluster30 Y"):
        read_splits(write(tmp_path, header, "P1\ttrain\tX\tY", "P2\ttest\tZ\tY"))


proteins = st.lists(
    st.tuples(st.sampled_from(["MKT", "MKV", "GGG", "A"]), st.sampled_from(["train", "test"])),
    max_size=8,
)


@given(proteins)
def test_the_guard_finds_a_leak_exactly_where_there_is_one(given: list[tuple[str, str]]) -> None:
    splits: dict[str, set[str]] = {}
    for sequence, split in given:
        splits.setdefault(sequence, set()).add(split)
    leaks = any(len(found) > 1 for found in splits.values())
    guard = LeakGuard()

    def run() -> None:
        for number, (sequence, split) in enumerate(given):
            guard.check(f"p{number}", sequence, split)

    if leaks:
        with pytest.raises(DataError, match=r"leak: p\d \((train|test)\) and p\d"):
            run()
    else:
        run()


def test_digests_are_short_and_of_the_sequence() -> None:
    assert sequence_digest("MKT") == sequence_digest("MKT") != sequence_digest("MKV")
    assert len(sequence_digest("M" * 10_000)) == 16


def test_real_splits_do_not_leak(shared: Path) -> None:
    splits = read_splits(shared / "data/pretrain/splits.tsv.gz")
    assert len(splits) == 35_768
    assert {place.split for place in splits.values()} == {"train", "valid", "test"}
    assert all(place.cluster for place in splits.values())
