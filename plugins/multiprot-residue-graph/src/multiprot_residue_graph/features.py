"""Records to residue graphs: what all encoders are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch_geometric.data import Batch, Data

from multiprot.encoders.contract import Layout
from multiprot.encoders.graphs import GraphFeatures, lay_out_graphs
from multiprot.proteins import ProteinRecord, residue_indices
from multiprot_residue_graph.graphs import RadiusGraph, RelationalGraph
from multiprot_residue_graph.trace import alpha_trace, empty_trace


class ResidueGraph(Data):  # type: ignore[misc]
    """The residues of one protein whose CA was seen, and what joins them.

    Attributes
    ----------
    edge_index
        int64 [2, edge]: sending node, receiving node; ordered by the receiver.
    distances
        float32 [edge], Å, between the CA atoms.
    dihedrals
        float32 [node, 3]: phi, psi and omega in radians; 0 where undefined.
    defined
        bool [node, 3]: the dihedral is known.
    rows
        int64 [node]: row of the node's residue in the token table.
    residues
        int64 [node]: index of the amino acid in `RESIDUE_LETTERS`, or `HIDDEN`.
    relations
        int64 [edge]: 0 … 2r for the offsets -r … r along the sequence, then radius, then nearest.
        This and what follows: of the relational graph only.
    sequence_distances
        int64 [edge]: steps along the sequence; -1 where a chain break lies between.
    corner_edges
        int64 [2, corner]: an edge i→j, and an edge j→k that hears of it.
    angles
        float32 [corner], radians: the angle at j.
    """

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """What a later protein's numbers grow by when graphs are put into one batch."""
        grown = {
            "edge_index": self.num_nodes,
            "corner_edges": self.edge_index.shape[1],
            "rows": self.table_rows,
        }
        return grown.get(key, 0)

    def __cat_dim__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Pairs stand in columns; everything else has nodes, edges or corners on its first axis."""
        return 1 if key in ("edge_index", "corner_edges") else 0


@dataclass(frozen=True, slots=True, eq=False)
class ResidueGraphFeatures(GraphFeatures):
    """A batch of `ResidueGraph` and where their tokens go."""

    own_geometry: ClassVar[tuple[str, ...]] = ("dihedrals", "defined")


@dataclass(frozen=True, slots=True)
class GraphFeaturizer:
    """Makes `ResidueGraphFeatures`; a record without structure gets no node.

    Attributes
    ----------
    join
        What joins the residues.
    """

    join: RadiusGraph | RelationalGraph

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> ResidueGraphFeatures:
        """Features of `records`; a residue needs a CA to become a node."""
        laid = lay_out_graphs(records, layout, self._graph, Batch.from_data_list)
        return ResidueGraphFeatures(laid.graph, laid.mask, laid.offsets)

    def _graph(self, record: ProteinRecord | None, table_rows: int) -> ResidueGraph:
        """The graph of a protein whose tokens take `table_rows` rows of the token table."""
        structure = None if record is None else record.structure
        trace = empty_trace() if structure is None else alpha_trace(structure)
        letters = residue_indices("" if record is None else record.sequence)
        arrays = {
            **self.join(trace),
            "dihedrals": trace.dihedrals,
            "defined": trace.defined,
            "rows": trace.rows,
            "residues": letters[trace.rows],
        }
        tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
        return ResidueGraph(**tensors, num_nodes=len(trace), table_rows=table_rows)
