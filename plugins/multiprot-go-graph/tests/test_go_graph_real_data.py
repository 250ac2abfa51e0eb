"""The real ontology, where the data lies beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from multiprot.ontology import GeneOntology
from multiprot_go_graph.encoder import GoGraphEncoder
from multiprot_go_graph.options import GoGraphOptions


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
