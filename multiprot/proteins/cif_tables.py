"""Categories of an mmCIF or BinaryCIF file as named columns, whichever library read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError

NEEDED_CATEGORIES: Final = (
    "atom_site",
    "entity",
    "entity_poly",
    "entity_poly_seq",
    "exptl",
    "ma_qa_metric",
    "pdbx_struct_mod_residue",
    "struct",
    "struct_asym",
)
"""What this package reads of a file; everything else is passed over."""

_LARGEST: Final = 1e9


class CifTable(Protocol):
    """One category: columns of equal length, asked for by name in any letter case."""

    def __len__(self) -> int: ...

    def text(self, name: str) -> NDArray[np.str_] | None:
        """Column as text [row], "" where the file has "." or "?"; None if there is no column."""

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """Column as numbers [row], NaN where the file has "." or "?"; None if there is none."""


CifTables = Mapping[str, CifTable]
"""Categories by name, without the leading underscore; absent ones are left out."""


def blank_unknown(values: NDArray[np.str_]) -> NDArray[np.str_]:
    """Replace "." and "?" by ""; `values` [row] is changed in place and returned."""
    values[(values == ".") | (values == "?")] = ""
    return values


def to_numbers(values: NDArray[np.str_], name: str) -> NDArray[np.float64]:
    """Text [row] as numbers, "" as NaN; a standard uncertainty such as 1.2(3) is dropped."""
    for candidate in (values, np.char.partition(values, "(")[..., 0]):
        try:
            numbers = np.where(candidate == "", "nan", candidate).astype(np.float64)
        except ValueError as error:
            problem = error
        else:
            return plausible(numbers, name)
    raise FileFormatError(f"column {name} holds something that is no number ({problem})")


def plausible(numbers: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """`numbers` [row] as they are; infinite or absurd ones are an error."""
    absurd = np.abs(numbers) > _LARGEST
    if absurd.any():
        raise FileFormatError(f"column {name} holds {numbers[absurd][0]}, which cannot be right")
    return numbers


def text_column(table: CifTable, name: str) -> NDArray[np.str_]:
    """Column [row], "" where the file has no value or no such column."""
    values = table.text(name)
    return np.full(len(table), "", dtype=np.str_) if values is None else values


def first_given(table: CifTable, *names: str) -> NDArray[np.str_]:
    """First of several columns that has a value, row by row."""
    values = text_column(table, names[0])
    for name in names[1:]:
        if (values == "").any():
            values = np.where(values == "", text_column(table, name), values)
    return values


def number_column(table: CifTable, name: str, default: float | None = None) -> NDArray[np.float64]:
    """Column [row], NaN where unknown; `default` throughout, or an error, if there is none."""
    values = table.numbers(name)
    if values is not None:
        return values
    if default is None:
        raise FileFormatError(f"the atom table has no column {name}")
    return np.full(len(table), default)


def integer_column(
    table: CifTable, name: str, missing: int | NDArray[np.int64] = 0
) -> NDArray[np.int64]:
    """Column [row] of whole numbers, `missing` where the file has no value or no such column."""
    values = number_column(table, name, default=np.nan)
    whole = np.where(np.isnan(values), missing, values)
    if not np.array_equal(whole, np.rint(whole)):
        raise FileFormatError(f"column {name} holds something that is no whole number")
    return whole.astype(np.int64)
