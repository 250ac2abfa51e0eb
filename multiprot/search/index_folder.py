"""An approximate index on disk: built once, good for one store.

::

    _manifest.json    metric, lists, probes, measured recall, hash of the store's own manifest
    index.faiss       what faiss writes

The manifest is written last and holds the hash of the other file, so that a folder which was cut
short or altered is refused before faiss reads a byte of it.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from multiprot.bundle.manifest import ManifestKind, read_manifest, write_manifest
from multiprot.embedding import EmbeddingStore
from multiprot.embedding.store_format import STORE
from multiprot.errors import SearchError
from multiprot.files import atomic_folder, sha256
from multiprot.search.approximate import RECALL_AT, InvertedFile, import_faiss
from multiprot.search.index import NeighbourIndex
from multiprot.search.options import Metric

INDEX: Final = ManifestKind(
    "_manifest.json", "multiprot-neighbour-index", 1, "neighbour index", SearchError
)
_FAISS_FILE: Final = "index.faiss"


def save_index(
    index: NeighbourIndex, store: EmbeddingStore, folder: Path, *, overwrite: bool = False
) -> None:
    """Write an approximate index; the folder is whole or absent.

    Parameters
    ----------
    index
        Made by `NeighbourIndex.build_approximate`.
    store
        Of which it was made; the manifest of a store holds the hashes of all its files.
    folder
        Where to.
    overwrite
        Replace what lies there.

    Raises
    ------
    SearchError
        If the index is exact: then there is nothing to keep but the store.
    OutputExistsError
        If `folder` holds anything, unless `overwrite`.
    """
    made = index.inverted_file
    if made is None:
        raise SearchError(f"{folder}: an exact index is not saved; its vectors are in the store")
    header = {
        "multiprot_version": version("multiprot"),
        "faiss_version": import_faiss().__version__,
        "store_manifest_sha256": _hash_of(store),
        "metric": index.metric,
        "proteins": len(index),
        "width": index.width,
        "lists": made.lists,
        "probes": made.probes,
        "wanted": made.wanted,
        "recall": made.recall,
        "recall_at": RECALL_AT,
    }
    with atomic_folder(folder, overwrite=overwrite) as partial:
        import_faiss().write_index(made.index, str(partial / _FAISS_FILE))
        write_manifest(partial, INDEX, header, [_FAISS_FILE])


def load_index(
    folder: Path, store: EmbeddingStore, metric: Metric, *, recall: float = 0.0
) -> NeighbourIndex:
    """The index that `save_index` wrote for `store`.

    Parameters
    ----------
    folder
        The index.
    store
        The store that the index was made of; its vectors are not read.
    metric
        The metric wanted.
    recall
        The recall that it must have been built for.

    Raises
    ------
    SearchError
        If the folder is not a whole index, or one of another store or metric, or for less recall;
        names both.
    """
    manifest = read_manifest(folder, INDEX)
    header = manifest.header
    again = "remove it to have it built again, or name another folder"
    if header["metric"] != metric:
        raise SearchError(f"{folder}: is an index for {header['metric']}, not {metric}; {again}")
    if header["store_manifest_sha256"] != _hash_of(store):
        raise SearchError(
            f"{folder}: is not an index of {store.folder}, but of another store of "
            f"{header['proteins']:,} proteins with {header['width']} channels, or of this one "
            f"before it was made anew; {again}"
        )
    if header["wanted"] < recall:
        raise SearchError(
            f"{folder}: was built for a recall of {header['wanted']:g}, not {recall:g}; {again}"
        )
    figures = {name: header[name] for name in ("lists", "probes", "wanted", "recall")}
    made = InvertedFile(_read(manifest.verified(_FAISS_FILE)), **figures)
    return NeighbourIndex(store, metric, inverted_file=made)


def _hash_of(store: EmbeddingStore) -> str:
    return sha256(store.folder / STORE.file_name)


def _read(path: Path) -> Any:
    try:
        return import_faiss().read_index(str(path))
    except RuntimeError as error:
        raise SearchError(
            f"{path}: cannot be read by this version of faiss ({error}); build the index again"
        ) from None
