"""Methods of scoring, each against a plain reckoning of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array

from multiprot.bundle import Bundle
from multiprot.data.synthetic_ontology import family_terms
from multiprot.embedding import EmbeddingStore
from multiprot.ontology import GeneOntology, Namespace, Term
from multiprot.proteins import ProteinRecord
from multiprot.search.lookup import AnnotationSource, Lookup, read_lookups
from multiprot.search.zero_shot import Annotator, SharedVectors
from multiprot.search.zero_shot.methods import FrequencyScores, ModelScores, NeighbourScores
from tests.search.stores import ListStore, embed
from tests.search.zero_shot.models import proteins, unit_vectors
from tests.tiny_model import tiny_ontology

ONTOLOGY = tiny_ontology()


def merging_ontology() -> tuple[GeneOntology, str, str]:
    """The tiny ontology of a later release, in which one learnt leaf was merged into another."""
    gone, heir = (family_terms(family)[Namespace.FUNCTION] for family in (0, 1))
    terms = [ONTOLOGY.term(term_id) for term_id in ONTOLOGY.term_ids if term_id != gone]
    merged = ONTOLOGY.term(heir)
    terms[terms.index(merged)] = Term(
        id=heir,
        name=merged.name,
        namespace=merged.namespace,
        is_a=merged.is_a,
        part_of=merged.part_of,
        alt_ids=(gone,),
    )
    return GeneOntology.from_terms(terms), gone, heir


def test_model_scores_stand_in_the_ontology(bundle: Bundle) -> None:
    annotator, part = Annotator.of_bundle(bundle), proteins(unit_vectors(5))
    scores = ModelScores(annotator, ONTOLOGY)(part)
    assert scores.shape == (5, len(ONTOLOGY))
    dense, said = scores.toarray(), annotator.probabilities(part.vectors)
    for row, term_id in enumerate(annotator.term_ids):
        np.testing.assert_array_equal(dense[:, ONTOLOGY.row(term_id)], said[row])
    others = [ONTOLOGY.row(t) for t in ONTOLOGY.term_ids if t not in annotator.term_ids]
    assert not dense[:, others].any()


def test_of_two_terms_that_became_one_the_higher_counts(bundle: Bundle) -> None:
    later, gone, heir = merging_ontology()
    annotator, part = Annotator.of_bundle(bundle), proteins(unit_vectors(30))
    said = dict(zip(annotator.term_ids, annotator.probabilities(part.vectors), strict=True))
    assert (said[gone] > said[heir]).any()
    assert (said[gone] < said[heir]).any()
    dense = ModelScores(annotator, later)(part).toarray()
    np.testing.assert_array_equal(dense[:, later.row(heir)], np.maximum(said[gone], said[heir]))
    frequent = FrequencyScores(annotator, later)(part).toarray()
    shares = dict(zip(annotator.term_ids, annotator.learnt.frequencies, strict=True))
    assert frequent[0, later.row(heir)] == max(shares[gone], shares[heir])


@dataclass
class Reference:
    """A store with annotation, and its vectors."""

    store: EmbeddingStore
    source: AnnotationSource
    terms: dict[str, str]


@pytest.fixture(scope="module")
def reference(
    tiny_records: tuple[ProteinRecord, ...],
    annotating: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Reference:
    folder = tmp_path_factory.mktemp("reference")
    records = [ProteinRecord(id=r.id, sequence=r.sequence) for r in tiny_records]
    store = embed(records, annotating, folder / "store", "--space", "shared")
    terms = {
        r.id: family_terms(number // 3)[Namespace.FUNCTION] for number, r in enumerate(records)
    }
    rows = "".join(f"{name}\t{term}\n" for name, term in terms.items())
    (folder / "terms.tsv").write_text(f"protein_id\tgo_id\n{rows}")
    source = AnnotationSource(path=folder / "terms.tsv", ontology=ONTOLOGY)
    return Reference(EmbeddingStore.open(store), source, terms)


def test_neighbours_pass_terms_on(bundle: Bundle, reference: Reference) -> None:
    """The share of the three nearest others that have a term, each with its cosine."""
    (part,) = SharedVectors([str(reference.store.folder)], bundle).parts()
    lookups = read_lookups(reference.source, reference.store.ids)
    scores = NeighbourScores(reference.store, lookups, ONTOLOGY, k=3)(part).toarray()
    cosines = part.vectors.astype(float) @ part.vectors.astype(float).T
    np.fill_diagonal(cosines, -np.inf)
    for row in range(len(part.ids)):
        nearest = np.argsort(-cosines[row])[:3]
        wanted = np.zeros(len(ONTOLOGY))
        for other in nearest:
            lineage = ONTOLOGY.propagate([reference.terms[part.ids[other]]])
            for term in lineage - set(ONTOLOGY.roots):
                wanted[ONTOLOGY.row(term)] += max(cosines[row, other], 0) / 3
        np.testing.assert_allclose(scores[row], wanted, atol=1e-5)


@pytest.mark.parametrize("k", [1, 9, 21, 50])
def test_k_twins_give_no_more_than_certainty(k: int) -> None:
    """k times 1 / k may be a rounding more than 1."""
    vectors = np.repeat(unit_vectors(1), k, axis=0)
    leaf = family_terms(0)[Namespace.FUNCTION]
    everyone = csr_array(np.ones((k, 1), dtype=bool))
    lookup = Lookup("molecular_function", (leaf,), ("",), everyone)
    store = ListStore(vectors)
    part = proteins(vectors[:1], "query")
    scores = NeighbourScores(store, [lookup], ONTOLOGY, k=k)(part)
    assert scores.data.tolist() == [pytest.approx(1.0, abs=1e-6)]
    assert scores.data.max() <= 1.0
