"""Some vectors out of a file, to compare a batch with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import DataError

_SEED: Final = 0


def read_reference(path: Path, size: int, width: int) -> NDArray[np.float32]:
    """A fixed random choice of the vectors in `path`.

    Parameters
    ----------
    path
        An embedding store (`multiprot embed`), a Parquet file with a column `vector`, or an .npy
        file with an array [protein, channel].
    size
        How many.
    width
        Channels they must have.

    Returns
    -------
    NDArray
        float32 [size, width], finite and none of them zero.

    Raises
    ------
    DataError
        If the file holds something else, or fewer vectors.
    """
    try:
        found = _from_npy(path, size) if path.suffix == ".npy" else _from_parquet(path, size)
    except (OSError, EOFError, ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise DataError(
            f"{path}: no vectors can be read from it ({error}); give an embedding store or an .npy "
            "file [protein, channel]"
        ) from None
    if found.shape[1] != width:
        raise DataError(
            f"{path}: vectors of {found.shape[1]} channels, the model's have {width}; "
            "embed the reference proteins with this model, in the space that the objective names"
        )
    if not np.isfinite(found).all() or not found.any(axis=1).all():
        raise DataError(
            f"{path}: among {size} vectors one is zero or not finite; embed these proteins again"
        )
    return found


def _from_npy(path: Path, size: int) -> NDArray[np.float32]:
    array: NDArray[Any] | Any = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("several arrays in one archive")
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ValueError(f"an array {array.dtype} of shape {list(array.shape)}")
    return np.asarray(array[_chosen(len(array), size, path)], dtype=np.float32)


def _from_parquet(path: Path, size: int) -> NDArray[np.float32]:
    import pyarrow.dataset

    dataset = pyarrow.dataset.dataset(path)
    if "vector" not in dataset.schema.names:
        raise ValueError(f"columns {', '.join(dataset.schema.names) or 'none'}")
    rows = _chosen(dataset.count_rows(), size, path)
    column = dataset.take(rows, columns=["vector"])["vector"].to_pylist()
    return np.array(column, dtype=np.float32).reshape(size, -1)


def _chosen(total: int, size: int, path: Path) -> NDArray[np.int64]:
    """Ascending rows."""
    if total < size:
        raise DataError(
            f"{path}: {total} vectors, {size} are wanted; lower the objective's option "
            "reference_size or embed more proteins"
        )
    return np.sort(np.random.default_rng(_SEED).choice(total, size=size, replace=False))
