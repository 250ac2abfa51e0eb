"""Terms that training never shows: their vectors place them among their relatives.

One small task for all three encoders. Terms hang from four branches, two levels deep; training sees
half of each branch and learns which branch a vector is of. Then the other half is guessed, which by
chance goes right for a quarter of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from multiprot.encoders.contract import GoEncoder
from multiprot.ontology import GeneOntology, Namespace, Term
from multiprot_go_graph.options import GoGraphOptions, GoTextOptions, GoVectorsOptions
from multiprot_go_graph.plugin import go_graph, go_text, go_vectors

BRANCHES = ("kinase", "zinc", "membrane", "helicase")
FLAVOURS = ("early", "late", "outer", "inner", "fast", "slow", "upper", "lower")


def ontology(named: bool) -> GeneOntology:
    """Four branches of eight terms, each with a child; nameless terms are called by their ids."""
    made: list[Term] = []

    def add(name: str, *parents: str) -> str:
        term_id = f"GO:{len(made):07d}"
        told = name if named else term_id
        made.append(Term(id=term_id, name=told, namespace=Namespace.FUNCTION, is_a=parents))
        return term_id

    root = add("activity")
    for branch in BRANCHES:
        top = add(f"{branch} activity", root)
        for flavour in FLAVOURS:
            middle = add(f"{flavour} {branch} activity", top)
            add(f"{flavour} {branch} regulator", middle)
    return GeneOntology.from_terms(made)


def branch_of(bound: GeneOntology) -> np.ndarray:
    """Number of each term's branch; -1 at the root."""
    tops = [bound.term_ids[1 + 17 * number] for number in range(len(BRANCHES))]
    lines = [bound.propagate([term_id]) for term_id in bound.term_ids]
    return np.array([next((n for n, top in enumerate(tops) if top in line), -1) for line in lines])


def halves(bound: GeneOntology) -> tuple[np.ndarray, np.ndarray]:
    """Rows seen in training, and rows held out: of every second flavour the term and its child."""
    place = (np.arange(len(bound)) - 1) % 17
    held = (place > 0) & ((place - 1) // 2 % 2 == 1) & (np.arange(len(bound)) > 0)
    return np.flatnonzero(~held & (branch_of(bound) >= 0)), np.flatnonzero(held)


def trained(made: GoEncoder, bound: GeneOntology) -> tuple[torch.Tensor, float]:
    """Vectors of all terms after training on the seen ones, and the share of unseen guessed."""
    made.bind(bound)
    labels = torch.from_numpy(branch_of(bound))
    seen, unseen = map(torch.from_numpy, halves(bound))
    head = torch.nn.Linear(made.term_dim, len(BRANCHES))
    optimizer = torch.optim.Adam([*made.parameters(), *head.parameters()], lr=1e-2)
    for _ in range(80):
        optimizer.zero_grad()
        functional.cross_entropy(head(made(seen)), labels[seen]).backward()
        optimizer.step()
    made.eval()
    with torch.no_grad():
        vectors = made(torch.arange(len(bound)))
        guessed = head(vectors[unseen]).argmax(dim=1)
    return vectors, float((guessed == labels[unseen]).float().mean())


def built(kind: str, checkpoint: Path, tmp_path: Path) -> tuple[GoEncoder, GeneOntology]:
    """An encoder that has only one way to know an unseen term, and the ontology to bind."""
    torch.manual_seed(0)
    if kind in ("structure", "information"):
        information: Any = "intrinsic" if kind == "information" else "none"
        graph = GoGraphOptions(width=24, text_buckets=0, dropout=0.0, information=information)
        return go_graph.build(graph), ontology(named=False)
    if kind == "names":
        names = GoGraphOptions(width=24, layers=0, identity_rank=0, dropout=0.0)
        return go_graph.build(names), ontology(named=True)
    bound = ontology(named=True)
    if kind == "text":
        text = GoTextOptions(checkpoint=str(checkpoint), width=24)
        return go_text.build(text), bound
    seen, _ = halves(bound)
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(len(BRANCHES), 10))
    vectors = centres[branch_of(bound)[seen]] + 0.5 * rng.normal(size=(len(seen), 10))
    path = tmp_path / "seen.npz"
    np.savez(path, ids=np.array(bound.term_ids)[seen], vectors=vectors)
    return go_vectors.build(GoVectorsOptions(vectors=str(path), width=24)), bound


@pytest.mark.parametrize("kind", ["structure", "information", "names", "text", "vectors"])
def test_unseen_terms_are_placed_among_their_relatives(
    kind: str, checkpoint: Path, tmp_path: Path
) -> None:
    made, bound = built(kind, checkpoint, tmp_path)
    vectors, right = trained(made, bound)
    _, unseen = halves(bound)
    assert len(unseen) == 32
    # By chance 8 of 32; 16 or more happen once in 300 times.
    assert right >= 0.5, f"{right:.0%} of unseen terms guessed, chance is 25 %"
    assert torch.isfinite(vectors).all()
    assert len(torch.unique(vectors, dim=0)) == len(bound)
    branches = branch_of(bound)
    centred = functional.normalize(vectors - vectors.mean(dim=0), dim=1)
    alike = (centred @ centred.T).numpy()
    for row in unseen:
        kin = branches == branches[row]
        kin[row] = False
        strangers = (branches >= 0) & (branches != branches[row])
        if kind != "text":
            assert alike[row, kin].mean() > alike[row, strangers].mean(), bound.term_ids[row]
    same = branches[unseen][:, None] == branches
    assert alike[unseen][same].mean() > alike[unseen][~same].mean() + 0.1
