"""A disk that is full, or that may not be written."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multiprot.embedding.ledger import sealing
from multiprot.errors import MultiprotError
from tests.embedding.ledger.runs import content_of, embedded, entries, fasta, small


def mounted(folder: Path, options: str) -> bool:
    """Whether a small disk of its own could be put at `folder`."""
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def unmount(folder: Path) -> None:
    # Errors that were caught hold frames, and these open files.
    gc.collect()
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 KiB."""
    folder = tmp_path / "disk"
    if not mounted(folder, "size=512k"):
        pytest.skip("a small disk can be mounted only by root, with the right to mount")
    yield folder
    unmount(folder)


def test_a_full_disk_is_told_and_what_is_finished_is_kept(disk: Path, tmp_path: Path) -> None:
    path = fasta(tmp_path / "in.fasta", entries(120, seed=5))
    # Room for some shards, not for all.
    (disk / "ballast").write_bytes(b"x" * 340 * 1024)
    with pytest.raises(MultiprotError, match=r"No space left|cannot be written") as full:
        embedded(path, disk / "out")
    assert str(disk) in str(full.value)
    finished = len(list((disk / "out.unfinished" / "_shards").glob("*.json")))
    assert 0 < finished < 30
    with pytest.raises(MultiprotError, match=r"No space left|cannot be written"):
        embedded(path, disk / "out", resume=True)
    (disk / "ballast").unlink()
    summary = embedded(path, disk / "out", resume=True)
    assert summary.skipped >= 4 * finished
    embedded(path, tmp_path / "whole")
    assert content_of(disk / "out") == content_of(tmp_path / "whole")


@pytest.mark.parametrize("shard", [0, 2])
def test_a_shard_that_finds_no_room_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shard: int
) -> None:
    path = fasta(tmp_path / "in.fasta", entries(17, seed=6))
    real = sealing.write_parquet

    def full(table: Any, target: Path) -> Any:
        if target.name == f"vectors-{shard:05d}.parquet":
            target.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        return real(table, target)

    with monkeypatch.context() as patch:
        patch.setattr(sealing, "write_parquet", full)
        told = f"shard {shard} cannot be written .*No space left.*make room, then .* --resume"
        with pytest.raises(MultiprotError, match=told):
            embedded(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.unfinished" / "_shards" / f"{shard:05d}.json").exists()
    embedded(path, tmp_path / "out", resume=True)
    embedded(path, tmp_path / "whole")
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")


def test_a_disk_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    path = fasta(tmp_path / "in.fasta", entries(3))
    folder = tmp_path / "disk"
    if not mounted(folder, "size=64k,ro"):
        pytest.skip("a read-only disk can be mounted only by root, with the right to mount")
    try:
        with pytest.raises(MultiprotError, match="Read-only file system") as told:
            embedded(path, folder / "out")
    finally:
        unmount(folder)
    assert str(folder) in str(told.value)


def test_a_finished_store_on_a_disk_that_may_not_be_written(tmp_path: Path) -> None:
    """Checking it needs a place to work; the error must not harm it."""
    path = fasta(tmp_path / "in.fasta", entries(3))
    folder = tmp_path / "disk"
    if not mounted(folder, "size=512k"):
        pytest.skip("a disk can be mounted only by root, with the right to mount")
    try:
        embedded(path, folder / "out")
        before = content_of(folder / "out")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(MultiprotError, match="Read-only file system"):
            embedded(path, folder / "out", resume=True)
        assert content_of(folder / "out") == before
    finally:
        unmount(folder)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    path = fasta(tmp_path / "in.fasta", entries(3))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(MultiprotError, match="file"):
        embedded(path, tmp_path / "file" / "out", small())
    with pytest.raises(MultiprotError, match="already exists"):
        embedded(path, tmp_path / "file")
    with pytest.raises(MultiprotError, match="file"):
        embedded(path, tmp_path / "file", resume=True)
    assert (tmp_path / "file").read_text() == "mine"
