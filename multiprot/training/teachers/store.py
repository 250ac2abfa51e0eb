"""A teacher whose vectors lie in an embedding store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from multiprot.data.teaching import Answer
from multiprot.embedding.identity import sequence_hash
from multiprot.embedding.store import EmbeddingStore
from multiprot.errors import TrainingError
from multiprot.proteins import ProteinRecord
from multiprot.training.teachers.config import TeacherConfig


class StoreTeacher:
    """Reads vectors, and residue tokens where they are asked for, by the hash of a sequence.

    All vectors are held in memory; of the tokens, what a batch needs is read from disk. Of several
    proteins with one sequence the first counts.

    Parameters
    ----------
    name
        The teacher's, for messages.
    folder
        The store.
    config
        What is wanted of it.

    Raises
    ------
    EmbeddingError
        If there is no whole store.
    TrainingError
        If the store has no residues and they are wanted, lies in another space, or was made of
        other modalities.
    """

    def __init__(self, name: str, folder: Path, config: TeacherConfig) -> None:
        if not folder.is_dir():
            raise TrainingError(
                f"teachers.{name}.store {folder}: no such folder; make it with `multiprot teach "
                "RECIPE`, or with `multiprot embed`"
            )
        self._store = EmbeddingStore.open(folder)
        self._refuse_other_content(name, config)
        self._vectors = self._store.vectors()
        hashes = self._store.sequence_hashes
        # Backwards, so that the first of several stays.
        self._rows = {hashes[row]: row for row in range(len(hashes) - 1, -1, -1)}
        self._residues = config.residues
        self.width = self._store.width
        self.token_width = self._store.width if config.residues else 0
        self.teaches_crops = config.teach_crops
        self.content_hash = self._store.content_hash

    @property
    def source(self) -> Mapping[str, Any]:
        """Whose vectors these are, plain data for the card."""
        told = self._store.manifest
        return {
            "store": {"content_hash": self.content_hash, "proteins": len(self._store)},
            "model": told["model"],
            "space": told["space"],
            "pooling": told["pooling"],
        }

    def knows(self, sequence: str) -> bool:
        """Whether it has a vector of a sequence."""
        return sequence_hash(sequence) in self._rows

    def answers(self, records: Sequence[ProteinRecord]) -> list[Answer | None]:
        """As `Teacher.answers`."""
        return [self._answer(record.sequence) for record in records]

    def _answer(self, sequence: str) -> Answer | None:
        row = self._rows.get(sequence_hash(sequence))
        if row is None:
            return None
        tokens = self._store.at(row).residues if self._residues else None
        return Answer(self._vectors[row], tokens)

    def _refuse_other_content(self, name: str, config: TeacherConfig) -> None:
        folder, told = self._store.folder, self._store.manifest
        if config.residues and not self._store.has_residues:
            raise TrainingError(
                f"teachers.{name}: residues are to be taught, but {folder} has none; make it again "
                "with `multiprot teach --overwrite RECIPE`, or set residues to false"
            )
        made = {"space": told["space"], "modalities": told["options"]["modalities"]}
        wanted = config.embed_options() if config.model else config
        for key, value in made.items():
            if getattr(wanted, key) not in (value, None):
                raise TrainingError(
                    f"teachers.{name}: {key} {getattr(wanted, key)}, but the vectors in {folder} "
                    f"were made with {key} {value}; set teachers.{name}.{key}={value}, or give "
                    "another store"
                )
