"""Tables as spreadsheets, pandas and broken transfers leave them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import EvaluationError, MultiprotError
from multiprot.evaluation.tasks import Task, load_task
from multiprot.evaluation.tasks.table import column_names, read_columns
from tests.evaluation.tasks.folders import Row, proteins, write_task

ROWS = proteins(12)


def plain(rows: list[Row] = ROWS, end: str = "\n") -> str:
    """The table as CSV text."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def folder_with(
    folder: Path, content: bytes, name: str = "data.csv", kind: str = "regression", **more: Any
) -> Path:
    write_task(folder, ROWS, kind, **more)
    (folder / "data.csv").unlink()
    (folder / name).write_bytes(content)
    return folder


def parquet_with(folder: Path, kind: str = "regression", **columns: Any) -> Path:
    whole = {name: [row[name] for row in ROWS] for name in ROWS[0]} | columns
    folder_with(folder, b"", "data.parquet", kind)
    pq.write_table(pa.table(whole), folder / "data.parquet")
    return folder


def same(first: Task, second: Task) -> bool:
    return (
        first.ids == second.ids
        and first.sequences == second.sequences
        and first.splits.tolist() == second.splits.tolist()
        and np.array_equal(first.labels.values, second.labels.values)
    )


@pytest.fixture
def expected(tmp_path: Path) -> Task:
    return load_task(write_task(tmp_path / "expected", ROWS))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xef\xbb\xbf" + plain().encode(), "data.csv"),
        (plain(end="\r\n").encode(), "data.csv"),
        (plain(end="\r\n").encode() + b"\r\n", "data.csv"),
        (plain().rstrip().encode(), "data.csv"),
        (b"\xef\xbb\xbf" + plain(end="\r\n").encode(), "data.csv"),
        (gzip.compress(plain().encode()), "data.csv"),
        (gzip.compress(plain().encode()[:99]) + gzip.compress(plain().encode()[99:]), "data.csv"),
        (plain().encode(), "data.csv.gz"),
        (lzma.compress(plain().encode()), "data.csv"),
    ],
    ids=["bom", "crlf", "blank-end", "no-end", "bom-crlf", "gzip", "two-parts", "plain-gz", "xz"],
)
def test_one_table_however_it_is_written(
    tmp_path: Path, expected: Task, content: bytes, name: str
) -> None:
    assert same(load_task(folder_with(tmp_path / "t", content, name)), expected)


def test_columns_stand_in_any_order(tmp_path: Path, expected: Task) -> None:
    turned = [dict(reversed((row | {"note": "x"}).items())) for row in ROWS]
    assert same(load_task(write_task(tmp_path / "t", turned)), expected)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=12, max_size=12))
def test_other_columns_may_hold_anything(texts: list[str]) -> None:
    """Quotes, commas and line ends in a note do not move the fields behind it."""
    import tempfile

    rows = [{"note": t.replace("\0", "")} | row for t, row in zip(texts, ROWS, strict=True)]
    with tempfile.TemporaryDirectory() as name:
        task = load_task(write_task(Path(name) / "t", rows))
    assert task.ids == tuple(row["id"] for row in ROWS)
    assert task.sequences[0] == tuple(row["sequence"] for row in ROWS)


@pytest.mark.parametrize(
    "name",
    [
        "sp|P12345|NAME_HUMAN",
        "a/b",
        "../up",
        "蛋白質",
        "naïve é",
        'quo"te',
        "a,b",
        "a b",
        "1",
        "x" * 500,
    ],
)
def test_an_id_may_be_any_text(tmp_path: Path, name: str) -> None:
    rows = [ROWS[0] | {"id": name}, *ROWS[1:]]
    assert load_task(write_task(tmp_path / "t", rows)).ids[0] == name


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "names no columns; the file is empty"),
        (b"\n", "names no columns; the file is empty"),
        (b"id,sequence,target,split\n", "no rows; the table is empty"),
        (b"id,sequence,target,split", "no rows; the table is empty"),
        (b"id,sequence,target,split\r\n", "no rows; the table is empty"),
        (plain().replace(",", ";").encode(), "no column 'id'; there are id;sequence"),
        (plain().replace("target", "id", 1).encode(), "column 'id' occurs twice"),
        (plain().replace("p1,", "\xe9,").encode("latin-1"), "invalid UTF8"),
        (plain().replace(",train\n", ",train,extra\n", 1).encode(), "Expected 4 columns, got 5"),
        (plain().replace("p1,", "", 1).encode(), "Expected 4 columns, got 3"),
        (plain().replace("p1,", '"p1,', 1).encode(), "not a table of comma-separated values"),
    ],
)
def test_what_is_no_table_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(EvaluationError, match=told) as caught:
        load_task(folder_with(tmp_path / "t", content))
    assert "data.csv: " in str(caught.value)


