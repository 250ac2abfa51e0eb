"""Shards as a Ray dataset that grows while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

import pyarrow as pa
import ray
from ray.data import Datasource, ReadTask
from ray.data.block import BlockMetadata


class ShardNumbers(Datasource):  # type: ignore[misc]  # ray is untyped here
    """Numbers of the shards that are handed in at the office, one block each, until it ends.

    Read again from the start, it gives the same numbers again.

    Parameters
    ----------
    office
        Handle of an `Office`.
    """

    def __init__(self, office: Any) -> None:
        super().__init__()
        self._office = office

    @property
    def supports_distributed_reads(self) -> bool:
        """False: it is read beside the driver, where the office is."""
        return False

    def estimate_inmemory_data_size(self) -> int | None:
        """Unknown."""
        return None

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: Any = None,
    ) -> list[Any]:
        """One task, however many are asked for."""
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [ReadTask(partial(_numbers, self._office), unknown)]


def _numbers(office: Any) -> Iterator[Any]:
    for number in count():
        if not ray.get(office.exists.remote(number)):
            return
        yield pa.table({"number": pa.array([number], pa.int64())})
