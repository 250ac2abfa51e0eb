"""The folder of a comparison: one process at a time, one set of options, a name for each cell."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from multiprot.errors import EvaluationError, OutputExistsError
from multiprot.evaluation.comparison.cell import CELL
from multiprot.evaluation.comparison.options import EvaluateOptions
from multiprot.files import atomic_file, named_errors, read_bytes

RUN: Final = "run.json"
CELLS: Final = "cells"

_LOCK: Final = ".lock"
_LONGEST: Final = 60


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep other processes from the folder, which is made; a killed process holds no lock.

    Raises
    ------
    EvaluationError
        If another process is at work there.
    """
    with named_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / _LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise EvaluationError(
                f"{out}: another process is at work there (it holds {_LOCK}); wait for it, or "
                "choose another folder"
            ) from None
    try:
        yield
    finally:
        lock.release()


def is_begun(out: Path, options: EvaluateOptions, *, resume: bool) -> bool:
    """Whether the folder holds a comparison that can be gone on with.

    Raises
    ------
    OutputExistsError
        If it holds one and `resume` is not asked for.
    EvaluationError
        If it was begun with other options, or what it says is damaged.
    """
    file = out / RUN
    if not file.is_file():
        return False
    if not resume:
        raise OutputExistsError(
            f"{out}: is there already; go on with --resume, or choose another folder"
        )
    begun = _object(file).get("options")
    if not isinstance(begun, dict):
        raise EvaluationError(f"{file}: does not say the options of a run; choose another folder")
    told = _plain(options)
    apart = [name for name in told if told[name] != begun.get(name)]
    if apart:
        raise EvaluationError(
            f"{out}: was begun with {apart[0]} = {begun.get(apart[0])!r}, not "
            f"{told[apart[0]]!r}; give the same options, or choose another folder"
        )
    return True


def begin(out: Path, options: EvaluateOptions) -> None:
    """Write down what the run was begun with."""
    with atomic_file(out / RUN) as partial:
        partial.write_text(json.dumps({"options": _plain(options)}, indent=2), encoding="utf-8")


def cell_name(model: str, task: str) -> str:
    """A file name for a cell, different for different models and tasks on every file system."""
    # Names that differ in capitals or odd letters alone would otherwise share a folder.
    apart = hashlib.sha256(json.dumps([model, task]).encode()).hexdigest()[:8]
    parts = (re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:_LONGEST] for name in (model, task))
    return f"{'--'.join(parts)}-{apart}"


def kept_cell(folder: Path) -> dict[str, Any] | None:
    """What cell.json holds; None where there is none.

    Raises
    ------
    EvaluationError
        If it is damaged.
    """
    file = folder / CELL
    if not file.is_file():
        return None
    found = _object(file)
    if not {"key", "runs"} <= found.keys():
        raise EvaluationError(f"{file}: is no cell; remove {folder} and go on with --resume")
    return found


def finished_cells(out: Path) -> list[Path]:
    """Every cell.json of a run's finished cells, in order of their names."""
    # A cell that is being written, or was when its run was killed, has a dot before its name.
    return sorted((out / CELLS).glob(f"[!.]*/{CELL}"))


def remove_unfinished(out: Path) -> None:
    """Remove cells that a killed run left half written; only for who holds the folder's lock."""
    for partial in (out / CELLS).glob(".*"):
        shutil.rmtree(partial)


def _plain(options: EvaluateOptions) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(options.model_dump_json())
    return told


def _object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_bytes(file))
    except ValueError as error:
        raise EvaluationError(
            f"{file}: not JSON, {error}; remove {file.parent} and go on with --resume"
        ) from None
    if not isinstance(found, dict):
        raise EvaluationError(f"{file}: holds no JSON object; remove {file.parent}")
    return found
