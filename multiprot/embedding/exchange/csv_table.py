"""CSV and TSV: id, length and one column per channel.

A number is written with as few digits as bring back the same float32.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from multiprot.embedding.embeddings import Embeddings
from multiprot.embedding.exchange.rows import Rows

_ROWS_AT_ONCE: Final = 1024
_GZIP_LEVEL: Final = 6


def channel_names(width: int) -> list[str]:
    """Names of the columns that a vector's numbers go to."""
    return [f"channel_{channel}" for channel in range(width)]


def write_csv(rows: Rows, path: Path, *, delimiter: str = ",", compress: bool = False) -> None:
    """Write one line per row below a line of names.

    Parameters
    ----------
    rows
        What to write.
    path
        File to write; replaced.
    delimiter
        Between columns. An id that holds it, or a quote, is quoted.
    compress
        Whether to write gzip.
    """
    with _opened(path, compress=compress) as handle:
        names = ["id", "length", *channel_names(rows.width)]
        handle.write(f"{delimiter.join(names)}\n".encode())
        for chunk in rows.chunks():
            for start in range(0, len(chunk), _ROWS_AT_ONCE):
                handle.write(_lines(chunk, slice(start, start + _ROWS_AT_ONCE), delimiter))


def _lines(chunk: Embeddings, part: slice, delimiter: str) -> bytes:
    vectors = chunk.vectors[part]
    ids = pa.array([_quoted(protein_id, delimiter) for protein_id in chunk.ids[part]])
    lengths = pc.cast(pa.array(chunk.lengths[part]), pa.string())
    # Arrow casts a float to the shortest text that is read as the same float.
    numbers = pc.cast(pa.array(vectors.reshape(-1)), pa.string())
    starts = np.arange(0, vectors.size + 1, vectors.shape[1], dtype=np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(starts), numbers), delimiter)
    lines = pc.binary_join_element_wise(ids, lengths, joined, delimiter)
    return "\n".join([*lines.to_pylist(), ""]).encode()


def _quoted(text: str, delimiter: str) -> str:
    if delimiter in text or '"' in text:
        return '"' + text.replace('"', '""') + '"'
    return text


@contextmanager
def _opened(path: Path, *, compress: bool) -> Iterator[IO[bytes]]:
    with path.open("wb") as raw:
        if not compress:
            yield raw
            return
        # A fixed time and no name inside: the same rows give the same bytes.
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, raw, mtime=0) as zipped:
            yield zipped  # type: ignore[misc]
