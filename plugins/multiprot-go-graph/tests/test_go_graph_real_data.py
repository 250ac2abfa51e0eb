"""The real ontology, where the data lies beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from multiprot.ontology import GeneOntology, intrinsic_information
from multiprot_go_graph.encoder import GoGraphEncoder
from multiprot_go_graph.options import GoGraphOptions, GoTextOptions, GoVectorsOptions
from multiprot_go_graph.text_encoder import GoTextEncoder
from multiprot_go_graph.vectors_encoder import GoVectorsEncoder


@pytest.fixture(scope="module")
def ontology() -> GeneOntology:
    default = Path(__file__).parents[4] / "shared"
    path = Path(os.environ.get("MULTIPROT_SHARED", default)) / "data/pretrain/go.obo.gz"
    if not path.is_file():
        pytest.skip(f"real data absent: no {path} (set MULTIPROT_SHARED)")
    return GeneOntology.from_obo(path)


@pytest.fixture(scope="module")
def encoder(ontology: GeneOntology) -> GoGraphEncoder:
    torch.manual_seed(0)
    made = GoGraphEncoder(GoGraphOptions(width=32, identity_rank=8, text_rank=16)).eval()
    made.bind(ontology)
    return made


def closed_terms(ontology: GeneOntology, count: int) -> np.ndarray:
    """At least `count` terms, with every term all its ancestors."""
    rng = np.random.default_rng(0)
    seen = np.zeros(len(ontology), dtype=bool)
    closure = ontology.closure
    for row in rng.permutation(len(ontology)):
        seen[closure.indices[closure.indptr[row] : closure.indptr[row + 1]]] = True
        if seen.sum() >= count:
            break
    return np.flatnonzero(seen)


def test_a_vocabulary_needs_no_other_terms(ontology: GeneOntology, encoder: GoGraphEncoder) -> None:
    """Closed under ancestors, as propagated annotation is, and exactly as in the whole graph."""
    rows = closed_terms(ontology, 4000)
    request = encoder._book.request(torch.from_numpy(rows))
    assert len(request.depths) == len(rows)
    with torch.no_grad():
        whole = encoder(torch.arange(len(ontology)))
        found = encoder(torch.from_numpy(rows))
    torch.testing.assert_close(found, whole[rows], atol=1e-5, rtol=1e-4)
    assert torch.isfinite(whole).all()


def test_names_alone_place_terms_near_their_own_kind(ontology: GeneOntology) -> None:
    """Untrained, without rows of their own: kinases lie nearer to kinases than to transporters."""
    torch.manual_seed(0)
    made = GoGraphEncoder(GoGraphOptions(width=64, identity_rank=0)).eval()
    made.bind(ontology)
    kinds = {
        kind: [row for row, term in enumerate(ontology.term_ids) if kind in ontology.name(term)][
            :80
        ]
        for kind in ("kinase activity", "transmembrane transporter activity")
    }
    with torch.no_grad():
        kinases, transporters = (
            torch.nn.functional.normalize(made(torch.tensor(rows)), dim=1)
            for rows in kinds.values()
        )
    assert (kinases @ kinases.T).mean() > (kinases @ transporters.T).mean() + 0.05
    assert (transporters @ transporters.T).mean() > (kinases @ transporters.T).mean() + 0.05


def test_intrinsic_information_of_go(ontology: GeneOntology) -> None:
    """Roots say nothing, leaves all; a kinase says more than a catalyst."""
    information = intrinsic_information(ontology)
    by_id = dict(zip(ontology.term_ids, information.tolist(), strict=True))
    assert [by_id[root] for root in ontology.roots] == pytest.approx([0.0] * 3, abs=1e-12)
    steps = ["GO:0003674", "GO:0003824", "GO:0016301", "GO:0004672", "GO:0004674"]
    assert np.all(np.diff([by_id[term_id] for term_id in steps]) > 0)
    child, parent = ontology.edges
    within = ontology.namespace_index[child] == ontology.namespace_index[parent]
    assert (information[child[within]] >= information[parent[within]]).all()


def test_vectors_of_an_older_release(ontology: GeneOntology, tmp_path: Path) -> None:
    """A file with alternative ids, and without a tenth of the terms, covers all of GO."""
    rng = np.random.default_rng(0)
    closure = ontology.closure.tocsr().astype(np.float32)
    sums = closure @ rng.normal(size=(len(ontology), 16)).astype(np.float32)
    given = rng.random(len(ontology)) < 0.9
    ids = [
        (ontology.term(term_id).alt_ids or (term_id,))[0]
        for term_id, known in zip(ontology.term_ids, given, strict=True)
        if known
    ]
    np.savez(tmp_path / "old.npz", ids=np.array(ids), vectors=sums[given])
    made = GoVectorsEncoder(GoVectorsOptions(vectors=str(tmp_path / "old.npz")))
    made.bind(ontology)
    found = made(torch.arange(len(ontology))).numpy()
    assert np.isfinite(found).all()
    assert made.coverage.filled == (~given).sum()
    assert made.coverage.merged == sum(term_id not in ontology for term_id in ids) > 100
    np.testing.assert_array_equal(found[given], sums[given])
    away = np.linalg.norm(found - sums, axis=1)[~given]
    stranger = np.linalg.norm(sums[rng.permutation(len(sums))] - sums, axis=1)[~given]
    assert np.median(away) < 0.7 * np.median(stranger)


def test_names_of_go_through_a_text_encoder(ontology: GeneOntology, checkpoint: Path) -> None:
    """Untrained and tiny, on some thousand terms; texts are cut on request only."""
    rows = closed_terms(ontology, 3000)
    part = GeneOntology.from_terms(ontology.term(ontology.term_ids[row]) for row in rows)
    made = GoTextEncoder(GoTextOptions(checkpoint=str(checkpoint), width=None, max_tokens=24))
    made.bind(part)
    assert torch.isfinite(made(torch.arange(len(part)))).all()
    nameless = sum(part.name(i) == i and not part.definition(i) for i in part.term_ids)
    assert made.coverage.filled == nameless
    assert len(made.cut) > len(part) / 2
