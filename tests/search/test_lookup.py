"""What annotated proteins of a store pass on: evidence, denials, ancestors, other files' ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multiprot.errors import FileFormatError, OntologyError, SearchError, UnknownTermError
from multiprot.ontology import EvidenceFilter, GeneOntology, Namespace, Term
from multiprot.search import AnnotationSource, Lookup, read_lookups

F, P, C = "GO:0000001", "GO:0000002", "GO:0000003"
BINDING, DNA_BINDING, TRANSPORT, REPAIR = (f"GO:000001{n}" for n in range(4))


def term(number: str, namespace: Namespace, *parents: str, part_of: tuple[str, ...] = ()) -> Term:
    relations = {"is_a": parents, "part_of": part_of}
    return Term(id=number, name=f"name of {number}", namespace=namespace, **relations)


ONTOLOGY = GeneOntology.from_terms(
    [
        term(F, Namespace.FUNCTION),
        term(P, Namespace.PROCESS),
        term(C, Namespace.COMPONENT),
        term(BINDING, Namespace.FUNCTION, F),
        term(DNA_BINDING, Namespace.FUNCTION, BINDING, part_of=(REPAIR,)),
        term(TRANSPORT, Namespace.FUNCTION, F),
        term(REPAIR, Namespace.PROCESS, P),
    ]
)
IDS = ("p1", "p2", "p3", "p4")


def table(*rows: tuple[str, ...], columns: str = "protein_id go_id evidence qualifier") -> str:
    return "\n".join(["\t".join(columns.split()), *("\t".join(row) for row in rows)]) + "\n"


def terms_of(lookup: Lookup) -> dict[str, set[str]]:
    dense = lookup.terms.toarray()
    found = {
        protein: {lookup.term_ids[column] for column in np.flatnonzero(dense[row])}
        for row, protein in enumerate(IDS)
    }
    assert (lookup.annotated == [bool(terms) for terms in found.values()]).all()
    return {protein: terms for protein, terms in found.items() if terms}


def looked_up(path: Path, **options: object) -> dict[str, dict[str, set[str]]]:
    source = AnnotationSource(path=path, **options)  # type: ignore[arg-type]
    return {lookup.namespace: terms_of(lookup) for lookup in read_lookups(source, IDS)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    rows = (
        ("p1", DNA_BINDING, "IDA", ""),
        ("p2", BINDING, "IEA", ""),
        ("p2", TRANSPORT, "IDA", ""),
        ("p3", DNA_BINDING, "IDA", ""),
        ("p3", BINDING, "IMP", "NOT|enables"),
        ("p3", TRANSPORT, "IMP", "enables"),
        ("p4", F, "ND", ""),
        ("stranger", BINDING, "IDA", ""),
    )
    (tmp_path / "terms.tsv").write_text(table(*rows))
    return tmp_path / "terms.tsv"


def test_ancestors_denials_and_roots(path: Path) -> None:
    """A NOT on binding denies DNA binding, and repair with it; part_of crosses namespaces."""
    assert looked_up(path, ontology=ONTOLOGY) == {
        "molecular_function": {
            "p1": {DNA_BINDING, BINDING},
            "p2": {BINDING, TRANSPORT},
            "p3": {TRANSPORT},
        },
        "biological_process": {"p1": {REPAIR}},
    }


def test_evidence_and_namespaces(path: Path) -> None:
    found = looked_up(
        path,
        ontology=ONTOLOGY,
        evidence=EvidenceFilter(include=frozenset({"IDA"})),
        namespaces=("molecular_function",),
    )
    # Without the NOT row, which is IMP, DNA binding of p3 stands.
    assert found == {
        "molecular_function": {
            "p1": {DNA_BINDING, BINDING},
            "p2": {TRANSPORT},
            "p3": {DNA_BINDING, BINDING},
        }
    }


def test_without_an_ontology_terms_are_as_written(path: Path) -> None:
    assert looked_up(path) == {
        "": {
            "p1": {DNA_BINDING},
            "p2": {BINDING, TRANSPORT},
            "p3": {DNA_BINDING, TRANSPORT},
        }
    }


def test_without_an_ontology_the_aspect_tells_the_namespace(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    rows = (("p1", DNA_BINDING, "F", ""), ("p1", REPAIR, "P", ""), ("p2", REPAIR, "P", "NOT"))
    columns = "protein_id go_id aspect qualifier"
    path.write_text(table(*rows, columns=columns))
    assert looked_up(path) == {
        "molecular_function": {"p1": {DNA_BINDING}},
        "biological_process": {"p1": {REPAIR}},
    }
    path.write_text(table(*rows, ("p3", REPAIR, "C", ""), columns=columns))
    with pytest.raises(OntologyError, match=r"line 5: .* has aspect 'C' here and another one"):
        looked_up(path)
    path.write_text(table(("p1", REPAIR, "X", ""), columns=columns))
    with pytest.raises(FileFormatError, match="line 2: aspect 'X' of p1"):
        looked_up(path)


def test_unusable_terms(tmp_path: Path) -> None:
    path = tmp_path / "terms.tsv"
    path.write_text(table(("p1", "GO:7777777", "", ""), ("p2", BINDING, "", "")))
    with pytest.raises(UnknownTermError, match="line 2"):
        looked_up(path, ontology=ONTOLOGY)
    found = looked_up(path, ontology=ONTOLOGY, on_unusable="skip")
    assert found == {"molecular_function": {"p2": {BINDING}}}


@pytest.mark.parametrize("ontology", [None, ONTOLOGY])
def test_names_of_uniprot_fasta_files(path: Path, ontology: GeneOntology | None) -> None:
    """Annotation files have accessions; an exact match goes before."""
    path.write_text(path.read_text().replace("p1", "P12345").replace("p2", "tr|Q1|B"))
    source = AnnotationSource(path=path, ontology=ontology)
    ids = ["sp|P12345|ONE_HUMAN", "tr|Q1|B", "sp|P12345", "xx|P12345|A", "P12345"]
    lookup = read_lookups(source, ids)[0]
    assert lookup.annotated.tolist() == [True, True, False, False, True]
    assert (lookup.terms[[0]].toarray() == lookup.terms[[4]].toarray()).all()


@pytest.mark.parametrize("ontology", [None, ONTOLOGY])
def test_files_that_do_not_fit_the_store(path: Path, ontology: GeneOntology | None) -> None:
    source = AnnotationSource(path=path, ontology=ontology)
    with pytest.raises(SearchError, match=r"such as 'p1', is in the store, .* 'sp\|p9\|X'"):
        read_lookups(source, ["sp|p9|X"])
    source = AnnotationSource(path=path, ontology=ontology, namespaces=("cellular_component",))
    with pytest.raises(SearchError, match=r"3 proteins.*|4 proteins.* none has a term in cellular"):
        read_lookups(source, IDS)
