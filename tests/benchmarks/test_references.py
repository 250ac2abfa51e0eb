"""Tests of the references: each must be as strong as it claims, or beating it means nothing."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from benchmarks.protein_go.references import (
    alignment_transfer,
    composition,
    composition_mlp,
    label_frequency,
)
from benchmarks.protein_go.task import GoTask
from multiprot.ontology import Namespace


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(700, 6)).astype(np.float32)


@pytest.fixture
def task(features: np.ndarray) -> GoTask:
    """Two terms that the first two features decide, and one that nothing decides."""
    rng = np.random.default_rng(4)
    truth = np.stack([features[:, 0] > 0, features[:, 1] > 1, rng.random(700) < 0.3], axis=1)
    return GoTask(
        namespace=Namespace.FUNCTION,
        terms=np.arange(3),
        term_ids=("GO:0000001", "GO:0000002", "GO:0000003"),
        truth=scipy.sparse.csr_array(truth),
        train=np.arange(500),
        valid=np.arange(500, 600),
        test={"structure": np.arange(600, 700)},
        closure=scipy.sparse.csr_array(np.eye(3, dtype=bool)),
    )


def test_mlp_learns_what_can_be_learnt(task: GoTask, features: np.ndarray) -> None:
    rows = task.test["structure"]
    scores = composition_mlp(task, features, rows, seed=1)
    truth = task.labels(rows)
    right = ((scores > 0.5) == truth).mean(axis=0)
    assert (right[:2] > 0.9).all()
    # It has not fitted the noise of the third: it keeps near the frequency.
    assert abs(scores[:, 2].mean() - task.frequencies[2]) < 0.1


def test_mlp_sees_no_test_label(task: GoTask, features: np.ndarray) -> None:
    rows = task.test["structure"]
    scores = composition_mlp(task, features, rows, seed=1)
    shuffled = task.truth.toarray()
    shuffled[rows] = shuffled[rows][::-1]
    other = GoTask(
        **{name: getattr(task, name) for name in GoTask.__slots__ if name != "truth"},
        truth=scipy.sparse.csr_array(shuffled),
    )
    assert np.array_equal(scores, composition_mlp(other, features, rows, seed=1))


def test_frequency_is_of_train_proteins(task: GoTask) -> None:
    expected = task.truth.toarray()[:500].mean(axis=0)
    assert np.allclose(label_frequency(task, np.array([650])), expected)


def test_composition_counts_residues_and_pairs() -> None:
    found = composition("AAC")
    assert found[0] == pytest.approx(2 / 3)  # A
    assert found[20] == 0.5  # AA
    assert found[21] == 0.5  # AC
    assert found[-1] == pytest.approx(np.log(3))
    assert len(found) == 421


def test_transfer_weighs_hits_by_bit_score_and_falls_back_to_the_frequency(task: GoTask) -> None:
    hits = [(600, 0, 30.0), (600, 1, 10.0), (600, 601, 99.0)]  # 601 is no train protein
    scores = alignment_transfer(task, hits, np.array([600, 602]))
    truth = task.truth.toarray().astype(float)
    assert np.allclose(scores[0], 0.75 * truth[0] + 0.25 * truth[1])
    assert np.allclose(scores[1], task.frequencies)
