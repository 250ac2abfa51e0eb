"""A model that learns: its vectors are computed at every step anew."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.embedding import Embedder
from multiprot.embedding.admission import Admission
from multiprot.embedding.identity import sequence_hash
from multiprot.encoders.contract import Features
from multiprot.errors import EvaluationError, MultiprotError
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

    Raises
    ------
    EvaluationError
        If the model refuses a protein; names its entry.
    """

    def __init__(self, task: Task, embedder: Embedder, entries: NDArray[np.int64]) -> None:
        self._task = task
        self._embedder = embedder
        self._admission = Admission.of(embedder.model, embedder.options)
        self._by_residue = task.specification.unit is Unit.RESIDUE
        for row in entries:
            for column in task.sequences:
                problem = self._admission.problem(_record(task.ids[row], column[row]))
                if problem is not None:
                    raise EvaluationError(
                        f"{task.name}: the model refuses entry {task.ids[row]}: {problem}"
                    )

    def rows(self, entries: NDArray[np.int64]) -> Rows:
        """Vectors of entries, or of their scored residues, computed as when embedding."""
        sequences = sequences_of(self._task, entries)
        records = (_record(sequence_hash(s), s) for s in sequences)
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
        records = [_record(sequence_hash(s), s) for s in place]
        windows = [self._admission.windows(record) for record in records]
        pieces = [
            record if window == (0, len(record)) else record.crop(*window)
            for record, parts in zip(records, windows, strict=True)
            for window in parts
        ]
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

    def _features(self, pieces: list[ProteinRecord], entries: NDArray[np.int64]) -> Features:
        try:
            return self._embedder.model.features(pieces, structured=False)
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


def _record(name: str, sequence: str) -> ProteinRecord:
    return ProteinRecord(id="".join(name.split()), sequence=sequence)
