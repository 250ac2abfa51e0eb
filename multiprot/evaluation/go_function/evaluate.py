"""Predicted function against true function, protein by protein, as CAFA does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.go_function.curve import CurveOfCounts, GoCurve
from multiprot.evaluation.go_function.namespace_graph import NamespaceGraph, namespace_graphs
from multiprot.evaluation.go_function.options import GoEvaluationOptions
from multiprot.evaluation.go_function.scores import checked_scores
from multiprot.evaluation.go_function.tallies import Weights, protein_tallies
from multiprot.evaluation.metrics.metric import (
    Counts,
    MetricValue,
    Scorer,
    UndefinedMetricError,
)
from multiprot.ontology import GeneOntology, Namespace

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_VALUES: Final[dict[str, Callable[[GoCurve], float]]] = {
    "fmax": lambda curve: curve.fmax().value,
    "fmax_micro": lambda curve: curve.fmax_micro().value,
    "aupr": GoCurve.aupr,
    "aupr_micro": GoCurve.aupr_micro,
}
_WEIGHTED: Final[dict[str, Callable[[GoCurve], float]]] = {
    "smin": lambda curve: curve.smin().value,
    **{f"{name}_weighted": value for name, value in _VALUES.items()},
}

GO_METRICS: Final = (*_VALUES, *_WEIGHTED)
"""Names of the values; those behind aupr_micro need information accretion. Only of smin less is
better."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GoFunctionResult:
    """How well the terms of one namespace are predicted.

    Attributes
    ----------
    namespace
        Which.
    proteins
        int64 [benchmark protein]: rows of the matrices that count here, ascending.
    """

    namespace: Namespace
    proteins: NDArray[np.int64]
    _plain: CurveOfCounts
    _weighted: CurveOfCounts | None

    def curve(self, *, weighted: bool = False) -> GoCurve:
        """All proteins, each once; raises `EvaluationError` if weights are asked and not known."""
        return self._curves(weighted)(np.ones(len(self.proteins)))

    def scorer(self, name: str) -> Scorer:
        """One value as a function of how often each benchmark protein counts, for a bootstrap.

        Parameters
        ----------
        name
            One of `GO_METRICS`.

        Raises
        ------
        EvaluationError
            If there is no such value, or it needs information accretion that was not given.
        """
        if name not in GO_METRICS:
            raise EvaluationError(f"no value {name!r}; known: {', '.join(GO_METRICS)}")
        curves = self._curves(name in _WEIGHTED)
        value = (_VALUES | _WEIGHTED)[name]

        def score(counts: Counts) -> float:
            return value(curves(counts))

        return score

    def value(self, name: str) -> MetricValue:
        """One value of all proteins; NaN and the reason where there is none; see `scorer`."""
        scorer = self.scorer(name)
        try:
            return MetricValue(scorer(np.ones(len(self.proteins))), None)
        except UndefinedMetricError as error:
            return MetricValue(float("nan"), str(error))

    def values(self) -> dict[str, MetricValue]:
        """Every value that can be had, by name."""
        names = _VALUES if self._weighted is None else GO_METRICS
        return {name: self.value(name) for name in names}

    def _curves(self, weighted: bool) -> CurveOfCounts:
        if not weighted:
            return self._plain
        if self._weighted is None:
            raise EvaluationError(
                "Smin and weighted values need information accretion; give accretion, see "
                "information_accretion"
            )
        return self._weighted


def evaluate_go_function(
    scores: csr_array | NDArray[Any],
    truths: csr_array,
    ontology: GeneOntology,
    *,
    accretion: NDArray[np.float64] | None = None,
    options: GoEvaluationOptions = GoEvaluationOptions(),  # noqa: B008 (frozen)
) -> dict[Namespace, GoFunctionResult]:
    """Fmax, Smin and areas in each namespace in which a protein has a true term.

    Scores rise to ancestors as the highest of descendants, truths by the true path rule; both over
    is_a and part_of within a namespace. The definitions are those of CAFA and agree with the
    program cafaeval, except that a protein of which nothing but roots is true is no benchmark
    protein when roots are excluded, and that default thresholds are the nearest numbers to 0.01,
    0.02 …, so that a score written 0.35 counts at 0.35.

    Parameters
    ----------
    scores
        float [protein, term], sparse or dense, from 0 to 1, propagated or not; see `score_matrix`.
    truths
        Bool [protein, term] of the same proteins, propagated or not; see `term_matrix`.
    ontology
        Gives the rows of terms.
    accretion
        float64 [term], see `information_accretion`; terms of 0 or infinite accretion are left out
        of Smin and of weighted values.
    options
        Thresholds, normalisation, which proteins.

    Raises
    ------
    EvaluationError
        If matrices do not fit, a score is not from 0 to 1, or no protein has a true term.

    References
    ----------
    Radivojac et al., *A large-scale evaluation of computational protein function prediction*,
    Nature Methods 10 (2013); Jiang et al., Genome Biology 17 (2016); Piovesan et al.,
    *CAFA-evaluator*, Bioinformatics Advances 4 (2024).
    """
    if accretion is not None and accretion.shape != (len(ontology),):
        raise EvaluationError(
            f"accretion has the shape {list(accretion.shape)}, expected {[len(ontology)]}; make it "
            "with information_accretion and the same ontology"
        )
    if truths.shape[1] != len(ontology):
        raise EvaluationError(
            f"truths have {truths.shape[1]} columns, the ontology {len(ontology)} terms; make them "
            "with term_matrix and the same ontology"
        )
    matrix = checked_scores(scores, *truths.shape)
    results = (
        _evaluate(matrix, truths, graph, accretion, options)
        for graph in namespace_graphs(ontology).values()
    )
    found = {result.namespace: result for result in results if result is not None}
    if not found:
        raise EvaluationError("no protein has a true term; give proteins with annotation")
    return found


def _evaluate(
    scores: csr_array,
    truths: csr_array,
    graph: NamespaceGraph,
    accretion: NDArray[np.float64] | None,
    options: GoEvaluationOptions,
) -> GoFunctionResult | None:
    weightings = _weightings(graph, accretion, options)
    truth = graph.ancestors_too(truths)
    counts = truth.astype(np.float64) @ weightings[0] > 0
    if options.proteins == "partial":
        counts &= scores[:, graph.rows].astype(bool).sum(axis=1) > 0
    proteins = np.flatnonzero(counts)
    if not len(proteins):
        return None
    thresholds = np.asarray(options.thresholds, dtype=np.float64)
    tallies = protein_tallies(scores[proteins], truth[proteins], graph, thresholds, weightings)
    curves = [
        CurveOfCounts(tally, tallies[0], thresholds, options.normalisation) for tally in tallies
    ]
    return GoFunctionResult(
        namespace=graph.namespace,
        proteins=proteins,
        _plain=curves[0],
        _weighted=curves[1] if len(curves) > 1 else None,
    )


def _weightings(
    graph: NamespaceGraph, accretion: NDArray[np.float64] | None, options: GoEvaluationOptions
) -> list[Weights]:
    plain = np.ones(len(graph.rows))
    if options.exclude_roots:
        plain[graph.is_root] = 0.0
    if accretion is None:
        return [plain]
    weights = accretion[graph.rows]
    return [plain, np.where(np.isfinite(weights) & (weights > 0), weights, 0.0) * plain]
