"""Files stay open, not too many, and not for another thread or process."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multiprot.embedding import open_files
from multiprot.embedding.open_files import OpenFiles
from multiprot.errors import EmbeddingError


def written(folder: Path, number: int) -> Path:
    path = folder / f"{number}.parquet"
    pq.write_table(pa.table({"number": [number]}), path)
    return path


def number_in(files: OpenFiles, path: Path) -> int:
    return int(files[path].read_row_group(0)["number"][0].as_py())


def test_a_file_is_opened_once(tmp_path: Path) -> None:
    files, path = OpenFiles(), written(tmp_path, 3)
    assert files[path] is files[path]
    assert number_in(files, path) == 3


def test_no_more_than_so_many_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_files, "MOST", 2)
    files, paths = OpenFiles(), [written(tmp_path, number) for number in range(3)]
    first, second = (files[path] for path in paths[:2])
    assert files[paths[0]] is first
    files[paths[2]]
    # The second was read longest ago. Whoever still reads it may go on.
    assert files[paths[0]] is first
    assert files[paths[1]] is not second
    assert second.read_row_group(0)["number"][0].as_py() == 1


def test_threads_and_copies_have_their_own(tmp_path: Path) -> None:
    files, path = OpenFiles(), written(tmp_path, 5)
    mine = files[path]
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(lambda: files[path]).result()
    assert theirs is not mine
    assert number_in(copy.copy(files), path) == 5


def test_what_is_no_parquet_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"nothing")
    with pytest.raises(EmbeddingError, match=r"broken\.parquet: is not a Parquet file"):
        OpenFiles()[path]
