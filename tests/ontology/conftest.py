"""A miniature ontology with every kind of retired id, and a strategy that draws ontologies."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import strategies as st

from multiprot.ontology import NAMESPACES, Annotations, GeneOntology, Term, read_annotations

MINIATURE = """format-version: 1.2
data-version: releases/2024-01-01
ontology: go

[Term]
id: GO:0000001
name: function root
namespace: molecular_function
def: "The root: \\"function\\" ! all of it." [GOC:x]

[Term]
id: GO:0000002
name: process root
namespace: biological_process

[Term]
id: GO:0000003
name: component root
namespace: cellular_component

[Term]
id: GO:0000010
name: binding
namespace: molecular_function
synonym: "bind" EXACT []
is_a: GO:0000001 ! function root

[Term]
id: GO:0000011
name: kinase activity
namespace: molecular_function
alt_id: GO:0000091
alt_id: GO:0000092
is_a: GO:0000001 {source="x"} ! function root
relationship: part_of GO:0000020 ! signalling

[Term]
id: GO:0000012
name: binding kinase activity
namespace: molecular_function
is_a: GO:0000010
is_a: GO:0000011
relationship: has_part GO:0000003

[Term]
id: GO:0000020
name: signalling
namespace: biological_process
is_a: GO:0000002

[Term]
id: GO:0000021
name: regulation of signalling
namespace: biological_process
is_a: GO:0000002
relationship: negatively_regulates GO:0000020

[Term]
id: GO:0000080
name: obsolete old binding
namespace: molecular_function
is_obsolete: true
replaced_by: GO:0000081

[Term]
id: GO:0000081
name: obsolete older kinase
namespace: molecular_function
is_obsolete: true
replaced_by: GO:0000091

[Term]
id: GO:0000082
name: obsolete vague
namespace: biological_process
is_obsolete: true
consider: GO:0000020
consider: GO:0000021

[Term]
id: GO:0000083
name: obsolete without heir
namespace: biological_process
is_obsolete: true

[Typedef]
id: part_of
name: part of
is_transitive: true
"""


@pytest.fixture(scope="session")
def miniature_text() -> str:
    return MINIATURE


@pytest.fixture(scope="session")
def miniature_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("obo") / "miniature.obo"
    path.write_text(MINIATURE)
    return path


@pytest.fixture(scope="session")
def miniature(miniature_path: Path) -> GeneOntology:
    return GeneOntology.from_obo(miniature_path)


@st.composite
def _terms(draw: st.DrawFn) -> list[Term]:
    """Three roots and up to ten terms below; is_a stays in its namespace, part_of need not."""
    ids = [f"GO:{number:07d}" for number in draw(st.permutations(range(13)))]
    terms = [
        Term(id=term_id, name=f"root {namespace}", namespace=namespace)
        for term_id, namespace in zip(ids[:3], NAMESPACES, strict=True)
    ]
    for term_id in ids[3 : 3 + draw(st.integers(0, 10))]:
        first = draw(st.sampled_from(terms))
        kin = [term.id for term in terms if term.namespace == first.namespace]
        everyone = [term.id for term in terms]
        terms.append(
            Term(
                id=term_id,
                name=f"term {term_id}",
                namespace=first.namespace,
                is_a=(first.id, *draw(st.lists(st.sampled_from(kin), max_size=2))),
                part_of=tuple(draw(st.lists(st.sampled_from(everyone), max_size=2))),
            )
        )
    return terms


@pytest.fixture(scope="session")
def term_lists() -> st.SearchStrategy[list[Term]]:
    return _terms()


@pytest.fixture(scope="session")
def ontologies() -> st.SearchStrategy[GeneOntology]:
    return _terms().map(GeneOntology.from_terms)


@pytest.fixture(scope="session")
def real(shared: Path) -> GeneOntology:
    return GeneOntology.from_obo(shared / "data" / "pretrain" / "go.obo.gz")


@pytest.fixture(scope="session")
def known(shared: Path, real: GeneOntology) -> Annotations:
    return read_annotations(shared / "data" / "pretrain" / "annotations.tsv.gz", real)
