"""Reading features from the GFF form of UniProtKB, by biotite."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any, Final

from multiprot.errors import FileFormatError, RecordError
from multiprot.files import read_lines
from multiprot.proteins.feature_table import FeatureTable
from multiprot.proteins.uniprot_features import FeatureCollector

_REGION: Final = "##sequence-region"
_START, _END, _COLUMNS = 3, 4, 9
_INEXACT: Final = re.compile(r"\.|[<>?][0-9]*")


def read_uniprot_gff(path: Path | str) -> FeatureTable:
    """Read the features of UniProtKB entries in GFF form.

    Kinds and names are those of `feature_kind` and `feature_name`, ids the first column. A row
    with an inexact or unknown end, or whose id is that of an isoform of the protein it belongs to,
    is counted but not kept. UniProt itself leaves out rows with an unknown end and writes "<1" as
    1, so the other forms can tell more.

    Raises
    ------
    FileFormatError
        If the file cannot be read or is not of this form, a feature ends before it starts, or a
        protein occurs twice; the message names the line.
    """
    source = Path(path)
    rows = _Rows(source)
    for number, line in enumerate(read_lines(source), start=1):
        if line.startswith("##FASTA"):
            break
        try:
            if line.startswith(_REGION):
                rows.open_region(line, number)
            elif line.strip() and not line.startswith("#"):
                rows.add(line, number)
        except RecordError as error:
            raise FileFormatError(f"{source}: line {number}: {error}") from None
    return rows.found.table()


class _Rows:
    """Takes rows one by one and knows to which protein they belong."""

    def __init__(self, source: Path) -> None:
        from biotite.file import InvalidFileError
        from biotite.sequence.io.gff import GFFFile

        self.found = FeatureCollector(source)
        self._source = source
        self._parse = GFFFile.read
        self._not_the_form = (InvalidFileError, ValueError, IndexError)
        self._announced: set[str] = set()
        self._region = self._protein = ""

    def open_region(self, line: str, number: int) -> None:
        """Rows of the protein that a `##sequence-region` names are to come."""
        words = line.removeprefix(_REGION).split()
        self._region = words[0] if words else ""
        self.found.begin(self._region, f"line {number}")
        self._announced.add(self._region)

    def add(self, line: str, number: int) -> None:
        """Keep or count a row."""
        cells = line.split("\t")
        exact = len(cells) < _COLUMNS or not any(
            _INEXACT.fullmatch(cell) for cell in cells[_START : _END + 1]
        )
        protein = cells[0]
        isoform = protein.removeprefix(f"{self._region}-")
        if not exact or (self._region and isoform != protein and isoform.isdecimal()):
            self.found.leave_out()
            return
        row = self._parsed(line, number)
        self._enter(row[0], number)
        self.found.add(row[0], row[2], row[8].get("Note", ""), (row[3], row[4]))

    def _parsed(self, line: str, number: int) -> Any:
        try:
            return self._parse(io.StringIO(line))[0]
        except self._not_the_form as error:
            raise FileFormatError(
                f"{self._source}: line {number}: not a row of GFF 3 ({error}); it needs nine "
                "columns, separated by tabs, the last like Note=SH3;ID=x"
            ) from None

    def _enter(self, protein: str, number: int) -> None:
        if protein == self._protein:
            return
        if protein in self._announced:
            self._announced.remove(protein)
        else:
            self.found.begin(protein, f"line {number}")
        self._protein = protein
