"""One row of input, and the unit in which the way through all inputs is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from multiprot.proteins import ProteinRecord

STRUCTURE_FILE_UNITS: Final = 300
"""What a structure file counts; about the residues of a chain, so that no size is looked up."""


@dataclass(frozen=True, slots=True)
class InputRow:
    """A record, or a file or record that cannot be read.

    Attributes
    ----------
    id
        The record's; where none came of it, the file's name, followed by ":" and the id in the
        FASTA file where that is known.
    source
        The file, "standard input" or the corpus's folder.
    record
        None if it cannot be read.
    reason
        Why not; None where there is a record.
    consumed
        Units of all inputs read up to and with this row, to within a block of a large file. Units
        are about residues, so that kinds of input can be added: a byte of a FASTA file is one (as
        it lies on disk, so that compressed ones count less than they hold), a structure file is
        300, and a row of a corpus is its residues. Standard input and pipes count nothing.
    """

    id: str
    source: str
    record: ProteinRecord | None
    reason: str | None
    consumed: int


def shown_path(path: str) -> str:
    """A path in letters that can be printed and stored, whatever bytes its name holds."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
