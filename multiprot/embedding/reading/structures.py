"""Structure files, read here or in helper processes; helpers import this module and no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from multiprot.embedding.reading.rows import STRUCTURE_FILE_UNITS, InputRow, shown_path
from multiprot.errors import MultiprotError
from multiprot.proteins import ProteinRecord, read_structure_file

FILES_PER_TASK: Final = 16

Reading = tuple[ProteinRecord, ...] | str
"""What came of a file: a record for every chain, or why it cannot be read."""


@dataclass(slots=True)
class StructureFiles:
    """A few structure files to read.

    Attributes
    ----------
    paths
        Files.
    readings
        Gives what came of each; overruled where helpers read them.
    """

    paths: tuple[str, ...]
    readings: Callable[[], Iterable[Reading]] | None = None

    @property
    def units(self) -> int:
        """What they count together."""
        return STRUCTURE_FILE_UNITS * len(self.paths)

    def rows(self, before: int) -> Iterator[InputRow]:
        """Their records; `before` is what was consumed before them."""
        readings = self.readings() if self.readings else map(read_structure, self.paths)
        for path, reading in zip(self.paths, readings, strict=True):
            before += STRUCTURE_FILE_UNITS
            source = shown_path(path)
            if isinstance(reading, str):
                name = shown_path(Path(path).name)
                yield InputRow(name, source, None, reading, before)
                continue
            for record in reading:
                yield InputRow(record.id, source, record, None, before)


def read_structures(paths: Sequence[str]) -> list[Reading]:
    """Read a few files; what a helper process does."""
    return [read_structure(path) for path in paths]


def read_structure(path: str) -> Reading:
    """Records of a file's protein chains, or why there are none."""
    if path != shown_path(path):
        return f"{shown_path(path)}: the name holds bytes that are not UTF-8 text; rename the file"
    try:
        return tuple(reading.record for reading in read_structure_file(path))
    except MultiprotError as error:
        return str(error)
