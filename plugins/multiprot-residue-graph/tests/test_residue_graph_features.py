"""Batches of graphs: layouts, masks, hidden residues, long proteins; and the options."""

from __future__ import annotations

import pickle
from importlib.metadata import entry_points

import numpy as np
import pytest
import torch

from multiprot.encoders.contract import Layout
from multiprot.encoders.graphs import HIDDEN
from multiprot.encoders.options import validate_options
from multiprot.errors import ConfigError
from multiprot.proteins import RESIDUE_LETTERS, BackboneStructure, ProteinRecord
from multiprot.testing import example_records
from multiprot.testing.records import protein, without_atoms
from multiprot_residue_graph.features import GraphFeaturizer
from multiprot_residue_graph.gearnet_encoder import GearNetEncoder
from multiprot_residue_graph.graphs import RadiusGraph, RelationalGraph
from multiprot_residue_graph.options import GearNetOptions, GinOptions
from multiprot_residue_graph.plugin import gearnet, gin_residue_graph

GRAPHS = [RadiusGraph(7.0), RelationalGraph(2, 10.0, 10, 5, corners=True)]


@pytest.mark.parametrize("plugin", [gin_residue_graph, gearnet], ids=lambda plugin: plugin.name)
def test_the_entry_point_is_the_plugin(plugin: object) -> None:
    (found,) = entry_points(group="multiprot.structure_encoders", name=plugin.name)
    assert found.load() is plugin


@pytest.mark.parametrize("join", GRAPHS, ids=["radius", "relational"])
@pytest.mark.parametrize("layout", list(Layout))
def test_graphs_of_a_batch_do_not_touch(join: object, layout: Layout) -> None:
    records = example_records()
    features = GraphFeaturizer(join)(records, layout)
    graph = features.graph
    owner = graph.batch[graph.edge_index]
    assert torch.equal(owner[0], owner[1])
    seen = [0 if r.structure is None else int(r.structure.present[:, 1].sum()) for r in records]
    assert torch.bincount(graph.batch, minlength=len(records)).tolist() == seen
    assert graph.rows.tolist() == features.mask.flatten().nonzero().flatten().tolist()


@pytest.mark.parametrize("join", GRAPHS, ids=["radius", "relational"])
def test_a_protein_has_the_same_graph_alone_and_in_a_batch(join: object) -> None:
    records = example_records()
    together = GraphFeaturizer(join)(records, Layout.PADDED).graph
    for number, record in enumerate(records):
        alone, part = GraphFeaturizer(join)([record], Layout.PADDED).graph, together[number]
        for name in ("edge_index", "distances", "dihedrals", "corner_edges", "angles"):
            if name in alone:
                assert torch.equal(alone[name], part[name]), f"{record.id}: {name}"


@pytest.mark.parametrize("layout", list(Layout))
def test_masking_hides_or_replaces_single_amino_acids(layout: Layout) -> None:
    records = example_records()
    features = GraphFeaturizer(GRAPHS[0])(records, layout)
    rng = torch.Generator().manual_seed(0)
    shape = (len(records), max(len(record) for record in records))
    masked = torch.rand(shape, generator=rng) < 0.4
    substitutes = torch.randint(-1, 20, shape, generator=rng)
    changed = features.mask_residues(masked, substitutes)
    wanted = []
    for number, record in enumerate(records):
        seen = [] if record.structure is None else record.structure.present[:, 1].nonzero()[0]
        for residue in seen:
            shown = int(substitutes[number, residue])
            own = RESIDUE_LETTERS.index(record.sequence[residue])
            hidden = bool(masked[number, residue])
            wanted.append(own if not hidden else HIDDEN if shown < 0 else shown)
    assert changed.graph.residues.tolist() == wanted
    assert features.graph.residues.tolist() != wanted


def test_a_residue_without_n_or_c_has_a_token_and_one_without_ca_has_none() -> None:
    record = protein(np.random.default_rng(0), "partial", 12)
    gone = np.zeros((12, 5), np.bool_)
    gone[3, 0] = gone[5, 1] = gone[7, 2] = True
    features = GraphFeaturizer(GRAPHS[0])([without_atoms(record, gone)], Layout.PADDED)
    assert features.mask[0].tolist() == [r != 5 for r in range(12)]
    undefined = {
        int(row): [bool(d) for d in defined]
        for row, defined in zip(features.graph.rows, features.graph.defined, strict=True)
        if row in (3, 7)
    }
    assert undefined == {3: [False, False, True], 7: [False, False, False]}


