"""An HDF5 file that is written through a file of Python's, so that no failure is lost.

h5py closes a dataset when Python forgets it. What HDF5 cannot write then, because the disk is
full, is printed, not raised, and writing goes on; at the end, h5py may even crash.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from multiprot.errors import EmbeddingError
from multiprot.optional import optional_module


def import_h5py() -> Any:
    """The library h5py.

    Raises
    ------
    EmbeddingError
        If it is not installed or broken; the message says how to install it.
    """
    need = "HDF5 and AnnData files need the package h5py"
    return optional_module("h5py", need, "'multiprot[hdf5]'", error=EmbeddingError)


class WatchedFile(io.FileIO):
    """A file that keeps its first failure to write, and from then on pretends to write.

    HDF5 can make nothing of an error. The caller asks for it with `check`.
    """

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write all of `data`."""
        view = memoryview(data).cast("B")
        written = 0
        try:
            while self.failure is None and written < len(view):
                written += super().write(view[written:])
        except OSError as error:
            self.failure = error
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        """Cut or lengthen the file."""
        try:
            if self.failure is None:
                return super().truncate(size)
        except OSError as error:
            self.failure = error
        return size or 0

    def check(self) -> None:
        """Raise the first failure, if there was one."""
        if self.failure is not None:
            raise self.failure


@contextmanager
def new_hdf5(path: Path) -> Iterator[tuple[Any, WatchedFile]]:
    """An h5py file to write, in which members keep their order, and what to `check` now and then.

    Raises
    ------
    EmbeddingError
        If h5py is missing.
    OSError
        If not everything could be written.
    """
    h5py = import_h5py()
    with WatchedFile(path, "w+") as watched:
        try:
            with h5py.File(watched, "w", track_order=True) as file:
                yield file, watched
        finally:
            # Whatever HDF5 says of a file that could not be written, this is the cause.
            watched.check()
