"""Vectors of proteins in the space that they share with GO terms, from files or from a store."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from multiprot.bundle import Bundle
from multiprot.embedding import Embedder, EmbeddingStore, EmbedOptions, InputReader
from multiprot.embedding.embeddings import Failure
from multiprot.embedding.ledger.seen import Seen
from multiprot.embedding.store_format import STORE
from multiprot.errors import EmbeddingError, SearchError
from multiprot.proteins import ProteinRecord

SHARED: Final = "shared"
"""Name of the space in `EmbedOptions`."""

PROTEINS_AT_ONCE: Final = 512
"""With 3,600 terms 15 MB of probabilities."""


@dataclass(frozen=True, slots=True, eq=False)
class ProteinVectors:
    """Some proteins.

    Attributes
    ----------
    ids
        Their ids.
    vectors
        float32 [protein, shared]: unit vectors.
    sequence_hashes
        As in `Embeddings`.
    """

    ids: tuple[str, ...]
    vectors: NDArray[np.float32]
    sequence_hashes: tuple[str, ...]

    def picked(self, rows: NDArray[np.integer]) -> ProteinVectors:
        """Some of them, in the order of `rows`."""
        return ProteinVectors(
            tuple(self.ids[row] for row in rows),
            self.vectors[rows],
            tuple(self.sequence_hashes[row] for row in rows),
        )


class SharedVectors:
    """All proteins that a user points at, some at a time; memory does not grow with their number.

    Parameters
    ----------
    inputs
        FASTA files, structure files, folders of them, corpora or "-"; or one embedding store that
        this model made with `space="shared"`.
    bundle
        The model.
    options
        How files are embedded; the space must be "shared".
    device
        Where.
    strict
        Stop at the first protein that cannot be used.

    Attributes
    ----------
    refused
        Proteins that could not be used, as far as was read.

    Raises
    ------
    SearchError
        If a store is not alone, or is of another model or space.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        bundle: Bundle,
        options: EmbedOptions | None = None,
        *,
        device: str = "cpu",
        strict: bool = False,
    ) -> None:
        self.refused: list[Failure] = []
        self._inputs, self._bundle, self._strict = tuple(inputs), bundle, strict
        self._options, self._device = options or EmbedOptions(space=SHARED), device
        stores = [name for name in inputs if is_store(name)]
        if stores and len(inputs) > 1:
            raise SearchError(f"{stores[0]}: is an embedding store; name it alone")
        self._store = open_shared(stores[0], bundle) if stores else None

    def parts(self) -> Iterator[ProteinVectors]:
        """The proteins in the order of the input, at most `PROTEINS_AT_ONCE` at a time.

        Raises
        ------
        SearchError
            At the end, if not one could be used.
        EmbeddingError
            At the first protein that cannot be used, if `strict`.
        """
        found = 0
        with closing(self._embedded() if self._store is None else self._stored()) as parts:
            for part in parts:
                found += len(part.ids)
                rows = np.arange(len(part.ids))
                for start in range(0, len(rows), PROTEINS_AT_ONCE):
                    yield part.picked(rows[start : start + PROTEINS_AT_ONCE])
        if not found:
            told = f", the first: {self.refused[0].reason}" if self.refused else ""
            raise SearchError(
                f"{', '.join(self._inputs)}: no protein could be used "
                f"({len(self.refused):,} refused{told}); nothing is written"
            )

    def _stored(self) -> Generator[ProteinVectors, None, None]:
        if self._store is not None:
            for failure in self._store.failures:
                self._refuse(failure)
            for chunk in self._store.chunks(residues=False):
                yield ProteinVectors(chunk.ids, chunk.vectors, chunk.sequence_hashes)

    def _embedded(self) -> Generator[ProteinVectors, None, None]:
        embedder = Embedder.from_bundle(self._bundle, device=self._device, options=self._options)
        with closing(self._records()) as records:
            for chunk in embedder.stream(records, on_failure=self._refuse):
                yield ProteinVectors(chunk.ids, chunk.vectors, chunk.sequence_hashes)

    def _records(self) -> Generator[ProteinRecord, None, None]:
        """What can be read, each id once."""
        with (
            closing(InputReader(self._inputs)) as reader,
            TemporaryDirectory(prefix="multiprot-annotate-") as folder,
            Seen(Path(folder) / "seen.sqlite") as seen,
        ):
            for row in reader.rows():
                if row.record is None:
                    self._refuse(Failure(row.id, row.reason or "no protein"))
                    continue
                before = seen.source_of(row.id, row.source)
                if before is None:
                    yield row.record
                else:
                    reason = f"id {row.id!r} is in {before} and again in {row.source}; rename one"
                    self._refuse(Failure(row.id, reason))

    def _refuse(self, failure: Failure) -> None:
        if self._strict:
            raise EmbeddingError(failure.reason)
        self.refused.append(failure)


def is_store(name: str) -> bool:
    """Whether an input is an embedding store."""
    return STORE.is_in(name)


def open_shared(path: Path | str, bundle: Bundle) -> EmbeddingStore:
    """A store of vectors in the shared space of a model.

    Raises
    ------
    SearchError
        If another model made it, or it is of another space.
    EmbeddingError
        If it is no whole store.
    """
    store = EmbeddingStore.open(path)
    model = store.manifest["model"]
    again = f"embed with --space {SHARED} --model {bundle.path}"
    if model["content_hash"] != bundle.content_hash:
        raise SearchError(
            f"{path}: its vectors are by model {model.get('name')} "
            f"({str(model['content_hash'])[:12]}…), not by {bundle.name} "
            f"({bundle.content_hash[:12]}…); {again}"
        )
    if store.manifest.get("space") != SHARED:
        raise SearchError(
            f"{path}: its space is {store.manifest.get('space')!r}, GO terms lie in {SHARED!r}; "
            f"{again}"
        )
    return store
