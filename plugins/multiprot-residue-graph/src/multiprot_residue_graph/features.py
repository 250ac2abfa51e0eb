"""Records to residue graphs: what both encoders are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from multiprot.encoders.contract import Layout, PackedTokens, ResidueTokens
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord, residue_indices
from multiprot_residue_graph.graphs import RadiusGraph, RelationalGraph
from multiprot_residue_graph.trace import AlphaTrace, alpha_trace, empty_trace

HIDDEN: Final = len(RESIDUE_LETTERS)
"""Index of an amino acid that must not be seen."""


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
class GraphFeatures:
    """A batch of graphs and where their tokens go.

    Attributes
    ----------
    graph
        All proteins' `ResidueGraph` in one.
    mask
        bool [protein, residue] in the padded layout, [residue of the batch] in the packed one;
        False at padding and where a residue has no CA.
    offsets
        int32 [protein + 1] where the layout is packed, else None.
    """

    graph: Batch
    mask: Tensor
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
        # A copy of the batch shares its tensors; setting one on it leaves the original as it is.
        graph = copy(self.graph)
        shown = substitutes.flatten()[graph.rows]
        shown = torch.where(shown >= 0, shown, HIDDEN)
        graph.residues = torch.where(masked.flatten()[graph.rows], shown, graph.residues)
        return replace(self, graph=graph)

    def tokens(self, nodes: Tensor) -> ResidueTokens | PackedTokens:
        """Node values [node, channel] as tokens in this layout; zeros where there is no node."""
        table = nodes.new_zeros(self.mask.numel(), nodes.shape[1])
        values = table.index_copy(0, self.graph.rows, nodes)
        values = values.view(*self.mask.shape, nodes.shape[1])
        if self.offsets is not None:
            return PackedTokens(values, self.mask, self.offsets)
        return ResidueTokens(values, self.mask)

    def _map(self, move: Callable[[Any], Any]) -> Self:
        offsets = None if self.offsets is None else move(self.offsets)
        # PyG moves a batch in place: the copy keeps the original where it was.
        return type(self)(move(copy(self.graph)), move(self.mask), offsets)


@dataclass(frozen=True, slots=True)
class GraphFeaturizer:
    """Makes `GraphFeatures`; a record without structure gets no node.

    Attributes
    ----------
    join
        What joins the residues.
    """

    join: RadiusGraph | RelationalGraph

    def __call__(self, records: Sequence[ProteinRecord], layout: Layout) -> GraphFeatures:
        """Features of `records`; a residue needs a CA to become a node."""
        lengths = np.array([len(record) for record in records], dtype=np.int64)
        packed = layout is Layout.PACKED
        longest = int(lengths.max(initial=0))
        graphs = [
            self._graph(_trace(record), record.sequence, int(length) if packed else longest)
            for record, length in zip(records, lengths, strict=True)
        ]
        # A batch of no graphs would have no tensors: give it one graph of no nodes.
        graph = Batch.from_data_list(graphs or [self._graph(empty_trace(), "", 0)])
        mask = torch.zeros(int(lengths.sum()) if packed else len(records) * longest).bool()
        mask[graph.rows] = True
        if packed:
            offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
            return GraphFeatures(graph, mask, offsets)
        return GraphFeatures(graph, mask.view(len(records), longest))

    def _graph(self, trace: AlphaTrace, sequence: str, table_rows: int) -> ResidueGraph:
        """The graph of a protein whose tokens take `table_rows` rows of the token table."""
        arrays = {
            **self.join(trace),
            "dihedrals": trace.dihedrals,
            "defined": trace.defined,
            "rows": trace.rows,
            "residues": residue_indices(sequence)[trace.rows],
        }
        tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
        return ResidueGraph(**tensors, num_nodes=len(trace), table_rows=table_rows)


def _trace(record: ProteinRecord) -> AlphaTrace:
    return empty_trace() if record.structure is None else alpha_trace(record.structure)
