"""BinaryCIF through biotite, handed on as CIF categories."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError
from multiprot.proteins.cif_tables import (
    NEEDED_CATEGORIES,
    CifTable,
    CifTables,
    blank_unknown,
    to_numbers,
)


class BinaryTable:
    """A category whose columns are decoded when asked for."""

    def __init__(self, category: Any) -> None:
        self._category = category
        self._names = {name.lower(): name for name in category}

    def __len__(self) -> int:
        return int(self._category.row_count)

    def text(self, name: str) -> NDArray[np.str_] | None:
        """See `CifTable.text`."""
        column = self._column(name)
        if column is None:
            return None
        return blank_unknown(np.array(column.as_array(np.str_, masked_value="")))

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """See `CifTable.numbers`."""
        column = self._column(name)
        if column is None:
            return None
        if column.data.array.dtype.kind in "US":
            return to_numbers(blank_unknown(np.array(column.as_array(np.str_, "?"))), name)
        return np.asarray(column.as_array(np.float64, masked_value=np.nan))

    def _column(self, name: str) -> Any:
        stored = self._names.get(name.lower())
        return None if stored is None else self._category[stored]


def read_binarycif(content: bytes) -> CifTables:
    """Categories of the first data block that has atoms."""
    from biotite.structure.io.pdbx import BinaryCIFFile

    file = BinaryCIFFile.read(BytesIO(content))
    for block in file.values():
        if "atom_site" in block and block["atom_site"].row_count:
            tables: dict[str, CifTable] = {
                name: BinaryTable(block[name]) for name in NEEDED_CATEGORIES if name in block
            }
            return tables
    raise FileFormatError("the BinaryCIF file holds no atoms (no atom_site rows)")
