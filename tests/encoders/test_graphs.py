"""Graphs of residues as features: where tokens go in either layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from multiprot.encoders.contract import Layout, PackedTokens, ResidueTokens
from multiprot.encoders.graphs import HIDDEN, GraphFeatures, lay_out_graphs
from multiprot.proteins import ProteinRecord, residue_indices

LENGTHS = (4, 1, 6)


class Chain(Data):  # type: ignore[misc]
    """Every second residue is a node."""

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        return self.table_rows if key == "rows" else 0


def graph(record: ProteinRecord | None, table_rows: int) -> Chain:
    rows = np.arange(0, 0 if record is None else len(record), 2)
    letters = residue_indices("" if record is None else record.sequence)
    return Chain(
        rows=torch.from_numpy(rows),
        residues=torch.from_numpy(letters[rows]),
        num_nodes=len(rows),
        table_rows=table_rows,
    )


def features(layout: Layout) -> GraphFeatures:
    records = [ProteinRecord(id=f"p{n}", sequence="ACDEFG"[:n]) for n in LENGTHS]
    return lay_out_graphs(records, layout, graph, Batch.from_data_list)


@pytest.mark.parametrize("layout", Layout)
def test_a_node_lands_in_the_row_of_its_residue(layout: Layout) -> None:
    laid = features(layout)
    tokens = laid.tokens(torch.arange(1.0, 7.0)[:, None])
    rows = [[1, 0, 2, 0], [3], [4, 0, 5, 0, 6, 0]]
    if layout is Layout.PACKED:
        assert isinstance(tokens, PackedTokens)
        assert tokens.values[:, 0].tolist() == [number for row in rows for number in row]
        assert tokens.offsets.tolist() == [0, 4, 5, 11]
    else:
        assert isinstance(tokens, ResidueTokens)
        padded = [row + [0] * (6 - len(row)) for row in rows]
        assert tokens.values[..., 0].tolist() == padded
    assert torch.equal(tokens.mask, tokens.values[..., 0] > 0)


@pytest.mark.parametrize("layout", Layout)
def test_residues_are_hidden_and_shown(layout: Layout) -> None:
    laid = features(layout)
    masked = torch.zeros(3, 6, dtype=torch.bool)
    masked[0, 2] = masked[2, 4] = masked[2, 5] = True
    shown = torch.full((3, 6), -1)
    shown[2, 4] = 7
    hidden = laid.mask_residues(masked, shown)
    assert hidden.graph.residues.tolist() == [0, HIDDEN, 0, 0, 2, 7]
    assert laid.graph.residues.tolist() == [0, 2, 0, 0, 2, 4]


def test_no_records_have_no_tokens() -> None:
    empty = lay_out_graphs([], Layout.PADDED, graph, Batch.from_data_list)
    assert empty.tokens(torch.zeros(0, 3)).values.shape == (0, 0, 3)


def test_moving_leaves_the_original() -> None:
    laid = features(Layout.PADDED)
    there = laid.to(torch.device("meta"))
    assert there.graph.rows.device.type == there.mask.device.type == "meta"
    assert laid.graph.rows.device.type == laid.mask.device.type == "cpu"
