"""Rows of tables: columns in order, terms that are asked for, nothing else."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.bundle import Bundle
from multiprot.search.tables import Row
from multiprot.search.zero_shot import Annotator, TermSelection, proteins_of_terms
from multiprot.search.zero_shot.rows import (
    PROTEIN_COLUMNS,
    TERM_COLUMNS,
    protein_rows,
    term_rows,
)
from tests.search.zero_shot.models import UNSEEN_LEAF, learnt_ids, proteins, unit_vectors
from tests.tiny_model import tiny_ontology

SPACES = ("molecular_function", "biological_process", "cellular_component")
LEARNT = learnt_ids(tiny_ontology())


def test_a_row_for_each_protein_and_term(bundle: Bundle) -> None:
    annotator, part = Annotator.of_bundle(bundle), proteins(unit_vectors(4))
    rows = list(term_rows(annotator, [part], min_probability=0.0))
    assert len(rows) == 4 * len(LEARNT)
    said = annotator.probabilities(part.vectors)
    for row in rows:
        told = dict(zip(TERM_COLUMNS, row, strict=True))
        place = annotator.position(told["term"]), part.ids.index(told["protein"])
        assert told["probability"] == said[place]
        assert told["name"] == tiny_ontology().name(told["term"])
        assert told["namespace"] == tiny_ontology().namespace(told["term"]).value
        assert told["basis"] == "learnt"


@given(cuts=st.lists(st.integers(0, 9), max_size=4), least=st.floats(0, 0.9))
@settings(deadline=None, max_examples=20)
def test_parts_do_not_matter(bundle: Bundle, cuts: list[int], least: float) -> None:
    annotator, whole = Annotator.of_bundle(bundle), proteins(unit_vectors(9, seed=1))
    edges = [0, *sorted(cuts), 9]
    parts = [whole.picked(np.arange(a, b)) for a, b in itertools.pairwise(edges)]
    assert list(term_rows(annotator, parts, min_probability=least)) == list(
        term_rows(annotator, [whole], min_probability=least)
    )


@given(
    chosen=st.sets(st.sampled_from(LEARNT), min_size=1),
    spaces=st.sets(st.sampled_from(SPACES)),
    zero_shot=st.booleans(),
)
@settings(deadline=None, max_examples=25)
def test_only_what_is_asked_for(
    bundle: Bundle, chosen: set[str], spaces: set[str], zero_shot: bool
) -> None:
    """An unseen term brings its ancestors along for the reckoning, not into the table."""
    unseen = (UNSEEN_LEAF,) if zero_shot else ()
    selection = TermSelection(learnt=tuple(sorted(chosen)), unseen=unseen)
    part = proteins(unit_vectors(3))

    def rows(with_selection: TermSelection | None, namespaces: tuple[str, ...]) -> list[Row]:
        annotator = Annotator.of_bundle(bundle, selection)
        return list(
            term_rows(
                annotator,
                [part],
                selection=with_selection,
                namespaces=namespaces,
                min_probability=0.0,
            )
        )

    everything = rows(None, ())
    kept = [
        row
        for row in everything
        if row[1] in selection.term_ids and (not spaces or row[3] in spaces)
    ]
    assert rows(selection, tuple(spaces)) == kept
    marks = {(row[1], row[5]) for row in kept if row[5] == "zero-shot"}
    wanted = zero_shot and (not spaces or "molecular_function" in spaces)
    assert marks == ({(UNSEEN_LEAF, "zero-shot")} if wanted else set())


def test_a_row_for_each_term_and_protein(bundle: Bundle) -> None:
    annotator = Annotator.of_bundle(bundle)
    found = proteins_of_terms(
        annotator, LEARNT[:2], [proteins(unit_vectors(3))], min_probability=0.0
    )
    rows = [dict(zip(PROTEIN_COLUMNS, row, strict=True)) for row in protein_rows(found)]
    assert [row["term"] for row in rows] == [LEARNT[0]] * 3 + [LEARNT[1]] * 3
    assert [row["rank"] for row in rows] == [1, 2, 3] * 2
    for row, protein in zip(rows, found, strict=True):
        assert row == {name: getattr(protein, name) for name in PROTEIN_COLUMNS}


def test_top_is_of_what_is_asked_for(bundle: Bundle) -> None:
    """The best of the terms wanted, not those of the best that happen to be wanted."""
    annotator, part = Annotator.of_bundle(bundle), proteins(unit_vectors(5))
    everything = list(term_rows(annotator, [part], min_probability=0.0))
    last = {row[1] for row in everything if row[0] == "p0"} - {
        row[1] for row in term_rows(annotator, [part.picked(np.array([0]))], top=3)
    }
    selection = TermSelection(learnt=tuple(last), unseen=())
    rows = list(term_rows(annotator, [part], selection=selection, min_probability=0.0, top=1))
    for protein in part.ids:
        for space in SPACES:
            mine = [r for r in everything if r[0] == protein and r[3] == space and r[1] in last]
            got = [r for r in rows if r[0] == protein and r[3] == space]
            assert got == mine[:1]
    assert rows
