"""All inputs, one row after another."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from multiprot.embedding.reading.corpus import open_corpus
from multiprot.embedding.reading.fasta import StandardInput
from multiprot.embedding.reading.files import ListedFiles, files_in, given_files
from multiprot.embedding.reading.helpers import Work, read_ahead
from multiprot.embedding.reading.rows import InputRow
from multiprot.errors import EmbeddingError

DASH: Final = "-"


class InputReader:
    """Reads what a user points at, in an order that depends on nothing but the inputs.

    Inputs come as given, the files of a folder sorted by path. Files and records that cannot be
    read are rows too. Ids are not compared: neither they nor records are kept.

    Parameters
    ----------
    inputs
        FASTA files, structure files (PDB, mmCIF, BinaryCIF), folders of them (searched to any
        depth; hidden files and folders are left out), corpus folders, or "-" for FASTA on
        standard input; files plain, gzip or xz.
    processes
        Helper processes that read structure files ahead; 0 reads them in this process.

    Attributes
    ----------
    total
        Units of all inputs, see `InputRow.consumed`; None where standard input or a pipe is among
        them.

    Raises
    ------
    MultiprotError
        If there are no inputs, one is missing, or a folder holds no protein file.
    """

    total: int | None

    def __init__(self, inputs: Sequence[str], *, processes: int = 0) -> None:
        if isinstance(inputs, str) or not inputs:
            raise EmbeddingError(
                f"inputs={inputs!r}: no input; give a list of FASTA files, structure files, "
                "folders or a corpus"
            )
        if inputs.count(DASH) > 1:
            raise EmbeddingError(
                f"inputs={inputs!r}: standard input can be read once; give one '-'"
            )
        self._stopped = threading.Event()
        self._sources = list(_open(inputs, self._stopped))
        self._processes = processes
        self._begun: list[Generator[InputRow, None, None]] = []
        units = [source.units for source in self._sources]
        self.total = None if None in units else sum(filter(None, units))

    def rows(self) -> Generator[InputRow, None, None]:
        """Read from the beginning; close the iterator, or the reader, to stop before the end.

        Yields
        ------
        InputRow
            One for every record, and one for every file or record that cannot be read.

        Raises
        ------
        EmbeddingError
            If helper processes do not start; if standard input is to be read again.
        """
        rows = self._rows()
        self._begun.append(rows)
        return rows

    def stop(self) -> None:
        """Wait no longer for standard input; may be called from any thread."""
        self._stopped.set()

    def close(self) -> None:
        """End all reading, and the helper processes with it."""
        while self._begun:
            self._begun.pop().close()

    def _rows(self) -> Generator[InputRow, None, None]:
        consumed = 0
        with closing(self._works()) as works:
            for work in works:
                yield from work.rows(consumed)
                consumed += work.units

    def _works(self) -> Generator[Work, None, None]:
        works = (work for source in self._sources for work in source.works())
        if self._processes and any(source.structure_files for source in self._sources):
            yield from read_ahead(works, self._processes)
        else:
            yield from works


@dataclass(frozen=True, slots=True)
class _Single:
    """An input that is read as one."""

    work: Work
    units: int | None
    structure_files: int = 0

    def works(self) -> Iterator[Work]:
        yield self.work


def _open(inputs: Sequence[str], stopped: threading.Event) -> Iterator[ListedFiles | _Single]:
    """Look inputs up; files that are named one after another become one source."""
    for is_file, names in groupby(inputs, lambda name: name != DASH and not Path(name).is_dir()):
        if is_file:
            yield given_files([str(Path(name)) for name in names])
        else:
            for name in names:
                yield _open_one(name, stopped)


def _open_one(name: str, stopped: threading.Event) -> ListedFiles | _Single:
    if name == DASH:
        return _Single(StandardInput(stopped), units=None)
    corpus = open_corpus(Path(name))
    return files_in(str(Path(name))) if corpus is None else _Single(corpus, corpus.units)
