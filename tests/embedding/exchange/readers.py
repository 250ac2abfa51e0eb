"""What other programs read out of exported files, in a few lines each and without multiprot."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import h5py
import numpy as np
from numpy.typing import NDArray

Vectors = dict[str, NDArray[np.float32]]


def read_hdf5(path: Path) -> Vectors:
    """Of a file whose ids were escaped."""
    with h5py.File(path) as file:
        return {unquote(name): file[name][()] for name in file}


def read_npz(path: Path) -> Vectors:
    with np.load(path, allow_pickle=False) as archive:
        if "vectors" not in archive.files:
            return {name: archive[name] for name in archive.files}
        return dict(zip(archive["ids"].tolist(), archive["vectors"], strict=True))


def read_csv(path: Path) -> Vectors:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    delimiter = "\t" if ".tsv" in path.suffixes else ","
    with opened(path, "rt", encoding="utf-8", newline="") as handle:
        names, *rows = csv.reader(handle, delimiter=delimiter)
    assert names[:3] == ["id", "length", "channel_0"]
    return {row[0]: np.array(row[2:], dtype=np.float64).astype(np.float32) for row in rows}


def read_h5ad(path: Path) -> Vectors:
    with h5py.File(path) as file:
        return dict(zip(file["obs/id"].asstr()[:].tolist(), file["X"][:], strict=True))


READERS = {
    "a.h5": read_hdf5,
    "a.hdf5": read_hdf5,
    "a.npz": read_npz,
    "a.csv": read_csv,
    "a.csv.gz": read_csv,
    "a.tsv": read_csv,
    "a.tsv.gz": read_csv,
    "A.H5AD": read_h5ad,
}
"""File name -> how it is read."""
FORMATS = ("a.h5", "a.npz", "a.csv", "a.h5ad")
"""One name of each format."""
