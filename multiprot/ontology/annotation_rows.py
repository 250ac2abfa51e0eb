"""Rows of annotation files: GAF 2.x, GPAD 1.x and 2.x, and TSV with a header.

goatools' file readers do not fit here (1.6.7): GpadReader loses the first row, takes GPAD 2.0 for
1.1 and ends the process with `sys.exit` on any property but go_evidence; GafReader does not open
gzip files and ends the process on a comment between rows or a row without its two optional columns.
Both print to stdout. What fits is goatools' table from ECO to evidence codes; that both sides read
the same where both can read is tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

from multiprot.errors import FileFormatError
from multiprot.files import read_lines

AnnotationFormat = Literal["auto", "gaf", "gpad", "tsv"]

_TSV_REQUIRED: Final = ("protein_id", "go_id")
_TSV_OPTIONAL: Final = ("aspect", "evidence", "qualifier")
_GAF_COLUMNS: Final = range(15, 18)
_GPAD_COLUMNS: Final = range(10, 13)
_GENE_PRODUCT_FORM: Final = 16
_VERSION_TAGS: Final = {"!gaf-version": "gaf", "!gpa-version": "gpad", "!gpad-version": "gpad"}

_Numbered = Iterator[tuple[int, str]]


class AnnotationRow(NamedTuple):
    """One statement of an annotation file.

    Attributes
    ----------
    line
        Number of the line.
    protein_id, go_id
        As in the file; a database prefix of the protein is dropped.
    aspect
        As in the file, empty if not given.
    evidence
        Evidence code in upper case, empty if not given.
    denied
        The qualifier holds NOT.
    isoform
        The row speaks of one isoform or fragment of the protein only (GAF column 17).
    """

    line: int
    protein_id: str
    go_id: str
    aspect: str
    evidence: str
    denied: bool
    isoform: bool


def read_annotation_rows(
    path: Path, file_format: AnnotationFormat = "auto"
) -> Iterator[AnnotationRow]:
    """Rows of a plain, gzip or xz file, in its order.

    Parameters
    ----------
    path
        The file.
    file_format
        "auto" goes by the version line (``!gaf-version: 2.2``, ``!gpa-version: 1.1``,
        ``!gpad-version: 2.0``) or by a TSV header with protein_id and go_id.

    Raises
    ------
    FileFormatError
        If the file is missing, empty, damaged, of another format, or a row has not its columns.
    """
    lines = enumerate(read_lines(path), start=1)
    found, version, first = _head(path, lines)
    chosen = found if file_format == "auto" else file_format
    if chosen == "gaf":
        yield from _gaf(path, version, _chain(first, lines))
    elif chosen == "gpad":
        yield from _gpad(path, version, _chain(first, lines))
    else:
        yield from _tsv(path, first, lines)


def _head(path: Path, lines: _Numbered) -> tuple[str, str, tuple[int, str]]:
    """Format and version as the comment lines at the top declare them, and the line after them."""
    found, version = "tsv", ""
    for number, line in lines:
        if not line.startswith("!"):
            if line.strip():
                return found, version, (number, line)
            continue
        tag, _, value = line.partition(":")
        if tag.strip().lower() in _VERSION_TAGS:
            found, version = _VERSION_TAGS[tag.strip().lower()], value.strip()
    raise FileFormatError(f"{path}: holds no annotation")


def _chain(first: tuple[int, str], lines: _Numbered) -> _Numbered:
    yield first
    yield from ((n, line) for n, line in lines if line and not line.startswith("!"))


def _tsv(path: Path, header: tuple[int, str], lines: _Numbered) -> Iterator[AnnotationRow]:
    names = header[1].split("\t")
    missing = [name for name in _TSV_REQUIRED if name not in names]
    if missing:
        raise FileFormatError(
            f"{path}: line {header[0]} is neither the header of a TSV file with the columns "
            f"{' and '.join(_TSV_REQUIRED)} (missing: {', '.join(missing)}) nor is there a "
            "'!gaf-version:' or '!gpa-version:' line"
        )
    width = len(names)
    protein, term = (names.index(name) for name in _TSV_REQUIRED)
    # An absent optional column reads the empty text that is put behind every row.
    aspect, evidence, qualifier = (
        names.index(name) if name in names else width for name in _TSV_OPTIONAL
    )
    for number, line in lines:
        if not line.strip():
            continue
        cells = line.split("\t")
        if len(cells) != width:
            raise _wrong_columns(path, number, len(cells), str(width))
        cells.append("")
        if not cells[protein] or not cells[term]:
            raise FileFormatError(f"{path}: line {number} has no protein_id or no go_id")
        yield AnnotationRow(
            number,
            cells[protein],
            cells[term],
            cells[aspect],
            cells[evidence].upper(),
            _denies(cells[qualifier]),
            False,
        )


def _gaf(path: Path, version: str, lines: _Numbered) -> Iterator[AnnotationRow]:
    if version and not version.startswith("2."):
        raise FileFormatError(f"{path}: GAF version {version}; versions 2.0 to 2.2 can be read")
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) not in _GAF_COLUMNS:
            raise _wrong_columns(path, number, len(cells), "15 to 17 (GAF)")
        _require(path, number, cells, {"DB Object ID": 1, "GO ID": 4, "Evidence Code": 6})
        isoform = len(cells) > _GENE_PRODUCT_FORM and bool(cells[_GENE_PRODUCT_FORM].strip())
        yield AnnotationRow(
            number, cells[1], cells[4], cells[8], cells[6].upper(), _denies(cells[3]), isoform
        )


def _gpad(path: Path, version: str, lines: _Numbered) -> Iterator[AnnotationRow]:
    from goatools.anno.eco2group import ECO2GRP

    if version and version[0] not in "12":
        raise FileFormatError(f"{path}: GPAD version {version}; versions 1.x and 2.0 can be read")
    curies = version.startswith("2")
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) not in _GPAD_COLUMNS:
            raise _wrong_columns(path, number, len(cells), "10 to 12 (GPAD)")
        protein = cells[0].partition(":")[2] if curies else cells[1]
        if not protein:
            raise FileFormatError(f"{path}: line {number} has no DB Object ID")
        code = ECO2GRP.get(cells[5])
        if code is None:
            raise FileFormatError(
                f"{path}: line {number}: evidence {cells[5]!r} of {protein} is no ECO id that has "
                "a GO evidence code; correct it or update goatools"
            )
        denied = _denies(cells[1] if curies else cells[2])
        yield AnnotationRow(number, protein, cells[3], "", code, denied, False)


def _denies(qualifier: str) -> bool:
    return bool(qualifier) and "NOT" in qualifier.upper().split("|")


def _require(path: Path, number: int, cells: list[str], columns: dict[str, int]) -> None:
    for name, column in columns.items():
        if not cells[column]:
            raise FileFormatError(f"{path}: line {number}: column {column + 1} ({name}) is empty")


def _wrong_columns(path: Path, number: int, found: int, expected: str) -> FileFormatError:
    return FileFormatError(
        f"{path}: line {number} has {found} tab-separated columns, expected {expected}"
    )
