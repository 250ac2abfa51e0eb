"""Sets of GO terms against plain loops: the most specific terms, nothing that follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from multiprot.data import BatchConfig, Corpus
from multiprot.data.collate import Collator
from multiprot.data.go_sets import GoSets
from multiprot.data.targets import BatchTargets
from multiprot.encoders.contract import NO_TERM
from multiprot.encoders.reference.letters import LetterFeaturizer
from multiprot.errors import MultiprotError
from multiprot.ontology import GeneOntology
from multiprot.proteins import ProteinRecord

Pairs = list[tuple[ProteinRecord, str]]
WriteCorpus = Callable[..., Corpus]


def slow_set(record: ProteinRecord, ontology: GeneOntology) -> list[int]:
    """Rows of a protein's terms, without roots, denied ones and those that a lower one implies."""
    denied = {
        term for stated in record.not_go_terms for term in (stated, *ontology.descendants(stated))
    }
    # An annotation that a NOT contradicts is dropped whole, with all that would follow from it.
    stated = {term for term in record.go_terms or () if term not in denied}
    true = {term for each in stated for term in (each, *ontology.ancestors(each))}
    true -= set(ontology.roots)
    leaves = [term for term in true if not true & set(ontology.descendants(term))]
    return sorted(ontology.row(term) for term in leaves)


def of_row(sets: GoSets, row: int) -> list[int]:
    found: list[int] = sets.terms[sets.offsets[row] : sets.offsets[row + 1]].tolist()
    return found


@pytest.fixture(scope="module")
def sets(corpus: Corpus, ontology: GeneOntology) -> GoSets:
    return GoSets.from_corpus(corpus, ontology)


def test_sets_are_those_of_one_protein_after_another(
    pairs: Pairs, ontology: GeneOntology, sets: GoSets
) -> None:
    expected = [slow_set(record, ontology) for record, _ in pairs]
    assert [of_row(sets, row) for row in range(len(pairs))] == expected
    assert len(sets.offsets) == len(pairs) + 1
    assert sets.terms.dtype == sets.offsets.dtype == sets.counts.dtype == np.int64
    assert {len(each) for each in expected} >= {0, 1, 2}


def test_sets_of_any_annotation(write_corpus: WriteCorpus, ontology: GeneOntology) -> None:
    """Stated terms at any height, roots and contradicted ones among them."""
    rng = np.random.default_rng(0)

    def some(most: int) -> frozenset[str]:
        return frozenset(rng.choice(ontology.term_ids, rng.integers(0, most + 1)).tolist())

    records = [
        ProteinRecord(
            id=f"p{number}",
            sequence=f"MKTAYIA{'A' * (number // 20)}{'ACDEFGHIKLMNPQRSTVWY'[number % 20]}",
            go_terms=some(5) if rng.random() < 0.9 else None,
            not_go_terms=some(2) if rng.random() < 0.4 else frozenset(),
        )
        for number in range(200)
    ]
    corpus = write_corpus([(record, "train") for record in records])
    sets = GoSets.from_corpus(corpus, ontology)
    for row, record in enumerate(records):
        assert of_row(sets, row) == slow_set(record, ontology), record
    assert len({len(of_row(sets, row)) for row in range(200)}) > 4


def test_no_term_of_a_set_is_an_ancestor_of_another(
    ontology: GeneOntology, sets: GoSets, pairs: Pairs
) -> None:
    """What is hidden must not follow from what is shown."""
    several = 0
    for row in range(len(pairs)):
        terms = [ontology.term_ids[term] for term in of_row(sets, row)]
        several += len(terms) > 1
        for term in terms:
            assert not set(ontology.ancestors(term)) & set(terms)
            assert term not in ontology.roots
    assert several > 5


def test_a_term_is_left_out_where_a_more_specific_one_is_stated(
    write_corpus: WriteCorpus, ontology: GeneOntology
) -> None:
    inner = next(t for t in ontology.term_ids if ontology.depth[ontology.row(t)] == 1)
    leaf = min(ontology.descendants(inner))
    records = [
        ProteinRecord(id=f"p{number}", sequence="MKTAYIA" + letter, go_terms=frozenset(terms))
        for number, (letter, terms) in enumerate(
            [("A", {inner}), ("C", {leaf}), ("D", {inner, leaf}), ("E", set(ontology.roots))]
        )
    ]
    sets = GoSets.from_corpus(write_corpus([(r, "train") for r in records]), ontology)
    assert of_row(sets, 0) == [ontology.row(inner)]
    assert of_row(sets, 1) == of_row(sets, 2)
    assert ontology.row(leaf) in of_row(sets, 1)
    assert ontology.row(inner) not in of_row(sets, 1)
    assert of_row(sets, 3) == []


