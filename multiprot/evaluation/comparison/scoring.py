"""What a task's predictions are scored by: metrics of its kind of labels, or CAFA's of GO terms."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.comparison.options import EvaluateOptions
from multiprot.evaluation.go_function import (
    GoFunctionResult,
    evaluate_go_function,
    information_accretion,
)
from multiprot.evaluation.metrics import Metric, MetricContext, default_metrics, metric_named
from multiprot.evaluation.metrics.metric import Counts, Scorer
from multiprot.evaluation.metrics.per_protein import SUFFIX
from multiprot.evaluation.statistics import Units
from multiprot.evaluation.tasks import Target, Task, Unit
from multiprot.evaluation.tasks.scored_by import (
    GO_VALUES,
    check_go_metric,
    check_metric,
    greater_is_better,
    label_namespaces,
    task_ontology,
)
from multiprot.ontology import Namespace, term_matrix


class Scoring(ABC):
    """How predictions of a task become numbers.

    Attributes
    ----------
    primary
        Name of the number that ranks models.
    greater_is_better
        Of the primary one.
    """

    primary: str
    greater_is_better: bool

    @abstractmethod
    def choose(self, labels: NDArray[Any], predictions: NDArray[np.float64]) -> float:
        """What a probe's settings are chosen by; greater is better."""

    @abstractmethod
    def scorers(
        self, labels: NDArray[Any], predictions: NDArray[Any], groups: NDArray[Any]
    ) -> Mapping[str, Scorer]:
        """Name -> the number, as a function of how often each row counts; the primary one first.

        Parameters
        ----------
        labels, predictions
            One row each.
        groups
            int [row]: the entry that a row belongs to.
        """

    @abstractmethod
    def units(self, groups: NDArray[Any]) -> Units:
        """What a bootstrap draws: rows, or whole proteins."""


class MetricScoring(Scoring):
    """Metrics of `multiprot.evaluation.metrics`.

    Parameters
    ----------
    task
        The task.
    options
        Which metrics beside the primary one.
    """

    def __init__(self, task: Task, options: EvaluateOptions) -> None:
        check_metric(task)
        target = task.labels.target
        primary = metric_named(task.specification.primary_metric, target)
        self._target, self._classes = target, task.labels.names
        self._by_residue = task.specification.unit is Unit.RESIDUE
        asked = [metric_named(name) for name in options.metrics]
        others = filter(self._fits, asked) if asked else default_metrics(target)
        self._metrics: list[Metric] = [primary, *(m for m in others if m.name != primary.name)]
        self.primary = primary.name
        self.greater_is_better = primary.greater_is_better

    def _fits(self, metric: Metric) -> bool:
        """One that was asked for may be meant for other tasks."""
        by_protein = metric.name.endswith(SUFFIX)
        return self._target in metric.targets and (self._by_residue or not by_protein)

    def choose(self, labels: NDArray[Any], predictions: NDArray[np.float64]) -> float:
        """The primary metric; of one that is averaged over proteins, that of all rows together."""
        context = MetricContext(target=self._target, classes=self._classes)
        metric = metric_named(self.primary.removesuffix(SUFFIX))
        value = metric.value(labels, predictions, context).value
        return value if self.greater_is_better else -value

    def scorers(
        self, labels: NDArray[Any], predictions: NDArray[Any], groups: NDArray[Any]
    ) -> Mapping[str, Scorer]:
        """One for each metric."""
        context = MetricContext(
            target=self._target,
            classes=self._classes,
            groups=groups if self._by_residue else None,
        )
        return {m.name: m.scorer(labels, predictions, context) for m in self._metrics}

    def units(self, groups: NDArray[Any]) -> Units:
        """Residues of a protein stay together."""
        return Units(len(groups), groups if self._by_residue else None)


class GoScoring(Scoring):
    """CAFA's protein-centric values, of each namespace; see `evaluate_go_function`.

    Labels are GO ids. Information accretion is that of the training part.

    Parameters
    ----------
    task
        With an ontology.

    Raises
    ------
    EvaluationError
        If a label is no term of the ontology, or the primary metric is not one of these values.
    """

    def __init__(self, task: Task) -> None:
        self._ontology = task_ontology(task)
        self._rows = np.array([self._ontology.row(name) for name in task.labels.names])
        self._namespaces = label_namespaces(task, self._ontology)
        check_go_metric(task, self._namespaces)
        train = task.labels.values[task.entries("train")]
        self._accretion = information_accretion(self._truths(train), self._ontology)
        self.primary = task.specification.primary_metric
        self.greater_is_better = greater_is_better(self.primary)

    def choose(self, labels: NDArray[Any], predictions: NDArray[np.float64]) -> float:
        """The largest protein-centred F1 over all terms, not propagated: quick, and near Fmax."""
        context = MetricContext(target=Target.MULTILABEL)
        return metric_named("f1_max").value(labels, predictions, context).value

    def scorers(
        self, labels: NDArray[Any], predictions: NDArray[Any], groups: NDArray[Any]
    ) -> Mapping[str, Scorer]:
        """As `GO_VALUES`, each with its namespace behind it."""
        results = evaluate_go_function(
            self._matrix(predictions.astype(np.float64)),
            self._truths(labels),
            self._ontology,
            accretion=self._accretion,
        )
        names = [self.primary] + [
            f"{value}_{namespace.value}"
            for namespace in self._namespaces
            if namespace in results
            for value in GO_VALUES
        ]
        if self.primary not in names[1:]:
            raise EvaluationError(
                f"no test protein has a term that {self.primary} could be measured on"
            )
        found = {}
        for name in dict.fromkeys(names):
            value = next(v for v in sorted(GO_VALUES, key=len, reverse=True) if name.startswith(v))
            result = results[Namespace(name.removeprefix(f"{value}_"))]
            found[name] = _on_all_rows(result, value)
        return found

    def units(self, groups: NDArray[Any]) -> Units:
        """Proteins."""
        return Units(len(groups), None)

    def _matrix(self, columns: NDArray[Any]) -> Any:
        """[protein, term of the ontology], from [protein, label]."""
        from scipy.sparse import csr_array

        placed = csr_array(columns).tocoo()
        shape = (len(columns), len(self._ontology))
        return csr_array((placed.data, (placed.row, self._rows[placed.col])), shape=shape)

    def _truths(self, labels: NDArray[np.bool_]) -> Any:
        names = self._ontology.term_ids
        sets = ([names[self._rows[k]] for k in np.flatnonzero(row)] for row in labels)
        return term_matrix(sets, self._ontology)


def scoring_of(task: Task, options: EvaluateOptions) -> Scoring:
    """How a task is scored: by CAFA's values where it has an ontology."""
    if task.specification.ontology is not None:
        return GoScoring(task)
    return MetricScoring(task, options)


def _on_all_rows(result: GoFunctionResult, value: str) -> Scorer:
    """A scorer of all test proteins, of which some have no true term in the namespace."""
    score = result.scorer(value)

    def of_counts(counts: Counts) -> float:
        return score(counts[result.proteins])

    return of_counts
