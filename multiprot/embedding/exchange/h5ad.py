"""AnnData (.h5ad): the matrix X, a table `obs` of its rows, and the model in `uns`.

Written with h5py alone, row by row, as anndata's documentation of its file format says
(https://anndata.readthedocs.io/en/stable/fileformat-prose.html, encodings of anndata 0.8 and
later), so that the matrix is never in memory and exporting asks for no version of pandas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from multiprot.embedding.exchange.csv_table import channel_names
from multiprot.embedding.exchange.hdf5_file import WatchedFile, import_h5py, new_hdf5
from multiprot.embedding.exchange.rows import Rows

_COLUMNS: Final = ("sequence_hash", "length", "modalities", "windows")
_EMPTY: Final = ("layers", "obsm", "obsp", "varm", "varp")
_VERSIONS: Final = {
    "anndata": "0.1.0",
    "array": "0.2.0",
    "categorical": "0.2.0",
    "dataframe": "0.2.0",
    "dict": "0.1.0",
    "numeric-scalar": "0.2.0",
    "string": "0.2.0",
    "string-array": "0.2.0",
}
"""Encoding -> its version."""


def write_h5ad(rows: Rows, path: Path) -> None:
    """Write the rows as the observations of an AnnData.

    Parameters
    ----------
    rows
        What to write.
    path
        File to write; replaced.

    Raises
    ------
    EmbeddingError
        If h5py is missing.
    """
    with new_hdf5(path) as (file, watched):
        _encoded(file, "anndata")
        for name in _EMPTY:
            _encoded(file.create_group(name), "dict")
        _write_rows(file, rows, watched)
        channels = _table(file, "var", index="channel", columns=())
        _strings(channels, "channel", channel_names(rows.width))
        unstructured = _encoded(file.create_group("uns"), "dict")
        _write_origin(unstructured.create_group("multiprot"), rows.origin)


def _write_rows(file: Any, rows: Rows, watched: WatchedFile) -> None:
    table = _table(file, "obs", index="id", columns=_COLUMNS)
    _strings(table, "id", rows.ids)
    matrix = _array(file, "X", (len(rows), rows.width), np.float32)
    hashes = _strings(table, "sequence_hash", length=len(rows))
    lengths = _array(table, "length", (len(rows),), np.int64)
    windows = _array(table, "windows", (len(rows),), np.int32)
    modalities = _encoded(table.create_group("modalities"), "categorical")
    modalities.attrs["ordered"] = False
    codes = _array(modalities, "codes", (len(rows),), np.int8)
    categories: dict[str, int] = {}
    start = 0
    for chunk in rows.chunks():
        part = slice(start, start + len(chunk))
        start = part.stop
        matrix[part], lengths[part], windows[part] = chunk.vectors, chunk.lengths, chunk.windows
        hashes[part] = np.array(chunk.sequence_hashes, dtype=object)
        names = map("+".join, chunk.modalities)
        codes[part] = [categories.setdefault(name, len(categories)) for name in names]
        watched.check()
    _strings(modalities, "categories", list(categories))


def _write_origin(group: Any, origin: Mapping[str, str | int]) -> None:
    _encoded(group, "dict")
    for name, value in origin.items():
        kind = "string" if isinstance(value, str) else "numeric-scalar"
        _encoded(group.create_dataset(name, data=value), kind)


def _table(file: Any, name: str, *, index: str, columns: Sequence[str]) -> Any:
    group = _encoded(file.create_group(name), "dataframe")
    group.attrs["_index"] = index
    text = import_h5py().string_dtype()
    group.attrs.create("column-order", np.array(columns, dtype=object), dtype=text)
    return group


def _array(group: Any, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
    return _encoded(group.create_dataset(name, shape=shape, dtype=dtype), "array")


def _strings(
    group: Any, name: str, values: Sequence[str] | None = None, *, length: int | None = None
) -> Any:
    """A column of `values`, or of `length` values that are still to come."""
    text = import_h5py().string_dtype()
    data = None if values is None else np.array(values, dtype=object)
    shape = (length,) if values is None else (len(values),)
    return _encoded(group.create_dataset(name, shape, text, data), "string-array")


def _encoded(element: Any, kind: str) -> Any:
    element.attrs["encoding-type"] = kind
    element.attrs["encoding-version"] = _VERSIONS[kind]
    return element
