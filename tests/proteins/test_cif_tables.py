"""Columns as text and as numbers, whichever library read them."""

from __future__ import annotations

import gzip
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import FileFormatError
from multiprot.proteins.binarycif_reader import BinaryTable, read_binarycif
from multiprot.proteins.cif_tables import NEEDED_CATEGORIES
from multiprot.proteins.gemmi_reader import TextTable, read_mmcif

pdbx = pytest.importorskip("biotite.structure.io.pdbx")


@pytest.mark.parametrize("entry", ["1igy", "5ugo", "1l2y"])
def test_both_libraries_give_the_same_columns(shared: Path, entry: str) -> None:
    def content(suffix: str) -> bytes:
        path = shared / f"data/structures_whole/{entry}.{suffix}.gz"
        return gzip.decompress(path.read_bytes())

    text, binary = read_mmcif(content("cif")), read_binarycif(content("bcif"))
    assert set(text) == set(binary) <= set(NEEDED_CATEGORIES)
    atoms = ["label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id", "pdbx_PDB_ins_code"]
    for name in atoms:
        np.testing.assert_array_equal(text["atom_site"].text(name), binary["atom_site"].text(name))
    for name in ("label_seq_id", "auth_seq_id", "Cartn_x", "occupancy", "B_iso_or_equiv"):
        np.testing.assert_array_equal(
            text["atom_site"].numbers(name), binary["atom_site"].numbers(name)
        )
    for category in set(text) - {"atom_site"}:
        assert len(text[category]) == len(binary[category]) > 0


def binary_table(columns: dict[str, object]) -> BinaryTable:
    """A category that went through bytes."""
    category = pdbx.BinaryCIFCategory(columns)
    file = pdbx.BinaryCIFFile({"x": pdbx.BinaryCIFBlock({"atom_site": category})})
    buffer = BytesIO()
    file.write(buffer)
    table = read_binarycif(buffer.getvalue())["atom_site"]
    assert isinstance(table, BinaryTable)
    return table


@given(st.lists(st.one_of(st.none(), st.integers(-999, 9999)), min_size=1, max_size=20))
def test_unknown_values_are_blank_or_nan(values: list[int | None]) -> None:
    text = TextTable(["A"], ["?" if v is None else str(v) for v in values])
    mask = np.array([2 if v is None else 0 for v in values], dtype=np.uint8)
    data = np.array([v or 0 for v in values])
    column = pdbx.BinaryCIFColumn(pdbx.BinaryCIFData(data), pdbx.BinaryCIFData(mask))
    binary = binary_table({"A": column})
    numbers = np.array([np.nan if v is None else float(v) for v in values])
    words = np.array(["" if v is None else str(v) for v in values])
    for table in (text, binary):
        np.testing.assert_array_equal(table.numbers("a"), numbers)
        np.testing.assert_array_equal(table.text("A"), words)
        assert len(table) == len(values)


def test_unknown_values_written_as_text_are_the_same() -> None:
    table = binary_table({"A": np.array(["1", "?", "."]), "b": np.array(["?", "x", "."])})
    np.testing.assert_array_equal(table.numbers("A"), [1, np.nan, np.nan])
    assert table.text("B").tolist() == ["", "x", ""]
    assert table.text("c") is None
    assert table.numbers("c") is None


def test_quotes_are_taken_off_and_quoted_marks_mean_themselves() -> None:
    table = TextTable(["atom", "n"], ['"O5\'"', "1", "CA", "2", "'a b'", "3"])
    assert table.text("atom").tolist() == ["O5'", "CA", "a b"]
    assert table.numbers("n").tolist() == [1, 2, 3]
    assert table.numbers("absent") is None


def test_columns_of_unequal_length_are_refused() -> None:
    buffer = BytesIO()
    category = pdbx.BinaryCIFCategory({"a": np.arange(3), "b": np.arange(3)})
    pdbx.BinaryCIFFile({"x": pdbx.BinaryCIFBlock({"atom_site": category})}).write(buffer)
    msgpack = pytest.importorskip("msgpack")
    raw = msgpack.unpackb(buffer.getvalue())
    columns = raw["dataBlocks"][0]["categories"][0]["columns"]
    shorter = pdbx.BinaryCIFColumn(pdbx.BinaryCIFData(np.arange(2))).serialize()
    columns[1].update(shorter)
    table = read_binarycif(msgpack.packb(raw))["atom_site"]
    with pytest.raises(FileFormatError, match="column b has 2 rows instead of 3"):
        table.text("b")


def test_bytes_that_decode_to_nothing_are_refused() -> None:
    for content in (b"", b"\x81\xaadataBlocks\x90", b"\x81\xaadataBlocks\x05", b"\xc1" * 9):
        with pytest.raises(FileFormatError, match="BinaryCIF"):
            read_binarycif(content)
