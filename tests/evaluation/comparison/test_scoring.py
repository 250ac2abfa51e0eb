"""A task of GO terms is scored as CAFA does, all others by their metrics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from multiprot.data import make_synthetic_corpus
from multiprot.data.synthetic import SyntheticOptions
from multiprot.errors import EvaluationError
from multiprot.evaluation.comparison import EvaluateOptions
from multiprot.evaluation.comparison.scoring import GoScoring, scoring_of
from multiprot.evaluation.go_function import evaluate_go_function, score_matrix
from multiprot.evaluation.tasks import Task, go_task, load_task
from multiprot.ontology import GeneOntology, Namespace, term_matrix


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("go")
    options = SyntheticOptions(families=6, proteins_per_family=12, with_structure=0, with_go=0.9)
    corpus = make_synthetic_corpus(place / "corpus", options=options)
    written = go_task(corpus, place / "task", least_examples=4)
    assert 0 < written < len(corpus)
    return place / "task"


@pytest.fixture(scope="module")
def task(folder: Path) -> Task:
    return load_task(folder)


def values(scoring: GoScoring, labels: np.ndarray, predictions: np.ndarray) -> dict[str, float]:
    groups = np.arange(len(labels))
    counts = np.ones(len(labels))
    return {n: s(counts) for n, s in scoring.scorers(labels, predictions, groups).items()}


def test_labels_are_propagated_within_the_namespace(task: Task, folder: Path) -> None:
    ontology = GeneOntology.from_obo(folder / "go.obo.gz")
    names = task.labels.names
    for row in task.labels.values:
        held = {names[k] for k in np.flatnonzero(row)}
        above = {a for t in held for a in ontology.ancestors(t)} - set(ontology.roots)
        assert held
        assert {a for a in above if ontology.namespace(a) is Namespace.FUNCTION} <= held
        assert all(ontology.namespace(t) is Namespace.FUNCTION for t in held)


def test_the_truth_is_a_perfect_prediction(task: Task) -> None:
    scoring = scoring_of(task, EvaluateOptions())
    assert isinstance(scoring, GoScoring)
    assert (scoring.primary, scoring.greater_is_better) == ("fmax_molecular_function", True)
    labels = task.labels.values[task.entries("test")]
    found = values(scoring, labels, labels.astype(float))
    assert found["fmax_molecular_function"] == 1
    assert found["aupr_molecular_function"] == pytest.approx(1)
    assert found["smin_molecular_function"] == 0


def test_values_are_those_of_the_evaluation_itself(task: Task, folder: Path) -> None:
    scoring = GoScoring(task)
    labels = task.labels.values[task.entries("test")]
    predictions = np.random.default_rng(0).random(labels.shape)
    ontology = GeneOntology.from_obo(folder / "go.obo.gz")
    names = np.array(task.labels.names)
    expected = evaluate_go_function(
        score_matrix([dict(zip(names, row, strict=True)) for row in predictions], ontology),
        term_matrix([names[row] for row in labels], ontology),
        ontology,
    )[Namespace.FUNCTION]
    found = values(scoring, labels, predictions)
    for name in ("fmax", "aupr"):
        assert found[f"{name}_molecular_function"] == pytest.approx(expected.value(name).value)


def test_a_primary_metric_must_be_one_of_them(folder: Path) -> None:
    task = load_task(folder)
    other = task.specification.model_copy(update={"primary_metric": "f1_macro"})
    with pytest.raises(EvaluationError, match="primary_metric 'f1_macro' is not one of fmax_molec"):
        GoScoring(replace(task, specification=other))


def test_an_ontology_of_another_release_is_told(folder: Path) -> None:
    task = load_task(folder)
    names = ("GO:9999999", *task.labels.names[1:])
    strange = replace(task, labels=replace(task.labels, names=names))
    with pytest.raises(EvaluationError, match=r"label 'GO:9999999' .* is no term of go\.obo\.gz"):
        GoScoring(strange)
