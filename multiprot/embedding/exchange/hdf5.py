"""HDF5: one dataset per protein, named by its id, as ProtTrans and UniProt give embeddings.

::

    /                 attributes: model, model_hash, space, pooling, width, …
    /P12345           float32 [width], or [residue, width]
                      attributes: original_id, sequence_hash, length, modalities, windows,
                      model_hash

`original_id` is what bio_embeddings and biotrainer find a protein by. Datasets are in the store's
order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from multiprot.embedding.embeddings import EmbeddedProtein
from multiprot.embedding.exchange.hdf5_file import new_hdf5
from multiprot.embedding.exchange.rows import Rows
from multiprot.errors import EmbeddingError

_ITSELF: Final = "."
"""In HDF5 this names the group, not a member of it."""


def write_hdf5(rows: Rows, path: Path, *, escape_ids: bool = False) -> None:
    """Write one dataset per row.

    Parameters
    ----------
    rows
        What to write.
    path
        File to write; replaced.
    escape_ids
        Percent-encode what HDF5 cannot have in a name ("/" becomes "%2F", and so that this can be
        undone, "%" becomes "%25"), instead of an error.

    Raises
    ------
    EmbeddingError
        If h5py is missing, or an id cannot be the name of a dataset, unless `escape_ids`.
    """
    if not escape_ids:
        _refuse_paths(rows.ids)
    with new_hdf5(path) as (file, watched):
        file.attrs.update(rows.origin)
        model_hash = rows.origin.get("model_hash")
        for chunk in rows.chunks():
            for protein in chunk:
                name = _escaped(protein.id) if escape_ids else protein.id
                data = protein.residues if rows.residues else protein.vector
                attributes = file.create_dataset(name, data=data).attrs
                for key, value in _attributes(protein).items():
                    attributes[key] = value
                if model_hash is not None:
                    attributes["model_hash"] = model_hash
            watched.check()


def _attributes(protein: EmbeddedProtein) -> dict[str, str | int]:
    return {
        "original_id": protein.id,
        "sequence_hash": protein.sequence_hash,
        "length": protein.length,
        "modalities": "+".join(protein.modalities),
        "windows": protein.windows,
    }


def _refuse_paths(ids: tuple[str, ...]) -> None:
    for protein_id in ids:
        if "/" in protein_id or protein_id == _ITSELF:
            raise EmbeddingError(
                f"id {protein_id!r} cannot name an HDF5 dataset: '/' would make groups of it, '.' "
                "is the file itself; percent-encode such ids with --escape-ids (in Python: "
                "ExportOptions(escape_ids=True)), or choose another format"
            )


def _escaped(protein_id: str) -> str:
    """`urllib.parse.unquote` gives the id back."""
    if protein_id == _ITSELF:
        return "%2E"
    return protein_id.replace("%", "%25").replace("/", "%2F")
