"""Rows of a FASTA file or of standard input."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from multiprot.embedding.reading.pipe import leavable
from multiprot.embedding.reading.rows import InputRow, shown_path
from multiprot.errors import EmbeddingError, FileFormatError, MultiprotError
from multiprot.files import named_errors, open_stream
from multiprot.proteins.fasta_entries import FastaEntry, fasta_entries

STANDARD_INPUT: Final = "standard input"


@dataclass(frozen=True, slots=True)
class FastaFile:
    """A FASTA file to read.

    Attributes
    ----------
    path
        File or pipe.
    units
        What it counts as a whole; 0 for a pipe.
    """

    path: str
    units: int

    def rows(self, before: int) -> Iterator[InputRow]:
        """Its records; `before` is what was consumed before it."""
        return _rows(lambda: Path(self.path).open("rb"), self.path, before, self.units)


@dataclass(slots=True)
class StandardInput:
    """FASTA that comes through a pipe; it is read as it comes, and once.

    Attributes
    ----------
    stopped
        Once it is set, no more is waited for.
    """

    stopped: threading.Event = field(default_factory=threading.Event)
    is_read: bool = False

    units: int = 0

    def rows(self, before: int) -> Iterator[InputRow]:
        """Its records.

        Raises
        ------
        EmbeddingError
            If it was read before, or is closed.
        """
        if self.is_read or sys.stdin is None:
            state = "was read already" if self.is_read else "is closed"
            raise EmbeddingError(f"{STANDARD_INPUT}: {state}; name a file instead of '-'")
        self.is_read = True
        stream = leavable(cast(io.BufferedReader, sys.stdin.buffer), self.stopped)
        return _rows(lambda: nullcontext(stream), STANDARD_INPUT, before, self.units)


def _rows(
    opened: Callable[[], AbstractContextManager[io.BufferedReader]],
    path: str,
    before: int,
    units: int,
) -> Iterator[InputRow]:
    source, name = shown_path(path), shown_path(Path(path).name)
    consumed = before
    try:
        with named_errors(path), opened() as raw, open_stream(raw, path) as stream:
            size = os.fstat(raw.fileno()).st_size if units else 0
            for entries in fasta_entries(stream, path):
                if size:
                    consumed = before + units * min(raw.tell(), size) // size
                for entry in entries:
                    yield _row(entry, name, source, consumed)
    except MultiprotError as error:
        yield InputRow(name, source, None, shown_path(str(error)), before + units)


def _row(entry: FastaEntry, name: str, source: str, consumed: int) -> InputRow:
    try:
        protein_id = entry.read_id()
    except FileFormatError as error:
        return InputRow(name, source, None, shown_path(str(error)), consumed)
    try:
        record = entry.read_record(protein_id)
    except FileFormatError as error:
        return InputRow(f"{name}:{protein_id}", source, None, shown_path(str(error)), consumed)
    return InputRow(protein_id, source, record, None, consumed)
