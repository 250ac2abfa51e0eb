"""Probabilities of GO terms for proteins, from the shared space alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiprot.bundle import Bundle
from multiprot.errors import SearchError
from multiprot.ontology import NAMESPACES
from multiprot.search.zero_shot.calibration import TermCalibration
from multiprot.search.zero_shot.proteins import PROTEINS_AT_ONCE
from multiprot.search.zero_shot.selection import TermSelection
from multiprot.search.zero_shot.terms import SharedTerms
from multiprot.search.zero_shot.true_path import TruePath

Basis = Literal["learnt", "zero-shot"]


class AnnotatedTerm(NamedTuple):
    """A term that a protein may have.

    Attributes
    ----------
    term, name, namespace
        The term.
    probability
        That the protein has it.
    basis
        "learnt": it was in training; "zero-shot": guessed from where the term lies.
    """

    term: str
    name: str
    namespace: str
    probability: float
    basis: Basis


class Annotator:
    """A model's answer to the question which GO terms a protein has.

    A learnt term is as probable as the most probable of its learnt descendants, if that is more
    than its own probability. A term that was not learnt is at most as probable as each of its
    ancestors and at least as probable as each of its learnt descendants; it changes no learnt one.

    Parameters
    ----------
    learnt
        All terms that the model has learnt.
    unseen
        Further terms, with all their ancestors among terms that are not learnt; or None.
    calibration
        Correction of the learnt terms' probabilities, or None.

    Attributes
    ----------
    rows
        int64 [term]: rows of the ontology, learnt terms first.
    term_ids, names
        Id and name of each term.
    namespaces
        int64 [term]: index in `NAMESPACES`.
    basis
        How the probability of each term comes about.
    """

    def __init__(
        self,
        learnt: SharedTerms,
        unseen: SharedTerms | None = None,
        calibration: TermCalibration | None = None,
    ) -> None:
        self.learnt, self.unseen, self.calibration = learnt, unseen, calibration
        ontology = learnt.ontology
        parts = [learnt] if unseen is None else [learnt, unseen]
        self.rows = np.concatenate([part.rows for part in parts])
        self.term_ids = tuple(ontology.term_ids[row] for row in self.rows)
        self.names = tuple(ontology.name(term_id) for term_id in self.term_ids)
        self.namespaces = np.asarray(ontology.namespace_index)[self.rows]
        self.basis: tuple[Basis, ...] = tuple(
            "learnt" if part is learnt else "zero-shot" for part in parts for _ in part.rows
        )
        self._spaces = tuple(NAMESPACES[number].value for number in self.namespaces)
        self._learnt_path = TruePath.among(learnt.rows, ontology)
        steps = TruePath.among(self.rows, ontology).steps
        self._into_unseen = TruePath(steps[steps[:, 1] >= len(learnt)])
        self._out_of_unseen = TruePath(steps[steps[:, 0] >= len(learnt)])

    @classmethod
    def of_bundle(
        cls,
        bundle: Bundle,
        selection: TermSelection | None = None,
        calibration: TermCalibration | None = None,
    ) -> Annotator:
        """The annotator of a model.

        Parameters
        ----------
        bundle
            A model with GO encoder and readout.
        selection
            What is asked for; only its unseen terms matter here.
        calibration
            As fitted for this very model.

        Raises
        ------
        SearchError
            If the bundle cannot annotate, or the calibration is another model's.
        """
        learnt = SharedTerms.learnt(bundle)
        if calibration is not None:
            calibration.refuse_other_model(bundle)
        named = () if selection is None else selection.unseen
        unseen = learnt.unseen(bundle, named) if named else None
        return cls(learnt, unseen, calibration)

    def position(self, term_id: str) -> int:
        """Position of a term; raises `SearchError` if it is none of `term_ids`."""
        try:
            return self.term_ids.index(term_id)
        except ValueError:
            raise SearchError(
                f"{term_id} is none of the {len(self.term_ids):,} terms here; name it in the "
                "selection"
            ) from None

    def cosines(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """float64 [term, protein]: between terms and proteins' unit vectors [protein, shared]."""
        parts = [self.learnt] if self.unseen is None else [self.learnt, self.unseen]
        return np.concatenate([part.cosines(vectors) for part in parts])

    def probabilities(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """Probability of each term for each protein.

        A protein's numbers do not depend, to the last bit, on the other proteins.

        Parameters
        ----------
        vectors
            float32 [protein, shared]: unit vectors, as `EmbedOptions(space="shared")` gives them.

        Returns
        -------
        ndarray
            float64 [term, protein].
        """
        from scipy.special import expit

        learnt = self.learnt.log_odds(vectors)
        self._learnt_path.raise_ancestors(learnt)
        learnt = expit(learnt)
        if self.calibration is not None:
            learnt = self.calibration(learnt, self.learnt.namespaces)
            # Each namespace has its own curve, and a term may be part of another namespace's.
            self._learnt_path.raise_ancestors(learnt)
        if self.unseen is None:
            return np.asarray(learnt)
        guessed = expit(self.unseen.log_odds(vectors))
        found = np.concatenate([learnt, np.zeros_like(guessed)])
        self._into_unseen.raise_ancestors(found)
        np.maximum(found[len(learnt) :], guessed, out=found[len(learnt) :])
        self._out_of_unseen.lower_descendants(found)
        return found

    def annotate(
        self,
        vectors: NDArray[np.floating],
        *,
        wanted: NDArray[np.bool_] | None = None,
        min_probability: float = 0.05,
        top: int | None = None,
    ) -> Iterator[list[AnnotatedTerm]]:
        """Terms of each protein, namespace by namespace, the most probable first, then by id.

        Parameters
        ----------
        vectors
            float32 [protein, shared].
        wanted
            bool [term]; None: all.
        min_probability
            Terms below it are left out.
        top
            At most so many in each namespace; None: all.

        Yields
        ------
        list of AnnotatedTerm
            One for each protein.
        """
        kept = np.flatnonzero(np.ones(len(self.rows), bool) if wanted is None else wanted)
        # Positions by namespace and row, so that a stable sort leaves equals in the order of ids.
        kept = kept[np.lexsort((self.rows[kept], self.namespaces[kept]))]
        for start in range(0, len(vectors), PROTEINS_AT_ONCE):
            found = self.probabilities(vectors[start : start + PROTEINS_AT_ONCE])[kept].T
            for values in found:
                likely = np.flatnonzero(values >= min_probability)
                yield self._listed(kept[likely], values[likely], top)

    def _listed(
        self, terms: NDArray[np.intp], values: NDArray[np.float64], top: int | None
    ) -> list[AnnotatedTerm]:
        numbers = self.namespaces[terms]
        order = np.lexsort((-values, numbers))
        if top is not None:
            first = np.searchsorted(numbers[order], numbers[order], side="left")
            order = order[np.arange(len(order)) - first < top]
        ids, names, spaces, basis = self.term_ids, self.names, self._spaces, self.basis
        return [
            AnnotatedTerm(ids[term], names[term], spaces[term], value, basis[term])
            for term, value in zip(terms[order].tolist(), values[order].tolist(), strict=True)
        ]
