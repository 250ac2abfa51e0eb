"""Graphs of residues as features: what structure plugins on torch-geometric have in common.

torch-geometric itself is not imported: a graph is any `Data` with the attributes named here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self

import numpy as np
import torch
from torch import Tensor

from multiprot.encoders.contract import Layout, PackedTokens, ResidueTokens
from multiprot.errors import PluginError
from multiprot.proteins import RESIDUE_LETTERS, ProteinRecord

HIDDEN: Final = len(RESIDUE_LETTERS)
"""Index of an amino acid that must not be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphFeatures:
    """A batch of graphs and where their tokens go.

    Attributes
    ----------
    graph
        All proteins' graphs in one, a `Batch`. `rows`, int64 [node], is the row of a node's residue
        in the token table; `residues`, int64 [node], the index of its amino acid in
        `RESIDUE_LETTERS`, or `HIDDEN`.
    mask
        bool [protein, residue] in the padded layout, [residue of the batch] in the packed one;
        False at padding and where a residue is no node.
    offsets
        int32 [protein + 1] where the layout is packed, else None.
    """

    own_geometry: ClassVar[tuple[str, ...]] = ()
    """Tensors of `graph` [node, ...] that tell a residue's own geometry, beside where it is."""

    graph: Any
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
        # A copy of the batch shares its tensors; setting one on it leaves the original as it is.
        graph = copy(self.graph)
        shown = self.of_nodes(substitutes)
        shown = torch.where(shown >= 0, shown, HIDDEN)
        graph.residues = torch.where(self.of_nodes(masked), shown, graph.residues)
        return replace(self, graph=graph)

    def hide_geometry(self, hidden: Tensor) -> Self:
        """Zeros for what the graph tells of hidden residues alone, as `HideableGeometry` says.

        Raises
        ------
        PluginError
            If these features do not say what that is.
        """
        if not self.own_geometry:
            raise PluginError(
                f"{type(self).__module__}.{type(self).__qualname__} names no own_geometry, so no "
                "residue's geometry can be hidden; name the tensors of its graph"
            )
        graph, nodes = copy(self.graph), self.of_nodes(hidden)
        for name in self.own_geometry:
            values = graph[name]
            row = nodes.view(-1, *[1] * (values.ndim - 1))
            graph[name] = torch.where(row, torch.zeros_like(values), values)
        return replace(self, graph=graph)

    def of_nodes(self, table: Tensor) -> Tensor:
        """Values [node, ...] of a padded table [protein, residue, ...], whatever this layout is."""
        if self.offsets is None:
            return table.flatten(0, 1)[self.graph.rows]
        inside = torch.arange(table.shape[1], device=table.device)
        return table[inside < self.offsets.diff()[:, None]][self.graph.rows]

    def table(self, nodes: Tensor) -> Tensor:
        """Values of nodes [node, ...] in the rows of their residues, in this layout; else zero."""
        table = nodes.new_zeros(self.mask.numel(), *nodes.shape[1:])
        table = table.index_copy(0, self.graph.rows, nodes)
        return table.view(*self.mask.shape, *nodes.shape[1:])

    def tokens(self, nodes: Tensor) -> ResidueTokens | PackedTokens:
        """Node values [node, channel] as tokens in this layout."""
        if self.offsets is not None:
            return PackedTokens(self.table(nodes), self.mask, self.offsets)
        return ResidueTokens(self.table(nodes), self.mask)

    def _map(self, move: Callable[[Any], Any]) -> Self:
        offsets = None if self.offsets is None else move(self.offsets)
        # PyG moves a batch in place: the copy keeps the original where it was.
        return replace(self, graph=move(copy(self.graph)), mask=move(self.mask), offsets=offsets)


def lay_out_graphs(
    records: Sequence[ProteinRecord],
    layout: Layout,
    graph_of: Callable[[ProteinRecord | None, int], Any],
    join: Callable[[list[Any]], Any],
) -> GraphFeatures:
    """Features of `records`.

    Parameters
    ----------
    records
        Proteins.
    layout
        Of the tokens.
    graph_of
        The graph of a record whose tokens take so many rows of the token table; a record without
        structure, or None, has a graph without nodes. Its `rows` count from the record's first.
    join
        Graphs to one batch, `rows` growing by `table_rows`: ``Batch.from_data_list``.
    """
    lengths = np.array([len(record) for record in records], dtype=np.int64)
    packed = layout is Layout.PACKED
    longest = int(lengths.max(initial=0))
    graphs = [
        graph_of(record, int(length) if packed else longest)
        for record, length in zip(records, lengths, strict=True)
    ]
    # A batch of no graphs would have no tensors: give it one graph of no nodes.
    graph = join(graphs or [graph_of(None, 0)])
    mask = torch.zeros(int(lengths.sum()) if packed else len(records) * longest).bool()
    mask[graph.rows] = True
    if packed:
        offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
        return GraphFeatures(graph, mask, offsets)
    return GraphFeatures(graph, mask.view(len(records), longest))