@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz"])
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.95])
def test_a_packed_table_cut_short_is_told(tmp_path: Path, name: str, kept: float) -> None:
    packed = gzip.compress(plain(proteins(300)).encode())
    folder = folder_with(tmp_path / "t", packed[: int(kept * len(packed))], name)
    with pytest.raises(MultiprotError, match=r"cut short or damaged .*; fetch the file again"):
        load_task(folder)


def test_a_damaged_middle_of_a_packed_table_is_told(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(plain(proteins(300)).encode()))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(MultiprotError, match=r"data\.csv\.gz"):
        load_task(folder_with(tmp_path / "t", bytes(packed), "data.csv.gz"))


def test_a_table_that_is_a_folder_is_none(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "t", ROWS)
    (folder / "data.csv").unlink()
    (folder / "data.csv").mkdir()
    with pytest.raises(EvaluationError, match=r"no table; next to task\.json goes one of"):
        load_task(folder)


def test_a_protein_of_forty_thousand_residues(tmp_path: Path) -> None:
    """A label for each of its residues, and beside them a structure of five megabytes."""
    rows = [
        row | {"target": " ".join("0.5" for _ in row["sequence"]), "structure": ""} for row in ROWS
    ]
    label = "-0.12345678901234"
    rows[2] |= {"sequence": "MA" * 20_000, "target": " ".join([label] * 40_000)}
    rows[2] |= {"structure": "ATOM " * 1_000_000}
    folder = write_task(tmp_path / "t", rows, "residue_regression", label_separator=" ")
    task = load_task(folder)
    assert task.labels.offsets[3] - task.labels.offsets[2] == 40_000
    assert task.labels.values[task.labels.offsets[2]] == float(label)


def test_a_protein_of_one_residue(tmp_path: Path) -> None:
    rows = [ROWS[0] | {"sequence": "M"}, *ROWS[1:]]
    assert load_task(write_task(tmp_path / "t", rows)).sequences[0][0] == "M"


@pytest.mark.parametrize(
    ("sequence", "told"),
    [
        ("mktay", "letter 'a' in sequence at residue 4"),
        ("MKTaY", "letter 'a' in sequence at residue 4"),
        ("MK TA", "letter ' ' in sequence at residue 3"),
        ("MK-TA", "letter '-' in sequence at residue 3"),
        ("MK1TA", "letter '1' in sequence at residue 3"),
        ("MKÅTA", "letter 'Å' in sequence at residue 3"),
        ("MKTA\n", "at residue 5"),
    ],
)
def test_a_letter_that_is_no_residue_is_named(tmp_path: Path, sequence: str, told: str) -> None:
    rows = [ROWS[0] | {"sequence": sequence}, *ROWS[1:]]
    with pytest.raises(EvaluationError, match=told):
        load_task(write_task(tmp_path / "t", rows))


def test_every_letter_of_the_alphabet_is_a_residue(tmp_path: Path) -> None:
    rows = [ROWS[0] | {"sequence": "ACDEFGHIKLMNPQRSTVWYXBZJUO"}, *ROWS[1:]]
    assert len(load_task(write_task(tmp_path / "t", rows)).sequences[0][0]) == 26


@pytest.mark.parametrize(
    "column",
    [
        lambda v: pa.array(v, pa.large_string()),
        lambda v: pa.array(v).dictionary_encode(),
        lambda v: pa.chunked_array([v[:5], v[5:]]),
    ],
    ids=["large", "dictionary", "chunks"],
)
def test_texts_of_parquet_of_every_sort(
    tmp_path: Path, expected: Task, column: Callable[[list[str]], Any]
) -> None:
    columns = {name: column([row[name] for row in ROWS]) for name in ROWS[0]}
    assert same(load_task(parquet_with(tmp_path / "t", **columns)), expected)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (list(range(12)), list(range(12))),
        ([n / 4 for n in range(12)], [n / 4 for n in range(12)]),
        (pa.array(range(12), pa.uint8()), list(range(12))),
        (pa.array([n / 4 for n in range(12)], pa.float32()), [n / 4 for n in range(12)]),
        (pa.array([Decimal(n) / 4 for n in range(12)]), [n / 4 for n in range(12)]),
        ([f"{n}e-1" for n in range(12)], [n / 10 for n in range(12)]),
    ],
)
def test_numbers_of_parquet_of_every_sort(tmp_path: Path, values: Any, found: list[float]) -> None:
    task = load_task(parquet_with(tmp_path / "t", target=values))
    np.testing.assert_allclose(task.labels.values, found)


