from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.data.tables import read_table
from multiprot.errors import FileFormatError

cells = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)


@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=10), crlf=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_come_by_column(tmp_path: Path, rows: list[tuple[str, str, str]], crlf: bool) -> None:
    path = tmp_path / "t.tsv"
    end = "\r\n" if crlf else "\n"
    text = end.join(["a\tb\tc", *("\t".join(row) for row in rows)]) + end
    path.write_bytes(text.encode())
    found = [(row["a"], row["b"], row["c"]) for row in read_table(path, ("a", "c"))]
    assert found == rows


def test_lines_are_numbered_and_empty_ones_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv.gz"
    path.write_bytes(gzip.compress(b"#id\tx\n\nP1\t1\n   \nP2\t\n"))
    rows = list(read_table(path, ("id",)))
    assert [(row.line, row["id"], row["x"]) for row in rows] == [(3, "P1", "1"), (5, "P2", "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows; the file is empty"),
        ("\n\n", "no rows; the file is empty"),
        ("id\tsplit\n", "no rows; the file is empty"),
        ("P1\ttrain\nP2\ttrain\n", "no column 'id' among P1, train"),
        ("id,split\nP1,train\n", "no column 'id'"),
        ("id\tsplit\nP1\n", "line 2 has 1 tab-separated fields, the header 2"),
        ("id\tsplit\nP1\ttrain\tx\n", "line 2 has 3"),
        ("id\tsplit\n\ttrain\n", "line 2: no id"),
        ("id\tsplit\tid\nP1\ttrain\tP1\n", "column name occurs twice"),
    ],
)
def test_a_bad_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=f"bad.tsv: .*{message}"):
        list(read_table(path, ("id", "split")))


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"id\tsplit\n" + b"P1\ttrain\n" * 1000)[:-20],
        b"id\tsplit\n\xff\xfe\x00\n",
        bytes(range(256)) * 10,
        "id\tsplit\nP\xe9\ttrain\n".encode("latin-1"),
    ],
    ids=["truncated gz", "not text", "garbage", "latin-1"],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.tsv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"bad\.tsv"):
        list(read_table(path, ("id", "split")))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"gone\.tsv: no such file"):
        list(read_table(tmp_path / "gone.tsv", ("id",)))
