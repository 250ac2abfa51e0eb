"""Which residues are joined, against the definitions written out pair by pair."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiprot.proteins import BackboneStructure
from multiprot.testing.records import (
    backbone,
    broken,
    moved,
    moved_behind,
    protein,
    random_rotation,
    without_atoms,
)
from multiprot_residue_graph.edges import TIE, nearest_edges, radius_edges, sequential_edges
from multiprot_residue_graph.graphs import RadiusGraph, RelationalGraph
from multiprot_residue_graph.trace import AlphaTrace, alpha_trace, empty_trace

GEARNET = RelationalGraph(2, 10.0, 10, 5, corners=True)
SIZES = st.integers(1, 40)
SEEDS = st.integers(0, 10_000)
CHECKS = settings(max_examples=40, deadline=None)


def fold(seed: int, residues: int) -> BackboneStructure:
    """A random backbone with a stretch unseen and a chain break, where it is long enough."""
    record = protein(np.random.default_rng(seed), "fold", residues)
    if residues > 12:
        gone = np.zeros((residues, 5), np.bool_)
        gone[4:6] = True
        record = broken(without_atoms(record, gone), residues // 2)
    return backbone(record)


def trace_of(places: NDArray[np.float64]) -> AlphaTrace:
    """An unbroken chain of CA atoms [residue, xyz]."""
    structure = np.full((len(places), 5, 3), np.nan, np.float32)
    structure[:, 1] = places
    return alpha_trace(
        BackboneStructure(
            coordinates=structure,
            present=np.isfinite(structure).all(axis=-1),
            chain_breaks=np.zeros(len(places), np.bool_),
            confidence=np.full(len(places), np.nan, np.float32),
        )
    )


def apart(trace: AlphaTrace, i: int, j: int, steps: int) -> bool:
    return bool(
        trace.segments[i] != trace.segments[j] or abs(trace.rows[i] - trace.rows[j]) >= steps
    )


def distance(trace: AlphaTrace, i: int, j: int) -> float:
    return float(np.linalg.norm(trace.places[i] - trace.places[j]))


def as_set(edges: NDArray[np.int64]) -> set[tuple[int, int]]:
    found = {(int(i), int(j)) for i, j in edges.T}
    assert len(found) == edges.shape[1], "an edge stands twice"
    return found


@given(seed=SEEDS, residues=SIZES, radius=st.floats(3.0, 20.0))
@CHECKS
def test_radius_edges_are_all_near_pairs_both_ways(seed: int, residues: int, radius: float) -> None:
    trace = alpha_trace(fold(seed, residues))
    found = as_set(radius_edges(trace, radius))
    nodes = range(len(trace))
    assert found == {
        (i, j) for i, j in product(nodes, nodes) if i != j and distance(trace, i, j) < radius
    }
    assert found == {(j, i) for i, j in found}


def test_the_radius_itself_is_not_near() -> None:
    trace = trace_of(np.array([[0.0, 0, 0], [7, 0, 0], [13.5, 0, 0]]))
    assert as_set(radius_edges(trace, 7.0)) == {(1, 2), (2, 1)}


@given(seed=SEEDS, residues=SIZES, count=st.integers(1, 12), least=st.integers(1, 7))
@CHECKS
def test_nearest_edges_are_the_nearest(seed: int, residues: int, count: int, least: int) -> None:
    """Bonded residues are all tied here, at 3.8 Å."""
    trace = alpha_trace(fold(seed, residues))
    found = as_set(nearest_edges(trace, count, least))
    for j in range(len(trace)):
        others = [i for i in range(len(trace)) if i != j and apart(trace, i, j, least)]
        heard = [i for i in others if (i, j) in found]
        left = [i for i in others if (i, j) not in found]
        assert len(heard) == min(count, len(others))
        for i, out in product(heard, left):
            lead = distance(trace, out, j) - distance(trace, i, j)
            assert lead > 0 or (abs(lead) <= 2 * TIE and i < out)
    assert all(i != j and apart(trace, i, j, least) for i, j in found)


@given(
    seed=SEEDS, shape=st.sampled_from([(1, 1, 30), (5, 5, 1), (3, 3, 4)]), count=st.integers(1, 9)
)
@CHECKS
def test_of_equally_near_residues_the_first_in_the_chain_counts(
    seed: int, shape: tuple[int, int, int], count: int
) -> None:
    """On a grid nearly all distances are tied; rounding by far less than `TIE` decides nothing."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, 3)
    places = 3.8 * rng.permutation(grid).astype(np.float64)
    blurred = trace_of(places + rng.normal(0, TIE / 200, places.shape))
    wanted = set()
    for j, here in enumerate(places):
        length = np.round(np.linalg.norm(places - here, axis=1), 6)
        ranked = np.lexsort((np.arange(len(places)), length))
        wanted |= {(int(i), j) for i in ranked[ranked != j][:count]}
    assert as_set(nearest_edges(blurred, count, 1)) == wanted


def test_residues_on_one_spot_are_each_others_neighbours() -> None:
    trace = trace_of(np.zeros((6, 3)))
    first = {j: [i for i in range(6) if i != j][:2] for j in range(6)}
    wanted = {(i, j) for j, others in first.items() for i in others}
    assert as_set(nearest_edges(trace, 2, 1)) == wanted
    assert len(as_set(radius_edges(trace, 7.0))) == 30


@given(seed=SEEDS, residues=SIZES, offset=st.integers(-4, 4))
@CHECKS
def test_sequential_edges_never_leave_the_chain(seed: int, residues: int, offset: int) -> None:
    trace = alpha_trace(fold(seed, residues))
    nodes = range(len(trace))
    assert as_set(sequential_edges(trace, offset)) == {
        (i, j)
        for i, j in product(nodes, nodes)
        if trace.rows[i] - trace.rows[j] == offset and trace.segments[i] == trace.segments[j]
    }


