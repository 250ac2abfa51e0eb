"""Parquet files that stay open: to open one takes longer than to read a protein's row."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from multiprot.errors import EmbeddingError

MOST: Final = 64
"""Files open at a time; a process may hold 1,024 on most systems."""


class OpenFiles(threading.local):
    """The files that were read last, each thread's own: a reader is not made for two at a time."""

    def __init__(self) -> None:
        self._files: OrderedDict[Path, Any] = OrderedDict()

    def __getitem__(self, path: Path) -> Any:
        """The `pyarrow.parquet.ParquetFile` of `path`.

        Raises
        ------
        EmbeddingError
            If it is none.
        """
        if path not in self._files:
            try:
                self._files[path] = pq.ParquetFile(path)
            except (pa.ArrowInvalid, OSError) as error:
                raise EmbeddingError(
                    f"{path}: is not a Parquet file ({error}); embed again"
                ) from None
        self._files.move_to_end(path)
        if len(self._files) > MOST:
            # It closes itself once nobody reads it any more.
            self._files.popitem(last=False)
        return self._files[path]

    def __reduce__(self) -> tuple[type[OpenFiles], tuple[()]]:
        """A copy, such as another process gets, begins with no file open."""
        return type(self), ()
