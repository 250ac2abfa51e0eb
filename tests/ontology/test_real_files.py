"""The real ontology and annotations: counts that their README states, and plain speed of use."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from multiprot.ontology import (
    NAMESPACES,
    Annotations,
    GeneOntology,
    SemanticSimilarity,
    information_content,
    term_matrix,
)


@pytest.fixture(scope="module")
def chains(shared: Path) -> list[str]:
    with gzip.open(shared / "data" / "pretrain" / "splits.tsv.gz", "rt") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return [row["protein_id"] for row in rows if row["has_structure"] == "1"]


def test_terms_relations_and_roots(shared: Path, real: GeneOntology) -> None:
    with gzip.open(shared / "data" / "pretrain" / "go.obo.gz", "rt") as handle:
        lines = handle.read().splitlines()
    relations = sum(line.startswith(("is_a: GO:", "relationship: part_of ")) for line in lines)
    assert len(real) == lines.count("[Term]") == 42_092
    assert real.edges.shape == (2, relations)
    assert real.release == "rebuilt-from/2024-07-17"
    assert [real.name(root) for root in real.roots] == [
        "molecular_function",
        "cellular_component",
        "biological_process",
    ]
    for index, namespace in enumerate(NAMESPACES):
        stated = lines.count(f"namespace: {namespace.value}")
        assert int((real.namespace_index == index).sum()) == stated


def test_both_written_forms_keep_the_hash(real: GeneOntology, tmp_path: Path) -> None:
    real.save(tmp_path / "go.json.gz")
    real.write_obo(tmp_path / "go.obo.gz")
    loaded = GeneOntology.load(tmp_path / "go.json.gz")
    assert loaded.content_hash == real.content_hash
    assert GeneOntology.from_obo(tmp_path / "go.obo.gz").content_hash == real.content_hash
    assert (loaded.closure != real.closure).nnz == 0


def test_every_alternative_id_leads_to_a_live_term(shared: Path, real: GeneOntology) -> None:
    with gzip.open(shared / "data" / "pretrain" / "go.obo.gz", "rt") as handle:
        ids = [line.split()[1] for line in handle if line.startswith("alt_id: ")]
    assert len(ids) == 3_337
    assert all(real.resolve(term) in real for term in ids)


def test_every_row_is_kept(known: Annotations) -> None:
    report = known.report
    assert report.rows == report.kept == 375_414
    assert report.mapped_rows == report.denied == report.contradicted == 0


def test_annotated_chains_are_as_many_as_the_readme_says(
    known: Annotations, chains: list[str], real: GeneOntology
) -> None:
    sets = [known.terms.get(chain, frozenset()) for chain in chains]
    assert len(sets) == 4_718
    assert sum(map(bool, sets)) == 3_669
    stated = term_matrix(sets, real, propagate=False)
    counts = [
        int(np.count_nonzero(stated @ (real.namespace_index == index)))
        for index in range(len(NAMESPACES))
    ]
    assert dict(zip(NAMESPACES, counts, strict=True)) == {
        "molecular_function": 3_508,
        "biological_process": 1_672,
        "cellular_component": 2_051,
    }


def test_propagation_of_all_proteins_equals_that_of_each(
    known: Annotations, real: GeneOntology
) -> None:
    propagated = term_matrix(known.terms.values(), real)
    for row, terms in list(enumerate(known.terms.values()))[::3_001]:
        marked = {real.term_ids[column] for column in propagated[[row]].indices}
        assert marked == real.propagate(terms)


def test_similarity_of_thousands_of_proteins(
    known: Annotations, chains: list[str], real: GeneOntology
) -> None:
    sets = [known.terms[chain] for chain in chains if chain in known.terms][:2_000]
    propagated = term_matrix(known.terms.values(), real)
    case = SemanticSimilarity(ontology=real, information=information_content(propagated, real))
    values = case.simgic(sets, sets)
    assert np.array_equal(values, values.T)
    assert (np.diag(values) == 1).all()
    assert ((values >= 0) & (values <= 1)).all()
