"""A failure to write an HDF5 file is told, also where HDF5 would swallow it."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from multiprot.embedding.exchange import hdf5_file
from multiprot.embedding.exchange.hdf5_file import WatchedFile, new_hdf5


class Scarce(io.FileIO):
    """A file on a disk that is full for a moment, and takes no more than a few bytes at once."""

    fails_at = -1
    writes = 0

    def write(self, data: Any, /) -> int:
        type(self).writes += 1
        if self.writes == self.fails_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data[:1000])


def scarce(fails_at: int) -> type[WatchedFile]:
    return type("ScarceWatched", (WatchedFile, Scarce), {"fails_at": fails_at, "writes": 0})


def write(path: Path) -> None:
    with new_hdf5(path) as (file, _):
        for number in range(50):
            file.create_dataset(str(number), data=np.full(512, number, dtype=np.float32))


def test_a_moment_without_room_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whichever of all writes fails, and though all after it would succeed."""
    whole = scarce(-1)
    monkeypatch.setattr(hdf5_file, "WatchedFile", whole)
    write(tmp_path / "whole.h5")
    with h5py.File(tmp_path / "whole.h5") as file:
        assert [int(file[name][511]) for name in file] == list(range(50))
    assert whole.writes > 150
    for fails_at in [*range(1, whole.writes, 7), whole.writes]:
        monkeypatch.setattr(hdf5_file, "WatchedFile", scarce(fails_at))
        with pytest.raises(OSError, match="No space left"):
            write(tmp_path / "cut.h5")
    assert capfd.readouterr().err == ""


def test_an_error_of_the_caller_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_hdf5(tmp_path / "a.h5"):
        _ = 1 / 0
