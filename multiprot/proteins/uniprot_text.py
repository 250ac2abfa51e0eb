"""Reading features from the text form of UniProtKB, by Biopython."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from multiprot.errors import FileFormatError, RecordError
from multiprot.files import read_lines
from multiprot.optional import optional_module
from multiprot.proteins.feature_table import FeatureTable
from multiprot.proteins.uniprot_features import FeatureCollector

# What Biopython raises where a file is not of the form, beside its own ValueErrors.
_NOT_THE_FORM: Final = (ValueError, AssertionError, LookupError, AttributeError, TypeError)

# A quotation mark inside a note is written twice, which Biopython takes for the note's end.
_QUALIFIER: Final = re.compile(r'(FT {19}(?:/[a-z_]+=")?)(.*)', re.DOTALL)
_QUOTATION_MARK: Final = "\0"

# How files from before December 2019 end a description.
_OLD_EVIDENCE: Final = re.compile(
    r"\.?(\s*(\{ECO:[^}]*\}|\((By similarity|Potential|Probable)\)))*\.?$"
)


def read_uniprot_text(path: Path | str) -> FeatureTable:
    """Read the features of UniProtKB entries in text form ("flat file").

    Kinds and names are those of `feature_kind` and `feature_name`, ids the primary accessions. A
    feature with an inexact or unknown end ("<1", ">20", "?", "?12") or on another isoform
    ("P12345-2:3..9") is counted but not kept.

    Raises
    ------
    FileFormatError
        If the file cannot be read or is not of this form, a feature ends before it starts, or a
        protein occurs twice; the message names the line or the entry. Also if Biopython is not
        installed.
    """
    source = Path(path)
    lines = _Lines(source)
    found = FeatureCollector(source)
    for entry in _entries(source, lines):
        accession = entry.accessions[0] if entry.accessions else ""
        found.begin(accession, f"entry {entry.entry_name}, which ends in line {lines.number}")
        try:
            for feature in entry.features:
                _add(found, accession, feature)
        except RecordError as error:
            raise FileFormatError(f"{source}: entry {accession}: {error}") from None
    return found.table()


class _Lines:
    """Lines of a file as Biopython wants them, counted."""

    def __init__(self, source: Path) -> None:
        self._lines = read_lines(source)
        self.number = 0
        self.last = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for line in self._lines:
            self.number += 1
            if line.strip():
                self.last = line
                return _hide_quotation_marks(line) + "\n"
        raise StopIteration

    def read(self, size: int) -> str:
        """Nothing: Biopython asks for no letters to learn that this is text."""
        return ""


def _entries(source: Path, lines: _Lines) -> Iterator[Any]:
    need = f"{source}: features of UniProt's text form need Biopython"
    swissprot = optional_module(
        "Bio.SwissProt", need, "'multiprot[features]'", error=FileFormatError
    )
    try:
        yield from swissprot.parse(lines)
    except _NOT_THE_FORM as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise FileFormatError(
            f"{source}: line {lines.number}, {lines.last[:80]!r}: cannot be read as UniProt's "
            f"text form ({reason}); fetch the file again, or give a table the suffix .tsv"
        ) from None


def _add(found: FeatureCollector, accession: str, feature: Any) -> None:
    start, end = feature.location.start, feature.location.end
    exact = {type(start).__name__, type(end).__name__} == {"ExactPosition"}
    if not exact or feature.location.ref not in (None, accession):
        found.leave_out()
        return
    notes = feature.qualifiers
    old = _OLD_EVIDENCE.sub("", notes.get("description", ""), count=1)
    note = notes.get("note", old).replace(_QUOTATION_MARK, '"')
    found.add(accession, feature.type, note, (int(start) + 1, int(end)))


def _hide_quotation_marks(line: str) -> str:
    qualifier = _QUALIFIER.match(line) if '""' in line else None
    if qualifier is None:
        return line
    return qualifier[1] + qualifier[2].replace('""', _QUOTATION_MARK)
