"""GO terms as a teacher sees them, in the space that it shares with them."""

from __future__ import annotations

import torch
from torch import Tensor

from multiprot.bundle import Bundle, load_bundle
from multiprot.data import Corpus, GoLabels
from multiprot.training.teachers.config import TeacherConfig


def term_vectors(config: TeacherConfig, corpus: Corpus, min_proteins: int) -> Tensor | None:
    """Unit vectors, float32 [term, shared], of the GO terms that a teacher learnt.

    Those of its readout; or, of a model that was trained without one, the terms that enough train
    proteins of `corpus` have and that its ontology knows.

    Returns
    -------
    Tensor or None
        None where the teacher does not lie among GO terms, its model is not at hand, or neither
        model nor corpus know of terms.

    Raises
    ------
    BundleError
        If the model is no bundle.
    DataError
        If no term has enough proteins.
    """
    if config.space != "shared" or config.model is None:
        return None
    bundle = load_bundle(config.model)
    if bundle.ontology is None or (corpus.ontology is None and not bundle.has_readout()):
        return None
    terms = [bundle.ontology.row(term) for term in _learnt(bundle, corpus, min_proteins)]
    with torch.inference_mode():
        return bundle.model.project_terms(torch.tensor(terms)).float().clone()


def _learnt(bundle: Bundle, corpus: Corpus, min_proteins: int) -> tuple[str, ...]:
    if bundle.has_readout():
        return bundle.load_readout().term_ids
    own, known = corpus.ontology, bundle.ontology
    if own is None or known is None:
        return ()
    labels = GoLabels.from_corpus(corpus, min_proteins=min_proteins, ontology=own)
    return tuple(own.term_ids[row] for row in labels.terms if own.term_ids[row] in known)
