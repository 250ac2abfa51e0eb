"""Which GO terms are true of which protein of a corpus, as sparse tables. No torch here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from multiprot.data.corpus import Corpus
from multiprot.ontology import NAMESPACES, GeneOntology, denied_matrix, term_matrix


def propagated_terms(corpus: Corpus, ontology: GeneOntology) -> Any:
    """Terms true of each protein, along the true path, also across namespaces.

    A NOT denies its term and all descendants; an annotation that contradicts it is dropped whole,
    so that a denied term is true in no way.

    Returns
    -------
    scipy.sparse.csr_array
        int32 [protein, ontology term], ones where a term is true.

    Raises
    ------
    UnknownTermError
        If a term of the corpus is not in `ontology`.
    """
    term_sets = (terms or () for (terms,) in corpus.columns("go_terms"))
    stated = term_matrix(term_sets, ontology, propagate=False).astype(np.int32)
    false = denied_matrix((denied for (denied,) in corpus.columns("not_go_terms")), ontology)
    stated = stated - stated.multiply(false.astype(np.int32))
    stated.eliminate_zeros()
    # A bool product: a term reached on many ways is still one.
    true = sparse.csr_array(stated).astype(np.bool_) @ ontology.closure
    return sparse.csr_array(true).astype(np.int32)


def known_namespaces(true: Any, ontology: GeneOntology) -> NDArray[np.bool_]:
    """Bool [protein, namespace]: at least one term other than a root is true.

    `true` is what `propagated_terms` gives.
    """
    members = np.zeros((len(ontology), len(NAMESPACES)), dtype=np.int32)
    members[np.arange(len(ontology)), ontology.namespace_index] = 1
    members[[ontology.row(root) for root in ontology.roots]] = 0
    return np.asarray((true @ members) > 0, dtype=np.bool_)
