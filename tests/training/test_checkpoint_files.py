"""Checkpoint files are whole or absent, and no code runs when they are read."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import TrainingError
from multiprot.training.checkpoint_files import (
    SafeCheckpointIO,
    checkpoint_path,
    list_checkpoints,
    newest_checkpoint,
    step_of,
)


def save(folder: Path, step: int, content: Any = None) -> Path:
    path = checkpoint_path(folder, step)
    SafeCheckpointIO().save_checkpoint({"step": step, "w": torch.arange(50.0), "x": content}, path)
    return path


@given(st.integers(0, 99_999_999))
def test_step_is_in_the_name(step: int) -> None:
    assert step_of(checkpoint_path(Path("folder"), step)) == step


def test_other_names_are_no_checkpoints(tmp_path: Path) -> None:
    (tmp_path / ".step-00000009.ckpt.tmp").touch()
    (tmp_path / "notes.txt").touch()
    save(tmp_path, 12)
    save(tmp_path, 3)
    assert [step_of(path) for path in list_checkpoints(tmp_path)] == [3, 12]
    assert newest_checkpoint(tmp_path) == checkpoint_path(tmp_path, 12)
    assert list_checkpoints(tmp_path / "missing") == []
    with pytest.raises(TrainingError, match=r"notes\.txt: not a checkpoint"):
        step_of(tmp_path / "notes.txt")


def test_content_comes_back(tmp_path: Path) -> None:
    read = SafeCheckpointIO().load_checkpoint(save(tmp_path, 1, {"a": [1, "b", None]}))
    assert read["x"] == {"a": [1, "b", None]}
    assert torch.equal(read["w"], torch.arange(50.0))


class Malicious:
    def __reduce__(self) -> Any:
        return (print, ("code was run",))


@pytest.mark.parametrize("weights_only", [None, False, True])
def test_reading_never_runs_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], weights_only: bool | None
) -> None:
    path = checkpoint_path(tmp_path, 1)
    torch.save({"evil": Malicious()}, path)
    with pytest.raises(pickle.UnpicklingError):
        SafeCheckpointIO().load_checkpoint(path, weights_only=weights_only)
    assert "code was run" not in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "garbage"])
def test_damage_is_found_and_the_older_one_is_named(tmp_path: Path, damage: str) -> None:
    save(tmp_path, 5)
    newest = save(tmp_path, 10)
    content = bytearray(newest.read_bytes())
    if damage == "flip":
        # A bit within the tensor's values, which torch.load itself would not notice.
        place = content.index(torch.arange(50.0).numpy().tobytes()) + 7
        content[place] ^= 1
    altered = {"cut": content[:-40], "flip": content, "empty": b"", "garbage": b"x" * 999}
    newest.write_bytes(altered[damage])
    with pytest.raises(
        TrainingError, match=r"step-00000010\.ckpt.*damaged.*step-00000005"
    ) as error:
        newest_checkpoint(tmp_path)
    assert "\n" not in str(error.value)


def test_damage_without_an_older_one_says_what_is_left_to_do(tmp_path: Path) -> None:
    save(tmp_path, 5).write_bytes(b"")
    with pytest.raises(TrainingError, match=r"no older one is left.*--overwrite"):
        newest_checkpoint(tmp_path)


def test_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, 5, "old")
    before = path.read_bytes()

    def full(self: Path, data: Any) -> int:
        with self.open("wb") as handle:
            handle.write(bytes(data)[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(TrainingError, match=r"No space left.*--resume"):
        save(tmp_path, 5, "new")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
