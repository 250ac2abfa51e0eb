from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from multiprot.data import Corpus, GoLabels
from multiprot.data.term_tables import propagated_terms
from multiprot.errors import DataError
from multiprot.ontology import NAMESPACES, GeneOntology
from multiprot.proteins import ProteinRecord

Pairs = list[tuple[ProteinRecord, str]]
WriteCorpus = Callable[..., Corpus]


@pytest.fixture(scope="module")
def labels(corpus: Corpus) -> GoLabels:
    return GoLabels.from_corpus(corpus, min_proteins=3)


def test_the_vocabulary_is_what_enough_train_proteins_have(
    corpus: Corpus, ontology: GeneOntology, labels: GoLabels
) -> None:
    true = propagated_terms(corpus, ontology).toarray()
    in_train = true[corpus.rows("train")].sum(axis=0)
    roots = {ontology.row(root) for root in ontology.roots}
    expected = [t for t in range(len(ontology)) if in_train[t] >= 3 and t not in roots]
    assert labels.terms.tolist() == expected
    assert 0 < len(expected) < len(ontology) - len(roots)
    assert labels.namespaces.tolist() == ontology.namespace_index[labels.terms].tolist()


def test_positives_are_the_propagated_terms(
    corpus: Corpus, ontology: GeneOntology, labels: GoLabels
) -> None:
    true = propagated_terms(corpus, ontology).toarray()
    assert labels.positive.shape == (len(corpus), len(labels.terms))
    assert (labels.positive.toarray() == (true[:, labels.terms] > 0)).all()


def test_every_positive_has_its_ancestors_of_the_vocabulary(
    ontology: GeneOntology, labels: GoLabels
) -> None:
    closure = ontology.closure.toarray()[np.ix_(labels.terms, labels.terms)]
    positive = labels.positive.toarray()
    implied = (positive.astype(int) @ closure.astype(int)) > 0
    assert (implied == positive).all()


def test_frequencies_are_shares_of_the_known_train_proteins(
    corpus: Corpus, ontology: GeneOntology, labels: GoLabels
) -> None:
    true = propagated_terms(corpus, ontology).toarray()
    train = corpus.rows("train")
    for term in range(len(ontology)):
        namespace = ontology.namespace_index[term]
        known = [row for row in train if labels.known[row, namespace]]
        expected = true[known, term].mean() if known else 0.0
        assert labels.frequencies[term] == pytest.approx(expected, abs=1e-6)
    assert labels.frequencies.dtype == np.float32
    assert labels.frequencies.max() <= 1.0


def test_valid_and_test_do_not_shape_the_vocabulary(
    write_corpus: WriteCorpus, pairs: Pairs, labels: GoLabels
) -> None:
    bare = [
        (record if split == "train" else replace(record, go_terms=None), split)
        for record, split in pairs
    ]
    without = GoLabels.from_corpus(write_corpus(bare), min_proteins=3)
    assert (without.terms == labels.terms).all()
    assert (without.frequencies == labels.frequencies).all()


def test_a_denied_term_is_never_positive(
    write_corpus: WriteCorpus, pairs: Pairs, ontology: GeneOntology
) -> None:
    inner = next(t for t in ontology.term_ids if 0 < ontology.depth[ontology.row(t)] < 2)
    leaf = min(ontology.descendants(inner))
    denied = [
        (replace(record, go_terms=frozenset({leaf}), not_go_terms=frozenset({inner})), split)
        for record, split in pairs[:10]
    ]
    corpus = write_corpus([*denied, *pairs[10:]])
    labels = GoLabels.from_corpus(corpus, min_proteins=1)
    for term in (inner, leaf):
        column = np.flatnonzero(labels.terms == ontology.row(term))
        assert not labels.positive[:10][:, column].toarray().any()


def test_negatives_need_knowledge_of_the_namespace(corpus: Corpus, labels: GoLabels) -> None:
    rows = np.arange(len(corpus))
    targets = labels.targets(rows)
    unknown = ~labels.known
    assert unknown.any()
    for namespace in range(len(NAMESPACES)):
        of_namespace = targets.namespaces == namespace
        negative = targets.negative[:, of_namespace].numpy()
        assert not negative[unknown[:, namespace]].any()
    assert not (targets.negative & targets.positive).any()


def test_targets_of_the_vocabulary(labels: GoLabels) -> None:
    rows = np.array([7, 3, 3, 20])
    targets = labels.targets(rows)
    assert targets.terms.dtype == targets.namespaces.dtype == torch.int64
    assert targets.terms.tolist() == labels.terms.tolist()
    assert targets.positive.dtype == targets.known.dtype == torch.bool
    assert (targets.positive.numpy() == labels.positive.toarray()[rows]).all()
    assert (targets.known.numpy() == labels.known[rows]).all()


def test_targets_of_the_batch_alone_are_those_that_occur(labels: GoLabels) -> None:
    rows = np.array([1, 9, 17])
    everything, present = labels.targets(rows), labels.targets(rows, only_present=True)
    occurs = everything.positive.any(dim=0)
    assert 0 < len(present.terms) < len(everything.terms)
    assert present.terms.tolist() == everything.terms[occurs].tolist()
    assert (present.positive == everything.positive[:, occurs]).all()
    assert (present.namespaces == everything.namespaces[occurs]).all()


def test_changing_targets_leaves_the_labels_alone(labels: GoLabels) -> None:
    before = labels.terms.copy(), labels.known.copy()
    targets = labels.targets(np.array([0, 1]))
    targets.known.logical_not_()
    targets.positive.logical_not_()
    targets.terms.zero_()
    assert (labels.terms == before[0]).all()
    assert (labels.known == before[1]).all()


def test_no_term_left_is_an_error(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="no GO term is true of 1000 train proteins"):
        GoLabels.from_corpus(corpus, min_proteins=1000)


def test_a_corpus_without_go_is_an_error(write_corpus: WriteCorpus, pairs: Pairs) -> None:
    with pytest.raises(DataError, match="no GO; build it with --ontology"):
        GoLabels.from_corpus(write_corpus(pairs, go=None))


def test_another_ontology_may_be_given(
    write_corpus: WriteCorpus, pairs: Pairs, ontology: GeneOntology, labels: GoLabels
) -> None:
    given = GoLabels.from_corpus(write_corpus(pairs, go=None), min_proteins=3, ontology=ontology)
    assert (given.terms == labels.terms).all()
    assert (given.positive != labels.positive).nnz == 0
