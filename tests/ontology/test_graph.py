from __future__ import annotations

import gzip
import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import FileFormatError, OntologyError, UnknownTermError
from multiprot.ontology import NAMESPACES, RELATIONS, GeneOntology, Namespace, Term

Draws = st.DataObject


def same(first: GeneOntology, second: GeneOntology) -> bool:
    return (
        first.content_hash == second.content_hash
        and first.release == second.release
        and all(first.term(term) == second.term(term) for term in first.term_ids)
        and first.term_ids == second.term_ids
        and np.array_equal(first.edges, second.edges)
        and np.array_equal(first.edge_relations, second.edge_relations)
        and np.array_equal(first.namespace_index, second.namespace_index)
    )


def test_the_miniature(miniature: GeneOntology) -> None:
    assert len(miniature) == 8
    assert miniature.term_ids == tuple(sorted(miniature.term_ids))
    assert miniature.roots == ("GO:0000001", "GO:0000002", "GO:0000003")
    assert miniature.name("GO:0000091") == "kinase activity"
    assert miniature.definition("GO:0000001").startswith("The root")
    assert miniature.definition("GO:0000010") == ""
    assert miniature.namespace("GO:0000020") is Namespace.PROCESS
    assert miniature.term("GO:0000080").id == "GO:0000011"
    assert miniature.depth[miniature.row("GO:0000012")] == 2
    assert not miniature.regulates
    assert "GO:0000010" in miniature
    assert "GO:0000091" not in miniature
    assert "8 terms" in repr(miniature)


def test_ancestors_cross_namespaces_through_part_of(miniature: GeneOntology) -> None:
    assert miniature.ancestors("GO:0000012") == {
        "GO:0000010",
        "GO:0000011",
        "GO:0000001",
        "GO:0000020",
        "GO:0000002",
    }
    assert miniature.descendants("GO:0000020") == {"GO:0000011", "GO:0000012"}
    assert miniature.propagate([]) == frozenset()
    assert miniature.propagate(["GO:0000080"]) == miniature.propagate(["GO:0000011"])


def test_regulates_adds_edges_and_changes_the_hash(
    miniature: GeneOntology, miniature_path: Path
) -> None:
    wider = GeneOntology.from_obo(miniature_path, regulates=True)
    assert wider.regulates
    assert wider.edges.shape[1] == miniature.edges.shape[1] + 1
    assert RELATIONS[wider.edge_relations.max()] == "negatively_regulates"
    assert "GO:0000020" in wider.ancestors("GO:0000021")
    assert wider.content_hash != miniature.content_hash


def test_unknown_ids_are_refused_everywhere(miniature: GeneOntology) -> None:
    calls: list[Any] = [
        miniature.row,
        miniature.name,
        miniature.namespace,
        miniature.stated_namespace,
        miniature.ancestors,
        lambda term: miniature.propagate([term]),
    ]
    for call in calls:
        with pytest.raises(UnknownTermError, match="GO:0999999"):
            call("GO:0999999")


def test_the_namespace_of_a_retired_id_is_its_own() -> None:
    old = Term(
        id="GO:2",
        name="moved",
        namespace=Namespace.PROCESS,
        obsolete=True,
        replaced_by=("GO:1",),
    )
    new = Term(id="GO:1", name="x", namespace=Namespace.FUNCTION)
    ontology = GeneOntology.from_terms([new, old])
    assert ontology.namespace("GO:2") is Namespace.FUNCTION
    assert ontology.stated_namespace("GO:2") is Namespace.PROCESS


