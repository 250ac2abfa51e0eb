"""The same ontology and annotations given to goatools, which must come to the same numbers."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from goatools.obo_parser import GODag
from goatools.semantic import TermCounts, get_info_content, lin_sim, resnik_sim

from multiprot.ontology import (
    Annotations,
    GeneOntology,
    SemanticSimilarity,
    information_content,
    term_matrix,
)

LN2 = np.log(2)
"""goatools gives natural units, multiprot bits."""

Sets = dict[str, frozenset[str]]


@pytest.fixture(scope="module")
def sets(known: Annotations) -> Sets:
    """Terms of 150 proteins of every kind of source."""
    chosen = random.Random(7).sample(sorted(known.terms), 150)
    return {protein: known.terms[protein] for protein in chosen}


@pytest.fixture(scope="module", params=["is_a", "is_a and part_of"])
def both(
    request: pytest.FixtureRequest,
    real: GeneOntology,
    sets: Sets,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[GeneOntology, GODag, TermCounts]:
    """The part of GO above those terms, read by multiprot and by goatools."""
    terms = [real.term(term) for term in sorted(real.propagate(frozenset().union(*sets.values())))]
    relationships: Any = {"part_of"}
    if request.param == "is_a":
        terms = [replace(term, part_of=()) for term in terms]
        along_is_a = GeneOntology.from_terms(terms)
        kept = along_is_a.propagate(frozenset().union(*sets.values()))
        terms = [term for term in terms if term.id in kept]
        relationships = None
    path = tmp_path_factory.mktemp("goatools") / "part.obo"
    GeneOntology.from_terms(terms).write_obo(path)
    dag = GODag(str(path), optional_attrs={"relationship"}, prt=None)
    counts = TermCounts(dag, {p: set(t) for p, t in sets.items()}, relationships=relationships)
    return GeneOntology.from_obo(path), dag, counts


def test_ancestors_and_depth(both: tuple[GeneOntology, GODag, TermCounts]) -> None:
    ours, dag, _ = both
    with_part_of = bool((ours.edge_relations == 1).any())
    for term in ours.term_ids:
        theirs = dag[term].get_all_upper() if with_part_of else dag[term].get_all_parents()
        assert ours.ancestors(term) == theirs
        if not with_part_of:
            assert ours.depth[ours.row(term)] == dag[term].level


def test_counts_and_information(both: tuple[GeneOntology, GODag, TermCounts], sets: Sets) -> None:
    ours, _, counts = both
    propagated = term_matrix(sets.values(), ours)
    information = information_content(propagated, ours) * LN2
    for row, term in enumerate(ours.term_ids):
        assert propagated[:, [row]].sum() == counts.get_count(term)
        assert information[row] == pytest.approx(get_info_content(term, counts), abs=1e-9)


def test_resnik_and_lin(both: tuple[GeneOntology, GODag, TermCounts], sets: Sets) -> None:
    ours, dag, counts = both
    information = information_content(term_matrix(sets.values(), ours), ours)
    case = SemanticSimilarity(ontology=ours, information=information)
    terms = random.Random(3).sample(ours.term_ids, 60)
    resnik, lin = case.resnik(terms, terms) * LN2, case.lin(terms, terms)
    # goatools looks for common ancestors along is_a only, even where it counts along part_of.
    compared = (lambda a, b: a >= b - 1e-9) if (ours.edge_relations == 1).any() else close
    for i, first in enumerate(terms):
        for j, second in enumerate(terms):
            theirs = resnik_sim(first, second, dag, counts)
            if theirs is None:
                assert np.isnan(resnik[i, j])
                continue
            assert compared(resnik[i, j], theirs)
            assert compared(lin[i, j], lin_sim(first, second, dag, counts))


def close(first: float, second: float) -> bool:
    return bool(np.isclose(first, second, rtol=1e-9, atol=1e-12))
