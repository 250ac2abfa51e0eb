from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.errors import UnknownTermError
from multiprot.ontology import GeneOntology, denied_matrix, term_matrix


@given(data=st.data())
def test_rows_are_what_the_ontology_propagates(data: Any, ontologies: Any) -> None:
    ontology: GeneOntology = data.draw(ontologies)
    sets = data.draw(st.lists(st.sets(st.sampled_from(ontology.term_ids)), max_size=5))
    stated = term_matrix(sets, ontology, propagate=False)
    propagated = term_matrix(sets, ontology)
    denied = denied_matrix(sets, ontology)
    for matrix in (stated, propagated, denied):
        assert matrix.shape == (len(sets), len(ontology))
        assert matrix.dtype == np.bool_
        assert matrix.data.all()
        assert matrix.has_sorted_indices
    for row, terms in enumerate(sets):
        below = [ontology.descendants(term) for term in terms]
        assert marked(stated, row, ontology) == terms
        assert marked(propagated, row, ontology) == ontology.propagate(terms)
        assert marked(denied, row, ontology) == terms.union(*below)


def marked(matrix: Any, row: int, ontology: GeneOntology) -> set[str]:
    return {ontology.term_ids[column] for column in np.flatnonzero(matrix.toarray()[row])}


def test_retired_ids_are_mapped_and_counted_once(miniature: GeneOntology) -> None:
    matrix = term_matrix([["GO:0000091", "GO:0000011", "GO:0000080"]], miniature, propagate=False)
    assert matrix.indices.tolist() == [miniature.row("GO:0000011")]


def test_unknown_ids_are_refused(miniature: GeneOntology) -> None:
    with pytest.raises(UnknownTermError, match="GO:0999999"):
        term_matrix([["GO:0999999"]], miniature)