def test_a_denied_term_is_in_no_set(
    write_corpus: WriteCorpus, pairs: Pairs, ontology: GeneOntology
) -> None:
    inner = next(t for t in ontology.term_ids if ontology.depth[ontology.row(t)] == 1)
    leaf = min(ontology.descendants(inner))
    denied = [
        (replace(record, go_terms=frozenset({leaf}), not_go_terms=frozenset({inner})), split)
        for record, split in pairs[:6]
    ]
    sets = GoSets.from_corpus(write_corpus([*denied, *pairs[6:]]), ontology)
    assert all(of_row(sets, row) == [] for row in range(6))
    assert of_row(sets, 6) == slow_set(pairs[6][0], ontology)


def test_counts_are_those_of_the_train_proteins(
    pairs: Pairs, ontology: GeneOntology, sets: GoSets
) -> None:
    in_train = Counter(
        term for record, split in pairs if split == "train" for term in slow_set(record, ontology)
    )
    assert sets.counts.tolist() == [in_train[term] for term in range(len(ontology))]
    everywhere = Counter(term for record, _ in pairs for term in slow_set(record, ontology))
    assert in_train != everywhere


def test_sets_of_a_batch_are_padded_with_no_term(sets: GoSets, pairs: Pairs) -> None:
    rows = np.array([7, 3, 3, 20, 11])
    found = sets.of(rows, [True] * len(rows))
    longest = max(len(of_row(sets, row)) for row in rows)
    assert found.terms.shape == found.shown.shape == found.hidden.shape == (len(rows), longest)
    assert found.terms.dtype == found.shown.dtype == torch.int64
    for row, terms in zip(rows, found.terms.tolist(), strict=True):
        own = of_row(sets, row)
        assert terms == own + [NO_TERM] * (longest - len(own))
    assert torch.equal(found.shown, found.terms)
    assert not found.hidden.any()


def test_what_is_withheld_is_an_empty_set(sets: GoSets, pairs: Pairs) -> None:
    rows = np.array([row for row in range(len(pairs)) if of_row(sets, row)][:4])
    found = sets.of(rows, [True, False, True, False])
    assert (found.terms[[1, 3]] == NO_TERM).all()
    assert torch.equal(found.shown, found.terms)
    for place in (0, 2):
        own = of_row(sets, rows[place])
        assert found.terms[place, : len(own)].tolist() == own
    nothing = sets.of(rows, [False] * 4)
    assert nothing.terms.tolist() == [[NO_TERM]] * 4


def test_changing_a_batch_leaves_the_sets_alone(sets: GoSets, pairs: Pairs) -> None:
    before = sets.terms.copy()
    sets.of(np.arange(len(pairs)), [True] * len(pairs)).terms.fill_(0)
    assert (sets.terms == before).all()


def test_some_proteins_of_a_batch_may_be_taken(sets: GoSets, pairs: Pairs) -> None:
    found = sets.of(np.arange(8), [True] * 8)
    rows = torch.tensor([5, 0, 5])
    taken = found.taken(rows)
    assert torch.equal(taken.terms, found.terms[rows])
    assert torch.equal(taken.shown, found.shown[rows])
    assert torch.equal(taken.hidden, found.hidden[rows])


@pytest.mark.parametrize("dropout", [0.0, 0.5, 0.9])
def test_terms_are_withheld_in_training_as_often_as_told(
    corpus: Corpus, pairs: Pairs, sets: GoSets, dropout: float
) -> None:
    """Whether a protein's terms are shown is decided by step and row alone, in no order."""
    config = BatchConfig(go_dropout=dropout, crop_residues=None)
    targets = BatchTargets(go_sets=sets)
    collate, look = (
        Collator(LetterFeaturizer("letters", None), None, targets, config, training=training)
        for training in (True, False)
    )
    rows = np.array([row for row in range(len(pairs)) if of_row(sets, row)])
    records = [pairs[row][0] for row in rows]
    shown = []
    for step in range(30):
        batch = collate(records, rows, step)
        assert batch.go_set is not None
        has = (batch.go_set.terms >= 0).any(dim=1)
        shown.append(has)
        backwards = collate(records[::-1], rows[::-1], step)
        assert backwards.go_set is not None
        assert torch.equal((backwards.go_set.terms >= 0).any(dim=1), has.flip(0))
    share = torch.stack(shown).float().mean().item()
    spread = (dropout * (1 - dropout) / (30 * len(rows))) ** 0.5
    assert share == pytest.approx(1 - dropout, abs=4 * spread + 1e-9)
    whole = look(records, rows, 0)
    assert whole.go_set is not None
    assert (whole.go_set.terms >= 0).any(dim=1).all()


def test_a_term_that_the_ontology_lacks_is_named(
    write_corpus: WriteCorpus, pairs: Pairs, ontology: GeneOntology
) -> None:
    record = replace(pairs[0][0], go_terms=frozenset({"GO:0000001"}), not_go_terms=frozenset())
    corpus = write_corpus([(record, "train"), *pairs[1:]], go=None)
    with pytest.raises(MultiprotError, match="GO:0000001"):
        GoSets.from_corpus(corpus, ontology)
