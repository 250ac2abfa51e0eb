"""npz: arrays for `numpy.load`, without pickle.

Protein vectors are one matrix beside the columns of its rows::

    ids              str [protein]
    vectors          float32 [protein, width]
    sequence_hashes  str [protein]: refget digest
    lengths          int64 [protein]
    modalities       str [protein]: "sequence", "structure" or "sequence+structure"
    windows          int32 [protein]

Residues are one float32 array [residue, width] per protein, named by its id, and nothing else, as
SeqVec gave them. The model is named in the archive's comment, as JSON.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from multiprot.embedding.exchange.rows import Rows
from multiprot.errors import EmbeddingError

_MEMBER: Final = ".npy"
_STRINGS_AT_ONCE: Final = 65_536


def write_npz(rows: Rows, path: Path) -> None:
    """Write the rows; vectors are streamed, the other columns are collected in memory.

    Parameters
    ----------
    rows
        What to write.
    path
        File to write; replaced.

    Raises
    ------
    EmbeddingError
        If the archive could not tell two ids apart.
    """
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = json.dumps(dict(rows.origin), indent=1).encode()
        if rows.residues:
            _write_residues(archive, rows)
        else:
            _write_vectors(archive, rows)


def _write_residues(archive: zipfile.ZipFile, rows: Rows) -> None:
    _refuse_double_names(rows.ids)
    for chunk in rows.chunks():
        for protein in chunk:
            with _member(archive, protein.id) as handle:
                np.lib.format.write_array(handle, np.asarray(protein.residues), allow_pickle=False)


def _write_vectors(archive: zipfile.ZipFile, rows: Rows) -> None:
    lengths, windows = [], []
    hashes: list[str] = []
    modalities: list[str] = []
    with _member(archive, "vectors") as handle:
        _write_header(handle, "<f4", (len(rows), rows.width))
        for chunk in rows.chunks():
            handle.write(np.ascontiguousarray(chunk.vectors, dtype="<f4").data)
            lengths.append(chunk.lengths)
            windows.append(chunk.windows)
            hashes.extend(chunk.sequence_hashes)
            modalities.extend(map("+".join, chunk.modalities))
    _write_strings(archive, "ids", rows.ids)
    _write_strings(archive, "sequence_hashes", hashes)
    _write_array(archive, "lengths", np.concatenate(lengths))
    _write_strings(archive, "modalities", modalities)
    _write_array(archive, "windows", np.concatenate(windows))


def _write_array(archive: zipfile.ZipFile, name: str, array: Any) -> None:
    with _member(archive, name) as handle:
        np.lib.format.write_array(handle, array, allow_pickle=False)


def _write_strings(archive: zipfile.ZipFile, name: str, values: Sequence[str]) -> None:
    """A column of strings as fixed-width Unicode, written in parts: one long id widens all."""
    kind = f"<U{max(1, max(map(len, values)))}"
    with _member(archive, name) as handle:
        _write_header(handle, kind, (len(values),))
        for start in range(0, len(values), _STRINGS_AT_ONCE):
            handle.write(np.array(values[start : start + _STRINGS_AT_ONCE], dtype=kind).tobytes())


def _write_header(handle: IO[bytes], kind: str, shape: tuple[int, ...]) -> None:
    header = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(handle, header)


@contextmanager
def _member(archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
    # ZipInfo's own date, not the present one: the same rows give the same bytes.
    member = zipfile.ZipInfo(name + _MEMBER)
    with archive.open(member, "w", force_zip64=True) as handle:
        yield handle


def _refuse_double_names(ids: tuple[str, ...]) -> None:
    """`numpy.load` takes "a.npy" for a name of the array "a"."""
    known = set(ids)
    for protein_id in ids:
        if protein_id.endswith(_MEMBER) and protein_id.removesuffix(_MEMBER) in known:
            raise EmbeddingError(
                f"ids {protein_id.removesuffix(_MEMBER)!r} and {protein_id!r} are one name in npz; "
                "export them to two files (--ids), or to HDF5"
            )
