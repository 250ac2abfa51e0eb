"""Vectors that were computed once: a folder of embedding stores, one folder for each model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from filelock import FileLock

from multiprot.embedding import Embedder, EmbeddingStore
from multiprot.embedding.identity import sequence_hash
from multiprot.embedding.ledger.blueprint import Blueprint
from multiprot.embedding.progress import Watch, unwatched
from multiprot.embedding.write import RunSettings, embed_to_store
from multiprot.files import named_errors
from multiprot.proteins import ProteinRecord, write_fasta

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
        """
        header = Blueprint.of(embedder, residues=residues).header.hash
        place = self._folder / header[:_SHORT]
        with named_errors(place):
            place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / ".lock"):
            stores = self._stores(place)
            known = {name for store in stores for name in store.sequence_hashes}
            known |= {failure.id for store in stores for failure in store.failures}
            wanted = {sequence_hash(s): s for s in sequences}
            lacking = {name: s for name, s in wanted.items() if name not in known}
            if lacking:
                stores.append(self._added(place, embedder, lacking, residues, watch))
        return stores

    def _stores(self, place: Path) -> list[EmbeddingStore]:
        folders = sorted(place.glob("vectors-*"))
        return [EmbeddingStore.open(f) for f in folders if f.suffix == "" and f.is_dir()]

    def _added(
        self,
        place: Path,
        embedder: Embedder,
        lacking: dict[str, str],
        residues: bool,
        watch: Watch,
    ) -> EmbeddingStore:
        names = hashlib.sha256("\n".join(sorted(lacking)).encode()).hexdigest()
        out = place / f"vectors-{names[:_SHORT]}"
        with TemporaryDirectory(prefix="multiprot-evaluate-") as folder:
            fasta = Path(folder) / "missing.fasta"
            write_fasta(
                (ProteinRecord(id=n, sequence=s) for n, s in sorted(lacking.items())), fasta
            )
            settings = RunSettings(residues=residues, resume=True)
            with watch() as progress:
                embed_to_store([str(fasta)], embedder, out, settings, progress)
        return EmbeddingStore.open(out)
