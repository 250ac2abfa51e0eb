from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import FileFormatError, ObsoleteTermError, OntologyError, UnknownTermError
from multiprot.ontology import (
    EXPERIMENTAL,
    Annotations,
    EvidenceFilter,
    GeneOntology,
    denied_matrix,
    read_annotations,
    term_matrix,
)

HEADER = "protein_id\tgo_id\taspect\tevidence\tqualifier\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "annotations.tsv"


def read(path: Path, ontology: GeneOntology, *rows: str, **options: Any) -> Annotations:
    path.write_text(HEADER + "".join(row.replace(" ", "\t") + "\n" for row in rows))
    return read_annotations(path, ontology, **options)


def test_terms_are_gathered_per_protein_and_not_propagated(
    path: Path, miniature: GeneOntology
) -> None:
    rows = ["P1 GO:0000012 F IDA ", "P2 GO:0000010 F IEA ", "P1 GO:0000020 P IEA "]
    found = read(path, miniature, *rows)
    assert found.terms == {
        "P1": frozenset({"GO:0000012", "GO:0000020"}),
        "P2": frozenset({"GO:0000010"}),
    }
    assert found.negated == {}
    assert found.report.rows == found.report.kept == 3


def test_alternative_and_replaced_ids_are_mapped_and_counted(
    path: Path, miniature: GeneOntology
) -> None:
    rows = ["P1 GO:0000091 F IDA ", "P2 GO:0000080 F IDA ", "P3 GO:0000091 F IDA "]
    found = read(path, miniature, *rows)
    assert set(found.terms.values()) == {frozenset({"GO:0000011"})}
    assert found.report.mapped == {"GO:0000091": "GO:0000011", "GO:0000080": "GO:0000011"}
    assert found.report.mapped_rows == 3


def test_evidence_is_filtered_and_counted_by_code(path: Path, miniature: GeneOntology) -> None:
    rows = ["P1 GO:0000010 F IDA ", "P2 GO:0000010 F IEA ", "P3 GO:0000001 F ND "]
    found = read(path, miniature, *rows, evidence=EvidenceFilter(include=EXPERIMENTAL))
    assert set(found.terms) == {"P1"}
    assert found.report.filtered == {"IEA": 1, "ND": 1}
    assert set(read(path, miniature, *rows).terms) == {"P1", "P2"}


def test_a_filter_on_a_file_without_codes_is_refused(path: Path, miniature: GeneOntology) -> None:
    with pytest.raises(FileFormatError, match="line 2: protein P1 has no evidence code"):
        read(path, miniature, "P1 GO:0000010 F  ", evidence=EvidenceFilter(include=EXPERIMENTAL))


def test_not_wins_over_the_same_term(path: Path, miniature: GeneOntology) -> None:
    found = read(path, miniature, "P1 GO:0000010 F IDA ", "P1 GO:0000010 F IEA NOT|enables")
    assert found.terms == {"P1": frozenset()}
    assert found.negated == {"P1": frozenset({"GO:0000010"})}
    assert found.report.contradicted == 1
    assert found.report.denied == 1


def test_not_denies_descendants_and_leaves_ancestors(path: Path, miniature: GeneOntology) -> None:
    rows = [
        "P1 GO:0000012 F IEA ",
        "P1 GO:0000001 F IEA ",
        "P1 GO:0000020 P IEA ",
        "P1 GO:0000010 F IDA NOT",
        "P2 GO:0000012 F IEA ",
    ]
    found = read(path, miniature, *rows)
    assert found.terms["P1"] == {"GO:0000001", "GO:0000020"}
    assert found.terms["P2"] == {"GO:0000012"}


def test_a_protein_with_denials_only_is_known_and_has_no_term(
    path: Path, miniature: GeneOntology
) -> None:
    assert read(path, miniature, "P1 GO:0000010 F IDA NOT").terms == {"P1": frozenset()}


def test_not_about_an_isoform_says_nothing_of_the_protein(
    path: Path, miniature: GeneOntology
) -> None:
    row = "U\tP1\tS\t{q}\tGO:0000010\tR\tIDA\t\tF\t\t\tprotein\ttaxon:1\t20240101\tX\t\t{form}\n"
    rows = [("NOT|enables", "U:P1-2"), ("enables", "U:P1-1"), ("enables", "")]
    body = "".join(row.format(q=qualifier, form=form) for qualifier, form in rows)
    path.write_text("!gaf-version: 2.2\n" + body)
    found = read_annotations(path, miniature)
    assert found.terms == {"P1": frozenset({"GO:0000010"})}
    assert found.report.isoform_denials == 1


