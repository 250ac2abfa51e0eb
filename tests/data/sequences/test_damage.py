"""Full disks, kills and damaged folders of sequences."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multiprot.data.sequences import SequenceBuildOptions, SequenceShards, build_sequences
from multiprot.errors import DataError, MultiprotError
from multiprot.proteins import write_fasta
from tests.data.sequences.conftest import random_records

Change = Callable[[dict[str, Any]], object]
OPTIONS = SequenceBuildOptions(shard_residues=500)


def folders(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.iterdir() if path.is_dir())


def test_a_full_disk_is_told_and_leaves_nothing(
    fasta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = np.save, []

    def full(path: Path, content: Any, **more: Any) -> None:
        calls.append(path)
        if len(calls) == 3:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        save(path, content, **more)

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(MultiprotError, match=r"train-0002\.npy: No space left on device"):
        build_sequences([fasta], OPTIONS, tmp_path / "out")
    assert folders(tmp_path) == []


def test_killed_halfway_nothing_looks_whole(tmp_path: Path) -> None:
    write_fasta(random_records(3000), tmp_path / "many.fasta")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "multiprot.cli.main", "data", "sequences"),
            *(str(tmp_path / "many.fasta"), "--out", str(tmp_path / "out")),
            *("--shard-residues", "1"),
        ],
    )
    # Some of three thousand files are there: it is in the middle.
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".out.*/train-0100.npy")):
        assert process.poll() is None, "ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out").exists()
    remains = next(tmp_path.glob(".out.*"))
    with pytest.raises(DataError, match=r"no manifest\.json in it"):
        SequenceShards.open(remains)
    # What was left behind is in nobody's way.
    made = build_sequences([tmp_path / "many.fasta"], SequenceBuildOptions(), tmp_path / "out")
    made.verify()
    assert len(made.split("train")) == 3000


def _without(*keys: str) -> Change:
    def change(manifest: dict[str, Any]) -> None:
        place: Any = manifest
        for key in keys[:-1]:
            place = place[int(key) if isinstance(place, list) else key]
        del place[keys[-1]]

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_without("splits"), "damaged.*splits"),
        (_without("splits", "train", "shards"), "damaged.*shards"),
        (_without("splits", "train", "lengths", "file"), "damaged.*file"),
        (_without("splits", "train", "shards", "0", "bytes"), "damaged.*bytes"),
        (lambda m: m.update(splits=[1]), "damaged"),
        (lambda m: m["splits"].update(train=7), "damaged"),
        (lambda m: m.update(format_version="1"), "version 1 of the format"),
    ],
)
def test_a_manifest_of_another_make_is_one_clear_error(
    fasta: Path, tmp_path: Path, change: Change, told: str
) -> None:
    path = build_sequences([fasta], OPTIONS, tmp_path / "out").path / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=rf"manifest\.json: {told}.*build the folder anew"):
        SequenceShards.open(path.parent)


@pytest.mark.parametrize("text", ["[]", "null", "3", '"multiprot-sequences"'])
def test_a_manifest_that_is_no_object_is_told(fasta: Path, tmp_path: Path, text: str) -> None:
    path = build_sequences([fasta], OPTIONS, tmp_path / "out").path / "manifest.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: holds no object"):
        SequenceShards.open(path.parent)


def test_every_file_is_guarded_by_its_hash(fasta: Path, splits: Path, tmp_path: Path) -> None:
    options = SequenceBuildOptions(splits=splits, shard_residues=500)
    shards = build_sequences([fasta], options, tmp_path / "out")
    for path in sorted(shards.path.glob("*.npy")):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(DataError, match=rf"{path.name}: damaged"):
            SequenceShards.open(shards.path).verify()
        path.write_bytes(whole)
    shards.verify()


def test_other_files_in_the_folder_do_no_harm(fasta: Path, tmp_path: Path) -> None:
    shards = build_sequences([fasta], OPTIONS, tmp_path / "out")
    (shards.path / "notes.txt").write_text("mine")
    (shards.path / "train-9999.npy").write_bytes(b"")
    again = SequenceShards.open(shards.path)
    again.verify()
    assert len(again.split("train")) == 60
