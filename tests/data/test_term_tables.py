from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiprot.data import Corpus
from multiprot.data.synthetic_ontology import mini_ontology
from multiprot.data.term_tables import known_namespaces, propagated_terms
from multiprot.errors import UnknownTermError
from multiprot.ontology import NAMESPACES, GeneOntology, Namespace, Term
from multiprot.proteins import ProteinRecord

WriteCorpus = Callable[..., Corpus]
TERMS = mini_ontology(5).term_ids
term_sets = st.frozensets(st.sampled_from(TERMS), max_size=5)


def proteins(
    sets: list[tuple[frozenset[str] | None, frozenset[str]]],
) -> list[tuple[ProteinRecord, str]]:
    return [
        (
            ProteinRecord(
                id=f"p{number}",
                sequence="M" + "A" * number,
                go_terms=stated,
                not_go_terms=denied,
            ),
            "train",
        )
        for number, (stated, denied) in enumerate(sets)
    ]


def naive(
    ontology: GeneOntology, stated: frozenset[str] | None, denied: frozenset[str]
) -> frozenset[str]:
    false = denied.union(*(ontology.descendants(term) for term in denied))
    return ontology.propagate((stated or frozenset()) - false)


@given(sets=st.lists(st.tuples(st.none() | term_sets, term_sets), min_size=1, max_size=6))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None
)
def test_terms_follow_the_true_path_and_nots(
    tmp_path_factory: pytest.TempPathFactory,
    ontology: GeneOntology,
    sets: list[tuple[frozenset[str] | None, frozenset[str]]],
) -> None:
    from multiprot.data import CorpusWriter

    folder = tmp_path_factory.mktemp("terms")
    with CorpusWriter(folder) as writer:
        for record, split in proteins(sets):
            writer.add(record, split)
    writer.finish(ontology)
    corpus = Corpus.open(folder)
    table = propagated_terms(corpus, ontology).toarray()
    assert set(np.unique(table)) <= {0, 1}
    for row, (stated, denied) in enumerate(sets):
        true = {ontology.term_ids[term] for term in np.flatnonzero(table[row])}
        assert true == naive(ontology, stated, denied)
        assert not true & denied


def test_a_term_reached_on_many_ways_is_one(
    write_corpus: WriteCorpus, ontology: GeneOntology
) -> None:
    """More ways than a small integer can count."""
    everything = frozenset(ontology.term_ids)
    table = propagated_terms(write_corpus(proteins([(everything, frozenset())])), ontology)
    assert table.data.tolist() == [1] * len(ontology)


def test_a_root_alone_is_no_knowledge(write_corpus: WriteCorpus, ontology: GeneOntology) -> None:
    sets = [(frozenset({root}), frozenset[str]()) for root in ontology.roots]
    corpus = write_corpus(proteins([*sets, (None, frozenset()), (frozenset(), frozenset())]))
    assert not known_namespaces(propagated_terms(corpus, ontology), ontology).any()


def test_knowledge_crosses_namespaces_with_part_of(write_corpus: WriteCorpus) -> None:
    space = dict(zip("fpc", NAMESPACES, strict=True))
    ontology = GeneOntology.from_terms(
        [
            *(Term(id=f"GO:000000{i}", name=n, namespace=n) for i, n in enumerate(NAMESPACES, 1)),
            Term(
                id="GO:0000011",
                name="a function",
                namespace=space["f"],
                is_a=("GO:0000001",),
                part_of=("GO:0000012",),
            ),
            Term(id="GO:0000012", name="a process", namespace=space["p"], is_a=("GO:0000002",)),
        ]
    )
    corpus = write_corpus(
        proteins(
            [(frozenset({"GO:0000011"}), frozenset()), (frozenset({"GO:0000012"}), frozenset())]
        ),
        go=ontology,
    )
    known = known_namespaces(propagated_terms(corpus, ontology), ontology)
    assert known.tolist() == [[True, True, False], [False, True, False]]
    assert NAMESPACES[1] is Namespace.PROCESS


def test_a_term_of_another_release_is_refused(corpus: Corpus) -> None:
    with pytest.raises(UnknownTermError, match="GO:"):
        propagated_terms(corpus, mini_ontology(1))
