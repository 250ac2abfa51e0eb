from __future__ import annotations

from goatools.evidence_codes import EvidenceCodes

from multiprot.ontology import evidence
from multiprot.ontology.evidence import CURATED, EXPERIMENTAL, EvidenceFilter

GROUPS = {
    "Experimental": evidence.EXPERIMENTAL,
    "High_Throughput": evidence.HIGH_THROUGHPUT,
    "Author": evidence.AUTHOR_STATEMENT,
    "Curatorial": evidence.CURATOR_INFERENCE,
    "No biological data": evidence.NO_DATA,
    "Automatic": evidence.ELECTRONIC,
}


def test_groups_are_those_of_the_guide_as_goatools_has_them() -> None:
    codes = EvidenceCodes.code2nt
    for group, ours in GROUPS.items():
        assert ours == {code for code, row in codes.items() if row.group == group}
    # goatools counts phylogenetic codes among the similarity codes, and has IMR, an old IKR.
    rest = {code for code, row in codes.items() if row.group in {"Similarity", "Combinatorial"}}
    assert rest - {"IMR"} == evidence.PHYLOGENETIC | evidence.COMPUTATIONAL


def test_groups_do_not_overlap_and_curated_is_all_but_two() -> None:
    groups = [*GROUPS.values(), evidence.PHYLOGENETIC, evidence.COMPUTATIONAL]
    everything = frozenset().union(*groups)
    assert sum(map(len, groups)) == len(everything)
    assert everything - {"IEA", "ND"} == CURATED


def test_a_filter_includes_then_excludes() -> None:
    assert EvidenceFilter().keeps("IEA")
    assert EvidenceFilter().keeps("")
    assert not EvidenceFilter().keeps("ND")
    assert EvidenceFilter(exclude=frozenset()).keeps("ND")
    strict = EvidenceFilter(include=EXPERIMENTAL, exclude=frozenset({"IEP"}))
    assert [code for code in ("IDA", "IEP", "IEA", "") if strict.keeps(code)] == ["IDA"]
