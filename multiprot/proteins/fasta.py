"""Reading and writing FASTA, one record at a time."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from multiprot.errors import FileFormatError, RecordError
from multiprot.files import atomic_file, read_lines
from multiprot.proteins.alphabet import RESIDUE_LETTERS
from multiprot.proteins.record import ProteinRecord

FASTA_SUFFIXES: Final = (".fasta", ".fa", ".faa", ".fas", ".fna", ".seq")
"""Names under which FASTA usually travels; ".gz" or ".xz" may follow."""

_FOREIGN: Final = re.compile(f"[^{RESIDUE_LETTERS}{RESIDUE_LETTERS.lower()}]")
_GAPS: Final = str.maketrans("", "", "-.")
_LINE_LENGTH: Final = 80


def read_fasta(
    path: Path | str,
    *,
    on_duplicate: Literal["error", "first"] = "error",
    gaps: Literal["error", "remove"] = "error",
    on_bad: Callable[[FileFormatError], None] | None = None,
) -> Iterator[ProteinRecord]:
    """Read FASTA record by record; only the ids seen so far are kept in memory.

    The id is the first word after ">". Lower case is read as upper case (in FASTA it marks
    low complexity, not other residues), white space inside a sequence is ignored, and one "*" at
    the end (a stop codon) is dropped. Nothing else is changed.

    Parameters
    ----------
    path
        Plain, gzip or xz (told by content); Unix, Windows or old Mac line ends.
    on_duplicate
        Whether a second record of the same id is an error or left out.
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
    if on_duplicate not in ("error", "first") or gaps not in ("error", "remove"):
        raise ValueError(f"read_fasta: on_duplicate={on_duplicate!r}, gaps={gaps!r} is not known")
    source = Path(path)
    seen: dict[str, int] = {}
    for entry in _entries(source):
        first = seen.setdefault(entry.id, entry.line)
        if first != entry.line and on_duplicate == "first":
            continue
        try:
            record = entry.record(first, remove_gaps=gaps == "remove")
        except FileFormatError as error:
            if on_bad is None:
                raise
            on_bad(error)
        else:
            yield record
    if not seen:
        raise FileFormatError(f"{source}: no FASTA record; the file is empty")


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


@dataclass(slots=True)
class _Entry:
    """One record as it stands in the file."""

    path: Path
    id: str
    line: int
    parts: list[tuple[int, str]] = field(default_factory=list)

    def record(self, first: int, *, remove_gaps: bool) -> ProteinRecord:
        """The checked record; `first` is the line in which its id was first used."""
        if first != self.line:
            raise FileFormatError(
                f"{self.path}: line {self.line}: id {self.id!r} was already used in line {first}; "
                'rename one of them (in Python: read_fasta(…, on_duplicate="first"))'
            )
        sequence = "".join(text for _, text in self.parts)
        if remove_gaps:
            sequence = sequence.translate(_GAPS)
        sequence = sequence.removesuffix("*")
        if not sequence:
            raise FileFormatError(
                f"{self.path}: line {self.line}: record {self.id!r} has no residues; remove it"
            )
        if _FOREIGN.search(sequence):
            self._raise_foreign(remove_gaps=remove_gaps)
        try:
            return ProteinRecord(id=self.id, sequence=sequence.upper())
        except RecordError as error:
            raise FileFormatError(f"{self.path}: line {self.line}: {error}") from None

    def _raise_foreign(self, *, remove_gaps: bool) -> None:
        for number, text in self.parts:
            for match in _FOREIGN.finditer(text):
                letter = match.group()
                if not (remove_gaps and letter in "-."):
                    raise FileFormatError(
                        f"{self.path}: line {number} column {match.start() + 1}: record "
                        f"{self.id!r} holds {letter!r}, {_advice(letter)}"
                    )


def _advice(letter: str) -> str:
    if letter in "-.":
        return 'a gap: remove the alignment\'s gaps (in Python: read_fasta(…, gaps="remove"))'
    if letter == "*":
        return "a stop codon inside the sequence: split or correct the record"
    return f"which stands for no residue (known: {RESIDUE_LETTERS})"


def _entries(path: Path) -> Iterator[_Entry]:
    """Records as they stand in the file, one at a time."""
    entry: _Entry | None = None
    for number, line in enumerate(read_lines(path), start=1):
        if line.startswith(">"):
            if entry is not None:
                yield entry
            words = line[1:].split(maxsplit=1)
            if not words or line[1].isspace():
                raise FileFormatError(f"{path}: line {number}: no id directly after '>'")
            entry = _Entry(path, words[0], number)
        elif text := "".join(line.split()):
            if entry is None:
                raise FileFormatError(
                    f"{path}: line {number}: {_shown(text)} stands before the first '>'; "
                    "this is not a FASTA file"
                )
            entry.parts.append((number, text))
    if entry is not None:
        yield entry


def _shown(text: str) -> str:
    return repr(text if len(text) <= 20 else f"{text[:20]}…")
