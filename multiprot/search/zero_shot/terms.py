"""GO terms of a model: where they lie in the shared space, and how cosines become log-odds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.bundle import Bundle, TermReadout
from multiprot.errors import SearchError
from multiprot.ontology import NAMESPACES, GeneOntology

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_GRID: Final = 2.0**25
"""Steps in 1 to which coordinates of unit vectors are rounded. Products of two are multiples of
2^-50, and so are their sums, which stay below 2: float64 holds all of them exactly, in whatever
order a matrix product adds. A cosine so depends on its two vectors alone, to the last bit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedTerms:
    """Some terms in the shared space.

    Attributes
    ----------
    ontology
        That of the model.
    rows
        int64 [term]: rows of the ontology, ascending; no root.
    vectors
        float64 [term, shared]: unit vectors, on the grid.
    scale, bias
        float64 [term]: the log-odds that a protein has a term are scale times cosine plus bias.
    frequencies
        float64 [term]: share of the annotated train proteins that have it.
    """

    ontology: GeneOntology
    rows: NDArray[np.int64]
    vectors: NDArray[np.float64]
    scale: NDArray[np.float64]
    bias: NDArray[np.float64]
    frequencies: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def term_ids(self) -> tuple[str, ...]:
        """GO ids."""
        return tuple(self.ontology.term_ids[row] for row in self.rows)

    @property
    def namespaces(self) -> NDArray[np.int64]:
        """int64 [term]: index in `NAMESPACES`."""
        return np.asarray(self.ontology.namespace_index)[self.rows]

    @classmethod
    def learnt(cls, bundle: Bundle) -> SharedTerms:
        """The terms that a model has learnt, each with the calibration that training gave it.

        Raises
        ------
        SearchError
            If the bundle has no GO encoder or no readout, or the readout fits another ontology.
        """
        ontology = _ontology(bundle)
        readout = bundle.load_readout()
        order = _order(readout, ontology, bundle)
        rows = np.array([ontology.row(readout.term_ids[at]) for at in order], dtype=np.int64)
        return cls(
            ontology=ontology,
            rows=rows,
            vectors=_projected(bundle, rows),
            scale=readout.scale.double().numpy()[order],
            bias=readout.bias.double().numpy()[order],
            frequencies=readout.log_prior.double().exp().numpy()[order],
        )

    def unseen(self, bundle: Bundle, term_ids: tuple[str, ...]) -> SharedTerms:
        """Terms that the model has not learnt, with their ancestors as far as it has not, either.

        They have the median scale of the learnt terms. Their bias is that of a term half as
        frequent as the rarest one learnt in the namespace, moved as training moved the learnt ones
        on average.

        Parameters
        ----------
        bundle
            The model of these terms.
        term_ids
            Live ids.

        Raises
        ------
        SearchError
            If no term of the namespace was learnt.
        """
        wanted = self._unlearnt_lineage(term_ids)
        bias, frequencies = np.zeros(len(wanted)), np.zeros(len(wanted))
        spaces = np.asarray(self.ontology.namespace_index)[wanted]
        for space in np.unique(spaces):
            of_space = self.namespaces == space
            if not of_space.any():
                raise SearchError(
                    f"{bundle.path}: has learnt no term of {NAMESPACES[space].value}, so that "
                    "nothing tells how probable one is; leave such terms out"
                )
            prior = self.frequencies[of_space]
            moved = np.mean(self.bias[of_space] - _log_odds(prior))
            frequencies[spaces == space] = prior.min() / 2
            bias[spaces == space] = _log_odds(prior.min() / 2) + moved
        return SharedTerms(
            ontology=self.ontology,
            rows=wanted,
            vectors=_projected(bundle, wanted),
            scale=np.full(len(wanted), np.median(self.scale)),
            bias=bias,
            frequencies=frequencies,
        )

    def log_odds(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """float64 [term, protein], of proteins' unit vectors [protein, shared]."""
        return self.scale[:, None] * self.cosines(vectors) + self.bias[:, None]

    def cosines(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """float64 [term, protein], of proteins' unit vectors [protein, shared]."""
        cosines: NDArray[np.float64] = self.vectors @ on_grid(vectors).T
        return cosines

    def _unlearnt_lineage(self, term_ids: tuple[str, ...]) -> NDArray[np.int64]:
        asked = np.array([self.ontology.row(term_id) for term_id in term_ids], dtype=np.int64)
        closure: csr_array = self.ontology.closure[asked]
        roots = [self.ontology.row(root) for root in self.ontology.roots]
        lineage = np.unique(np.concatenate([asked, closure.indices]))
        return np.setdiff1d(lineage, np.concatenate([self.rows, roots]))


def on_grid(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Coordinates rounded so far that products of unit vectors are exact; see `_GRID`."""
    return np.asarray(np.rint(vectors.astype(np.float64) * _GRID) / _GRID)


def _ontology(bundle: Bundle) -> GeneOntology:
    if bundle.ontology is None or bundle.model.go is None:
        raise SearchError(
            f"{bundle.path}: has no GO encoder, so that no GO term lies in its space; annotate "
            "with a model that was trained with one (section model.go of a recipe), or pass terms "
            "on from neighbours, see multiprot search --annotations"
        )
    if not bundle.has_readout():
        raise SearchError(
            f"{bundle.path}: has no GO readout, which makes probabilities of cosines; train with "
            "the objective go-annotation"
        )
    return bundle.ontology


def _order(readout: TermReadout, ontology: GeneOntology, bundle: Bundle) -> list[int]:
    """Positions in the readout of its live terms but roots, by their rows in the ontology."""
    foreign = [term_id for term_id in readout.term_ids if term_id not in ontology]
    if foreign:
        raise SearchError(
            f"{bundle.path}: its GO readout has {foreign[0]}, which is no term of its ontology "
            f"{ontology.release}; save the model again"
        )
    wanted = [at for at, term in enumerate(readout.term_ids) if term not in ontology.roots]
    if not wanted:
        raise SearchError(f"{bundle.path}: its GO readout has no term but roots; train it longer")
    return sorted(wanted, key=lambda at: ontology.row(readout.term_ids[at]))


def _projected(bundle: Bundle, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    import torch

    model = bundle.model
    with torch.inference_mode():
        terms = torch.from_numpy(rows).to(next(model.parameters()).device)
        return on_grid(model.project_terms(terms).cpu().numpy())


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import logit

    return np.asarray(logit(np.clip(probabilities, 1e-12, 1 - 1e-4)))
