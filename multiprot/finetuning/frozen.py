"""A model that does not learn: its vectors are computed once, and kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from multiprot.bundle.protein_network import ProteinNetwork
from multiprot.embedding import Embedder
from multiprot.errors import EvaluationError
from multiprot.evaluation.features.cache import VectorCache
from multiprot.evaluation.features.embedder_source import EmbedderSource
from multiprot.evaluation.structures import StructureLibrary
from multiprot.evaluation.tasks import Task, Unit
from multiprot.finetuning.batch import VectorBatch
from multiprot.finetuning.loss import label_tensor
from multiprot.finetuning.rows import Rows, assembled, scored_residues, sequences_of


class FrozenVectors:
    """Vectors of a task's entries in memory.

    Parameters
    ----------
    task
        The task.
    embedder
        With the model.
    entries
        int64 [entry]: all that will be asked for.
    cache
        Folder that keeps what was computed; a run that was stopped goes on in it.
    network
        What a head with a graph looks pairs up in.
    structures
        Of the proteins; None: there are none.

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
        cache: Path,
        network: ProteinNetwork | None = None,
        structures: StructureLibrary | None = None,
    ) -> None:
        self._task = task
        self._nodes: NDArray[np.int64] | None = None
        if network is not None:
            self._nodes = np.stack([network.numbers(c) for c in task.sequences], axis=1)
        by_residue = task.specification.unit is Unit.RESIDUE
        name = embedder.model.identity.name
        source = EmbedderSource(embedder, name, VectorCache(cache), structures=structures)
        sequences = sequences_of(task, entries)
        missing = source.missing(sequences, residues=by_residue)
        if missing:
            row = next(r for r in entries for column in task.sequences if column[r] in missing)
            reason = next(missing[c[row]] for c in task.sequences if c[row] in missing)
            raise EvaluationError(
                f"{task.name}: the model refuses {len(missing)} sequences, first of entry "
                f"{task.ids[row]} ({reason}); drop such entries from the task"
            )
        self._residues: NDArray[np.float32] | None = None
        self._starts = np.zeros(len(task) + 1, dtype=np.int64)
        if by_residue:
            self._keep_residues(source, entries)
        else:
            self._vectors = dict(zip(sequences, source.proteins(sequences), strict=True))

    def rows(self, entries: NDArray[np.int64]) -> Rows:
        """Vectors of entries, or of their scored residues."""
        if self._residues is None:
            found = assembled(self._task, entries, self._vectors)
            return found if self._nodes is None else replace(found, nodes=self._nodes[entries])
        parts = [self._residues[self._starts[e] : self._starts[e + 1]] for e in entries]
        return Rows(first=np.concatenate(parts))

    def batch(self, entries: NDArray[np.int64]) -> VectorBatch:
        """Vectors and labels."""
        labels = self._task.labels
        return VectorBatch(
            ids=tuple(self._task.ids[row] for row in entries),
            labels=label_tensor(labels.target, labels.values[labels.rows(entries)]),
            **self.rows(entries).tensors(),
        )

    def of_network(self, network: ProteinNetwork) -> NDArray[np.float32]:
        """float32 [protein, width]: vectors of a network whose proteins are among the entries'."""
        sequences = list(self._vectors)
        places = network.numbers(sequences)
        chosen = {place: self._vectors[s] for place, s in zip(places, sequences, strict=True)}
        return np.stack([chosen[number] for number in range(len(network))])

    def _keep_residues(self, source: EmbedderSource, entries: NDArray[np.int64]) -> None:
        chosen = [scored_residues(self._task, entry) for entry in entries]
        counts = np.zeros(len(self._task), dtype=np.int64)
        counts[entries] = [mask.sum() for mask in chosen]
        self._starts[1:] = np.cumsum(counts)
        self._residues = source.residues([self._task.sequences[0][row] for row in entries], chosen)
