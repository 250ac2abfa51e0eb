"""Reading a folder of structure files, in order, with or without helper processes."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from multiprot.errors import DataError, FileFormatError, MultiprotError
from multiprot.proteins import (
    STRUCTURE_SUFFIXES,
    StructureReading,
    is_structure_file,
    read_structure_file,
)
from multiprot.proteins.structure_file import structure_stem

_FILES_PER_TASK: Final = 16
_TASKS_AHEAD: Final = 3


@dataclass(frozen=True, slots=True)
class StructureFile:
    """What came of one file: readings (one per chain), or why it was refused."""

    path: Path
    readings: tuple[StructureReading, ...] = ()
    error: str | None = None


def list_structure_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Structure files of a folder, and its other files; sorted by name, hidden ones left aside.

    Raises
    ------
    FileFormatError
        If the folder is missing, is a file, or holds no structure file.
    DataError
        If two files stand for the same id, such as A.pdb and A.cif.gz.
    """
    if not folder.is_dir():
        kind = "is a file" if folder.exists() else "no such folder"
        raise FileFormatError(f"{folder}: {kind}; give a folder of structure files")
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    structures = [path for path in files if is_structure_file(path)]
    if not structures:
        raise FileFormatError(
            f"{folder}: no structure file among {len(files)} files; known endings: "
            f"{', '.join(STRUCTURE_SUFFIXES)}"
        )
    by_stem: dict[str, Path] = {}
    for path in structures:
        stem = structure_stem(path)
        other = by_stem.setdefault(stem, path)
        if other is not path:
            raise DataError(f"{folder}: {other.name} and {path.name} both mean {stem}; keep one")
    return structures, [path for path in files if not is_structure_file(path)]


def read_structures(paths: Sequence[Path], *, workers: int) -> Iterator[StructureFile]:
    """Read files and yield them in the order of `paths`, whatever `workers` is.

    Parameters
    ----------
    paths
        Structure files.
    workers
        Helper processes; 0 reads in this one. At most a few dozen files are in memory.

    Raises
    ------
    DataError
        If a helper process dies, naming the files it may have been reading.
    """
    if workers == 0:
        yield from map(_read, paths)
        return
    # Not "fork": Arrow, gemmi and BLAS threads of this process would be forked half-way.
    context = multiprocessing.get_context("forkserver")
    tasks = [paths[i : i + _FILES_PER_TASK] for i in range(0, len(paths), _FILES_PER_TASK)]
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting: deque[Future[list[StructureFile]]] = deque()
        finished = 0
        try:
            for task in tasks:
                waiting.append(pool.submit(_read_all, task))
                if len(waiting) > workers * _TASKS_AHEAD:
                    yield from waiting[0].result()
                    waiting.popleft()
                    finished += 1
            for future in waiting:
                yield from future.result()
                finished += 1
        except BrokenProcessPool:
            first, last = tasks[finished][0], tasks[min(finished + workers, len(tasks)) - 1][-1]
            raise DataError(
                f"a process that reads structures died at one of the files from {first.name} to "
                f"{last.name} in {first.parent}; find it with --workers 0, look for lack of "
                "memory, and in a script of your own call this under `if __name__ == '__main__'`"
            ) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _read_all(paths: Sequence[Path]) -> list[StructureFile]:
    return [_read(path) for path in paths]


def _read(path: Path) -> StructureFile:
    try:
        return StructureFile(path, tuple(read_structure_file(path)))
    except MultiprotError as error:
        return StructureFile(path, error=str(error))
