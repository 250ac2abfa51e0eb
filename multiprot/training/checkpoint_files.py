"""Checkpoint files of a run: whole or absent, named by step, read without running code."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any, Final

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from multiprot.errors import MultiprotError, TrainingError
from multiprot.files import atomic_file

_NAME: Final = re.compile(r"step-(\d{8})\.ckpt")


class SafeCheckpointIO(TorchCheckpointIO):  # type: ignore[misc]  # lightning is untyped here
    """Writes to a temporary file and renames it; reads tensors and plain values only."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write `checkpoint`, or leave what was there.

        Raises
        ------
        TrainingError
            If the file cannot be written, for instance because the disk is full.
        """
        # Serialised in memory first: torch hides a full disk behind "unexpected pos".
        content = io.BytesIO()
        torch.save(checkpoint, content)
        try:
            # The view is released even if writing fails; Python 3.13 complains of one that is not.
            with atomic_file(Path(path)) as partial, content.getbuffer() as view:
                partial.write_bytes(view)
        except MultiprotError as error:
            raise TrainingError(
                f"checkpoint not written ({error}); older checkpoints in {Path(path).parent} are "
                "whole: make room and go on with --resume"
            ) from error

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any = lambda storage, location: storage,
        weights_only: bool | None = True,
    ) -> dict[str, Any]:
        """Read a checkpoint; `weights_only` is always true, whatever the caller says."""
        content: dict[str, Any] = torch.load(path, map_location=map_location, weights_only=True)
        return content


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint after `step` optimizer steps lies."""
    return folder / f"step-{step:08d}.ckpt"


def list_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints in `folder`, oldest step first; nothing where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def step_of(checkpoint: Path) -> int:
    """Optimizer steps behind `checkpoint`, from its name."""
    found = _NAME.fullmatch(checkpoint.name)
    if found is None:
        raise TrainingError(
            f"{checkpoint}: not a checkpoint's name, which is like step-00000100.ckpt"
        )
    return int(found[1])


def newest_checkpoint(folder: Path) -> Path:
    """The newest checkpoint in `folder`, after a look at its check sums.

    Raises
    ------
    TrainingError
        If there is none, or if the newest is damaged; then the next older one is named.
    """
    found = list_checkpoints(folder)
    if not found:
        raise TrainingError(
            f"{folder}: no checkpoint to resume from; start the run again with --overwrite"
        )
    damage = _damage(found[-1])
    if damage is None:
        return found[-1]
    older = found[-2] if len(found) > 1 else None
    advice = (
        f"remove it to resume from {older.name}"
        if older is not None
        else "no older one is left: start the run again with --overwrite"
    )
    raise TrainingError(f"{found[-1]}: the checkpoint is damaged ({damage}); {advice}")


def _damage(path: Path) -> str | None:
    """What is wrong with a checkpoint's bytes, or None; torch itself checks no sums."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        return str(error).rstrip(".") or type(error).__name__
    return None if broken is None else f"wrong check sum of {broken}"
