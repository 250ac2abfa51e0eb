from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.data import row_group_cache
from multiprot.data.row_group_cache import RowGroupCache
from multiprot.errors import DataError

ROWS, PER_GROUP = 50, 7


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shard") / "part.parquet"
    table = pa.table({"number": range(ROWS), "text": ["x" * 1000] * ROWS})
    pq.write_table(table, path, row_group_size=PER_GROUP, write_page_checksum=True)
    return path


def group_bytes(path: Path) -> int:
    return int(pq.ParquetFile(path).read_row_group(0).nbytes)


@given(
    rows=st.lists(st.integers(0, ROWS - 1), min_size=1, max_size=40),
    groups=st.integers(0, 9),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_row_at_any_budget(shard: Path, rows: Sequence[int], groups: int) -> None:
    budget = groups * group_bytes(shard)
    cache = RowGroupCache(budget)
    for row in rows:
        assert cache.row(shard, row)["number"] == row
        assert cache.bytes <= max(budget, group_bytes(shard))


def test_recent_groups_are_kept_and_old_ones_dropped(shard: Path) -> None:
    cache = RowGroupCache(3 * group_bytes(shard))
    for row in (0, 7, 14, 0, 21):
        cache.row(shard, row)
    assert [group for _, group in cache._groups] == [2, 0, 3]


def test_a_kept_group_is_not_read_again(shard: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(shard.read_bytes())
    cache = RowGroupCache(1 << 20)
    cache.row(copy, 3)
    copy.unlink()
    assert cache.row(copy, 4)["number"] == 4


@pytest.mark.parametrize("row", [-1, ROWS, ROWS + 100])
def test_a_row_that_is_not_there(shard: Path, row: int) -> None:
    with pytest.raises(DataError, match=f"has {ROWS} rows, row {row} asked for"):
        RowGroupCache(1 << 20).row(shard, row)


def test_few_files_stay_open(shard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_group_cache, "OPEN_FILES", 2)
    cache = RowGroupCache(0)
    for number in (0, 1, 2, 0, 1, 2):
        copy = tmp_path / f"{number}.parquet"
        copy.write_bytes(shard.read_bytes())
        assert cache.row(copy, 9)["number"] == 9
        assert len(cache._files) <= 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.parquet: the file is missing, truncated"):
        RowGroupCache(0).row(tmp_path / "gone.parquet", 0)


@pytest.mark.parametrize("kept", [0, 4, 100, 0.5, 0.99])
def test_a_truncated_file_is_named(shard: Path, tmp_path: Path, kept: float) -> None:
    content = shard.read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(content[: int(kept if kept > 1 else kept * len(content))])
    with pytest.raises(DataError, match=r"cut\.parquet: .*truncated or damaged"):
        RowGroupCache(0).row(cut, 0)


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    """Uncompressed, so that nothing but the checksum can tell."""
    path = tmp_path / "bit.parquet"
    plain = {"compression": "none", "use_dictionary": False}
    pq.write_table(pa.table({"number": range(1000)}), path, write_page_checksum=True, **plain)
    content = bytearray(path.read_bytes())
    place = content.index((500).to_bytes(8, "little"))
    content[place] ^= 0x10
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"bit\.parquet"):
        RowGroupCache(0).row(path, 500)
