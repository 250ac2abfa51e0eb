"""What a cell's scores depend on, and on what they do not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from multiprot.errors import EvaluationError
from multiprot.evaluation.comparison import EvaluateOptions
from multiprot.evaluation.comparison.cell import CELL, Entries, cell_key
from multiprot.evaluation.tasks import Task, TaskType, Unit, load_task
from tests.evaluation.comparison.sources import (
    QUICK,
    DrawnSource,
    cell_of,
    planted_task,
    primary_value,
    random_sequences,
)
from tests.evaluation.tasks.folders import Row


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return planted_task(tmp_path_factory.mktemp("cell") / "numbers", TaskType.REGRESSION)


def options(**given: object) -> EvaluateOptions:
    return EvaluateOptions.model_validate({"resamples": 20} | given)


def scores(cell: dict[str, object]) -> object:
    """All of a cell but its times."""
    return {name: value for name, value in cell.items() if not name.startswith("seconds")}


def test_the_same_cell_twice_is_the_same(numbers: Task, tmp_path: Path) -> None:
    first, second = (cell_of(numbers, tmp_path / name) for name in ("one", "two"))
    assert scores(first) == scores(second)
    one, two = (tmp_path / name / "linear-0-test.npz" for name in ("one", "two"))
    with np.load(one) as a, np.load(two) as b:
        for name in ("ids", "groups", "labels", "predictions"):
            np.testing.assert_array_equal(a[name], b[name])


@pytest.mark.parametrize(
    "kind", [TaskType.REGRESSION, TaskType.MULTICLASS, TaskType.RESIDUE_BINARY]
)
def test_the_order_of_rows_in_the_table_does_not_matter(tmp_path: Path, kind: TaskType) -> None:
    """Which rows of a large task are taken, and what is learnt from them, depends on ids alone."""

    def shuffled(rows: list[Row]) -> list[Row]:
        return [rows[k] for k in np.random.default_rng(0).permutation(len(rows))]

    asked = options(max_rows=40, max_residues=600, max_test_rows=12)
    made = {
        name: cell_of(
            planted_task(tmp_path / name, kind, rows=change), tmp_path / f"cell-{name}", None, asked
        )
        for name, change in (("straight", list), ("shuffled", shuffled))
    }
    assert made["straight"]["rows"] == made["shuffled"]["rows"]
    first, second = (primary_value(cell) for cell in made.values())
    assert first == pytest.approx(second, abs=1e-6)
    chosen = [cell["runs"][0]["chosen"]["penalty"] for cell in made.values()]
    assert chosen[0] == chosen[1]
    tested = []
    for name in made:
        with np.load(tmp_path / f"cell-{name}" / "linear-0-test.npz") as arrays:
            tested.append(set(arrays["ids"].tolist()))
    assert tested[0] == tested[1]


def test_more_columns_and_dropped_rows_do_no_harm(numbers: Task, tmp_path: Path) -> None:
    def with_more(rows: list[Row]) -> list[Row]:
        dropped = [
            {"id": f"x{n}", "sequence": s, "target": "no number", "split": "drop"}
            for n, s in enumerate(random_sequences(7, seed=9))
        ]
        return [row | {"source": "a, b"} for row in (dropped + rows)]

    more = planted_task(tmp_path / "numbers", TaskType.REGRESSION, rows=with_more)
    assert len(more) == len(numbers)
    first, second = cell_of(numbers, tmp_path / "one"), cell_of(more, tmp_path / "two")
    assert first["runs"] == second["runs"]


def test_further_test_splits_are_scored_on_their_own(numbers: Task, tmp_path: Path) -> None:
    def split(number: int) -> str:
        return ("train", "train", "train", "valid", "test")[number % 5] + (
            "_hard" if number % 10 == 9 else ""
        )

    task = planted_task(tmp_path / "hard", TaskType.REGRESSION, split=split)
    assert task.test_splits == ("test", "test_hard")
    cell = cell_of(task, tmp_path / "cell")
    assert set(cell["runs"][0]["splits"]) == {"test", "test_hard"}
    assert (cell["rows"]["test"], cell["rows"]["test_hard"]) == (10, 10)
    assert (tmp_path / "cell" / "linear-0-test_hard.npz").is_file()
    # Both halves together are the test part of the plain task: what is learnt is the same.
    plain = cell_of(numbers, tmp_path / "plain")
    assert cell["runs"][0]["chosen"] == plain["runs"][0]["chosen"]


def test_other_columns_of_splits(tmp_path: Path) -> None:
    def folds(rows: list[Row]) -> list[Row]:
        names = ("train", "test", "drop", "valid")
        return [row | {"fold": names[n % 4]} for n, row in enumerate(rows)]

    planted_task(tmp_path / "t", TaskType.REGRESSION, rows=folds)
    task = load_task(tmp_path / "t", split_column="fold")
    assert len(task) == 75
    cell = cell_of(task, tmp_path / "cell")
    assert cell["task"] == "t[fold]"
    assert cell["rows"] == {"train": 25, "valid": 25, "test": 25}


@pytest.mark.parametrize("seeds", [1, 3])
def test_each_probe_runs_with_each_seed(numbers: Task, tmp_path: Path, seeds: int) -> None:
    asked = options(probes=("linear", "knn"), seeds=seeds)
    cell = cell_of(numbers, tmp_path / "cell", options=asked)
    runs = [(run["probe"], run["seed"]) for run in cell["runs"]]
    assert runs == [(probe, seed) for probe in ("linear", "knn") for seed in range(seeds)]
    files = {path.name for path in (tmp_path / "cell").iterdir()}
    assert files == {CELL, *(f"{probe}-{seed}-test.npz" for probe, seed in runs)}


def test_a_probe_named_twice_runs_once(numbers: Task, tmp_path: Path) -> None:
    asked = options(probes=("linear", "knn", "linear"), metrics=("rmse", "rmse"))
    assert asked.probes == ("linear", "knn")
    cell = cell_of(numbers, tmp_path / "cell", options=asked)
    assert [run["probe"] for run in cell["runs"]] == ["linear", "knn"]


def test_no_probe_is_no_evaluation() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        options(probes=())


def test_seeds_change_a_perceptron_and_no_ridge_regression(numbers: Task, tmp_path: Path) -> None:
    asked = options(probes=("linear", "mlp"), seeds=2)
    cell = cell_of(numbers, tmp_path / "cell", options=asked)
    values = [primary_value(cell, run=k) for k in range(4)]
    assert values[0] == values[1]
    assert values[2] != values[3]


def test_metrics_that_were_asked_for_stand_behind_the_primary_one(
    numbers: Task, tmp_path: Path
) -> None:
    asked = options(metrics=("rmse", "accuracy", "concordance_index", "spearman_per_protein"))
    told = cell_of(numbers, tmp_path / "cell", options=asked)["runs"][0]["splits"]["test"]
    # Accuracy is for classes, and a mean over proteins for residues: meant for other tasks.
    assert list(told) == ["spearman", "rmse", "concordance_index"]


def test_a_mean_over_proteins_is_for_residues_only(tmp_path: Path) -> None:
    asked = options(metrics=("mae_per_protein",))
    task = planted_task(tmp_path / "t", TaskType.RESIDUE_REGRESSION, 60)
    told = cell_of(task, tmp_path / "cell", options=asked)["runs"][0]["splits"]["test"]
    assert list(told) == ["spearman", "mae_per_protein"]
    wrong = planted_task(tmp_path / "w", TaskType.REGRESSION, metric="mae_per_protein")
    with pytest.raises(EvaluationError, match="choose 'mae'"):
        cell_of(wrong, tmp_path / "other")


def test_proteins_without_a_vector_are_told_and_left_out(numbers: Task, tmp_path: Path) -> None:
    lacks = [numbers.sequences[0][row] for row in (0, 3, 4, 9)]
    cell = cell_of(numbers, tmp_path / "cell", DrawnSource(lacks=lacks))
    assert cell["refused"] == dict.fromkeys(("p0", "p3", "p4", "p9"), "it is lacking")
    assert cell["rows"] == {"train": 59, "valid": 19, "test": 18}
    with np.load(tmp_path / "cell" / "linear-0-test.npz") as arrays:
        assert not {"p4", "p9"} & set(arrays["ids"].tolist())


def test_a_pair_is_refused_with_either_of_its_proteins(tmp_path: Path) -> None:
    task = planted_task(tmp_path / "t", TaskType.PAIR_BINARY)
    lacks = [task.sequences[0][4], task.sequences[1][9]]
    cell = cell_of(task, tmp_path / "cell", DrawnSource(lacks=lacks))
    assert set(cell["refused"]) == {"p4", "p9"}


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_part_without_any_vector_is_named(numbers: Task, tmp_path: Path, part: str) -> None:
    lacks = [numbers.sequences[0][row] for row in numbers.entries(part)]
    with pytest.raises(EvaluationError, match=f"numbers: no entry of {part} has a vector"):
        cell_of(numbers, tmp_path / "cell", DrawnSource(lacks=lacks))
    assert not (tmp_path / "cell").exists()


def test_a_valid_part_without_any_vector_leaves_cross_validation(
    numbers: Task, tmp_path: Path
) -> None:
    lacks = [numbers.sequences[0][row] for row in numbers.entries("valid")]
    cell = cell_of(numbers, tmp_path / "cell", DrawnSource(lacks=lacks))
    assert cell["runs"][0]["chosen"]["held_out"] == "cross-validation"
    assert cell["rows"]["valid"] == 0


def test_a_model_is_asked_for_no_more_than_is_used(numbers: Task, tmp_path: Path) -> None:
    source = DrawnSource()
    asked = options(max_rows=20, max_test_rows=10)
    cell_of(numbers, tmp_path / "cell", source, asked)
    entries = Entries.of(numbers, asked).all()
    assert sorted(source.asked) == sorted(numbers.sequences[0][row] for row in entries)
    assert len(source.asked) == 20 + 10 + 10


@pytest.mark.parametrize("kind", [TaskType.REGRESSION, TaskType.RESIDUE_REGRESSION])
def test_more_rows_hold_fewer(tmp_path: Path, kind: TaskType) -> None:
    task = planted_task(tmp_path / "t", kind)
    by_residue = kind.unit is Unit.RESIDUE
    sizes = (150, 450, 800) if by_residue else (10, 30, 50)
    found = [
        Entries.of(task, options(**{"max_residues" if by_residue else "max_rows": size}))
        for size in sizes
    ]
    for size, smaller, larger in zip(sizes, found, found[1:], strict=False):
        assert set(smaller.train) < set(larger.train)
        assert set(smaller.valid) <= set(larger.valid)
        assert len(task.labels.rows(smaller.train)) <= size
    assert all(len(e.tests["test"]) == 20 for e in found)


def test_few_rows_are_still_chosen_by_ten(numbers: Task) -> None:
    """A fifth of ten rows would choose a setting by chance."""
    found = Entries.of(numbers, options(max_rows=10))
    assert (len(found.train), len(found.valid)) == (10, 10)


def test_a_cell_is_made_whole_or_not_at_all(numbers: Task, tmp_path: Path) -> None:
    class Broken(DrawnSource):
        def proteins(self, sequences):  # type: ignore[no-untyped-def]
            found = super().proteins(sequences)
            found[3, 1] = np.nan
            return found

    cell_of(numbers, tmp_path / "cell")
    before = (tmp_path / "cell" / CELL).read_bytes()
    with pytest.raises(EvaluationError, match="validation features: channel 1 of row 0 is nan"):
        cell_of(numbers, tmp_path / "cell", Broken())
    assert (tmp_path / "cell" / CELL).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["cell"]


def test_vectors_that_are_all_alike_teach_nothing(numbers: Task, tmp_path: Path) -> None:
    class Constant(DrawnSource):
        def proteins(self, sequences):  # type: ignore[no-untyped-def]
            return np.ones((len(sequences), 3), dtype=np.float32)

    with pytest.raises(EvaluationError, match="none of the 3 channels differs"):
        cell_of(numbers, tmp_path / "cell", Constant())


def test_labels_beyond_the_range_of_squares_are_undefined_not_infinite(tmp_path: Path) -> None:
    """JSON has no infinity, and one value must not cost all others."""

    def huge(rows: list[Row]) -> list[Row]:
        return [row | {"target": f"{float(row['target']) * 1e200:g}"} for row in rows]

    task = planted_task(tmp_path / "t", TaskType.REGRESSION, rows=huge)
    with np.errstate(all="ignore"):
        cell = cell_of(task, tmp_path / "cell")
    told = json.loads((tmp_path / "cell" / CELL).read_text(), parse_constant=pytest.fail)
    assert told["runs"][0]["splits"]["test"]["rmse"]["value"] is None
    assert primary_value(cell) > 0.9


class TestKey:
    """Two cells have the same key exactly where they would have the same scores."""

    def test_the_name_of_a_model_does_not_matter(self, numbers: Task) -> None:
        first, second = DrawnSource("a"), DrawnSource("b")
        assert cell_key(first, numbers, QUICK) == cell_key(second, numbers, QUICK)

    @pytest.mark.parametrize(
        "change",
        [
            {"probes": ("knn",)},
            {"metrics": ("rmse",)},
            {"max_rows": 50},
            {"max_residues": 50},
            {"max_test_rows": 50},
            {"seeds": 2},
            {"resamples": 21},
            {"confidence": 0.9},
            {"split_column": "fold"},
        ],
    )
    def test_every_option_does(self, numbers: Task, change: dict[str, object]) -> None:
        source = DrawnSource()
        key = cell_key(source, numbers, options())
        assert cell_key(source, numbers, options(**change)) != key

    def test_another_model_does(self, numbers: Task) -> None:
        keys = {cell_key(DrawnSource(width=width), numbers, QUICK) for width in (3, 4)}
        assert len(keys) == 2

    def test_a_changed_table_does(self, numbers: Task, tmp_path: Path) -> None:
        folder = tmp_path / "numbers"
        shutil.copytree(numbers.path.parent, folder)
        assert cell_key(DrawnSource(), load_task(folder), QUICK) == cell_key(
            DrawnSource(), numbers, QUICK
        )
        with (folder / "data.csv").open("a") as file:
            file.write("new,ACDEF,1.5,test\n")
        assert cell_key(DrawnSource(), load_task(folder), QUICK) != cell_key(
            DrawnSource(), numbers, QUICK
        )

    @pytest.mark.parametrize(
        "change", [{"primary_metric": "pearson"}, {"name": "other"}, {"least_examples": 3}]
    )
    def test_a_changed_specification_does(
        self, numbers: Task, tmp_path: Path, change: dict[str, object]
    ) -> None:
        folder = tmp_path / "numbers"
        shutil.copytree(numbers.path.parent, folder)
        file = folder / "task.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | change))
        assert cell_key(DrawnSource(), load_task(folder), QUICK) != cell_key(
            DrawnSource(), numbers, QUICK
        )
