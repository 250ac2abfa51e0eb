"""The records of a FASTA stream as they stand in it: cut out by the block, read one by one."""

from __future__ import annotations

import codecs
import io
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from multiprot.errors import FileFormatError, RecordError
from multiprot.proteins.alphabet import RESIDUE_LETTERS
from multiprot.proteins.record import ProteinRecord

_BLOCK_BYTES: Final = 1 << 18
_SHOWN_LETTERS: Final = 20

_LINE_ENDS: Final = (b"\r\n", b"\n", b"\r")
_UPPER: Final = bytes.maketrans(string.ascii_lowercase.encode(), string.ascii_uppercase.encode())
_SPACE: Final = b" \t\n\r\v\f\x1c\x1d\x1e\x1f"
_GAPS: Final = "-."
_SPACE_AND_GAPS: Final = _SPACE + _GAPS.encode()
_FOREIGN: Final = re.compile(f"[^{RESIDUE_LETTERS}{RESIDUE_LETTERS.lower()}]")


@dataclass(slots=True)
class FastaEntry:
    """One record as it stands in the stream.

    Attributes
    ----------
    name
        The stream's, for errors.
    line
        Number of the line that begins with ">".
    header
        What follows the ">" in that line.
    body
        The lines after it, with Unix line ends.
    """

    name: str
    line: int
    header: bytes
    body: bytes

    def read_id(self) -> str:
        """The first word of the header.

        Raises
        ------
        FileFormatError
            If there is none directly after the ">", or the header is no text.
        """
        header = _decoded(self.name, self.line, self.header, column=2)
        words = header.split(maxsplit=1)
        if not words or not header.startswith(words[0]):
            raise FileFormatError(f"{self.name}: line {self.line}: no id directly after '>'")
        return words[0]

    def read_record(self, protein_id: str, *, remove_gaps: bool = False) -> ProteinRecord:
        """The checked record.

        Parameters
        ----------
        protein_id
            From `read_id`.
        remove_gaps
            Whether "-" and "." are removed or an error.

        Raises
        ------
        FileFormatError
            If there are no residues, or a letter that stands for none, naming line and column.
        """
        ignored = _SPACE_AND_GAPS if remove_gaps else _SPACE
        residues = self.body.translate(_UPPER, ignored).removesuffix(b"*")
        try:
            return ProteinRecord(id=protein_id, sequence=residues.decode("ascii"))
        except (UnicodeDecodeError, RecordError):
            return self._read_by_line(protein_id, remove_gaps=remove_gaps)

    def _read_by_line(self, protein_id: str, *, remove_gaps: bool) -> ProteinRecord:
        """The slow way: finds the place of an error, and knows the white space of all scripts."""
        lines = [
            (number, _decoded(self.name, number, raw))
            for number, raw in enumerate(self.body.split(b"\n"), start=self.line + 1)
        ]
        ignored = _GAPS if remove_gaps else ""
        residues = "".join(
            letter for _, line in lines for letter in "".join(line.split()) if letter not in ignored
        ).removesuffix("*")
        if not residues:
            raise FileFormatError(
                f"{self.name}: line {self.line}: record {protein_id!r} has no residues; remove it"
            )
        if _FOREIGN.search(residues):
            for number, line in lines:
                self._refuse_foreign(protein_id, number, line, ignored)
        try:
            return ProteinRecord(id=protein_id, sequence=residues.upper())
        except RecordError as error:
            raise FileFormatError(f"{self.name}: line {self.line}: {error}") from None

    def _refuse_foreign(self, protein_id: str, number: int, line: str, ignored: str) -> None:
        for match in _FOREIGN.finditer(line):
            letter = match.group()
            if not letter.isspace() and letter not in ignored:
                raise FileFormatError(
                    f"{self.name}: line {number} column {match.start() + 1}: record "
                    f"{protein_id!r} holds {letter!r}, {_advice(letter)}"
                )


def fasta_entries(stream: io.BufferedIOBase, name: str) -> Iterator[list[FastaEntry]]:
    """Cut a stream at every line that begins with ">"; memory holds one block or one record.

    Parameters
    ----------
    stream
        Unix, Windows or old Mac line ends. Is read no further than asked for, so that what comes
        through a pipe is there as soon as it was sent.
    name
        What errors call it.

    Yields
    ------
    list[FastaEntry]
        In order, what each block of the stream completes.

    Raises
    ------
    FileFormatError
        If the stream is empty, or holds text before the first ">".
    """
    held, line = _opening(stream, name)
    unfinished: list[bytes] = []
    while True:
        block = stream.read1(_BLOCK_BYTES)
        text = held + block
        # What belongs to a line end on the edge, "\n" or ">", may be in the next block.
        held = next(filter(text.endswith, _LINE_ENDS), b"") if block else b""
        complete = _unix(text[: len(text) - len(held)]).split(b"\n>")
        if block and len(complete) == 1:
            unfinished += complete
            continue
        complete[0] = b"".join([*unfinished, complete[0]])
        unfinished = [complete.pop()] if block else []
        entries = []
        for record in complete:
            header, _, body = record.partition(b"\n")
            entries.append(FastaEntry(name, line, header, body))
            line += 1 + record.count(b"\n")
        yield entries
        if not block:
            return


def _opening(stream: io.BufferedIOBase, name: str) -> tuple[bytes, int]:
    """What was read beyond the first ">", and the number of its line."""
    text = stream.read(len(codecs.BOM_UTF8)).removeprefix(codecs.BOM_UTF8)
    while not text.strip():
        block = stream.read1(_BLOCK_BYTES)
        if not block:
            raise FileFormatError(f"{name}: no FASTA record; the file is empty")
        text += block
    rest = text.lstrip()
    *_, before = lines = (text[: len(text) - len(rest)] + b".").splitlines()
    if before == b"." and rest.startswith(b">"):
        return rest[1:], len(lines)
    (line, *_) = (rest + stream.read(1 << 12)).splitlines()
    words = "".join(_decoded(name, len(lines), line, len(before), final=False).split())
    shown = words if len(words) <= _SHOWN_LETTERS else f"{words[:_SHOWN_LETTERS]}…"
    raise FileFormatError(
        f"{name}: line {len(lines)}: {shown!r} stands before the first '>'; "
        "this is not a FASTA file"
    )


def _unix(text: bytes) -> bytes:
    if b"\r" not in text:
        return text
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _decoded(name: str, number: int, raw: bytes, column: int = 1, *, final: bool = True) -> str:
    try:
        text, _ = codecs.utf_8_decode(raw, "strict", final)
    except UnicodeDecodeError as error:
        raise FileFormatError(
            f"{name}: line {number} is not UTF-8 text (byte 0x{raw[error.start]:02x} at column "
            f"{error.start + column}); convert the file, for example with iconv"
        ) from None
    if "\0" in text:
        raise FileFormatError(f"{name}: line {number} holds binary data, not text")
    return text


def _advice(letter: str) -> str:
    if letter in _GAPS:
        return 'a gap: remove the alignment\'s gaps (in Python: read_fasta(…, gaps="remove"))'
    if letter == "*":
        return "a stop codon inside the sequence: split or correct the record"
    return f"which stands for no residue (known: {RESIDUE_LETTERS})"
