"""The protein files of a folder, to any depth, in the order of their paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from multiprot.proteins import FASTA_SUFFIXES, STRUCTURE_SUFFIXES

_COMPRESSION: Final = ("", ".gz", ".xz")
_STRUCTURE_ENDINGS: Final = tuple(s + c for s in STRUCTURE_SUFFIXES for c in _COMPRESSION)
_FASTA_ENDINGS: Final = tuple(s + c for s in FASTA_SUFFIXES for c in _COMPRESSION)
_ENDINGS: Final = _STRUCTURE_ENDINGS + _FASTA_ENDINGS


@dataclass(frozen=True, slots=True)
class FileRun:
    """Files of one folder that follow each other.

    Attributes
    ----------
    folder
        "" for the current one.
    names
        Sorted.
    problem
        Why the folder cannot be listed, or None.
    """

    folder: str
    names: tuple[str, ...]
    problem: str | None = None

    def paths(self) -> Iterator[str]:
        """The files, one at a time: a path costs more memory than a name."""
        return (os.path.join(self.folder, name) for name in self.names)  # noqa: PTH118


def is_structure_name(name: str) -> bool:
    """Whether a file is read as a structure; all others are read as FASTA."""
    return name.lower().endswith(_STRUCTURE_ENDINGS)


def list_folder(folder: str) -> Iterator[FileRun]:
    """FASTA and structure files by their names, sorted by path; hidden files and folders left out.

    No file's size or time is asked for. Links to folders are followed; a folder that is reached
    twice is listed once.

    Parameters
    ----------
    folder
        "" for the current one.
    """
    listed: set[tuple[int, int]] = set()
    # No recursion: folders may be nested deeper than Python's stack.
    waiting: list[str | FileRun] = [folder]
    while waiting:
        item = waiting.pop()
        if isinstance(item, FileRun):
            yield item
            continue
        try:
            state = os.stat(item or ".")  # noqa: PTH116
            if (identity := (state.st_dev, state.st_ino)) not in listed:
                listed.add(identity)
                waiting += reversed(_scan(item))
        except OSError as error:
            yield FileRun(item, (), f"{item}: the folder cannot be listed ({error.strerror})")


def _scan(folder: str) -> list[str | FileRun]:
    """A folder's own files in runs, and between them the folders in it."""
    files: list[str] = []
    folders: set[str] = set()
    with os.scandir(folder or ".") as entries:
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if entry.is_dir():
                folders.add(name)
            # A link that leads nowhere is not passed over: reading it says so.
            elif name.lower().endswith(_ENDINGS) and (entry.is_file() or entry.is_symlink()):
                files.append(name)
    found: list[str | FileRun] = []
    for is_folder, names in groupby(sorted([*files, *folders]), folders.__contains__):
        if is_folder:
            found += (os.path.join(folder, name) for name in names)  # noqa: PTH118
        else:
            found.append(FileRun(folder, tuple(names)))
    return found
