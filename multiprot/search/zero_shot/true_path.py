"""Probabilities under the true path rule: who has a term has all its ancestors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from multiprot.ontology import GeneOntology

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True, eq=False)
class TruePath:
    """Steps from term to ancestor among some terms of an ontology.

    Attributes
    ----------
    steps
        int64 [step, 2]: positions of a term and of an ancestor with no other of the terms between.
        All steps into a term stand before the first out of it.
    """

    steps: NDArray[np.int64]

    @classmethod
    def among(cls, rows: NDArray[np.int64], ontology: GeneOntology) -> TruePath:
        """The steps among terms, int64 [term]: rows of the ontology; they need not be closed."""
        above = strict_ancestors(rows, ontology)
        # Where there is a way with a stop between, the direct step adds nothing.
        detours = (above @ above).astype(bool)
        direct = (above - above.multiply(detours)).tocoo()
        direct.eliminate_zeros()
        term, ancestor = direct.coords
        # A term has all ancestors of its ancestor, and the ancestor beside: more is further down.
        order = np.argsort(-np.diff(above.indptr)[term], kind="stable")
        return cls(np.stack([term[order], ancestor[order]], axis=1).astype(np.int64))

    def raise_ancestors(self, values: NDArray[np.float64]) -> None:
        """Raise each term to the highest of its descendants; float64 [term, protein], in place."""
        for term, ancestor in self.steps.tolist():
            np.maximum(values[ancestor], values[term], out=values[ancestor])

    def lower_descendants(self, values: NDArray[np.float64]) -> None:
        """Lower each term to the lowest of its ancestors; float64 [term, protein], in place."""
        for term, ancestor in self.steps[::-1].tolist():
            np.minimum(values[term], values[ancestor], out=values[term])


def strict_ancestors(rows: NDArray[np.int64], ontology: GeneOntology) -> csr_array:
    """int32 [term, term]: 1 where the second is an ancestor of the first, and not itself."""
    from scipy.sparse import csr_array, eye_array

    closure = csr_array(ontology.closure[rows][:, rows], dtype=np.int32)
    above = csr_array(closure - eye_array(len(rows), dtype=np.int32))
    above.eliminate_zeros()
    return above
