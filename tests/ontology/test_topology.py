from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import OntologyError
from multiprot.ontology import Namespace, Term
from multiprot.ontology.topology import closure, parent_rows, refuse_cycles, shortest_depth

pairs = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20)


def as_edges(found: list[tuple[int, int]]) -> np.ndarray:
    return np.array(sorted(set(found)), dtype=np.int64).reshape(-1, 2).T


def as_graph(edges: np.ndarray) -> networkx.DiGraph[int]:
    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(9))
    graph.add_edges_from(edges.T.tolist())
    return graph


@given(pairs)
def test_cycles_are_found_exactly_where_networkx_finds_them(found: list[tuple[int, int]]) -> None:
    edges = as_edges(found)
    names = [f"T{row}" for row in range(9)]
    if networkx.is_directed_acyclic_graph(as_graph(edges)):
        refuse_cycles(names, edges)
        return
    with pytest.raises(OntologyError, match="cycle: T") as caught:
        refuse_cycles(names, edges)
    told = str(caught.value).partition("cycle: ")[2].partition(";")[0].split(" -> ")
    steps = pairwise(told)
    assert told[0] == told[-1]
    assert {(int(a[1:]), int(b[1:])) for a, b in steps} <= set(map(tuple, edges.T.tolist()))


@given(pairs)
def test_closure_and_depth_agree_with_networkx(found: list[tuple[int, int]]) -> None:
    edges = as_edges([(a, b) for a, b in found if a > b])
    graph = as_graph(edges)
    reached = closure(9, edges)
    depth = shortest_depth(9, edges)
    roots = [row for row in range(9) if graph.out_degree(row) == 0]
    for row in range(9):
        ancestors = networkx.descendants(graph, row) | {row}
        assert set(reached[[row]].indices.tolist()) == ancestors
        lengths = networkx.single_source_shortest_path_length(graph, row)
        assert depth[row] == min(lengths[root] for root in roots if root in lengths)


def test_a_closure_cannot_be_changed() -> None:
    reached = closure(2, np.array([[1], [0]]))
    assert reached.dtype == np.bool_
    with pytest.raises(ValueError, match="read-only"):
        reached.data[0] = False


def test_edges_are_sorted_and_carry_their_relation() -> None:
    def term(number: int, **parents: Any) -> Term:
        return Term(id=f"T:{number}", name="x", namespace=Namespace.PROCESS, **parents)

    terms = [
        term(0),
        term(1, regulates=("T:0",), is_a=("T:0",)),
        term(2, part_of=("T:1",), is_a=("T:0",)),
    ]
    edges, relations = parent_rows(terms, {f"T:{row}": row for row in range(3)})
    assert edges.tolist() == [[1, 1, 2, 2], [0, 0, 0, 1]]
    assert relations.tolist() == [0, 2, 0, 1]
    with pytest.raises(OntologyError, match="T:1: its is_a parent T:0 is not a live term"):
        parent_rows(terms[1:], {"T:1": 0, "T:2": 1})


def test_no_edges_at_all() -> None:
    terms = [Term(id="T:0", name="x", namespace=Namespace.PROCESS)]
    edges, relations = parent_rows(terms, {"T:0": 0})
    assert edges.shape == (2, 0)
    assert relations.shape == (0,)
    assert shortest_depth(1, edges).tolist() == [0]
    assert closure(1, edges).toarray().tolist() == [[True]]
