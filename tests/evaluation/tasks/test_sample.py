"""A sample of a split: by ids alone, nested, and never larger than asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiprot.evaluation.tasks import Task, load_task
from multiprot.evaluation.tasks.sample import sampled
from tests.evaluation.tasks.folders import proteins, write_task


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    return load_task(write_task(tmp_path_factory.mktemp("sample") / "t", proteins(160)))


@pytest.fixture(scope="module")
def residues(tmp_path_factory: pytest.TempPathFactory) -> Task:
    """Of each protein of 13 residues, 0 to 12 are scored."""
    rows = proteins(
        160, target=lambda n: "".join("01"[k % 2] if k < n % 13 else "-" for k in range(13))
    )
    folder = tmp_path_factory.mktemp("sample") / "r"
    return load_task(write_task(folder, rows, "residue_binary", "auroc", ignore_label="-"))


def ids(task: Task, split: str, most: int | None, seed: int = 0) -> set[str]:
    return {task.ids[entry] for entry in sampled(task, split, most, seed)}


def test_all_where_nothing_is_asked(task: Task) -> None:
    np.testing.assert_array_equal(sampled(task, "train", None), task.entries("train"))
    assert len(sampled(task, "train", 10**9)) == 80
    assert len(sampled(task, "test_far", 10)) == 0


@given(st.integers(1, 100), st.sampled_from(["train", "valid", "test"]))
def test_as_many_as_asked_from_the_split_alone_and_ascending(
    task: Task, most: int, split: str
) -> None:
    found = sampled(task, split, most)
    assert len(found) == min(max(most, 2), len(task.entries(split)))
    assert set(found) <= set(task.entries(split))
    assert (np.diff(found) > 0).all()


@given(st.integers(2, 500), st.integers(2, 500), st.integers(0, 3))
def test_a_larger_sample_holds_a_smaller_one(
    residues: Task, first: int, second: int, seed: int
) -> None:
    small, large = sorted((first, second))
    assert ids(residues, "train", small, seed) <= ids(residues, "train", large, seed)


@given(st.integers(30, 600))
def test_of_residues_those_that_are_scored_are_counted(residues: Task, most: int) -> None:
    found = sampled(residues, "train", most)
    rows = len(residues.labels.rows(found))
    assert rows <= most
    # One protein more would be too many, unless there is none.
    assert rows > most - 13 or len(found) == len(residues.entries("train"))


def test_two_proteins_are_taken_however_long(residues: Task) -> None:
    """One alone can be neither resampled nor dealt into folds."""
    assert len(sampled(residues, "test", 1)) >= 2


@given(st.permutations(range(40)), st.integers(2, 30))
def test_the_order_of_entries_does_not_matter(order: list[int], most: int) -> None:
    rows = proteins(40)
    tasks = [_in_memory([row["id"] for row in rows], [row["split"] for row in rows])]
    turned = [rows[k] for k in order]
    tasks.append(_in_memory([row["id"] for row in turned], [row["split"] for row in turned]))
    assert ids(tasks[0], "train", most) == ids(tasks[1], "train", most)


def _in_memory(names: list[str], splits: list[str]) -> Task:
    from multiprot.evaluation.tasks import TaskSpecification
    from multiprot.evaluation.tasks.labels import parse_labels

    specification = TaskSpecification.model_validate(
        {"name": "t", "task_type": "regression", "primary_metric": "spearman"}
    )
    return Task(
        specification=specification,
        path=Path("none"),
        content_hash="",
        split_column="split",
        ids=tuple(names),
        sequences=(("M",) * len(names),),
        ligands=(),
        splits=np.array(splits),
        labels=parse_labels(specification, [0.0] * len(names), names),
    )


def test_another_seed_takes_others(task: Task) -> None:
    drawn = [ids(task, "train", 40, seed) for seed in range(4)]
    assert len({frozenset(each) for each in drawn}) == 4
    # Half of 80 by chance shares half with another half.
    shared = [len(drawn[0] & other) for other in drawn[1:]]
    assert all(10 < number < 30 for number in shared)


def test_a_sample_is_the_same_in_every_version() -> None:
    """Published scores name so many rows; they must stay the same rows."""
    task = _in_memory([f"p{n}" for n in range(20)], ["train"] * 20)
    assert sorted(ids(task, "train", 5)) == ["p18", "p5", "p7", "p8", "p9"]


def test_entries_that_were_dropped_do_not_move_the_others(task: Task) -> None:
    fewer = replace(task, splits=np.where(task.splits == "test", "valid", task.splits))
    assert ids(fewer, "train", 20) == ids(task, "train", 20)