def test_a_trace_of_ca_atoms_alone_is_enough() -> None:
    record = protein(np.random.default_rng(0), "trace", 30)
    gone = np.ones((30, 5), np.bool_)
    gone[:, 1] = False
    for plugin, options in [(gin_residue_graph, GinOptions()), (gearnet, GearNetOptions())]:
        model = plugin.build(options).eval()
        tokens = model(model.featurizer([without_atoms(record, gone)], Layout.PADDED))
        assert tokens.mask.all()
        assert (tokens.values.std(dim=1) > 0).any()


def test_features_survive_pickling_and_moving() -> None:
    model = gearnet.build(GearNetOptions(width=8, layers=1, edge_messages=True)).eval()
    features = model.featurizer(example_records(), Layout.PACKED)
    again = pickle.loads(pickle.dumps(features))  # noqa: S301
    assert torch.equal(model(again).values, model(features).values)
    assert pickle.loads(pickle.dumps(model.featurizer)) == model.featurizer  # noqa: S301
    moved = features.to(torch.device("meta"))
    assert {moved.graph[key].device.type for key in ("edge_index", "corner_edges")} == {"meta"}
    assert moved.offsets is not None
    assert moved.offsets.device.type == moved.mask.device.type == "meta"
    assert features.graph.rows.device.type == features.mask.device.type == "cpu"


def globule(residues: int) -> ProteinRecord:
    """A chain folded to and fro through a cube at the density of a protein, 4.9 Å a step."""
    side = round(residues ** (1 / 3)) + 1
    cells = np.indices((side, side, side)).reshape(3, -1).T
    cells[cells[:, 0] % 2 == 1, 1] = side - 1 - cells[cells[:, 0] % 2 == 1, 1]
    turned = (cells[:, 0] + cells[:, 1]) % 2 == 1
    cells[turned, 2] = side - 1 - cells[turned, 2]
    atoms = np.array([[-1.2, 0.5, 0.5], [0, 0, 0], [1.2, 0.5, -0.5], [1.5, 1.5, 0], [0, -1, 1]])
    places = 4.9 * cells[:residues, None] + np.random.default_rng(0).normal(
        0, 0.3, (residues, 1, 3)
    )
    structure = BackboneStructure(
        coordinates=(places + atoms).astype(np.float32),
        present=np.ones((residues, 5), np.bool_),
        chain_breaks=np.zeros(residues, np.bool_),
        confidence=np.full(residues, np.nan, np.float32),
    )
    return ProteinRecord(id="globule", sequence="A" * residues, structure=structure)


def test_a_long_protein_has_as_many_edges_a_residue_as_a_short_one() -> None:
    """Two thousand residues: edges and corners grow with the length, not with its square."""
    counts = {}
    for residues in (500, 2000):
        graph = GraphFeaturizer(GRAPHS[1])([globule(residues)], Layout.PADDED).graph
        counts[residues] = np.array([graph.edge_index.shape[1], graph.corner_edges.shape[1]])
    assert (counts[2000] / counts[500] < 1.6 * 4).all()
    assert counts[2000][0] < 2000 * 40


def test_states_of_edges_take_no_table_of_corners() -> None:
    """No tensor of two thousand residues' training step has a row of channels for each corner."""
    torch.manual_seed(0)
    model = GearNetEncoder(GearNetOptions(width=16, layers=1, edge_messages=True))
    features = model.featurizer([globule(2000)], Layout.PADDED)
    corners = features.graph.corner_edges.shape[1]
    sizes = []

    def kept(tensor: torch.Tensor) -> torch.Tensor:
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(kept, lambda tensor: tensor):
        values = model(features).values
    values.sum().backward()
    assert torch.isfinite(values).all()
    assert max(sizes) < 3 * corners


@pytest.mark.parametrize(
    ("plugin", "options", "named"),
    [
        (gin_residue_graph, {"radius": 0}, "radius"),
        (gin_residue_graph, {"update": "relu"}, "update"),
        (gin_residue_graph, {"dihedrals": "none"}, "residues"),
        (gearnet, {"residues": False, "dihedrals": "none"}, "residues"),
        (gearnet, {"dihedrals": "steps"}, "dihedrals"),
        (gearnet, {"neighbors": 16}, "neighbours"),
        (gearnet, {"angle_bins": 0}, "angle_bins"),
    ],
)
def test_a_bad_option_is_named(plugin: object, options: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        validate_options(plugin, options, "model.structure.options")
