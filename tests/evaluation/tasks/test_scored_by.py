"""A primary metric that predictions cannot be scored by is found before a model is."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from multiprot.data import make_synthetic_corpus
from multiprot.data.synthetic import SyntheticOptions
from multiprot.errors import EvaluationError
from multiprot.evaluation.metrics import default_metrics, metrics_for
from multiprot.evaluation.tasks import Finding, Severity, TaskType, Unit, check_task, go_task
from multiprot.evaluation.tasks.scored_by import (
    GO_VALUES,
    check_metric,
    greater_is_better,
    ontology_hash,
    scored_by,
)
from multiprot.evaluation.tasks.task import load_task
from tests.evaluation.comparison.sources import planted_task
from tests.evaluation.tasks.folders import proteins, write_task


def findings(folder: Path) -> list[Finding]:
    return list(scored_by(load_task(folder)))


@pytest.mark.parametrize("kind", [t for t in TaskType if t.unit is not Unit.PROTEIN_LIGAND])
def test_metrics_of_its_labels_fit_a_task(tmp_path: Path, kind: TaskType) -> None:
    for metric in default_metrics(kind.target):
        task = planted_task(tmp_path / metric.name, kind, 20, metric=metric.name)
        check_metric(task)
        assert list(scored_by(task)) == []


@pytest.mark.parametrize(
    ("kind", "metric", "told"),
    [
        ("regression", "auroc", "metric 'auroc' is not for regression labels; choose one of"),
        ("regression", "sperman", "no metric 'sperman'; did you mean 'spearman'"),
        ("regression", "", "no metric ''"),
        ("regression", "spearman_per_protein", "mean over the residues .*; choose 'spearman'"),
        ("binary", "rmse", "is not for binary labels"),
        ("binary", "top_3_accuracy", "is not for binary labels"),
        ("regression", "fmax_molecular_function", "no metric 'fmax_molecular_function'"),
    ],
)
def test_a_metric_that_does_not_fit_is_an_error(
    tmp_path: Path, kind: str, metric: str, told: str
) -> None:
    rows = proteins(target=lambda n: n // 4 % 2)
    folder = write_task(tmp_path / "t", rows, kind, metric)
    report = check_task(folder, identity=None)
    (finding,) = (f for f in report.findings if f.kind == "metric")
    assert finding.severity is Severity.ERROR
    assert not report.passes(strict=False)
    with pytest.raises(Exception, match=told):
        check_metric(load_task(folder))


def test_every_metric_of_residues_has_a_mean_over_proteins(tmp_path: Path) -> None:
    for kind in (TaskType.RESIDUE_REGRESSION, TaskType.RESIDUE_MULTICLASS):
        for metric in metrics_for(kind.target):
            name = f"{metric.name}_per_protein"
            check_metric(planted_task(tmp_path / kind / name, kind, 20, metric=name))


@pytest.fixture(scope="module")
def go_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("go")
    options = SyntheticOptions(families=4, proteins_per_family=10, with_structure=0, with_go=1.0)
    go_task(make_synthetic_corpus(place / "corpus", options=options), place / "task")
    return place / "task"


@pytest.fixture
def go_copy(go_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(go_folder, tmp_path / "task"))


def changed(folder: Path, **change: object) -> Path:
    file = folder / "task.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    return folder


@pytest.mark.parametrize("value", GO_VALUES)
def test_cafas_values_fit_a_task_of_terms(go_copy: Path, value: str) -> None:
    assert findings(changed(go_copy, primary_metric=f"{value}_molecular_function")) == []


@pytest.mark.parametrize(
    "metric", ["f1_macro", "fmax", "fmax_biological_process", "aupr_micro_molecular_function"]
)
def test_no_other_does(go_copy: Path, metric: str) -> None:
    (finding,) = findings(changed(go_copy, primary_metric=metric))
    assert "is not one of fmax_molecular_function, smin_molecular_function" in finding.message


def test_a_missing_ontology_is_told(go_copy: Path) -> None:
    (go_copy / "go.obo.gz").unlink()
    (finding,) = findings(go_copy)
    assert "go.obo.gz: no such file" in finding.message


def test_a_damaged_ontology_is_told(go_copy: Path) -> None:
    whole = (go_copy / "go.obo.gz").read_bytes()
    (go_copy / "go.obo.gz").write_bytes(whole[: len(whole) // 2])
    (finding,) = findings(go_copy)
    assert "cut short or damaged" in finding.message


def test_labels_of_another_release_are_told(go_copy: Path) -> None:
    text = gzip.decompress((go_copy / "go.obo.gz").read_bytes()).decode()
    name = load_task(go_copy).labels.names[0]
    (go_copy / "go.obo.gz").write_bytes(gzip.compress(text.replace(name, "GO:9999999").encode()))
    (finding,) = findings(go_copy)
    assert f"label {name!r} (1 such labels) is no term of go.obo.gz" in finding.message


def test_the_hash_of_an_ontology_is_that_of_its_file(go_copy: Path) -> None:
    task = load_task(go_copy)
    before = ontology_hash(task)
    assert before is not None
    assert len(before) == 64
    (go_copy / "go.obo.gz").write_bytes((go_copy / "go.obo.gz").read_bytes() + b"\0")
    assert ontology_hash(task) != before


def test_a_task_without_an_ontology_has_no_hash(tmp_path: Path) -> None:
    assert ontology_hash(load_task(write_task(tmp_path / "t", proteins()))) is None


@pytest.mark.parametrize(
    ("name", "greater"),
    [
        ("spearman", True),
        ("rmse", False),
        ("fmax_molecular_function", True),
        ("aupr_biological_process", True),
        ("smin_cellular_component", False),
    ],
)
def test_which_way_is_better(name: str, greater: bool) -> None:
    assert greater_is_better(name) is greater


@pytest.mark.parametrize("name", ["fmax", "smin_molecular", "fmax_everything"])
def test_a_number_that_there_is_not_has_no_better_way(name: str) -> None:
    with pytest.raises(EvaluationError, match="no metric"):
        greater_is_better(name)
