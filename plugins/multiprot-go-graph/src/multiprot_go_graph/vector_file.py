"""Files with one vector per GO term: npz, tables, word2vec's text. No torch.

Ids are brought into one spelling and nothing else is done to the rows: what an id means in a
release is decided in `multiprot_go_graph.placement`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import FileFormatError
from multiprot.files import read_lines

_SPELLED: Final = re.compile(r"<?(?:https?://purl\.obolibrary\.org/obo/)?GO[:_](\d{7})>?")
_SUFFIXES: Final = {
    ".npz": "npz",
    ".tsv": "tsv",
    ".csv": "csv",
    ".txt": "word2vec",
    ".vec": "word2vec",
    ".w2v": "word2vec",
}
_PACKED: Final = (".gz", ".xz")
_SEPARATORS: Final = {"tsv": "\t", "csv": ",", "word2vec": None}


@dataclass(frozen=True, slots=True, eq=False)
class VectorTable:
    """Vectors as a file has them.

    Attributes
    ----------
    ids
        In the file's order, no two alike; GO ids in the spelling GO:0008150, others as they stand.
    vectors
        float32 [row, channel], finite.
    """

    ids: tuple[str, ...]
    vectors: NDArray[np.float32]


def read_vectors(path: Path, kind: str | None = None) -> VectorTable:
    """The table in a file of the given format, or of the one its name says.

    Raises
    ------
    FileFormatError
        If the file is missing, damaged, empty or of another format; names the row where an id
        repeats, a number is missing, none or not finite, or rows have different widths.
    """
    kind = kind or _format_of(path)
    rows = _npz_rows(path) if kind == "npz" else _text_rows(path, kind)
    ids: dict[str, str] = {}
    vectors: list[NDArray[np.float32]] = []
    for place, spelled, numbers in rows:
        term_id = canonical(spelled)
        if term_id in ids:
            raise FileFormatError(
                f"{path}: {place}: {term_id} has a vector already ({ids[term_id]}); keep one"
            )
        ids[term_id] = place
        vectors.append(_checked(numbers, vectors, f"{path}: {place} ({spelled})"))
    if not vectors:
        raise FileFormatError(f"{path}: holds no vector")
    return VectorTable(tuple(ids), np.stack(vectors))


def canonical(spelled: str) -> str:
    """A GO id as OBO writes it, from OBO's or OWL's spelling; anything else unchanged."""
    found = _SPELLED.fullmatch(spelled.strip())
    return f"GO:{found[1]}" if found else spelled.strip()


def _format_of(path: Path) -> str:
    suffixes = [s.lower() for s in path.suffixes]
    while suffixes and suffixes[-1] in _PACKED:
        suffixes.pop()
    kind = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if kind is None:
        raise FileFormatError(
            f"{path}: the name does not say the format; call it {', '.join(_SUFFIXES)}, or set the "
            "option format"
        )
    return kind


def _checked(
    numbers: Callable[[], NDArray[np.float32]], earlier: list[NDArray[np.float32]], place: str
) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):
            vector = numbers()
    except ValueError as error:
        raise FileFormatError(f"{place}: {error}; every field behind the id is a number") from None
    if not len(vector):
        raise FileFormatError(f"{place}: no numbers behind the id")
    if earlier and len(vector) != len(earlier[0]):
        raise FileFormatError(
            f"{place}: {len(vector)} numbers, but {len(earlier[0])} in the first row; the file is "
            "damaged or of another format"
        )
    if not np.isfinite(vector).all():
        raise FileFormatError(
            f"{place}: holds a number that is not finite in single precision; remove the row, and "
            "its term gets a vector from its parents"
        )
    return vector


Row = tuple[str, str, Callable[[], NDArray[np.float32]]]


def _text_rows(path: Path, kind: str) -> Iterator[Row]:
    promised: tuple[int, int] | None = None
    found = 0
    for order, (number, first, fields) in enumerate(_split(path, kind)):
        if order == 0 and kind == "word2vec" and len(fields) == 1 and first.isdigit():
            promised = _promised(path, first, fields[0])
            continue
        if order == 0 and kind != "word2vec" and _is_heading(first, fields):
            continue
        found += 1
        if promised is not None and len(fields) != promised[1]:
            raise FileFormatError(
                f"{path}: line {number} ({first}): {len(fields)} numbers, but the first line says "
                f"{promised[1]}; the file is damaged"
            )
        yield f"line {number}", first, partial(np.array, fields, np.float32)
    if promised is not None and found != promised[0]:
        raise FileFormatError(
            f"{path}: {found} vectors, but the first line says {promised[0]}; the file is cut short"
        )


def _split(path: Path, kind: str) -> Iterator[tuple[int, str, list[str]]]:
    """Number, id and other fields of each line that is not empty or, in a table, a remark (#)."""
    separator = _SEPARATORS[kind]
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip() or (kind != "word2vec" and line.startswith("#")):
            continue
        first, *fields = line.rstrip().split(separator)
        if kind == "csv":
            first, *fields = (field.strip('"') for field in (first, *fields))
        yield number, first, fields


def _is_heading(first: str, fields: list[str]) -> bool:
    """Names of columns: words, or the running numbers that pandas writes."""
    if any(map(str.isdigit, first)):
        # An id, right or misspelt.
        return False
    running = [str(number) for number in range(len(fields) + 1)]
    return not any(map(_is_number, fields)) or fields in (running[:-1], running[1:])


def _promised(path: Path, count: str, width: str) -> tuple[int, int]:
    if not width.isdigit():
        raise FileFormatError(f"{path}: line 1 is {count} {width}, neither a vector nor two counts")
    return int(count), int(width)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _npz_rows(path: Path) -> Iterator[Row]:
    ids, vectors = _npz_arrays(path)
    if ids.ndim != 1 or ids.dtype.kind not in "US":
        raise FileFormatError(
            f"{path}: ids is {ids.dtype} {list(ids.shape)}; one row of text is needed"
        )
    if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or len(vectors) != len(ids):
        raise FileFormatError(
            f"{path}: vectors is {vectors.dtype} {list(vectors.shape)} for {len(ids)} ids; numbers "
            "[id, channel] are needed"
        )
    for number, (name, vector) in enumerate(zip(ids.tolist(), vectors, strict=True), start=1):
        spelled = name.decode("ascii", "backslashreplace") if isinstance(name, bytes) else name
        yield f"row {number}", spelled, partial(vector.astype, np.float32)


def _npz_arrays(path: Path) -> tuple[NDArray[np.str_], NDArray[np.float32]]:
    if not path.is_file():
        raise FileFormatError(f"{path}: no such file")
    try:
        # Never pickles: they can run code when they are read.
        with np.load(path, allow_pickle=False) as archive:
            absent = {"ids", "vectors"} - set(archive.files)
            if absent:
                raise FileFormatError(
                    f"{path}: lacks the array {min(absent)}; it holds "
                    f"{', '.join(sorted(archive.files)) or 'none'}"
                )
            return archive["ids"], archive["vectors"]
    except FileFormatError:
        raise
    except Exception as error:
        # A damaged archive fails in any layer: zip, decompression, numpy's header, allocation.
        raise FileFormatError(
            f"{path}: cannot be read as npz without pickles ({error}); write it with "
            "numpy.savez(path, ids=..., vectors=...), ids as text, not as objects"
        ) from None
