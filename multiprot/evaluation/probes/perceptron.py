"""A small multilayer perceptron that stops when held-out rows are predicted no better."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from multiprot.errors import EvaluationError
from multiprot.evaluation.probes.coding import LabelCoding
from multiprot.evaluation.probes.folds import parts
from multiprot.evaluation.probes.libraries import evaluation_library
from multiprot.evaluation.probes.rows import Features, Problem, Rows, row_blocks
from multiprot.evaluation.probes.scaling import Scaler
from multiprot.evaluation.probes.selection import Chosen
from multiprot.evaluation.probes.workers import Workers
from multiprot.evaluation.tasks.task_type import Target

HIDDEN: Final = 128
MOST_EPOCHS: Final = 100
PATIENCE: Final = 10
WEIGHT_DECAY: Final = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class PerceptronModel:
    """One hidden layer of 128 rectified units.

    Attributes
    ----------
    coding, scaler
        Of the training rows.
    network
        MLPRegressor or MLPClassifier of scikit-learn.
    mean, deviation
        Of the training labels of a regression; else 0 and 1.
    """

    coding: LabelCoding
    scaler: Scaler
    network: Any
    mean: float
    deviation: float

    def predict(self, features: Features, workers: Workers) -> NDArray[np.float64]:
        """Predictions, [row] or [row, output]."""
        blocks = workers.map(self._columns, (features[rows] for rows in _blocks(features)))
        columns = np.empty((features.shape[0], len(self.coding.taught)))
        for rows, block in zip(_blocks(features), blocks, strict=True):
            columns[rows] = block
        return self.coding.predictions(columns)

    def _columns(self, features: Features) -> NDArray[np.float64]:
        scaled = self.scaler.scaled(features)
        if self.coding.problem.target is Target.REGRESSION:
            values = self.network.predict(scaled).astype(np.float64)
            return np.asarray(values * self.deviation + self.mean)[:, None]
        found = np.asarray(self.network.predict_proba(scaled), dtype=np.float64)
        # Of a single label scikit-learn also gives the probability that it is absent.
        return found[:, -len(self.coding.taught) :]


def fit_perceptron(
    training: Rows, problem: Problem, validation: Rows | None, seed: int, workers: Workers
) -> Chosen[PerceptronModel]:
    """The epoch of at most 100 whose predictions of held-out rows score best.

    Adam (scikit-learn's settings) on standardised features, ended by ten epochs without a better
    score. Held out is the validation part, else a fifth of the training part, with its groups
    whole; it is not learnt from.

    Raises
    ------
    EvaluationError
        If no epoch's score is a number, or scikit-learn is not installed.
    """
    held_out = "validation"
    if validation is None:
        (learnt, held), *_ = parts(training, problem, seed, 1)
        training, validation = training.part(learnt), training.part(held)
        held_out = "a fifth of the training part"
    model, step = _untrained(training, problem, seed)
    best: Chosen[PerceptronModel] | None = None
    for epoch in range(1, MOST_EPOCHS + 1):
        step()
        score = float(problem.score(validation.labels, model.predict(validation.features, workers)))
        if not np.isnan(score) and (best is None or score > best.score):
            best = Chosen(epoch, deepcopy(model), score, held_out)
        elif epoch - (0 if best is None else best.setting) >= PATIENCE:
            break
    if best is None:
        raise EvaluationError(
            f"the score that ends the training of a perceptron is undefined on all "
            f"{len(validation)} rows of {held_out}; they may all have the same label"
        )
    return best


def _untrained(
    training: Rows, problem: Problem, seed: int
) -> tuple[PerceptronModel, Callable[[], Any]]:
    networks = evaluation_library("sklearn.neural_network")
    coding, scaler = LabelCoding.of(training.labels, problem), Scaler.of(training.features)
    regression = problem.target is Target.REGRESSION
    kind = networks.MLPRegressor if regression else networks.MLPClassifier
    network = kind(hidden_layer_sizes=(HIDDEN,), alpha=WEIGHT_DECAY, random_state=seed)
    columns = coding.columns(training.labels)
    fewest = 2 if coding.exclusive else 1
    if columns.shape[1] < fewest or not len(scaler.kept) or (columns == columns[0]).all():
        raise EvaluationError(
            f"the {len(training)} rows that a perceptron would learn from have labels or features "
            "that do not vary; give the task a validation part"
        )
    mean, deviation = (float(columns.mean()), float(columns.std())) if regression else (0.0, 1.0)
    more: dict[str, Any] = {}
    if regression:
        targets = ((columns[:, 0] - mean) / deviation).astype(np.float32)
    else:
        targets = columns.argmax(axis=1) if coding.exclusive else columns.astype(np.int64)
        several = coding.exclusive or columns.shape[1] > 1
        more["classes"] = np.arange(columns.shape[1] if several else 2)
        targets = targets if several else targets[:, 0]
    features = scaler.scaled(training.features)
    # One call is one pass over all rows.
    step = partial(network.partial_fit, features, targets, **more)
    return PerceptronModel(coding, scaler, network, mean, deviation), step


def _blocks(features: Features) -> list[slice]:
    return list(row_blocks(features.shape[0]))
