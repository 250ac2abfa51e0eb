"""Records to k-NN graphs of residues: what the GVP-GNN is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch, Data

from multiprot.encoders.contract import Layout
from multiprot.proteins import (
    RESIDUE_LETTERS,
    BackboneStructure,
    ProteinRecord,
    residue_indices,
)
from multiprot_gvp.geometry import (
    backbone_frames,
    chain_neighbours,
    dihedral_scalars,
    direction_vectors,
)

HIDDEN: Final = len(RESIDUE_LETTERS)
"""Index of an amino acid that must not be seen."""


class BackboneGraph(Data):  # type: ignore[misc]
    """The residues of one protein that have a frame, each with its nearest neighbours.

    Attributes
    ----------
    scalars
        float32 [node, 6]: sines, then cosines of phi, psi and omega.
    vectors
        float32 [node, 3, xyz]: unit vectors to the next CA, to the one before, to the side chain.
    alpha
        float32 [node, xyz]: CA in Å, the protein's centre at the origin.
    neighbours
        int64 [node, neighbour]: nodes, nearest first; the node itself where `present` is False.
    present
        bool [node, neighbour]: False where the protein has too few nodes, or too few on this side
        of a chain break and near it.
    offsets
        int64 [node, neighbour]: residues from the node to the neighbour along the sequence; 0 where
        a chain break lies between, and where `present` is False.
    rows
        int64 [node]: row of the node's residue in the token table.
    residues
        int64 [node]: index of the amino acid in `RESIDUE_LETTERS`, or `HIDDEN`.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """What a later protein's numbers grow by when graphs are put into one batch."""
        if key == "neighbours":
            return self.num_nodes
        return self.table_rows if key == "rows" else 0

    def __cat_dim__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Every tensor has its nodes on the first axis."""
        return 0


@dataclass(frozen=True, slots=True, eq=False)
class GvpFeatures:
    """A batch of graphs and where their tokens go.

    Attributes
    ----------
    graph
        All proteins' `BackboneGraph` in one.
    mask
        bool [protein, residue] in the padded layout, [residue of the batch] in the packed one;
        False at padding and where a residue has no frame.
    complete
        Every node has all its neighbours, so that the encoder need not look at `present`.
    offsets
        int32 [protein + 1] where the layout is packed, else None.
    """

    graph: Batch
    mask: Tensor
    complete: bool
    offsets: Tensor | None = None

    def to(self, device: torch.device, non_blocking: bool = False) -> Self:
        """The same features on `device`."""
        return self._map(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """The same features in page-locked memory."""
        return self._map(lambda part: part.pin_memory())

    def mask_residues(self, masked: Tensor, substitutes: Tensor) -> Self:
        """Hide or replace amino acids, as `MaskableFeatures` says; the geometry stays."""
        if self.offsets is not None:
            lengths = self.offsets.diff()
            inside = torch.arange(masked.shape[1], device=masked.device) < lengths[:, None]
            masked, substitutes = masked[inside], substitutes[inside]
        graph = copy(self.graph)
        shown = substitutes.flatten()[graph.rows]
        shown = torch.where(shown >= 0, shown, HIDDEN)
        graph.residues = torch.where(masked.flatten()[graph.rows], shown, graph.residues)
        return replace(self, graph=graph)

    def _map(self, move: Callable[[Any], Any]) -> Self:
        offsets = None if self.offsets is None else move(self.offsets)
        # PyG moves a batch in place: the copy keeps the original where it was.
        return type(self)(move(copy(self.graph)), move(self.mask), self.complete, offsets)


@dataclass(frozen=True, slots=True)
class GvpFeaturizer:
    """Makes `GvpFeatures`; a record without structure gets no node.

    Attributes
    ----------
    neighbours
        Nearest residues each residue is joined to.
    """

    neighbours: int

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> GvpFeatures:
        """Features of `records`; a residue needs N, CA and C to become a node."""
        lengths = np.array([len(record) for record in records], dtype=np.int64)
        packed = layout is Layout.PACKED
        longest = int(lengths.max(initial=0))
        graphs = [
            self._graph(record.structure, record.sequence, int(length) if packed else longest)
            for record, length in zip(records, lengths, strict=True)
        ]
        # A batch of no graphs would have no tensors: give it one graph of no nodes.
        graph = Batch.from_data_list(graphs or [self._graph(None, "", 0)])
        mask = torch.zeros(int(lengths.sum()) if packed else len(records) * longest).bool()
        mask[graph.rows] = True
        complete = bool(graph.present.all())
        if packed:
            offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
            return GvpFeatures(graph, mask, complete, offsets)
        return GvpFeatures(graph, mask.view(len(records), longest), complete)

    def _graph(
        self, structure: BackboneStructure | None, sequence: str, table_rows: int
    ) -> BackboneGraph:
        """The graph of a protein whose tokens take `table_rows` rows of the token table."""
        tensors = _empty(self.neighbours)
        if structure is not None:
            tensors = self._describe(structure, residue_indices(sequence))
        parts = {name: torch.from_numpy(array) for name, array in tensors.items()}
        return BackboneGraph(**parts, num_nodes=len(parts["rows"]), table_rows=table_rows)

    def _describe(
        self, structure: BackboneStructure, residues: NDArray[np.int64]
    ) -> dict[str, NDArray[Any]]:
        """Arrays of `BackboneGraph` for one structure and the indices of its amino acids."""
        frames = backbone_frames(structure)
        alpha = frames.atoms[:, 1]
        found = chain_neighbours(alpha, frames.segments, self.neighbours)
        present = found >= 0
        itself = np.arange(len(found))[:, None]
        neighbours = np.where(present, found, itself)
        joined = frames.segments[neighbours] == frames.segments[:, None]
        steps = frames.rows[neighbours] - frames.rows[:, None]
        return {
            "scalars": dihedral_scalars(frames).astype(np.float32),
            "vectors": direction_vectors(frames).astype(np.float32),
            "alpha": alpha.astype(np.float32),
            "neighbours": neighbours,
            "present": present,
            "offsets": np.where(joined, steps, 0),
            "rows": frames.rows,
            "residues": residues[frames.rows],
        }


def _empty(neighbours: int) -> dict[str, NDArray[Any]]:
    """Arrays of a `BackboneGraph` without nodes."""
    return {
        "scalars": np.zeros((0, 6), np.float32),
        "vectors": np.zeros((0, 3, 3), np.float32),
        "alpha": np.zeros((0, 3), np.float32),
        "neighbours": np.zeros((0, neighbours), np.int64),
        "present": np.zeros((0, neighbours), np.bool_),
        "offsets": np.zeros((0, neighbours), np.int64),
        "rows": np.zeros(0, np.int64),
        "residues": np.zeros(0, np.int64),
    }