def test_ids_may_be_numbers_and_targets_yes_or_no(tmp_path: Path) -> None:
    folder = parquet_with(
        tmp_path / "t", "binary", id=list(range(100, 112)), target=[True, False] * 6
    )
    task = load_task(folder)
    assert task.ids[:2] == ("100", "101")
    assert task.labels.values.tolist() == [1, 0] * 6


@pytest.mark.parametrize("column", ["id", "sequence", "target", "split"])
def test_a_value_that_is_missing_is_told_with_its_row(tmp_path: Path, column: str) -> None:
    values = [row[column] for row in ROWS]
    values[4] = None  # type: ignore[call-overload]
    with pytest.raises(EvaluationError, match=f"row 5 has no {column}; fill it or drop the row"):
        load_task(parquet_with(tmp_path / "t", **{column: values}))


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("sequence", list(range(12)), "int64"),
        ("sequence", [b"MKT"] * 12, "binary"),
        ("sequence", [["M", "K"]] * 12, "list"),
        ("id", [{"a": 1}] * 12, "struct"),
        ("split", [["train"]] * 12, "list"),
        ("target", [{"value": 1.0}] * 12, "struct"),
        ("target", [[["a"]]] * 12, "list"),
        ("target", pa.array([0] * 12, pa.timestamp("s")), "timestamp"),
    ],
)
def test_a_column_of_another_kind_is_told(
    tmp_path: Path, column: str, values: Any, kind: str
) -> None:
    with pytest.raises(EvaluationError, match=f"column '{column}' holds {kind}.*; convert it"):
        load_task(parquet_with(tmp_path / "t", **{column: values}))


def test_a_list_of_labels_is_no_label(tmp_path: Path) -> None:
    folder = parquet_with(tmp_path / "t", "multiclass", target=[["a"], ["b"]] * 6)
    with pytest.raises(EvaluationError, match="entry p0: its target is a list"):
        load_task(folder)


def test_a_parquet_file_cut_short_is_none(tmp_path: Path) -> None:
    folder = parquet_with(tmp_path / "t")
    whole = (folder / "data.parquet").read_bytes()
    (folder / "data.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EvaluationError, match="not a Parquet file"):
        load_task(folder)


@pytest.mark.parametrize("name", ["data.csv", "data.csv.gz", "data.parquet"])
def test_names_of_columns(tmp_path: Path, name: str) -> None:
    folder = write_task(tmp_path / "t", ROWS, table=name)
    assert column_names(folder / name) == ["id", "sequence", "target", "split"]
    table = read_columns(folder / name, ("split", "id"))
    assert table.column_names == ["split", "id"]


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.tsv.gz"])
def test_tabs_are_read_where_the_name_says_so(tmp_path: Path, name: str) -> None:
    text = 'id\tsequence\tsmiles\na,b\tMKT\t"C\tO"\nc\tAC\tN\n'
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert column_names(path) == ["id", "sequence", "smiles"]
    table = read_columns(path, ("id", "smiles"))
    assert table.to_pydict() == {"id": ["a,b", "c"], "smiles": ["C\tO", "N"]}


def test_a_table_of_tabs_that_is_none_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("id\tsequence\na\tMKT\textra\n")
    with pytest.raises(EvaluationError, match="not a table of tab-separated values"):
        read_columns(path, ("id",))


def test_a_name_with_a_path_in_it_stays_in_its_folder(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "t", ROWS)
    tree = json.loads((folder / "task.json").read_text())
    (folder / "task.json").write_text(json.dumps(tree | {"name": "../../elsewhere"}))
    assert load_task(folder).path.parent == folder


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A table in each of its forms."""
    place = tmp_path_factory.mktemp("wholes")
    names = ("data.csv", "data.csv.gz", "data.parquet")
    return {
        name: (write_task(place / str(n), ROWS, table=name) / name).read_bytes()
        for n, name in enumerate(names)
    }


@given(
    st.sampled_from(["data.csv", "data.csv.gz", "data.parquet"]),
    st.integers(0, 10**6),
    st.binary(min_size=1, max_size=8),
    st.booleans(),
)
def test_a_damaged_table_is_read_or_told(
    wholes: dict[str, bytes], name: str, place: int, damage: bytes, cut: bool
) -> None:
    """Whatever a disk or a transfer makes of it, there is no traceback."""
    import tempfile

    content = bytearray(wholes[name])
    place %= len(content)
    content[place : place + len(damage)] = damage
    with tempfile.TemporaryDirectory() as folder:
        there = folder_with(Path(folder) / "t", bytes(content[: place if cut else None]), name)
        try:
            load_task(there)
            told = name
        except MultiprotError as error:
            told = str(error)
    assert name in told
