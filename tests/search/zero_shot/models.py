"""A model that can annotate, and what it says told by a few plain lines."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from multiprot.bundle import Bundle, TermReadout, save_bundle
from multiprot.data.synthetic_ontology import family_terms
from multiprot.fusion import ModelConfig
from multiprot.ontology import GeneOntology, Namespace
from multiprot.search.zero_shot import ProteinVectors
from tests.tiny_model import CONFIG, PROVENANCE, tiny_extras, tiny_model, tiny_ontology

UNSEEN_LEAF: Final = family_terms(3)[Namespace.FUNCTION]
UNSEEN_CLASS: Final = "GO:9100001"
"""A class of functions above terms that were learnt."""


def learnt_ids(ontology: GeneOntology) -> tuple[str, ...]:
    """All but roots and the two above, not in the order of ids."""
    left_out = {*ontology.roots, UNSEEN_LEAF, UNSEEN_CLASS}
    return tuple(term for term in reversed(ontology.term_ids) if term not in left_out)


def save_annotating_bundle(
    path: Path, *, readout_terms: tuple[str, ...] | None = None, seed: int = 0
) -> Path:
    """The tiny model with a readout of most terms; frequencies fall from term to term."""
    ontology = tiny_ontology()
    terms = learnt_ids(ontology) if readout_terms is None else readout_terms
    generator = torch.Generator().manual_seed(5)
    shares = torch.linspace(0.6, 0.05, len(terms))
    readout = TermReadout(
        term_ids=terms,
        log_prior=shares.log(),
        scale=4 + torch.rand(len(terms), generator=generator),
        bias=shares.logit() + 0.3 * torch.randn(len(terms), generator=generator),
    )
    return save_bundle(
        path,
        model=tiny_model(seed=seed),
        model_config=ModelConfig.model_validate(CONFIG),
        ontology=ontology,
        provenance=PROVENANCE,
        extras=replace(tiny_extras(), readout=readout),
    )


def unit_vectors(number: int, width: int = 12, seed: int = 0) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).standard_normal((number, width))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), dtype=np.float32)


def proteins(vectors: NDArray[np.float32], name: str = "p") -> ProteinVectors:
    ids = tuple(f"{name}{row}" for row in range(len(vectors)))
    return ProteinVectors(ids, vectors, ("A" * 32,) * len(ids))


def cosine_table(bundle: Bundle, term_ids: list[str], vector: NDArray[np.float32]) -> list[float]:
    """Cosines of a protein with terms, one by one."""
    assert bundle.ontology is not None
    found = []
    for term_id in term_ids:
        with torch.no_grad():
            term = bundle.model.project_terms(torch.tensor([bundle.ontology.row(term_id)]))[0]
        a, b = term.double().numpy(), vector.astype(np.float64)
        found.append(float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    return found


def reference(bundle: Bundle, vector: NDArray[np.float32]) -> dict[str, float]:
    """Probabilities of the learnt terms for one protein: the highest of a term and those below."""
    assert bundle.ontology is not None
    readout = bundle.load_readout()
    cosines = cosine_table(bundle, list(readout.term_ids), vector)
    own = {
        term: 1 / (1 + math.exp(-(float(scale) * cosine + float(bias))))
        for term, scale, bias, cosine in zip(
            readout.term_ids, readout.scale, readout.bias, cosines, strict=True
        )
    }
    return {
        term: max(own[below] for below in own if term in bundle.ontology.propagate([below]))
        for term in own
    }
