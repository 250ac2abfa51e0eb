"""Probes by name: what they are fitted with, and what they then predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from multiprot.config.keys import unknown_name
from multiprot.errors import EvaluationError
from multiprot.evaluation.probes.checks import check_features, check_training
from multiprot.evaluation.probes.logistic import LogisticPath
from multiprot.evaluation.probes.neighbours import NeighbourPath
from multiprot.evaluation.probes.perceptron import fit_perceptron
from multiprot.evaluation.probes.ridge import RidgePath
from multiprot.evaluation.probes.rows import Features, Problem, Rows
from multiprot.evaluation.probes.selection import Chosen, choose
from multiprot.evaluation.probes.workers import Workers, fixed_order
from multiprot.evaluation.tasks.task_type import Target


class Model(Protocol):
    """What a probe has learnt."""

    def predict(self, features: Features, workers: Workers) -> NDArray[np.float64]:
        """Predictions, [row] or [row, output]."""


@dataclass(frozen=True, slots=True, eq=False)
class FittedProbe:
    """A probe that has learnt.

    Attributes
    ----------
    name
        Of the probe.
    chosen
        The setting that was chosen, the score that chose it, and on which rows; fit for JSON.
    width
        Channels that it was trained on.
    """

    name: str
    chosen: Mapping[str, Any]
    width: int
    _model: Model = field(repr=False)

    def predict(self, features: Features) -> NDArray[np.float64]:
        """What is predicted of each row.

        Parameters
        ----------
        features
            float32 [row, channel].

        Returns
        -------
        NDArray[np.float64]
            Regression: [row]. Binary: [row], the probability of 1. Multiclass: [row, class],
            probabilities that sum to 1; 0 for classes that no training row has. Multilabel:
            [row, label], probabilities; 0 or 1 for labels that no or every training row has.

        Raises
        ------
        EvaluationError
            If the width differs from that in training, or a feature is NaN or infinite.
        """
        check_features(features, self.width, "prediction")
        with fixed_order() as workers:
            return self._model.predict(features, workers)


_Fit: TypeAlias = Callable[[Rows, Problem, Rows | None, int, Workers], Chosen[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A simple model that is trained on frozen vectors, so that its score tells their worth.

    Attributes
    ----------
    name
        As a command takes it.
    summary
        One line.
    setting
        What is chosen on held-out rows.
    """

    name: str
    summary: str
    setting: str
    _fit: _Fit = field(repr=False)

    def fit(
        self,
        training: Rows,
        problem: Problem,
        *,
        validation: Rows | None = None,
        seed: int = 0,
    ) -> FittedProbe:
        """Learn from the training part; choose a setting by the validation part.

        The result is the same whatever the number of threads.

        Parameters
        ----------
        training
            At least 10 rows. Their statistics alone scale the features.
        problem
            What is predicted, and the score that chooses.
        validation
            Without it, training rows are held out; groups stay whole.
        seed
            Deals the folds, and starts the perceptron.

        Raises
        ------
        EvaluationError
            If nothing can be learnt (see `check_training`), the score is undefined whatever the
            setting, or scikit-learn is not installed.
        """
        check_training(training, validation, problem)
        with fixed_order() as workers:
            found = self._fit(training, problem, validation, seed, workers)
        chosen = {
            self.setting: found.setting,
            "score": found.score,
            "held_out": found.held_out,
        }
        width = training.features.shape[1]
        return FittedProbe(self.name, MappingProxyType(chosen), width, found.model)


def find_probe(name: str) -> Probe:
    """The probe of that name.

    Raises
    ------
    EvaluationError
        If there is none; names the most similar and all.
    """
    if name not in PROBES:
        raise EvaluationError(unknown_name("probe", name, tuple(PROBES)))
    return PROBES[name]


def _fit_linear(
    training: Rows, problem: Problem, validation: Rows | None, seed: int, workers: Workers
) -> Chosen[Any]:
    kind = RidgePath if problem.target is Target.REGRESSION else LogisticPath
    return choose(kind(problem, workers), training, problem, validation, seed)


def _fit_neighbours(
    training: Rows, problem: Problem, validation: Rows | None, seed: int, workers: Workers
) -> Chosen[Any]:
    return choose(NeighbourPath(problem, workers), training, problem, validation, seed)


_ALL: Final = (
    Probe(
        name="linear",
        summary="ridge regression, or logistic regression for classes and labels",
        setting="penalty",
        _fit=_fit_linear,
    ),
    Probe(
        name="knn",
        summary="votes of the k training rows of greatest cosine, weighted by it",
        setting="neighbours",
        _fit=_fit_neighbours,
    ),
    Probe(
        name="mlp",
        summary="a perceptron with one hidden layer of 128 units, stopped early",
        setting="epochs",
        _fit=fit_perceptron,
    ),
)

PROBES: Final = MappingProxyType({probe.name: probe for probe in _ALL})
"""All of them by name, in the order in which a table shows them."""
