"""All sixteen types of tasks, from a folder to a score: what was planted is found, noise is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from multiprot.evaluation.comparison import EvaluateOptions
from multiprot.evaluation.comparison.cell import CELL
from multiprot.evaluation.probes import perceptron
from multiprot.evaluation.tasks import Target, TaskType, Unit
from tests.evaluation.comparison.sources import (
    METRICS,
    QUICK,
    WIDTH,
    DrawnSource,
    NoiseSource,
    cell_of,
    planted_task,
    primary_value,
)

Change = Callable[[list[dict[str, str]]], list[dict[str, str]]]

FLOOR = {
    Target.REGRESSION: 0.9,
    Target.BINARY: 0.9,
    Target.MULTICLASS: 0.7,
    Target.MULTILABEL: 0.75,
}
"""A linear probe on few rows, well above chance."""


@pytest.fixture(autouse=True)
def _few_epochs_of_perceptrons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptron, "MOST_EPOCHS", 30)


def _needs_a_ligand_reader(kind: TaskType) -> None:
    if kind.unit is Unit.PROTEIN_LIGAND:
        pytest.importorskip("rdkit")


@pytest.mark.parametrize("kind", TaskType)
def test_what_was_planted_is_found_and_noise_is_not(tmp_path: Path, kind: TaskType) -> None:
    _needs_a_ligand_reader(kind)
    # A product and a difference of vectors stand beside their sum: pairs need more examples.
    task = planted_task(tmp_path / "task", kind, 300 if kind.unit is Unit.PAIR else 150)
    found = cell_of(task, tmp_path / "cell")
    blind = cell_of(task, tmp_path / "blind", NoiseSource())
    assert primary_value(found) > FLOOR[kind.target]
    assert primary_value(blind) < primary_value(found) - 0.1
    assert found["primary_metric"] == METRICS[kind.target]
    assert found["rows"]["test"] == len(task.labels.rows(task.entries("test")))
    assert json.loads((tmp_path / "cell" / CELL).read_text()) == found


@pytest.mark.parametrize("kind", TaskType)
def test_predictions_are_written_beside_their_labels(tmp_path: Path, kind: TaskType) -> None:
    _needs_a_ligand_reader(kind)
    task = planted_task(tmp_path / "task", kind, 60)
    cell_of(task, tmp_path / "cell")
    with np.load(tmp_path / "cell" / "linear-0-test.npz", allow_pickle=False) as arrays:
        ids, groups = arrays["ids"], arrays["groups"]
        labels, predictions = arrays["labels"], arrays["predictions"]
    entries = task.entries("test")
    assert ids.tolist() == [task.ids[e] for e in entries]
    np.testing.assert_array_equal(labels, task.labels.values[task.labels.rows(entries)])
    assert len(predictions) == len(labels) == len(groups)
    rows = np.bincount(groups, minlength=len(ids))
    expected = [len(task.labels.rows(np.array([e]))) for e in entries]
    assert rows.tolist() == expected


@pytest.mark.parametrize("probe", ["knn", "mlp"])
@pytest.mark.parametrize("kind", [TaskType(t.value) for t in Target])
def test_other_probes_do_it_as_well(tmp_path: Path, kind: TaskType, probe: str) -> None:
    task = planted_task(tmp_path / "task", kind, 250)
    options = QUICK.model_copy(update={"probes": (probe,)})
    found = primary_value(cell_of(task, tmp_path / "cell", options=options))
    blind = primary_value(cell_of(task, tmp_path / "blind", NoiseSource(), options))
    assert found > blind + 0.1


@pytest.mark.parametrize("target", list(Target))
def test_a_pair_may_be_named_either_way_round(tmp_path: Path, target: Target) -> None:
    kind = TaskType(f"pair_{target}")
    task = planted_task(tmp_path / "as-it-is", kind)

    def turned(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [
            row | {"sequence_a": row["sequence_b"], "sequence_b": row["sequence_a"]}
            if number % 3 == 0
            else row
            for number, row in enumerate(rows)
        ]

    other = planted_task(tmp_path / "turned", kind, rows=turned)
    first, second = (cell_of(t, tmp_path / f"cell-{t.name}") for t in (task, other))
    assert first["runs"] == second["runs"]


@pytest.mark.parametrize("target", [Target.REGRESSION, Target.MULTICLASS])
def test_residues_without_a_label_are_not_learnt_and_not_scored(
    tmp_path: Path, target: Target
) -> None:
    """Hiding residues whose labels are wrong leaves what is planted."""
    kind = TaskType(f"residue_{target}")
    between = " " if target is Target.REGRESSION else ""
    ignored, wrong = ("nan", "9999") if between else ("-", "z")

    def with_every_third(label: str) -> Change:
        def change(rows: list[dict[str, str]]) -> list[dict[str, str]]:
            changed = []
            for row in rows:
                labels = row["target"].split(between) if between else list(row["target"])
                labels[::3] = [label] * len(labels[::3])
                changed.append(row | {"target": between.join(labels)})
            return changed

        return change

    hidden = planted_task(
        tmp_path / "hidden", kind, rows=with_every_third(ignored), ignore_label=ignored
    )
    spoilt = planted_task(tmp_path / "spoilt", kind, rows=with_every_third(wrong))
    found = cell_of(hidden, tmp_path / "cell")
    assert primary_value(found) > FLOOR[target]
    assert found["rows"]["test"] == 20 * 10
    assert primary_value(cell_of(spoilt, tmp_path / "other")) < primary_value(found) - 0.1


def test_a_protein_without_a_scored_residue_takes_no_part(tmp_path: Path) -> None:
    def blank(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        for number in (4, 3, 0):
            rows[number]["target"] = "-" * 15
        return rows

    kind = TaskType.RESIDUE_BINARY
    task = planted_task(tmp_path / "t", kind, rows=blank, ignore_label="-")
    cell = cell_of(task, tmp_path / "cell")
    assert cell["rows"] == {"train": 59 * 15, "valid": 19 * 15, "test": 19 * 15}
    assert primary_value(cell) > FLOOR[Target.BINARY]


def test_a_valid_part_without_a_scored_residue_is_none(tmp_path: Path) -> None:
    def blank(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [r | {"target": "-" * 15} if r["split"] == "valid" else r for r in rows]

    task = planted_task(tmp_path / "t", TaskType.RESIDUE_BINARY, rows=blank, ignore_label="-")
    cell = cell_of(task, tmp_path / "cell")
    assert cell["rows"]["valid"] == 0
    assert cell["runs"][0]["chosen"]["held_out"] == "cross-validation"


def test_residues_are_drawn_by_whole_proteins(tmp_path: Path) -> None:
    """Two proteins of many residues: an interval of residues drawn one by one would be narrow."""

    def one_bad_protein(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        tests = [row for row in rows if row["split"] == "test"]
        for row in tests[: len(tests) // 2]:
            row["target"] = row["target"].translate(str.maketrans("01", "10"))
        return rows

    task = planted_task(
        tmp_path / "t", TaskType.RESIDUE_BINARY, 100, rows=one_bad_protein, metric="accuracy"
    )
    options = EvaluateOptions(resamples=200)
    cell = cell_of(task, tmp_path / "cell", options=options)
    value = cell["runs"][0]["splits"]["test"]["accuracy"]
    # Half of 20 proteins is all right, half all wrong: the error of their mean.
    assert value["standard_error"] == pytest.approx(np.sqrt(0.25 / 20), rel=0.4)
    by_residue = np.sqrt(0.25 / (20 * 15))
    assert value["standard_error"] > 2 * by_residue


@pytest.mark.parametrize("metric", ["spearman_per_protein", "pearson_per_protein"])
def test_a_mean_over_proteins_may_be_the_primary_metric(tmp_path: Path, metric: str) -> None:
    task = planted_task(tmp_path / "t", TaskType.RESIDUE_REGRESSION, metric=metric)
    cell = cell_of(task, tmp_path / "cell")
    assert cell["primary_metric"] == metric
    assert primary_value(cell) > FLOOR[Target.REGRESSION]


def test_labels_that_training_lacks_cost_their_own_score_alone(tmp_path: Path) -> None:
    def rare(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        for row in rows:
            if row["split"] == "test":
                row["target"] = ";".join(filter(None, [row["target"], "never seen"]))
        return rows

    plain = planted_task(tmp_path / "plain", TaskType.MULTILABEL)
    task = planted_task(tmp_path / "t", TaskType.MULTILABEL, rows=rare)
    assert len(task.labels.names) == 4
    first, second = (cell_of(t, tmp_path / f"cell-{t.name}") for t in (plain, task))
    # Of four labels one is never predicted: its F1 is 0.
    assert primary_value(second) == pytest.approx(0.75 * primary_value(first))


def test_a_class_that_training_lacks_is_always_wrong(tmp_path: Path) -> None:
    def unseen(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        tests = [row for row in rows if row["split"] == "test"]
        for row in tests[:5]:
            row["target"] = "unseen"
        return rows

    task = planted_task(tmp_path / "t", TaskType.MULTICLASS, rows=unseen)
    cell_of(task, tmp_path / "cell")
    with np.load(tmp_path / "cell" / "linear-0-test.npz") as arrays:
        column = task.labels.names.index("unseen")
        assert (arrays["predictions"][:, column] == 0).all()
        np.testing.assert_allclose(arrays["predictions"].sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("width", [1, 3, 64])
def test_models_of_any_width_are_scored_on_their_own(tmp_path: Path, width: int) -> None:
    task = planted_task(tmp_path / "t", TaskType.REGRESSION)
    cell = cell_of(task, tmp_path / "cell", DrawnSource(width=width))
    assert cell["width"] == width
    assert -1 <= primary_value(cell) <= 1


def test_a_ligand_stands_beside_its_protein(tmp_path: Path) -> None:
    """A target that the ligand decides is found whatever the protein's vector says."""
    pytest.importorskip("rdkit")

    def by_ligand(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [row | {"target": str(len(row["smiles"]))} for row in rows]

    kind = TaskType.PROTEIN_LIGAND_REGRESSION
    task = planted_task(tmp_path / "t", kind, rows=by_ligand)
    cell = cell_of(task, tmp_path / "cell", NoiseSource())
    assert cell["width"] == WIDTH + 1024
    assert primary_value(cell) > FLOOR[Target.REGRESSION]


def test_a_ligand_that_is_none_is_named(tmp_path: Path) -> None:
    pytest.importorskip("rdkit")

    def broken(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        rows[0]["smiles"] = "C1CC("
        return rows

    task = planted_task(tmp_path / "t", TaskType.PROTEIN_LIGAND_BINARY, rows=broken)
    with pytest.raises(Exception, match=r"'C1CC\(', which RDKit cannot read"):
        cell_of(task, tmp_path / "cell")
    assert not (tmp_path / "cell").exists()
