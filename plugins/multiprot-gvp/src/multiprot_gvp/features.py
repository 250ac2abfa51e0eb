"""Records to k-NN graphs of residues: what the GVP-GNN is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Batch, Data

from multiprot.encoders.contract import Layout
from multiprot.encoders.graphs import GraphFeatures, lay_out_graphs
from multiprot.proteins import BackboneStructure, ProteinRecord, residue_indices
from multiprot_gvp.geometry import (
    backbone_frames,
    chain_neighbours,
    dihedral_scalars,
    direction_vectors,
)


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
class GvpFeatures(GraphFeatures):
    """A batch of `BackboneGraph` and where their tokens go.

    Attributes
    ----------
    complete
        Every node has all its neighbours, so that the encoder need not look at `present`.
    """

    own_geometry: ClassVar[tuple[str, ...]] = ("scalars", "vectors")

    complete: bool = False


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
        laid = lay_out_graphs(records, layout, self._graph, Batch.from_data_list)
        return GvpFeatures(laid.graph, laid.mask, laid.offsets, bool(laid.graph.present.all()))

    def _graph(self, record: ProteinRecord | None, table_rows: int) -> BackboneGraph:
        """The graph of a protein whose tokens take `table_rows` rows of the token table."""
        tensors = _empty(self.neighbours)
        if record is not None and record.structure is not None:
            tensors = self._describe(record.structure, residue_indices(record.sequence))
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
