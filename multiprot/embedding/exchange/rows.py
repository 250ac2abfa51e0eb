"""The rows of a store that are exported, a few thousand at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, Final

import numpy as np

from multiprot.embedding.embeddings import Embeddings
from multiprot.embedding.store import EmbeddingStore
from multiprot.errors import EmbeddingError

_NAMED_AT_MOST: Final = 10


class Rows:
    """Chosen rows of a store, in the store's order, whatever the order of the choice.

    Parameters
    ----------
    store
        Where they lie.
    chosen
        Ids to take; None: all.
    residues
        Whether the residue matrices are exported, not the protein vectors.
    on_progress
        Called with the number of rows exported so far, and of all.

    Raises
    ------
    EmbeddingError
        If an id is not in the store or cannot stand in a file.
    """

    def __init__(
        self,
        store: EmbeddingStore,
        chosen: Collection[str] | None = None,
        *,
        residues: bool = False,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self._store = store
        self._chosen = None if chosen is None else frozenset(chosen)
        self._on_progress = on_progress
        self.residues = residues
        self.ids = _chosen_ids(store, self._chosen)

    @property
    def width(self) -> int:
        """Channels of a vector."""
        return self._store.width

    @property
    def origin(self) -> Mapping[str, str | int]:
        """What the store says of its model, flat: names of attributes and their values."""
        return _origin(self._store.manifest)

    def __len__(self) -> int:
        return len(self.ids)

    def chunks(self) -> Iterator[Embeddings]:
        """The rows in order; one chunk is in memory at a time."""
        done = 0
        for chunk in self._store.chunks(residues=self.residues):
            taken = chunk if self._chosen is None else _taken(chunk, self._chosen)
            if not len(taken):
                continue
            yield taken
            done += len(taken)
            self._on_progress(done, len(self))
            if done == len(self):
                return


def _chosen_ids(store: EmbeddingStore, chosen: frozenset[str] | None) -> tuple[str, ...]:
    known = store.ids
    if chosen is not None:
        missing = sorted(chosen.difference(known))
        if missing:
            raise EmbeddingError(
                f"{store.folder}: {len(missing):,} of {len(chosen):,} ids are not among its "
                f"{len(known):,} proteins: {_listed(missing)}; ids are case-sensitive"
            )
        known = tuple(protein_id for protein_id in known if protein_id in chosen)
    binary = next((protein_id for protein_id in known if "\0" in protein_id), None)
    if binary is not None:
        raise EmbeddingError(
            f"{store.folder}: id {binary!r} holds a zero byte, which no file of another tool can "
            "hold; rename the protein and embed again"
        )
    return known


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - _NAMED_AT_MOST:,} more" if len(ids) > _NAMED_AT_MOST else ""
    return ", ".join(map(repr, ids[:_NAMED_AT_MOST])) + more


def _taken(chunk: Embeddings, chosen: frozenset[str]) -> Embeddings:
    """Those rows of `chunk` whose id is among `chosen`."""
    rows = [row for row, protein_id in enumerate(chunk.ids) if protein_id in chosen]
    columns = {field.name: getattr(chunk, field.name) for field in fields(chunk)}
    return replace(chunk, **{name: _at(column, rows) for name, column in columns.items()})


def _at(column: Any, rows: list[int]) -> Any:
    if column is None:
        return None
    if isinstance(column, np.ndarray):
        return column[rows]
    return type(column)(column[row] for row in rows)


def _origin(manifest: Mapping[str, Any]) -> dict[str, str | int]:
    model = manifest.get("model", {})
    options = manifest.get("options")
    stated = {
        "multiprot_version": manifest.get("multiprot_version"),
        "model": model.get("name"),
        "model_hash": model.get("content_hash"),
        "model_warnings": "; ".join(model.get("warnings", ())) or None,
        "space": manifest.get("space"),
        "pooling": manifest.get("pooling"),
        "width": manifest.get("width"),
        "max_residues": manifest.get("max_residues"),
        "options": None if options is None else json.dumps(options, sort_keys=True),
    }
    return {name: value for name, value in stated.items() if value is not None}