# The same cases each time: rounding by 1e-5 Å may carry a distance in many thousands over a limit.
@given(seed=SEEDS, residues=SIZES, mirrored=st.booleans())
@settings(CHECKS, derandomize=True)
def test_moving_and_mirroring_leave_the_graphs_as_they_are(
    seed: int, residues: int, mirrored: bool
) -> None:
    rng = np.random.default_rng(seed)
    record = protein(rng, "fold", residues)
    rotation = random_rotation(rng) * (-1 if mirrored else 1)
    other = moved(record, rotation, rng.normal(0, 50, 3))
    for graph in (RadiusGraph(7.0), GEARNET):
        here, there = (graph(alpha_trace(backbone(r))) for r in (record, other))
        for name, array in here.items():
            np.testing.assert_allclose(there[name], array, atol=1e-3, err_msg=name)


@given(seed=SEEDS, residues=SIZES)
@CHECKS
def test_relations_and_sequence_distances_are_what_they_say(seed: int, residues: int) -> None:
    trace = alpha_trace(fold(seed, residues))
    graph = GEARNET(trace)
    assert GEARNET.relations == 7
    edges = zip(*graph["edge_index"], graph["relations"], graph["sequence_distances"], strict=True)
    seen = []
    for i, j, relation, steps in edges:
        joined = trace.segments[i] == trace.segments[j]
        assert steps == (abs(trace.rows[i] - trace.rows[j]) if joined else -1)
        if relation < 5:
            assert joined
            assert trace.rows[i] - trace.rows[j] == relation - 2
        else:
            assert apart(trace, i, j, 5)
        if relation == 5:
            assert distance(trace, i, j) < 10.0
        seen.append((j, relation, i))
    assert seen == sorted(set(seen))
    hears = np.bincount(graph["edge_index"][1][graph["relations"] == 6], minlength=len(trace))
    assert hears.max() <= 10


@given(seed=SEEDS, residues=st.integers(1, 25))
@CHECKS
def test_corners_join_edges_head_to_tail(seed: int, residues: int) -> None:
    trace = alpha_trace(fold(seed, residues))
    graph = RelationalGraph(2, 10.0, 4, 5, corners=True)(trace)
    edges = [(int(i), int(j)) for i, j in graph["edge_index"].T]
    wanted = {}
    for (a, (i, j)), (b, (middle, k)) in product(enumerate(edges), enumerate(edges)):
        if j == middle and i != k:
            towards, away = trace.places[i] - trace.places[j], trace.places[k] - trace.places[j]
            sine = np.linalg.norm(np.cross(towards, away))
            wanted[a, b] = float(np.arctan2(sine, towards @ away))
    found = [(int(a), int(b)) for a, b in graph["corner_edges"].T]
    assert found == sorted(wanted, key=lambda corner: corner[::-1])
    np.testing.assert_allclose(graph["angles"], [wanted[corner] for corner in found], atol=1e-5)


@pytest.mark.parametrize("places", [np.zeros((0, 3)), np.zeros((1, 3))])
def test_none_or_one_residue_has_no_edge_but_its_own(places: NDArray[np.float64]) -> None:
    trace = trace_of(places)
    assert RadiusGraph(7.0)(trace)["edge_index"].shape == (2, 0)
    graph = GEARNET(trace)
    assert graph["edge_index"].tolist() == [[0] * len(places)] * 2
    assert graph["relations"].tolist() == [2] * len(places)
    assert graph["corner_edges"].shape == (2, 0)
    assert len(empty_trace()) == 0


def test_two_parts_of_a_broken_chain_are_joined_in_space_alone() -> None:
    """Next to each other in sequence and in space, but not bonded: near, of unknown distance."""
    record = broken(protein(np.random.default_rng(0), "fold", 8), 3)
    trace = alpha_trace(backbone(record))
    graph = GEARNET(trace)
    across = trace.segments[graph["edge_index"][0]] != trace.segments[graph["edge_index"][1]]
    assert set(graph["relations"][across]) == {5, 6}
    assert (3, 4) in as_set(graph["edge_index"][:, across & (graph["relations"] == 5)])
    assert set(graph["sequence_distances"][across]) == {-1}


@pytest.mark.parametrize("behind", [1, 3, 9])
def test_a_part_far_away_behind_a_break_is_joined_by_nothing(behind: int) -> None:
    """Also where either part alone has too few residues for ten neighbours."""
    rng = np.random.default_rng(0)
    record = broken(protein(rng, "fold", 12), 11 - behind)
    graphs = []
    for shift in (300.0, 400.0):
        far = moved_behind(record, 12 - behind, random_rotation(rng), np.full(3, shift))
        graphs.append(GEARNET(alpha_trace(backbone(far))))
    for name, array in graphs[0].items():
        np.testing.assert_allclose(graphs[1][name], array, atol=1e-3, err_msg=name)
    assert graphs[0]["distances"].max() < 50


def test_dihedrals_across_a_break_or_a_gap_are_undefined() -> None:
    structure = fold(0, 20)
    trace = alpha_trace(structure)
    # Unseen: 4 and 5; a break after 10.
    missing = {"phi": {0, 6, 11}, "psi": {3, 10, 19}, "omega": {3, 10, 19}}
    for angle, rows in enumerate(missing.values()):
        assert set(trace.rows[~trace.defined[:, angle]]) == rows
    assert not trace.dihedrals[~trace.defined].any()
    assert (np.abs(trace.dihedrals[trace.defined]) > 0).all()
