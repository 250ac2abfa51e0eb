"""Random access to rows of Parquet shards through a cache that is bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from multiprot.errors import DataError

OPEN_FILES: Final = 64


class RowGroupCache:
    """Rows of shards; recently used row groups stay decoded, up to a budget.

    No Arrow threads are used, so that loader workers may be forked at any time.

    Parameters
    ----------
    budget
        Bytes of decoded row groups to keep; the group in use is kept even if it alone is larger.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._groups: OrderedDict[tuple[Path, int], pa.Table] = OrderedDict()
        self._files: OrderedDict[Path, tuple[pq.ParquetFile, Any]] = OrderedDict()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Bytes of the decoded row groups held now."""
        return self._bytes

    def row(self, path: Path, row: int) -> dict[str, Any]:
        """Row number `row` of the shard at `path`.

        Raises
        ------
        DataError
            If the shard is missing, truncated or damaged, or has no such row.
        """
        starts = self._open(path)[1]
        group = int(np.searchsorted(starts, row, side="right")) - 1
        if row < 0 or row >= starts[-1]:
            raise DataError(f"{path}: has {starts[-1]} rows, row {row} asked for; rebuild it")
        table = self._group(path, group)
        found: list[dict[str, Any]] = table.slice(row - int(starts[group]), 1).to_pylist()
        return found[0]

    def _open(self, path: Path) -> tuple[pq.ParquetFile, Any]:
        if path not in self._files:
            try:
                file = pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False)
            except (OSError, pa.ArrowException) as error:
                raise damaged(path, error) from None
            meta = file.metadata
            sizes = [meta.row_group(number).num_rows for number in range(meta.num_row_groups)]
            self._files[path] = (file, np.cumsum([0, *sizes]))
            if len(self._files) > OPEN_FILES:
                self._files.popitem(last=False)[1][0].close()
        self._files.move_to_end(path)
        return self._files[path]

    def _group(self, path: Path, group: int) -> pa.Table:
        key = (path, group)
        if key not in self._groups:
            try:
                table = self._open(path)[0].read_row_group(group, use_threads=False)
            except (OSError, pa.ArrowException) as error:
                raise damaged(path, error) from None
            self._groups[key] = table
            self._bytes += table.nbytes
            while self._bytes > self._budget and len(self._groups) > 1:
                self._bytes -= self._groups.popitem(last=False)[1].nbytes
        self._groups.move_to_end(key)
        return self._groups[key]


def damaged(path: Path, error: Exception) -> DataError:
    """The error for a corpus file that cannot be read."""
    detail = " ".join(str(error).split())
    return DataError(f"{path}: the file is missing, truncated or damaged ({detail}); build again")
