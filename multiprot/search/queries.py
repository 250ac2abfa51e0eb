"""What is asked: proteins of the store itself, by id, or all of another store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.embedding import EmbeddingStore
from multiprot.errors import EmbeddingError, SearchError

_AT_ONCE: Final = 8192
"""Queries asked together: a store that is larger than memory is read once for each such part."""
_MUST_AGREE: Final = ("space", "pooling")


@dataclass(frozen=True, slots=True, eq=False)
class Queries:
    """Some queries.

    Attributes
    ----------
    ids
        Their ids.
    vectors
        float32 [query, width].
    """

    ids: tuple[str, ...]
    vectors: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)


def read_queries(store: EmbeddingStore, names: Sequence[str]) -> Iterator[Queries]:
    """The queries, a few thousand at a time, in the order given.

    Parameters
    ----------
    store
        What will be searched.
    names
        One folder of an embedding store, or ids of proteins in `store`.

    Raises
    ------
    SearchError
        If a name is neither a folder nor an id, or the other store's vectors are not comparable.
    EmbeddingError
        If the folder is not a whole embedding store.
    """
    folders = [name for name in names if Path(name).is_dir()]
    if not folders:
        return iter([_of_ids(store, names)])
    if len(names) > 1:
        raise SearchError(
            f"{folders[0]}: is a folder; name one embedding store alone, or only ids of "
            f"{store.folder}"
        )
    other = EmbeddingStore.open(folders[0])
    refuse_other_model(store, other)
    return _in_parts(other)


def refuse_other_model(store: EmbeddingStore, queries: EmbeddingStore) -> None:
    """Vectors are comparable only if one model made them, in one space, pooled in one way.

    Raises
    ------
    SearchError
        Names both models, or what else differs.
    """
    ours, theirs = (opened.manifest["model"] for opened in (store, queries))
    advice = "embed the queries with the model of the store"
    if ours["content_hash"] != theirs["content_hash"]:
        raise SearchError(
            f"{queries.folder}: its vectors are by {_named(theirs)}, those of {store.folder} by "
            f"{_named(ours)}; {advice}"
        )
    for key in _MUST_AGREE:
        mine, other = store.manifest.get(key), queries.manifest.get(key)
        if mine != other:
            raise SearchError(
                f"{queries.folder}: its {key} is {other!r}, that of {store.folder} is {mine!r}; "
                f"{advice}"
            )
    if store.width != queries.width:
        raise SearchError(
            f"{queries.folder}: its vectors have {queries.width} channels, those of "
            f"{store.folder} have {store.width}; {advice}"
        )


def _named(model: Mapping[str, Any]) -> str:
    return f"model {model.get('name')} ({str(model['content_hash'])[:12]}…)"


def _of_ids(store: EmbeddingStore, names: Sequence[str]) -> Queries:
    try:
        vectors = [store.vector(name) for name in names]
    except EmbeddingError as error:
        raise SearchError(f"no folder of queries, and no id: {error}") from None
    return Queries(tuple(names), np.stack(vectors))


def _in_parts(store: EmbeddingStore) -> Iterator[Queries]:
    waiting: list[Queries] = []
    for chunk in store.chunks(residues=False):
        waiting.append(Queries(chunk.ids, chunk.vectors))
        if sum(map(len, waiting)) >= _AT_ONCE:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(parts: Sequence[Queries]) -> Queries:
    ids = tuple(query_id for part in parts for query_id in part.ids)
    return Queries(ids, np.concatenate([part.vectors for part in parts]))
