"""CSV: every float32 comes back bit by bit, every id as it was."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from multiprot.embedding import EmbeddedProtein
from multiprot.embedding.exchange import export_store
from tests.embedding.exchange.readers import read_csv
from tests.embedding.exchange.stores import make_store, parquet_rows, proteins

WIDTH = 64


def one_of_all_floats(count: int) -> NDArray[np.float32]:
    """Bit patterns at random, and those at the ends of the range; all finite."""
    ends = np.array([0.0, -0.0, 1e-45, 1.1754942e-38, 3.4028235e38, 0.1, 1 / 3, 2**24 + 1], "f4")
    bits = np.random.default_rng(0).integers(0, 2**32, count - len(ends), dtype=np.uint32)
    values = np.concatenate([ends, bits.view(np.float32)])
    return np.where(np.isfinite(values), values, np.float32(1.5)).astype(np.float32)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[np.float32]]:
    """A CSV file of 131,072 numbers of all magnitudes, and the numbers."""
    folder = tmp_path_factory.mktemp("floats")
    vectors = one_of_all_floats(2048 * WIDTH).reshape(-1, WIDTH)
    rows = [
        EmbeddedProtein(id=f"p{row}", length=1, vector=vector, modalities=("sequence",))
        for row, vector in enumerate(vectors)
    ]
    export_store(make_store(folder / "store", rows, chunk=1500), folder / "a.csv")
    return folder / "a.csv", vectors


def test_numbers_come_back_bit_by_bit(table: tuple[Path, NDArray[np.float32]]) -> None:
    path, vectors = table
    found = np.stack(list(read_csv(path).values()))
    np.testing.assert_array_equal(found.view(np.uint32), vectors.view(np.uint32))


def test_numbers_are_as_short_as_they_can_be(table: tuple[Path, NDArray[np.float32]]) -> None:
    """At most nine digits, and none of them idle: with one digit less it is another number."""
    path, vectors = table
    lines = path.read_text().splitlines()[1:]
    for line, vector in zip(lines[::100], vectors[::100], strict=True):
        for text, value in zip(line.split(",")[2:], vector, strict=True):
            digits = len(text.lower().split("e")[0].lstrip("-0.").replace(".", "").rstrip("0"))
            assert digits <= 9
            if digits > 1:
                assert np.float32(f"{value:.{digits - 2}e}") != value, (text, value)


def test_pandas_reads_it_simply(tmp_path: Path) -> None:
    pandas: Any = pytest.importorskip("pandas")
    names = ["007", "NA", "1e5", 'a,"b"', "Ä"]
    store = make_store(tmp_path / "store", proteins(names))
    rows = parquet_rows(store)
    for name, separator in (("a.csv", ","), ("a.tsv.gz", "\t")):
        export_store(store, tmp_path / name)
        frame = pandas.read_csv(
            tmp_path / name, sep=separator, dtype={"id": str}, keep_default_na=False
        ).set_index("id")
        assert list(frame.index) == names
        assert list(frame["length"]) == [row["length"] for row in rows]
        assert list(frame.columns[1:]) == [f"channel_{channel}" for channel in range(4)]
        np.testing.assert_array_equal(
            frame.iloc[:, 1:].to_numpy(np.float32), np.float32([row["vector"] for row in rows])
        )


def test_the_text_of_a_small_table(tmp_path: Path) -> None:
    row = EmbeddedProtein(
        id='x,"y"', length=3, vector=np.array([0.1, -2.0], "f4"), modalities=("sequence",)
    )
    export_store(make_store(tmp_path / "store", [row]), tmp_path / "a.csv")
    text = 'id,length,channel_0,channel_1\n"x,""y""",3,0.1,-2\n'
    assert (tmp_path / "a.csv").read_text() == text
    export_store(tmp_path / "store", tmp_path / "a.csv.gz")
    zipped = (tmp_path / "a.csv.gz").read_bytes()
    assert gzip.decompress(zipped).decode() == text
    # No time and no name in the header: the same rows give the same bytes on any day.
    assert zipped[3:8] == b"\0" * 5
