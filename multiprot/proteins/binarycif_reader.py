"""BinaryCIF through biotite, handed on as CIF categories."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError, MultiprotError
from multiprot.proteins.cif_tables import (
    NEEDED_CATEGORIES,
    CifTables,
    blank_unknown,
    plausible,
    to_numbers,
)

_Value = TypeVar("_Value", np.str_, np.float64)


class BinaryTable:
    """A category whose columns are decoded when asked for."""

    def __init__(self, category: Any) -> None:
        with _decoding():
            self._columns = {name.lower(): column for name, column in category.items()}
            self._rows = int(category.row_count)

    def __len__(self) -> int:
        return self._rows

    def text(self, name: str) -> NDArray[np.str_] | None:
        """See `CifTable.text`."""
        column = self._columns.get(name.lower())
        if column is None:
            return None
        with _decoding():
            values = np.array(column.as_array(np.str_, masked_value=""))
        return blank_unknown(self._complete(values, name))

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """See `CifTable.numbers`."""
        column = self._columns.get(name.lower())
        if column is None:
            return None
        with _decoding():
            if column.data.array.dtype.kind in "iuf":
                values = np.asarray(column.as_array(np.float64, masked_value=np.nan))
                return plausible(self._complete(values, name), name)
        text = self.text(name)
        return None if text is None else to_numbers(text, name)

    def _complete(self, values: NDArray[_Value], name: str) -> NDArray[_Value]:
        if len(values) != len(self):
            raise FileFormatError(
                f"damaged BinaryCIF: column {name} has {len(values)} rows instead of {len(self)}"
            )
        return values


def read_binarycif(content: bytes) -> CifTables:
    """Categories of the first data block that has atoms."""
    # biotite takes half a second to import, and text formats do not need it.
    from biotite.structure.io.pdbx import BinaryCIFFile

    with _decoding():
        for block in BinaryCIFFile.read(BytesIO(content)).values():
            if "atom_site" in block and block["atom_site"].row_count:
                return {
                    name: BinaryTable(block[name])
                    for name in NEEDED_CATEGORIES
                    if name in block and block[name].row_count
                }
    raise FileFormatError("the BinaryCIF file holds no atoms (no atom_site rows)")


@contextmanager
def _decoding() -> Iterator[None]:
    """Damaged bytes make biotite, msgpack and numpy raise almost anything: say what it means."""
    try:
        yield
    except MultiprotError:
        raise
    except Exception as error:
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise FileFormatError(f"biotite cannot decode this BinaryCIF ({cause})") from error
