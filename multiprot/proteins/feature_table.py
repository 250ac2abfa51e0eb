"""Reading feature spans from a table."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

from multiprot.errors import FileFormatError, RecordError
from multiprot.files import read_lines
from multiprot.proteins.features import FeatureSpan

_COLUMNS: Final = ("protein_id", "type", "start", "end", "name")
_NO_VALUE: Final = frozenset({"", ".", "-"})


class FeatureTable(dict[str, tuple[FeatureSpan, ...]]):
    """Sorted spans by protein id, 0-based and half-open.

    Attributes
    ----------
    without_range
        Number of rows that were left out because they state no range.
    """

    without_range: int = 0


def read_feature_table(path: Path | str) -> FeatureTable:
    """Read a TSV file with a header line and the columns protein_id, type, start, end, name.

    Start and end are 1-based and inclusive; "." in both means that the range is not known, and
    such a row is counted but not kept. Further columns are passed over.

    Raises
    ------
    FileFormatError
        If the file cannot be read, lacks a column, or has a range that is none; the message names
        the line.
    """
    source = Path(path)
    lines = enumerate(read_lines(source), start=1)
    header = next(lines, (1, ""))[1].split("\t")
    missing = [column for column in _COLUMNS if column not in header]
    if missing:
        raise FileFormatError(
            f"{source}: line 1: no column {', '.join(missing)}; the header must name "
            f"{', '.join(_COLUMNS)}, separated by tabs"
        )
    columns = [header.index(column) for column in _COLUMNS]
    spans: dict[str, list[FeatureSpan]] = defaultdict(list)
    table = FeatureTable()
    for number, line in lines:
        cells = line.split("\t")
        if not line.strip():
            continue
        if len(cells) != len(header):
            raise FileFormatError(
                f"{source}: line {number}: {len(cells)} columns where the header has {len(header)}"
            )
        protein, kind, start, end, name = (cells[column] for column in columns)
        if start in _NO_VALUE and end in _NO_VALUE:
            table.without_range += 1
        else:
            spans[protein].append(_span(start, end, kind, name, f"{source}: line {number}"))
    table.update({protein: tuple(sorted(found)) for protein, found in spans.items()})
    return table


def _span(start: str, end: str, kind: str, name: str, where: str) -> FeatureSpan:
    try:
        return FeatureSpan(int(start) - 1, int(end), kind, name)
    except (ValueError, RecordError):
        raise FileFormatError(
            f"{where}: {start!r} to {end!r} is no range; residues are numbered from 1, both ends "
            "included"
        ) from None
