from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiprot.data.build_inputs import describe_inputs, read_knowledge
from multiprot.errors import (
    FileFormatError,
    MultiprotError,
    ObsoleteTermError,
    OntologyError,
    UnknownTermError,
)
from multiprot.files import sha256

Raw = Any


def test_tables_are_read_by_id(raw: Raw) -> None:
    knowledge = read_knowledge(raw.build_options())
    for protein, (record, split) in raw.records.items():
        assert knowledge.splits is not None
        assert knowledge.splits[protein].split == split
        assert knowledge.terms.get(protein, frozenset()) == (record.go_terms or frozenset())
        assert knowledge.denied.get(protein, frozenset()) == record.not_go_terms
        assert knowledge.spans.get(protein, ()) == record.features
    assert knowledge.account["features_without_range"] == 0
    assert knowledge.account["rows"]["kept"] > 0


def test_what_is_not_given_is_not_known(raw: Raw) -> None:
    absent = dict.fromkeys(("annotations", "ontology", "features", "splits"))
    knowledge = read_knowledge(raw.build_options(**absent))
    assert knowledge.ontology is None
    assert knowledge.splits is None
    assert not knowledge.terms
    assert not knowledge.spans
    assert knowledge.exclusion is None


def test_an_ontology_alone_is_kept(raw: Raw) -> None:
    knowledge = read_knowledge(raw.build_options(annotations=None))
    assert knowledge.ontology is not None
    assert not knowledge.terms


def test_only_the_evidence_that_counts(raw: Raw) -> None:
    path = raw.folder / "annotations.tsv"
    path.write_text(path.read_text() + "extra\tGO:9101000\tF\tIEA\t\n")
    assert "extra" in read_knowledge(raw.build_options()).terms
    assert "extra" not in read_knowledge(raw.build_options(evidence=("IDA",))).terms
    with pytest.raises(FileFormatError, match="no annotation left"):
        read_knowledge(raw.build_options(evidence=("EXP",)))


def append(row: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.write_text(path.read_text() + row + "\n")

    return change


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("P\tGO:1234567\tF\tIDA\t", UnknownTermError),
        ("P\tGO:9101000\tC\tIDA\t", OntologyError),
    ],
)
def test_terms_that_do_not_fit_stop_the_build_or_are_counted(
    raw: Raw, row: str, kind: type[MultiprotError]
) -> None:
    append(row)(raw.folder / "annotations.tsv")
    with pytest.raises(kind, match=r"annotations\.tsv: line \d+: protein P"):
        read_knowledge(raw.build_options())
    knowledge = read_knowledge(raw.build_options(unknown_terms="skip"))
    report = knowledge.account["rows"]
    assert sum(report["unknown"].values()) + sum(report["wrong_namespace"].values()) == 1
    assert "P" not in knowledge.terms


def test_an_obsolete_term_is_replaced_or_refused(raw: Raw) -> None:
    obo = raw.folder / "go.obo"
    text = obo.read_text()
    for number, rest in ((7, "replaced_by: GO:9101000\n"), (8, "consider: GO:9101001\n")):
        text += (
            f"\n[Term]\nid: GO:000000{number}\nname: old {number}\n"
            f"namespace: molecular_function\nis_obsolete: true\n{rest}"
        )
    obo.write_text(text)
    append("P\tGO:0000007\tF\tIDA\t")(raw.folder / "annotations.tsv")
    knowledge = read_knowledge(raw.build_options())
    assert knowledge.terms["P"] == {"GO:9101000"}
    append("P\tGO:0000008\tF\tIDA\t")(raw.folder / "annotations.tsv")
    with pytest.raises(ObsoleteTermError, match="GO:0000008"):
        read_knowledge(raw.build_options())


def test_inputs_are_described_by_name_and_hash(raw: Raw) -> None:
    described = describe_inputs(raw.build_options(splits=None))
    assert described["structures"] == {"folder": "structures"}
    assert described["sequences"] == {
        "file": "sequences.fasta",
        "sha256": sha256(raw.sequences),
    }
    assert set(described) == {
        "structures",
        "sequences",
        "annotations",
        "ontology",
        "features",
    }
