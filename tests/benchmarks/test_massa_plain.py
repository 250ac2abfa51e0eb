"""The plain rival: its size, its step, its known fault, and that its GVP is the one of ours."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from multiprot_gvp.encoder import GvpEncoder
from multiprot_gvp.options import MASSA
from torch import nn

from benchmarks.massa_plain.config import IGNORED, PlainMassaConfig
from benchmarks.massa_plain.features import featurise
from benchmarks.massa_plain.masks import mask_nodes, mask_rows
from benchmarks.massa_plain.model import PlainMassa
from benchmarks.massa_plain.proteins import PlainProtein, random_proteins
from benchmarks.massa_plain.step import (
    count_parameters,
    dead_parameters,
    focal_loss,
    plain_optimizer,
    plain_step,
)
from benchmarks.massa_plain.structure import StructureNetwork
from multiprot.encoders.contract import Layout
from multiprot.testing import example_records

TINY = PlainMassaConfig(
    sequence_dim=12,
    width=16,
    positions=64,
    node_vectors=4,
    edge_scalars=8,
    neighbours=6,
    heads=2,
    inner=32,
    go_dim=6,
    go_width=8,
    go_heads=2,
    go_inner=16,
    go_classes=50,
    motif_classes=5,
    domain_classes=7,
    region_classes=6,
    batch=2,
)
LENGTHS = (17, 30, 9)
DEAD = tuple(f"protein_go.{stack}_layers.{n}." for stack in ("protein", "go") for n in (0, 1))
OBJECTIVES = {"residue", "go", "motif", "domain", "region"}


@pytest.fixture
def model() -> PlainMassa:
    torch.manual_seed(0)
    return PlainMassa(TINY)


@pytest.fixture
def proteins() -> list[PlainProtein]:
    return random_proteins(LENGTHS, seed=0, config=TINY)


def test_default_has_the_published_size() -> None:
    with torch.device("meta"):
        model = PlainMassa(PlainMassaConfig())
    head_never_called = (512 * 1024 + 1024) + (1024 + 1)
    counts = count_parameters(model)
    counts["structure"] += head_never_called
    millions = {name: round(count / 1e6, 2) for name, count in counts.items() if name != "total"}
    assert millions == {
        "sequence": 12.19,
        "structure": 7.39,
        "fusion": 13.13,
        "go": 0.60,
        "protein_go": 17.37,
    }
    assert (counts["total"] + head_never_called) / 1e6 == pytest.approx(50.69, abs=0.01)
    layers = (model.protein_go.protein_layers[:2], model.protein_go.go_layers[:2])
    dead = sum(p.numel() for stack in layers for p in stack.parameters())
    assert round(dead / 1e6, 2) == 8.93


def test_all_but_the_first_decoder_layers_learn(
    model: PlainMassa, proteins: list[PlainProtein]
) -> None:
    losses = plain_step(model, proteins)
    assert set(losses) == {*OBJECTIVES, "total"}
    assert all(math.isfinite(loss) for loss in losses.values())
    assert losses["total"] == pytest.approx(sum(losses[name] for name in OBJECTIVES), rel=1e-5)
    without = set(dead_parameters(model))
    assert without == {name for name, _ in model.named_parameters() if name.startswith(DEAD)}


def test_the_dead_layers_change_nothing(proteins: list[PlainProtein]) -> None:
    torch.manual_seed(0)
    deep = PlainMassa(TINY).eval()
    single = PlainMassa(replace(TINY, decoder_layers=1)).eval()
    last = {
        name.replace("layers.2", "layers.0") if name.startswith("protein_go") else name: weights
        for name, weights in deep.state_dict().items()
        if not name.startswith(DEAD)
    }
    single.load_state_dict(last)
    assert plain_step(deep, proteins) == pytest.approx(plain_step(single, proteins), rel=1e-5)


def test_steps_learn_the_proteins(proteins: list[PlainProtein]) -> None:
    torch.manual_seed(0)
    quick = replace(TINY, batch=3, lr=3e-3, conv_dropout=0.0, gvp_dropout=0.0, dropout=0.0)
    model = PlainMassa(quick)
    optimizer = plain_optimizer(model)
    graphs = [featurise(protein, TINY.neighbours) for protein in proteins]
    steps = [plain_step(model, proteins, optimizer, graphs) for _ in range(25)]
    tagging = [step["motif"] + step["domain"] + step["region"] for step in steps]
    assert np.mean(tagging[-5:]) < 0.9 * np.mean(tagging[:5])
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_tagging_that_no_protein_has_costs_nothing(
    model: PlainMassa, proteins: list[PlainProtein]
) -> None:
    untagged = [replace(protein, motif_tags=None) for protein in proteins]
    assert plain_step(model, untagged)["motif"] == 0.0


def test_structure_tokens_are_those_of_ours_with_the_same_weights() -> None:
    torch.manual_seed(0)
    small = {"node_scalars": 24, "node_vectors": 5, "message_vectors": 11, "neighbours": 6}
    ours = GvpEncoder(MASSA.model_copy(update=small)).eval()
    for norm in ours.modules():
        if isinstance(norm, nn.LayerNorm):
            nn.init.normal_(norm.weight, 1.0, 0.2)
            nn.init.normal_(norm.bias, 0.0, 0.2)
    config = replace(TINY, width=24, node_vectors=5, edge_scalars=32, neighbours=6)
    plain = StructureNetwork(config).eval()
    plain.load_state_dict({_plain_name(name): w for name, w in ours.state_dict().items()})
    record = example_records()[0]
    assert record.structure is not None
    features = ours.featurizer([record], Layout.PADDED)
    graph = featurise(_protein_at(record.structure.coordinates[:, :3]), config.neighbours)
    torch.testing.assert_close(graph.node_vectors, features.graph.vectors, atol=1e-4, rtol=1e-4)
    sines_first = graph.node_scalars.roll(3, dims=-1)
    torch.testing.assert_close(sines_first[1:-1], features.graph.scalars[1:-1], atol=1e-4, rtol=0)
    # At the ends ours says that there is no angle, the seed that it is 0.
    graph = replace(graph, node_scalars=features.graph.scalars)
    with torch.no_grad():
        torch.testing.assert_close(plain(graph), ours(features).values[0], atol=2e-4, rtol=1e-3)


def _plain_name(name: str) -> str:
    for ours, plain in {
        "node_input.": "node_input.1.",
        "node_norm.": "node_input.0.",
        "edge_input.": "edge_input.1.",
        "edge_norm.": "edge_input.0.",
        "message.first.": "message.0.",
        "message.middle.0.": "message.1.",
        "message.last.": "message.2.",
        "token_norm.": "norm.",
        "last_norm.": "output.0.",
        "output.": "output.1.",
    }.items():
        if ours in name:
            return name.replace(ours, plain)
    return name


def _protein_at(coordinates: np.ndarray) -> PlainProtein:
    length = len(coordinates)
    return PlainProtein(
        vectors=np.zeros((length, 1), np.float32),
        coordinates=np.asarray(coordinates, np.float32),
        residues=np.zeros(length, np.int64),
        go_terms=np.zeros(1, np.int64),
    )


def test_tokens_stay_and_vectors_turn_with_the_protein(proteins: list[PlainProtein]) -> None:
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    turn = (turn * np.linalg.det(turn)).astype(np.float32)
    turned = replace(proteins[1], coordinates=proteins[1].coordinates @ turn.T + 5.0)
    before, after = featurise(proteins[1], 29), featurise(turned, 29)
    network = StructureNetwork(replace(TINY, edge_scalars=32)).eval()
    with torch.no_grad():
        torch.testing.assert_close(network(after), network(before), atol=1e-3, rtol=0)
    expected = before.node_vectors @ torch.from_numpy(turn).T
    torch.testing.assert_close(after.node_vectors, expected, atol=1e-3, rtol=0)


def test_masks_hide_change_and_leave() -> None:
    vectors = np.random.default_rng(0).standard_normal((4000, 2), dtype=np.float32)
    classes = np.arange(4000)
    rows, labels, changes = mask_rows(vectors, classes, 1e-3, random.Random(0))
    picked = [number for number, label in enumerate(labels) if label != IGNORED]
    assert [labels[number] for number in picked] == picked
    assert len(picked) / 4000 == pytest.approx(0.15, abs=0.02)
    hidden = [number for number, other in changes.items() if other is None]
    assert len(hidden) / len(picked) == pytest.approx(0.8, abs=0.05)
    assert (len(changes) - len(hidden)) / len(picked) == pytest.approx(0.1, abs=0.04)
    for number, row in enumerate(rows):
        other = changes.get(number, number)
        assert row == ([1e-3, 1e-3] if other is None else vectors[other].tolist())


def test_a_mask_hides_at_least_one_and_the_node_with_it(proteins: list[PlainProtein]) -> None:
    vectors = proteins[0].vectors[:1]
    labelled = [mask_rows(vectors, np.array([7]), 1e-3, random.Random(n))[1] for n in range(20)]
    assert labelled == [[7]] * 20
    graph = featurise(proteins[0], 6)
    masked = mask_nodes(graph, {2: None, 3: 5})
    assert (masked.node_scalars[2] == 1e-3).all()
    assert (masked.node_vectors[2] == 1e-3).all()
    assert torch.equal(masked.node_scalars[3], graph.node_scalars[5])
    assert torch.equal(masked.node_vectors[4:], graph.node_vectors[4:])


def test_focal_loss_weighs_entropy_by_what_is_left_to_learn() -> None:
    logits, labels = torch.randn(5, 4), torch.tensor([0, 3, IGNORED, 1, IGNORED])
    kept = labels != IGNORED
    right = logits.softmax(-1)[kept].gather(1, labels[kept, None])
    expected = ((1 - right) ** 2 * -right.log()).mean()
    torch.testing.assert_close(focal_loss(logits, labels), expected)
    assert focal_loss(logits, labels) < F.cross_entropy(logits, labels, ignore_index=IGNORED)


def test_unequal_lengths_missing_terms_and_long_proteins_are_refused(
    model: PlainMassa, proteins: list[PlainProtein]
) -> None:
    with pytest.raises(ValueError, match=r"arrays of \[9, 17\] residues"):
        replace(proteins[0], vectors=proteins[2].vectors)
    with pytest.raises(ValueError, match="17 residues without a GO term"):
        replace(proteins[0], go_terms=np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="65 residues, but positions for 64"):
        plain_step(model, random_proteins([65], seed=0, config=TINY))
