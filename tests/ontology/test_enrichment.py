"""Enrichment against Fisher's test and Benjamini-Hochberg as scipy has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, fisher_exact

from multiprot.data.synthetic_ontology import family_terms, mini_ontology
from multiprot.errors import OntologyError, UnknownTermError
from multiprot.ontology.enrichment import EnrichmentStudies

ONTOLOGY = mini_ontology(6)
LEAVES = [term for family in range(6) for term in family_terms(family).values()]


def by_definition(
    population: list[str], annotations: dict[str, set[str]], study: set[str]
) -> dict[str, tuple[int, int, float, float]]:
    """Counts, p and adjusted p of every term of the population but roots, one table at a time."""
    true = {name: ONTOLOGY.propagate(annotations.get(name, ())) for name in population}
    terms = sorted(set().union(*true.values()) - set(ONTOLOGY.roots))
    rows = []
    for term in terms:
        having = {name for name in population if term in true[name]}
        inside = len(having & study)
        table = [
            [inside, len(study) - inside],
            [len(having) - inside, len(population) - len(study) - len(having) + inside],
        ]
        rows.append((inside, len(having), fisher_exact(table).pvalue))
    adjusted = false_discovery_control([p for _, _, p in rows], method="bh")
    return {term: (*row, q) for term, row, q in zip(terms, rows, adjusted, strict=True)}


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(12, 30))
def test_p_values_are_fishers_and_corrected_by_benjamini_hochberg(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    population = [f"P{number}" for number in range(size)]
    annotations = {
        name: set(rng.choice(LEAVES, size=rng.integers(1, 4)).tolist())
        for name in population
        if rng.random() < 0.8
    }
    annotations["P0"] = {LEAVES[0]}
    study = set(rng.choice(population, size=size // 3, replace=False).tolist())
    found = EnrichmentStudies(population, annotations, ONTOLOGY).enriched(study, most=1.0)
    expected = by_definition(population, annotations, study)
    over = {
        term
        for term, (inside, having, _, _) in expected.items()
        if inside / len(study) > having / size
    }
    assert {term.go_id for term in found} == over
    for term in found:
        inside, having, p_value, adjusted = expected[term.go_id]
        counts = (term.study_count, term.study_size, term.population_count, term.population_size)
        assert counts == (inside, len(study), having, size)
        assert term.p_value == pytest.approx(p_value, rel=1e-9)
        assert term.adjusted_p_value == pytest.approx(adjusted, rel=1e-9)
        assert term.fold == pytest.approx((inside / len(study)) / (having / size))
    assert [term.p_value for term in found] == sorted(term.p_value for term in found)


def test_a_family_among_others_stands_out() -> None:
    population = [f"GO:{family}-{member}" for family in range(4) for member in range(10)]
    annotations = {
        name: set(family_terms(int(name[3])).values()) for name in population if name[-1] != "9"
    }
    studies = EnrichmentStudies(population, annotations, ONTOLOGY)
    found = studies.enriched([name for name in population if name[3] == "2"])
    assert {term.go_id for term in found} >= set(family_terms(2).values())
    own = ONTOLOGY.propagate(family_terms(2).values())
    assert {term.go_id for term in found} <= own - set(ONTOLOGY.roots)
    first = found[0]
    assert (first.study_count, first.study_size, first.population_size) == (9, 10, 40)
    assert first.name == ONTOLOGY.name(first.go_id)
    assert first.namespace == ONTOLOGY.namespace(first.go_id).value


def test_nothing_is_enriched_in_nobody_or_in_everybody() -> None:
    studies = EnrichmentStudies(["a", "b"], {"a": {LEAVES[0]}, "elsewhere": {LEAVES[3]}}, ONTOLOGY)
    assert studies.enriched([]) == []
    assert studies.enriched(["a", "b"], most=1.0) == []


def test_what_cannot_be_studied() -> None:
    with pytest.raises(OntologyError, match="none of the 2 proteins is annotated"):
        EnrichmentStudies(["a", "b"], {"c": {LEAVES[0]}}, ONTOLOGY)
    with pytest.raises(OntologyError, match="some repeat"):
        EnrichmentStudies(["a", "a"], {"a": {LEAVES[0]}}, ONTOLOGY)
    with pytest.raises(UnknownTermError):
        EnrichmentStudies(["a"], {"a": {"GO:0000000"}}, ONTOLOGY)
    with pytest.raises(OntologyError, match="'z' is not in the population"):
        EnrichmentStudies(["a"], {"a": {LEAVES[0]}}, ONTOLOGY).enriched(["z"])
