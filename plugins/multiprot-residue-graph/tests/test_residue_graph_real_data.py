"""Real chains, where the data lies beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from multiprot.encoders.contract import Layout
from multiprot.proteins import ProteinRecord, read_structure_file
from multiprot.testing.records import moved, random_rotation
from multiprot_residue_graph.features import GraphFeaturizer
from multiprot_residue_graph.gin import inverse_square
from multiprot_residue_graph.graphs import RadiusGraph, RelationalGraph
from multiprot_residue_graph.options import GearNetOptions, GinOptions
from multiprot_residue_graph.plugin import gearnet, gin_residue_graph

ENCODERS = {
    "gin": (gin_residue_graph, GinOptions(width=32)),
    "gearnet": (gearnet, GearNetOptions(width=32, layers=2)),
    "gearnet-edge": (gearnet, GearNetOptions(width=32, layers=2, edge_messages=True)),
}


@pytest.fixture(scope="module")
def records() -> list[ProteinRecord]:
    """Twenty-four chains, of every format."""
    default = Path(__file__).parents[4] / "shared"
    folder = Path(os.environ.get("MULTIPROT_SHARED", default)) / "data/pretrain/structures"
    if not folder.is_dir():
        pytest.skip(f"real data absent: no {folder} (set MULTIPROT_SHARED)")
    paths = [
        path for suffix in ("bcif", "cif", "pdb") for path in sorted(folder.glob(f"*.{suffix}.gz"))
    ]
    return [read_structure_file(path)[0].record for path in paths[:: len(paths) // 24][:24]]


def test_weights_are_bounded_and_bonded_residues_joined(records: list[ProteinRecord]) -> None:
    """Bonded CA atoms are 3.8 Å apart, and no two atoms nearer than 2 Å: weights below 0.25."""
    graph = GraphFeaturizer(RadiusGraph(7.0))(records, Layout.PACKED).graph
    weights = inverse_square(graph.distances, 1e-6)
    assert weights.max() < 0.25
    assert weights.min() > 1 / 49.01
    senders, receivers = graph.edge_index
    steps = graph.rows[senders] - graph.rows[receivers]
    bonded = steps.abs() == 1
    near = (graph.distances[bonded] - 3.8).abs() < 0.3
    assert near.float().mean() > 0.97
    assert torch.equal(torch.bincount(senders), torch.bincount(receivers))


def test_edges_of_each_kind_are_as_many_as_the_paper_leads_one_to_expect(
    records: list[ProteinRecord],
) -> None:
    graph = GraphFeaturizer(RelationalGraph(2, 10.0, 10, 5, corners=False))(
        records, Layout.PACKED
    ).graph
    each = torch.bincount(graph.relations, minlength=7) / graph.num_nodes
    assert each[2] == 1
    assert all(0.9 < share <= 1 for share in each[[0, 1, 3, 4]].tolist())
    assert 5 < each[5] < 25
    assert 9 < each[6] <= 10


@pytest.mark.parametrize("name", list(ENCODERS))
def test_tokens_are_finite_and_learn(records: list[ProteinRecord], name: str) -> None:
    plugin, options = ENCODERS[name]
    torch.manual_seed(0)
    model = plugin.build(options)
    few = sorted(records, key=len)[:8]
    out = model(model.featurizer(few, Layout.PADDED))
    for record, mask in zip(few, out.mask, strict=True):
        assert mask[: len(record)].tolist() == record.structure.present[:, 1].tolist()
    assert torch.isfinite(out.values).all()
    out.values.square().mean().backward()
    assert all(torch.isfinite(part.grad).all() for part in model.parameters())


@pytest.mark.parametrize("name", list(ENCODERS))
def test_real_proteins_may_be_turned_and_packed(records: list[ProteinRecord], name: str) -> None:
    plugin, options = ENCODERS[name]
    torch.manual_seed(0)
    model = plugin.build(options).eval()
    few = sorted(records, key=len)[:8]
    rng = np.random.default_rng(0)
    turned = [moved(record, random_rotation(rng), np.zeros(3)) for record in few]
    with torch.no_grad():
        here, there, packed = (
            model(model.featurizer(batch, layout))
            for batch, layout in [
                (few, Layout.PADDED),
                (turned, Layout.PADDED),
                (few, Layout.PACKED),
            ]
        )
    torch.testing.assert_close(there.values, here.values, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(here.values[here.mask], packed.values[packed.mask])
