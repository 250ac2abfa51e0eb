"""A model that learns: its vectors are computed at every step anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.embedding import Embedder
from multiprot.embedding.admission import Admission
from multiprot.embedding.identity import sequence_hash
from multiprot.encoders.contract import Features
from multiprot.errors import EvaluationError, MultiprotError
from multiprot.evaluation.structures import StructureLibrary
from multiprot.evaluation.tasks import Task, Unit
from multiprot.finetuning.batch import ProteinsBatch
from multiprot.finetuning.joining import Joining
from multiprot.finetuning.loss import label_tensor
from multiprot.finetuning.rows import (
    Rows,
    assembled,
    fingerprints,
    own_columns,
    scored_residues,
    sequences_of,
)
from multiprot.proteins import ProteinRecord


class LiveVectors:
    """Vectors of a task's entries as the model gives them now.

    Parameters
    ----------
    task
        The task.
    embedder
        With a `LiveModel`.
    entries
        int64 [entry]: all that will be asked for.
    structures
        Of the proteins; None: there are none. It has looked for them.

    Raises
    ------
    EvaluationError
        If the model refuses a protein; names its entry.
    """

    def __init__(
        self,
        task: Task,
        embedder: Embedder,
        entries: NDArray[np.int64],
        structures: StructureLibrary | None = None,
    ) -> None:
        self._task = task
        self._embedder = embedder
        self._structures = structures
        self._admission = Admission.of(embedder.model, embedder.options)
        self._by_residue = task.specification.unit is Unit.RESIDUE
        for row in entries:
            for column in task.sequences:
                record = replace(self._record(column[row]), id=_plain(task.ids[row]))
                problem = self._admission.problem(record)
                if problem is not None:
                    raise EvaluationError(
                        f"{task.name}: the model refuses entry {task.ids[row]}: {problem}"
                    )

    def rows(self, entries: NDArray[np.int64]) -> Rows:
        """Vectors of entries, or of their scored residues, computed as when embedding."""
        sequences = sequences_of(self._task, entries)
        records = map(self._record, sequences)
        found = self._embedder.stream(records, residues=self._by_residue)
        proteins = [protein for chunk in found for protein in chunk]
        if not self._by_residue:
            vectors = [protein.vector for protein in proteins]
            return assembled(self._task, entries, dict(zip(sequences, vectors, strict=True)))
        tokens = dict(zip(sequences, (protein.residues for protein in proteins), strict=True))
        parts = []
        for entry in entries:
            matrix = tokens[self._task.sequences[0][entry]]
            if matrix is None:
                raise EvaluationError(f"entry {self._task.ids[entry]}: has no residue vectors")
            parts.append(matrix[scored_residues(self._task, entry)])
        return Rows(first=np.concatenate(parts))

    def batch(self, entries: NDArray[np.int64]) -> ProteinsBatch:
        """Proteins and labels."""
        task = self._task
        place = {s: number for number, s in enumerate(sequences_of(task, entries))}
        records = list(map(self._record, place))
        windows = [self._admission.windows(record) for record in records]
        pieces = list(self._pieces(records))
        columns = [torch.tensor([place[c[row]] for row in entries]) for c in task.sequences]
        own = own_columns(task)
        return ProteinsBatch(
            ids=tuple(task.ids[row] for row in entries),
            features=self._features(pieces, entries),
            joining=Joining.of(windows, by_residue=self._by_residue),
            first=self._residue_places(entries, records) if self._by_residue else columns[0],
            second=columns[1] if own > 1 else None,
            ligand=self._ligand(entries),
            wild_type=torch.stack(columns[own:], dim=1) if columns[own:] else None,
            labels=label_tensor(task.labels.target, task.labels.values[task.labels.rows(entries)]),
        )

    def sequences_of_pieces(self, entries: NDArray[np.int64]) -> Iterator[str]:
        """Of all that the model is given of these entries, one by one."""
        for sequence in sequences_of(self._task, entries):
            bare = ProteinRecord(id="piece", sequence=sequence)
            yield from (piece.sequence for piece in self._pieces([bare]))

    def _pieces(self, records: Iterable[ProteinRecord]) -> Iterator[ProteinRecord]:
        for record in records:
            for window in self._admission.windows(record):
                yield record if window == (0, len(record)) else record.crop(*window)

    def _record(self, sequence: str) -> ProteinRecord:
        """The protein, under the hash of its sequence."""
        if self._structures is not None:
            return self._structures.record(sequence)
        return ProteinRecord(id=sequence_hash(sequence), sequence=sequence)

    def _features(self, pieces: list[ProteinRecord], entries: NDArray[np.int64]) -> Features:
        try:
            return self._embedder.model.features(pieces, structured=self._structures is not None)
        except MultiprotError as error:
            ids = ", ".join(self._task.ids[row] for row in entries)
            raise EvaluationError(
                f"{self._task.name}: the model refuses one of the entries {ids}: {error}"
            ) from error

    def _ligand(self, entries: NDArray[np.int64]) -> torch.Tensor | None:
        found = fingerprints(self._task, entries)
        return None if found is None else torch.from_numpy(found)

    def _residue_places(
        self, entries: NDArray[np.int64], records: list[ProteinRecord]
    ) -> torch.Tensor:
        """int64 [scored residue]: its place among the residues of the batch's proteins."""
        lengths = np.array([len(record) for record in records])
        begins = dict(zip((r.sequence for r in records), np.cumsum(lengths) - lengths, strict=True))
        places = [
            begins[self._task.sequences[0][entry]]
            + np.flatnonzero(scored_residues(self._task, entry))
            for entry in entries
        ]
        return torch.from_numpy(np.concatenate(places))


def _plain(name: str) -> str:
    return "".join(name.split())
