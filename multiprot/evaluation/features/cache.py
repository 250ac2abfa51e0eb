"""Vectors that were computed once: a folder of embedding stores, one folder for each model."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from filelock import FileLock

from multiprot.data.corpus_writer import CorpusWriter
from multiprot.embedding import Embedder, EmbeddingStore
from multiprot.embedding.identity import sequence_hash
from multiprot.embedding.ledger.blueprint import Blueprint
from multiprot.embedding.progress import Watch, unwatched
from multiprot.embedding.write import RunSettings, embed_to_store
from multiprot.files import named_errors
from multiprot.proteins import ProteinRecord, write_fasta

if TYPE_CHECKING:
    from multiprot.evaluation.structures import StructureLibrary

_SHORT: Final = 16
"""Hex digits of a hash in a name; the store's own manifest has all of them."""


class VectorCache:
    """Stores of what a model made of sequences, found again by model, settings and sequence hash.

    What is missing is embedded into a further store, whose name is made of the missing sequences:
    a run that was stopped goes on in it. Several processes wait for one another.

    Parameters
    ----------
    folder
        Made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def completed(
        self,
        embedder: Embedder,
        sequences: Sequence[str],
        *,
        residues: bool,
        watch: Watch = unwatched,
        structures: StructureLibrary | None = None,
    ) -> list[EmbeddingStore]:
        """Stores that together hold every sequence, or its refusal.

        Parameters
        ----------
        embedder
            The model.
        sequences
            All that will be looked up.
        residues
            Whether residues are needed.
        watch
            Gives the counters of a run of embedding.
        structures
            Where the sequences' structures are; it has looked for them. A model that looks at
            none does not ask.
        """
        header = Blueprint.of(embedder, residues=residues).header.hash
        place = self._folder / header[:_SHORT]
        if structures is not None:
            # Of a sequence there are as many vectors as there are structures.
            place = place / f"structures-{structures.key[:_SHORT]}"
        with named_errors(place):
            place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / ".lock"):
            stores = self._stores(place)
            known = {name for store in stores for name in store.sequence_hashes}
            known |= {failure.id for store in stores for failure in store.failures}
            wanted = {sequence_hash(s): s for s in sequences}
            lacking = {name: s for name, s in wanted.items() if name not in known}
            if lacking:
                records = _records(lacking, structures)
                stores.append(self._added(place, embedder, records, residues, watch))
        return stores

    def _stores(self, place: Path) -> list[EmbeddingStore]:
        folders = sorted(place.glob("vectors-*"))
        return [EmbeddingStore.open(f) for f in folders if f.suffix == "" and f.is_dir()]

    def _added(
        self,
        place: Path,
        embedder: Embedder,
        records: Sequence[ProteinRecord],
        residues: bool,
        watch: Watch,
    ) -> EmbeddingStore:
        names = hashlib.sha256("\n".join(record.id for record in records).encode()).hexdigest()
        out = place / f"vectors-{names[:_SHORT]}"
        with TemporaryDirectory(prefix="multiprot-evaluate-") as folder:
            given = _written(records, Path(folder))
            settings = RunSettings(residues=residues, resume=True)
            with watch() as progress:
                embed_to_store([str(given)], embedder, out, settings, progress)
        return EmbeddingStore.open(out)


def _records(
    lacking: Mapping[str, str], structures: StructureLibrary | None
) -> list[ProteinRecord]:
    """Sorted by their ids, which are the hashes."""
    return [
        ProteinRecord(id=name, sequence=sequence)
        if structures is None
        else structures.record(sequence)
        for name, sequence in sorted(lacking.items())
    ]


def _written(records: Sequence[ProteinRecord], folder: Path) -> Path:
    """A file, or a corpus where there are structures, that embedding reads."""
    if all(record.structure is None for record in records):
        write_fasta(records, folder / "missing.fasta")
        return folder / "missing.fasta"
    corpus = folder / "missing"
    corpus.mkdir()
    with CorpusWriter(corpus) as writer:
        for record in records:
            writer.add(record, "test")
    writer.finish()
    return corpus