@pytest.mark.parametrize(
    ("row", "option", "error", "told"),
    [
        ("P9 GO:0000019 F IDA ", "on_unknown", UnknownTermError, "'GO:0000019'.*nearest"),
        ("P9 GO:0000082 P IDA ", "on_obsolete", ObsoleteTermError, "GO:0000020, GO:0000021"),
        (
            "P9 GO:0000020 F IDA ",
            "on_wrong_namespace",
            OntologyError,
            "GO:0000020 is a term of biological_process, but the row says molecular_function",
        ),
    ],
)
def test_a_bad_row_is_an_error_or_is_counted(
    path: Path, miniature: GeneOntology, row: str, option: str, error: Any, told: str
) -> None:
    rows = ["P1 GO:0000010 F IDA ", row, row]
    with pytest.raises(error, match=f"{path}: line 3: protein P9: .*{told}") as caught:
        read(path, miniature, *rows)
    assert "\n" not in str(caught.value)
    report = read(path, miniature, *rows, **{option: "skip"}).report
    account = getattr(report, option.removeprefix("on_"))
    assert account == {row.split(" ")[1]: 2}
    assert report.rows == report.kept + 2


def test_the_error_of_an_obsolete_term_keeps_its_candidates(
    path: Path, miniature: GeneOntology
) -> None:
    with pytest.raises(ObsoleteTermError) as caught:
        read(path, miniature, "P1 GO:0000082 P IDA ")
    assert caught.value.candidates == ("GO:0000020", "GO:0000021")


@pytest.mark.parametrize("aspect", ["F", "MF", "molecular_function", ""])
def test_spellings_of_the_aspect(path: Path, miniature: GeneOntology, aspect: str) -> None:
    assert read(path, miniature, f"P1 GO:0000010 {aspect} IDA ").report.kept == 1


def test_an_aspect_that_is_none_is_refused(path: Path, miniature: GeneOntology) -> None:
    with pytest.raises(FileFormatError, match="line 2: aspect 'X' of P1"):
        read(path, miniature, "P1 GO:0000010 X IDA ")


def test_nothing_left_is_an_error_with_its_causes(path: Path, miniature: GeneOntology) -> None:
    rows = ["P1 GO:0000010 F IEA ", "P2 GO:0999999 F IDA "]
    only = EvidenceFilter(include=EXPERIMENTAL)
    told = r"no annotation left of 2 rows: 1 rows by evidence filter \(codes seen: IEA\); 1 rows by"
    with pytest.raises(FileFormatError, match=told):
        read(path, miniature, *rows, evidence=only, on_unknown="skip")


def test_a_header_without_rows_is_an_error(path: Path, miniature: GeneOntology) -> None:
    with pytest.raises(FileFormatError, match="no annotation left"):
        read(path, miniature)


def test_the_report_adds_up_and_becomes_json(path: Path, miniature: GeneOntology) -> None:
    rows = [
        "P1 GO:0000010 F IDA ",
        "P1 GO:0000010 F IDA NOT",
        "P1 GO:0000082 P IDA ",
        "P1 GO:0999999 P IDA ",
        "P1 GO:0000020 C IDA ",
        "P1 GO:0000020 P ND ",
    ]
    policies = {f"on_{case}": "skip" for case in ("unknown", "obsolete", "wrong_namespace")}
    report = read(path, miniature, *rows, **policies).report.to_json()
    refused = ("filtered", "unknown", "obsolete", "wrong_namespace")
    assert report["rows"] == 6
    left_out = sum(sum(report[name].values()) for name in refused)
    assert report["kept"] + report["denied"] + report["isoform_denials"] + left_out == 6


statements = st.lists(
    st.tuples(st.sampled_from("PQ"), st.integers(0, 12), st.booleans()), min_size=1, max_size=12
)


@given(data=st.data(), drawn=statements)
def test_no_denied_term_is_ever_true_and_order_does_not_matter(
    data: Any, drawn: list[Any], ontologies: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    ontology: GeneOntology = data.draw(ontologies)
    ids = ontology.term_ids
    rows = [f"{p} {ids[n % len(ids)]}  IDA {'NOT' if no else ''}" for p, n, no in drawn]
    path = tmp_path_factory.getbasetemp() / "drawn.tsv"
    found = read(path, ontology, *rows)
    for protein, negated in found.negated.items():
        true = term_matrix([found.terms[protein]], ontology)
        false = denied_matrix([negated], ontology)
        assert true.multiply(false).nnz == 0
    again = read(path, ontology, *data.draw(st.permutations(rows)))
    assert again.terms == found.terms
    assert again.negated == found.negated
