"""Tables are read back by others as they were written, and are whole or absent."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from multiprot.errors import OutputExistsError, SearchError
from multiprot.search import write_table
from multiprot.search.tables import Row

COLUMNS = {"query": "text", "rank": "count", "distance": "number", "by": "texts"}
ROWS: list[Row] = [
    ("sp|P1|A", 1, 0.5, ("a", "b")),
    ('odd "name", here', 2, 1 / 3, ()),
    ("Ä", 3, 1e-12, ("c",)),
]


def test_parquet(tmp_path: Path) -> None:
    assert write_table(tmp_path / "t.parquet", COLUMNS, iter(ROWS), overwrite=False) == 3
    found = pq.read_table(tmp_path / "t.parquet")
    assert found.column_names == list(COLUMNS)
    assert found["query"].to_pylist() == [row[0] for row in ROWS]
    assert found["by"].to_pylist() == [["a", "b"], [], ["c"]]
    assert found["distance"].to_pylist() == pytest.approx([0.5, 1 / 3, 1e-12])


@pytest.mark.parametrize(("name", "delimiter"), [("t.csv", ","), ("t.TSV", "\t")])
def test_text(tmp_path: Path, name: str, delimiter: str) -> None:
    write_table(tmp_path / name, COLUMNS, iter(ROWS), overwrite=False)
    with (tmp_path / name).open(encoding="utf-8", newline="") as handle:
        header, *rows = csv.reader(handle, delimiter=delimiter)
    assert header == list(COLUMNS)
    assert [row[0] for row in rows] == [row[0] for row in ROWS]
    assert [float(row[2]) for row in rows] == pytest.approx([0.5, 1 / 3, 1e-12], rel=1e-6)
    assert [row[3] for row in rows] == ["a;b", "", "c"]


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv"])
def test_no_rows_are_a_table_without_rows(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    assert write_table(path, COLUMNS, iter(()), overwrite=False) == 0
    if suffix == ".parquet":
        assert pq.read_table(path).column_names == list(COLUMNS)
    else:
        assert len(path.read_text().splitlines()) == 1


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_table_that_fails_leaves_the_old_one(tmp_path: Path, suffix: str) -> None:
    def failing() -> Iterator[Row]:
        yield ROWS[0]
        raise SearchError("halfway")

    path = tmp_path / f"t{suffix}"
    with pytest.raises(SearchError, match="halfway"):
        write_table(path, COLUMNS, failing(), overwrite=False)
    assert list(tmp_path.iterdir()) == []
    write_table(path, COLUMNS, iter(ROWS), overwrite=False)
    before = path.read_bytes()
    with pytest.raises(SearchError, match="halfway"):
        write_table(path, COLUMNS, failing(), overwrite=True)
    with pytest.raises(OutputExistsError):
        write_table(path, COLUMNS, iter(ROWS[:1]), overwrite=False)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_names_that_cannot_be_told_apart(tmp_path: Path) -> None:
    rows: list[Row] = [("q", 1, 0.5, ("a;b", "c"))]
    with pytest.raises(SearchError, match=r"id 'a;b' holds ';'.*write a \.parquet file"):
        write_table(tmp_path / "t.csv", COLUMNS, iter(rows), overwrite=False)
    write_table(tmp_path / "t.parquet", COLUMNS, iter(rows), overwrite=False)
    assert pq.read_table(tmp_path / "t.parquet")["by"].to_pylist() == [["a;b", "c"]]


def test_an_ending_that_says_nothing(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match=r"t\.xlsx: .* name it \*\.parquet or \*\.csv or \*\.tsv"):
        write_table(tmp_path / "t.xlsx", COLUMNS, iter(ROWS), overwrite=False)
