"""On real proteins, what neighbours pass on names more terms than frequency alone."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from multiprot.ontology import GeneOntology
from multiprot.proteins import AMINO_ACIDS, read_fasta, residue_indices
from multiprot.search import (
    AnnotationSource,
    Lookup,
    NeighbourIndex,
    TransferOptions,
    read_lookups,
    transfer_terms,
)
from tests.search.stores import ListStore


class Real(NamedTuple):
    """Train proteins as a store, test proteins as queries, and what is known of both."""

    store: ListStore
    test_ids: tuple[str, ...]
    test_vectors: NDArray[np.float64]
    lookups: list[Lookup]
    truth: list[NDArray[np.bool_]]


@pytest.fixture(scope="module")
def real(shared: Path) -> Real:
    """Vectors are the shares of the twenty amino acids."""
    folder = shared / "data" / "pretrain"
    with gzip.open(folder / "splits.tsv.gz", "rt") as handle:
        split = {row["protein_id"]: row["split"] for row in csv.DictReader(handle, delimiter="\t")}
    shares: dict[str, dict[str, NDArray[np.float64]]] = {"train": {}, "test": {}, "valid": {}}
    for record in read_fasta(folder / "sequences.fasta.gz"):
        counts = np.bincount(residue_indices(record.sequence), minlength=30)[: len(AMINO_ACIDS)]
        shares[split[record.id]][record.id] = counts / max(counts.sum(), 1)
    ids = {name: tuple(vectors) for name, vectors in shares.items()}
    source = AnnotationSource(
        path=folder / "annotations.tsv.gz",
        ontology=GeneOntology.from_obo(folder / "go.obo.gz"),
        on_unusable="skip",
    )
    everyone = read_lookups(source, ids["train"] + ids["test"])
    store = ListStore(np.stack(list(shares["train"].values())))
    store.ids = ids["train"]
    return Real(
        store,
        ids["test"],
        np.stack(list(shares["test"].values())),
        [replace(lookup, terms=lookup.terms[: len(store)]) for lookup in everyone],
        [lookup.terms[len(store) :].toarray() for lookup in everyone],
    )


def fmax(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Protein-centric, as in CAFA (Radivojac et al. 2013); every protein has a true term."""
    best = 0.0
    for threshold in np.arange(1, 100) / 100:
        said = scores >= threshold
        right = (said & truth).sum(axis=1)
        speaks = said.any(axis=1)
        precision = np.mean((right / np.maximum(said.sum(axis=1), 1))[speaks]) if any(speaks) else 0
        recall = np.mean(right / truth.sum(axis=1))
        best = max(best, 2 * precision * recall / max(precision + recall, 1e-12))
    return best


@pytest.mark.timeout(300)
def test_transfer_from_composition_beats_frequency(real: Real) -> None:
    """No test protein is 30 % identical to one of the store, so that this is not about homologs."""
    columns = [{term: c for c, term in enumerate(lookup.term_ids)} for lookup in real.lookups]
    places = {lookup.namespace: number for number, lookup in enumerate(real.lookups)}
    scores = [np.zeros(truth.shape) for truth in real.truth]
    index, options = NeighbourIndex.build(real.store), TransferOptions(k=20)
    answers = transfer_terms(index, real.lookups, real.test_ids, real.test_vectors, options)
    for protein, terms in enumerate(answers):
        for term in terms:
            space = places[term.namespace]
            scores[space][protein, columns[space][term.term]] = term.confidence
    assert len(places) == 3
    for lookup, confidence, truth in zip(real.lookups, scores, real.truth, strict=True):
        tested = truth.any(axis=1)
        frequency = lookup.terms[lookup.annotated].mean(axis=0)
        naive = np.tile(frequency, (int(tested.sum()), 1))
        gain = fmax(confidence[tested], truth[tested]) - fmax(naive, truth[tested])
        assert gain > 0.02, (lookup.namespace, gain)
