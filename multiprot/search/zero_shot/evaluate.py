"""How good annotation is on proteins whose terms are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import SearchError
from multiprot.evaluation.go_function import (
    GoEvaluationOptions,
    GoFunctionResult,
    evaluate_go_function,
    information_accretion,
)
from multiprot.evaluation.statistics import BootstrapOptions, Units, interval_of
from multiprot.ontology import NAMESPACES, Namespace
from multiprot.search.zero_shot.methods import ScoringMethod
from multiprot.search.zero_shot.proteins import ProteinVectors
from multiprot.search.zero_shot.reliability import Reliability
from multiprot.search.zero_shot.truth import KnownTerms

if TYPE_CHECKING:
    from scipy.sparse import csr_array

VALUES: Final = ("fmax", "smin", "aupr")
RELIABILITY_COLUMNS: Final = {
    "namespace": "text",
    "method": "text",
    "pairs": "text",
    "lower": "number",
    "upper": "number",
    "predicted": "number",
    "observed": "number",
    "count": "count",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationReport:
    """Figures of several methods.

    Attributes
    ----------
    namespaces
        Namespace -> proteins (annotated there), terms (learnt), and, method by method: fmax and its
        threshold, smin, aupr, expected_calibration_error of all pairs of a learnt term and an
        annotated protein, the same of the pairs that are written, and both reliability diagrams.
    accretion_proteins
        Whose annotation the information accretion is of.
    """

    namespaces: Mapping[Namespace, Mapping[str, Any]]
    accretion_proteins: int

    def only(self, namespaces: tuple[str, ...]) -> AnnotationReport:
        """The same of some namespaces by their long names; none: of all."""
        kept = {s: told for s, told in self.namespaces.items() if s.value in namespaces}
        return replace(self, namespaces=kept) if namespaces else self

    def to_json(self) -> dict[str, Any]:
        """Plain values; None where there is no figure."""
        return {
            "accretion_proteins": self.accretion_proteins,
            "namespaces": {space.value: dict(told) for space, told in self.namespaces.items()},
        }

    def reliability_rows(self) -> Iterable[tuple[Any, ...]]:
        """Rows of `RELIABILITY_COLUMNS`, without empty bins."""
        for space, told in self.namespaces.items():
            for method, figures in told["methods"].items():
                for pairs in ("all", "written"):
                    for bin_ in _bins(figures["reliability"][pairs]):
                        yield space.value, method, pairs, *bin_


def evaluate_annotation(
    methods: Mapping[str, ScoringMethod],
    parts: Iterable[ProteinVectors],
    known: KnownTerms,
    learnt: NDArray[np.int64],
    *,
    min_probability: float = 0.05,
    resamples: int = 200,
) -> AnnotationReport:
    """Measure methods on the same proteins.

    Fmax, Smin and the area are those of `evaluate_go_function`, over all terms that are true,
    learnt or not. Information accretion is told from the annotated proteins that are not evaluated,
    or, if there are none, from those that are.

    Parameters
    ----------
    methods
        Name -> scores, with the columns of `known.ontology`.
    parts
        Proteins; those without annotation are passed over.
    known
        What is true.
    learnt
        int64 [term]: columns of the learnt terms, whose probabilities are held against truth.
    min_probability
        From which probability on annotation writes a term.
    resamples
        Of the bootstrap over proteins for Fmax's 95 % interval; 0: none.

    Raises
    ------
    SearchError
        If no protein is annotated.
    """
    gathered = _Gathered(methods, known, np.unique(learnt), min_probability)
    for part in parts:
        gathered.add(part)
    truths, scores = gathered.matrices()
    others = np.setdiff1d(np.arange(len(known.names)), gathered.evaluated)
    background = others if len(others) else gathered.evaluated
    accretion = information_accretion(known.true[background], known.ontology)
    results = {
        name: evaluate_go_function(matrix, truths, known.ontology, accretion=accretion)
        for name, matrix in scores.items()
    }
    spaces = [space for space in NAMESPACES if all(space in found for found in results.values())]
    return AnnotationReport(
        namespaces={
            space: {
                "proteins": len(next(iter(results.values()))[space].proteins),
                "terms": int(gathered.learnt_of[NAMESPACES.index(space)].sum()),
                "methods": {
                    name: _figures(found[space], gathered.reliability[name, space], resamples)
                    for name, found in results.items()
                },
            }
            for space in spaces
        },
        accretion_proteins=len(background),
    )


class _Gathered:
    """Scores and truths of the annotated proteins, sparse, and sums for reliability."""

    def __init__(
        self,
        methods: Mapping[str, ScoringMethod],
        known: KnownTerms,
        learnt: NDArray[np.int64],
        least: float,
    ) -> None:
        self._methods, self._known, self._learnt = methods, known, learnt
        spaces = np.asarray(known.ontology.namespace_index)[learnt]
        self.learnt_of = np.stack([spaces == number for number in range(len(NAMESPACES))])
        self.reliability = {
            (name, space): Reliability(least) for name in methods for space in NAMESPACES
        }
        self._truths: list[csr_array] = []
        self._scores: dict[str, list[csr_array]] = {name: [] for name in methods}
        self._rows: list[NDArray[np.int64]] = []
        self._lowest = GoEvaluationOptions().thresholds[0]

    @property
    def evaluated(self) -> NDArray[np.int64]:
        """Rows of `KnownTerms.true` that were met."""
        return np.concatenate([np.zeros(0, np.int64), *self._rows])

    def add(self, part: ProteinVectors) -> None:
        rows = self._known.rows_of(part.ids)
        there = np.flatnonzero(rows >= 0)
        if not len(there):
            return
        some = part.picked(there)
        truth, annotated = self._known.of(some.ids, self._learnt)
        self._rows.append(rows[there])
        self._truths.append(self._known.true_of(some.ids))
        for name, method in self._methods.items():
            scores = method(some)
            claimed = scores[:, self._learnt].toarray().T
            for number, space in enumerate(NAMESPACES):
                cut = np.ix_(self.learnt_of[number], annotated[number])
                self.reliability[name, space].add(truth[cut], claimed[cut])
            self._scores[name].append(_without_below(scores, self._lowest))

    def matrices(self) -> tuple[csr_array, dict[str, csr_array]]:
        """Truths, and scores by method, of all proteins together."""
        from scipy.sparse import vstack

        if not self._truths:
            raise SearchError(
                f"none of the proteins is among the {len(self._known.names):,} that are annotated, "
                f"such as {min(self._known.names)!r}; give annotations of the same ids"
            )
        joined = {name: vstack(parts, format="csr") for name, parts in self._scores.items()}
        return vstack(self._truths, format="csr"), joined


def _without_below(scores: csr_array, lowest: float) -> csr_array:
    """Scores that no threshold reaches take memory and change nothing."""
    kept = scores.copy()
    kept.data[kept.data < lowest] = 0.0
    kept.eliminate_zeros()
    return kept


def _figures(result: GoFunctionResult, reliability: Reliability, resamples: int) -> dict[str, Any]:
    values = result.values()
    figures: dict[str, Any] = {name: _plain(values[name].value) for name in VALUES}
    defined = figures["fmax"] is not None
    figures["fmax_threshold"] = result.curve().fmax().threshold if defined else None
    if resamples and defined and len(result.proteins) > 1:
        options = BootstrapOptions(resamples=resamples)
        interval = interval_of(result.scorer("fmax"), Units(len(result.proteins), None), options)
        figures["fmax_interval"] = [_plain(interval.low), _plain(interval.high)]
    diagrams = {"all": reliability.everything, "written": reliability.written}
    for name, diagram in diagrams.items():
        error = None if diagram is None else diagram.expected_calibration_error
        figures[f"expected_calibration_error_{name}"] = error
    return figures | {
        "reliability": {n: None if d is None else d.to_json() for n, d in diagrams.items()}
    }


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _bins(diagram: Mapping[str, Any] | None) -> Iterable[tuple[Any, ...]]:
    if diagram is None:
        return
    edges = diagram["edges"]
    columns = (diagram[name] for name in ("predicted", "observed", "count"))
    for lower, upper, *told in zip(edges[:-1], edges[1:], *columns, strict=True):
        if told[-1]:
            yield lower, upper, *told