@pytest.mark.parametrize("array", ["edges", "edge_relations", "namespace_index", "depth"])
def test_arrays_are_read_only(miniature: GeneOntology, array: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        getattr(miniature, array)[...] = 0


def test_a_loader_worker_can_receive_it(miniature: GeneOntology) -> None:
    assert same(pickle.loads(pickle.dumps(miniature)), miniature)  # noqa: S301


@given(data=st.data())
def test_the_order_of_terms_does_not_matter(data: Draws, term_lists: Any) -> None:
    terms = data.draw(term_lists)
    shuffled = data.draw(st.permutations(terms))
    assert same(GeneOntology.from_terms(terms), GeneOntology.from_terms(shuffled))


@given(data=st.data())
def test_both_files_give_the_ontology_back(
    data: Draws, ontologies: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ontology = data.draw(ontologies)
    folder = tmp_path_factory.getbasetemp()
    ontology.write_obo(folder / "any.obo")
    ontology.save(folder / "any.json.gz")
    assert same(GeneOntology.from_obo(folder / "any.obo"), ontology)
    assert same(GeneOntology.load(folder / "any.json.gz"), ontology)


def test_both_files_keep_retired_ids_and_regulates(miniature_path: Path, tmp_path: Path) -> None:
    ontology = GeneOntology.from_obo(miniature_path, regulates=True)
    ontology.write_obo(tmp_path / "x.obo.gz")
    ontology.save(tmp_path / "x.json.gz")
    again = GeneOntology.from_obo(tmp_path / "x.obo.gz", regulates=True)
    assert same(again, ontology)
    assert same(GeneOntology.load(tmp_path / "x.json.gz"), ontology)
    assert again.resolve("GO:0000080") == "GO:0000011"


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other"},
        {"definition": "other"},
        {"is_a": ("GO:0000001",)},
        {"part_of": ("GO:0000010",)},
        {"alt_ids": ("GO:0000077",)},
        {"namespace": Namespace.COMPONENT},
        {"obsolete": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_hash_sees_every_field(change: dict[str, Any]) -> None:
    terms = [
        Term(id="GO:0000001", name="a", namespace=Namespace.FUNCTION),
        Term(id="GO:0000010", name="b", namespace=Namespace.FUNCTION),
        Term(id="GO:0000012", name="c", namespace=Namespace.FUNCTION, is_a=("GO:0000010",)),
    ]
    other = [*terms[:2], replace(terms[2], **change)]
    first, second = GeneOntology.from_terms(terms), GeneOntology.from_terms(other)
    assert first.content_hash != second.content_hash
    relabelled = GeneOntology.from_terms(terms, release="another")
    assert first.content_hash == relabelled.content_hash


@given(data=st.data())
def test_propagation_is_idempotent_monotone_and_transitive(data: Draws, ontologies: Any) -> None:
    ontology: GeneOntology = data.draw(ontologies)
    some = st.sets(st.sampled_from(ontology.term_ids))
    less = data.draw(some)
    more = less | data.draw(some)
    once = ontology.propagate(less)
    assert less <= once
    assert ontology.propagate(once) == once
    assert once <= ontology.propagate(more)
    closure = ontology.closure
    assert (closure @ closure != closure).nnz == 0
    assert closure.diagonal().all()
    for term in less:
        assert all(term in ontology.descendants(above) for above in ontology.ancestors(term))


@given(data=st.data())
def test_rows_and_ids_agree(data: Draws, ontologies: Any) -> None:
    ontology: GeneOntology = data.draw(ontologies)
    for row, term_id in enumerate(ontology.term_ids):
        assert ontology.row(term_id) == row
        assert NAMESPACES[ontology.namespace_index[row]] is ontology.namespace(term_id)
        assert (ontology.depth[row] == 0) == (term_id in ontology.roots)


STANZA = "[Term]\nid: {id}\nname: x\nnamespace: biological_process\nis_a: {parent}\n\n"


def write(path: Path, parents: dict[str, str]) -> Path:
    path.write_text("".join(STANZA.format(id=i, parent=p) for i, p in parents.items()))
    return path


def test_a_cycle_is_refused_naming_file_and_terms(tmp_path: Path) -> None:
    parents = {"GO:1": "GO:2", "GO:2": "GO:3", "GO:3": "GO:1", "GO:4": "GO:1"}
    path = write(tmp_path / "c.obo", parents)
    with pytest.raises(OntologyError, match="cycle: GO:1 -> GO:2 -> GO:3 -> GO:1;") as caught:
        GeneOntology.from_obo(path)
    assert str(path) in str(caught.value)
    assert "GO:4" not in str(caught.value)


def test_a_term_above_itself_is_a_cycle(tmp_path: Path) -> None:
    with pytest.raises(OntologyError, match="cycle: GO:1 -> GO:1;"):
        GeneOntology.from_obo(write(tmp_path / "c.obo", {"GO:1": "GO:1"}))


def test_a_dangling_parent_is_refused_naming_file_and_terms(tmp_path: Path) -> None:
    path = write(tmp_path / "d.obo", {"GO:1": "GO:2"})
    with pytest.raises(OntologyError, match="GO:1: its is_a parent GO:2") as caught:
        GeneOntology.from_obo(path)
    assert str(path) in str(caught.value)


def test_an_obsolete_parent_is_dangling() -> None:
    old = Term(id="GO:2", name="x", namespace=Namespace.PROCESS, obsolete=True)
    child = Term(id="GO:1", name="x", namespace=Namespace.PROCESS, part_of=("GO:2",))
    with pytest.raises(OntologyError, match="GO:1: its part_of parent GO:2"):
        GeneOntology.from_terms([old, child])


def test_repeated_terms_and_no_live_terms() -> None:
    old = Term(id="GO:2", name="x", namespace=Namespace.PROCESS, obsolete=True)
    with pytest.raises(OntologyError, match="GO:2 is declared twice"):
        GeneOntology.from_terms([old, old])
    for terms in ([], [old]):
        with pytest.raises(OntologyError, match="no live term"):
            GeneOntology.from_terms(terms)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"[]",
        b'{"format": "multiprot-ontology/999"}',
        b"\xff\xfe\x00",
        gzip.compress(json.dumps({"format": "multiprot-ontology/1"}).encode()),
        gzip.compress(b"{}" * 99)[:-9],
    ],
)
def test_a_damaged_saved_ontology_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "go.json.gz"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=str(path)):
        GeneOntology.load(path)


@pytest.mark.parametrize(
    "change", [{"terms": [["GO:1"]]}, {"terms": 7}, {"terms": [{"id": "GO:1"}]}]
)
def test_a_saved_ontology_with_other_rows_is_refused(
    tmp_path: Path, miniature: GeneOntology, change: dict[str, Any]
) -> None:
    path = tmp_path / "go.json.gz"
    miniature.save(path)
    content = json.loads(gzip.decompress(path.read_bytes()))
    path.write_bytes(json.dumps(content | change).encode())
    with pytest.raises(FileFormatError, match=str(path)):
        GeneOntology.load(path)


def test_importing_the_ontology_brings_no_heavy_library() -> None:
    code = "import sys, multiprot.ontology; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "scipy", "networkx", "obonet", "goatools", "pandas"}
    assert not heavy & set(found.stdout.split())
