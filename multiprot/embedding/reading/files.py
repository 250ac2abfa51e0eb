"""Listed files as things to read: FASTA files one by one, structure files by the handful."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Final, cast

from multiprot.embedding.reading.fasta import FastaFile
from multiprot.embedding.reading.listing import FileRun, is_structure_name, list_folder
from multiprot.embedding.reading.rows import STRUCTURE_FILE_UNITS, InputRow, shown_path
from multiprot.embedding.reading.structures import FILES_PER_TASK, StructureFiles
from multiprot.errors import EmbeddingError, FileFormatError
from multiprot.proteins import FASTA_SUFFIXES, STRUCTURE_SUFFIXES

MOST_SIZES: Final = 1000
"""FASTA files of a folder whose sizes are looked up: on a network drive that takes long."""


@dataclass(frozen=True, slots=True)
class UnlistedFolder:
    """A folder within an input that cannot be listed."""

    run: FileRun
    units: int = 0

    def rows(self, before: int) -> Iterator[InputRow]:
        """One row, with the reason."""
        name = shown_path(Path(self.run.folder).name)
        yield InputRow(name, shown_path(self.run.folder), None, self.run.problem, before)


@dataclass(frozen=True, slots=True)
class ListedFiles:
    """Files in the order in which they are read.

    Attributes
    ----------
    runs
        What a folder or the user lists.
    fasta_units
        What each FASTA file counts, in order.
    structure_files
        Their number.
    measured
        Whether nothing among them is a pipe, whose size nobody knows.
    """

    runs: Sequence[FileRun]
    fasta_units: Sequence[int]
    structure_files: int
    measured: bool = True

    @property
    def units(self) -> int | None:
        """What they count together; None if that is not known."""
        if not self.measured:
            return None
        return sum(self.fasta_units) + STRUCTURE_FILE_UNITS * self.structure_files

    def works(self) -> Iterator[FastaFile | StructureFiles | UnlistedFolder]:
        """What there is to read, in order."""
        fasta_units = iter(self.fasta_units)
        for is_structure, items in groupby(self._items(), _is_structure):
            if is_structure:
                while paths := tuple(islice(items, FILES_PER_TASK)):
                    yield StructureFiles(cast(tuple[str, ...], paths))
                continue
            for item in items:
                if isinstance(item, str):
                    yield FastaFile(item, next(fasta_units))
                else:
                    yield UnlistedFolder(item)

    def _items(self) -> Iterator[str | FileRun]:
        """Paths, and folders that could not be listed."""
        for run in self.runs:
            yield from run.paths()
            if run.problem is not None:
                yield run


def _is_structure(item: str | FileRun) -> bool:
    return isinstance(item, str) and is_structure_name(item)


def files_in(folder: str) -> ListedFiles:
    """Protein files of a folder.

    Raises
    ------
    EmbeddingError
        If there is none.
    """
    runs = list(list_folder("" if folder == "." else folder))
    names = sum(len(run.names) for run in runs)
    if not names:
        problems = [run.problem for run in runs if run.problem]
        raise EmbeddingError(
            problems[0]
            if problems
            else f"{folder}: holds no FASTA or structure file (known names: "
            f"{', '.join((*FASTA_SUFFIXES, *STRUCTURE_SUFFIXES))}, also with .gz or .xz) and is "
            "no corpus"
        )
    fasta_files = names - sum(is_structure_name(name) for run in runs for name in run.names)
    return ListedFiles(runs, _fasta_units(runs, fasta_files), names - fasta_files)


def given_files(paths: Sequence[str]) -> ListedFiles:
    """Files that a user names.

    Raises
    ------
    FileFormatError
        If one is not there.
    """
    fasta_units: list[int] = []
    measured = True
    for path in paths:
        try:
            state = os.stat(path)  # noqa: PTH116
        except FileNotFoundError:
            raise FileFormatError(f"{path}: no such file or folder; check the path") from None
        except OSError as error:
            raise FileFormatError(f"{path}: {error.strerror}; check the path") from None
        measured = measured and stat.S_ISREG(state.st_mode)
        if not is_structure_name(path):
            fasta_units.append(state.st_size)
    runs = (FileRun("", tuple(paths)),)
    return ListedFiles(runs, fasta_units, len(paths) - len(fasta_units), measured)


def _fasta_units(runs: Sequence[FileRun], count: int) -> list[int]:
    """Sizes of all FASTA files, or of many their mean, from files spread over all."""
    paths = (path for run in runs for path in run.paths() if not is_structure_name(path))
    step = -(-count // MOST_SIZES)
    if not step:
        return []
    sizes = [_size(path) for path in islice(paths, 0, None, step)]
    return sizes if step == 1 else [sum(sizes) // len(sizes)] * count


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except OSError:
        # Reading it will say why.
        return 0
