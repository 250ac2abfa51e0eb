"""Reading and writing FASTA, one record at a time."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Literal

from multiprot.errors import FileFormatError
from multiprot.files import atomic_file, open_binary
from multiprot.proteins.fasta_entries import FastaEntry, fasta_entries
from multiprot.proteins.record import ProteinRecord

FASTA_SUFFIXES: Final = (".fasta", ".fa", ".faa", ".fas", ".fna", ".seq")
"""Names under which FASTA usually travels; ".gz" or ".xz" may follow."""

_LINE_LENGTH: Final = 80


def read_fasta(
    path: Path | str,
    *,
    on_duplicate: Literal["error", "first", "keep"] = "error",
    gaps: Literal["error", "remove"] = "error",
    on_bad: Callable[[FileFormatError], None] | None = None,
) -> Iterator[ProteinRecord]:
    """Read FASTA record by record; little more than the ids seen so far is kept in memory.

    The id is the first word after ">". Lower case is read as upper case (in FASTA it marks
    low complexity, not other residues), white space inside a sequence is ignored, and one "*" at
    the end (a stop codon) is dropped. Nothing else is changed.

    Parameters
    ----------
    path
        Plain, gzip or xz (told by content); Unix, Windows or old Mac line ends.
    on_duplicate
        Whether a second record of the same id is an error, is left out, or comes too; for "keep"
        no ids are kept in memory.
    gaps
        Whether "-" and "." are an error or removed.
    on_bad
        Called with the error of a bad or repeated record, which is then left out, so that the
        records after it are still read. None: raise it. A file that is no FASTA is always an error.

    Yields
    ------
    ProteinRecord
        Records in the file's order, with id and sequence only.

    Raises
    ------
    FileFormatError
        If the file cannot be read, is empty, or holds text before the first ">", a record
        without residues or without an id, or a letter that stands for no residue.
    """
    if on_duplicate not in ("error", "first", "keep") or gaps not in ("error", "remove"):
        raise ValueError(f"read_fasta: on_duplicate={on_duplicate!r}, gaps={gaps!r} is not known")
    first_lines: dict[str, int] = {}
    for entry in _entries(Path(path)):
        try:
            protein_id = entry.read_id()
            if on_duplicate != "keep":
                first = first_lines.setdefault(protein_id, entry.line)
                if first != entry.line and on_duplicate == "first":
                    continue
                _refuse_repeated(protein_id, entry, first)
            record = entry.read_record(protein_id, remove_gaps=gaps == "remove")
        except FileFormatError as error:
            if on_bad is None:
                raise
            on_bad(error)
        else:
            yield record


def write_fasta(records: Iterable[ProteinRecord], path: Path | str) -> None:
    """Write ids and sequences, 80 letters a line; gzip if `path` ends in ".gz"."""
    target = Path(path)
    with atomic_file(target) as partial, partial.open("wb") as raw:
        # A fixed time stamp and no name inside: the same records give the same bytes.
        handle = gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if target.suffix == ".gz" else raw
        with handle:
            for record in records:
                lines = [f">{record.id}"]
                for start in range(0, len(record), _LINE_LENGTH):
                    lines.append(record.sequence[start : start + _LINE_LENGTH])  # noqa: PERF401
                handle.write("\n".join([*lines, ""]).encode())


def _refuse_repeated(protein_id: str, entry: FastaEntry, first: int) -> None:
    if first != entry.line:
        raise FileFormatError(
            f"{entry.name}: line {entry.line}: id {protein_id!r} was already used in line {first}; "
            'rename one of them (in Python: read_fasta(…, on_duplicate="first"))'
        )


def _entries(path: Path) -> Iterator[FastaEntry]:
    with open_binary(path) as stream:
        for entries in fasta_entries(stream, str(path)):
            yield from entries
