"""Baselines on real tasks score what others computed for the same features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from multiprot.evaluation.baselines import find_baseline
from multiprot.evaluation.probes import Problem, Rows, find_probe
from multiprot.evaluation.tasks.task_type import Target


def spearman(labels: NDArray[Any], predictions: NDArray[np.float64]) -> float:
    return float(spearmanr(labels, predictions)[0])


def auroc(labels: NDArray[Any], predictions: NDArray[np.float64]) -> float:
    return float(roc_auc_score(labels, predictions))


# The ridge in task.json of the last has no probabilities: logistic regression does a little better.
@pytest.mark.parametrize(
    ("task", "baseline", "validated", "expected"),
    [
        ("flip_gb1", "one-hot", False, 0.779),
        ("meltome_clustered", "kmer", True, 0.408),
        ("neuropeptide_precursor", "kmer", True, 0.971),
    ],
)
def test_a_linear_probe_scores_as_computed_before(
    shared: Path, task: str, baseline: str, validated: bool, expected: float
) -> None:
    options = csv.ConvertOptions(column_types={"target": pa.float64()})
    path = shared / "data" / "downstream" / task / "data.csv.gz"
    table = csv.read_csv(path, convert_options=options)
    split = np.array(table["split"].to_pylist())
    labels = table["target"].to_numpy()
    features = find_baseline(baseline).proteins(table["sequence"].to_pylist())
    train, valid, test = (
        Rows(features[split == part], labels[split == part]) for part in ("train", "valid", "test")
    )
    binary = task == "neuropeptide_precursor"
    score = auroc if binary else spearman
    problem = Problem(Target.BINARY if binary else Target.REGRESSION, 1, score)
    fitted = find_probe("linear").fit(train, problem, validation=valid if validated else None)
    found = score(test.labels, fitted.predict(test.features))
    assert found == pytest.approx(expected, abs=0.005)
