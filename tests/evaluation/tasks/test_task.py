"""A task in memory is what lies in its folder, and what is wrong there is told with its row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiprot.errors import EvaluationError, FileFormatError
from multiprot.evaluation.tasks import Target, TaskSpecification, TaskType, Unit, load_task
from multiprot.evaluation.tasks.labels import parse_labels
from tests.evaluation.tasks.folders import Row, proteins, write_task


@pytest.mark.parametrize("kind", TaskType)
def test_a_task_type_is_a_unit_and_a_target(kind: TaskType) -> None:
    unit = "" if kind.unit is Unit.PROTEIN else f"{kind.unit}_"
    assert f"{unit}{kind.target}" == kind


@pytest.mark.parametrize("table", ["data.csv", "data.csv.gz", "data.parquet"])
def test_every_sort_of_table_gives_the_same_task(tmp_path: Path, table: str) -> None:
    task = load_task(write_task(tmp_path / "numbers", proteins(), table=table))
    assert task.ids == tuple(f"p{i}" for i in range(40))
    np.testing.assert_array_equal(task.labels.values, np.arange(40) / 10)
    assert task.labels.target is Target.REGRESSION
    assert len(task.entries("train")) == 20
    assert task.test_splits == ("test",)
    assert task.sequences[0][3] == proteins()[3]["sequence"]


def test_another_split_column_and_entries_in_no_split(tmp_path: Path) -> None:
    rows = proteins(split_far=lambda n: "drop" if n < 5 else "test_far" if n > 30 else "train")
    task = load_task(write_task(tmp_path / "numbers", rows), split_column="split_far")
    assert task.name == "numbers[split_far]"
    assert len(task) == 35
    assert task.test_splits == ("test_far",)
    assert task.ids[0] == "p5"
    assert task.labels.values[0] == 0.5


def test_numbers_in_a_parquet_table_may_be_numbers_and_labels_lists(tmp_path: Path) -> None:
    rows = [
        {"id": f"p{i}", "sequence": "ACD", "target": [0.5, 1.0, i], "split": s}
        for i, s in enumerate(["train", "test"])
    ]
    folder = write_task(
        tmp_path / "t",
        rows,
        "residue_regression",
        table="data.parquet",  # type: ignore[arg-type]
    )
    np.testing.assert_array_equal(load_task(folder).labels.values, [0.5, 1, 0, 0.5, 1, 1])


def broken(change: Callable[[list[Row]], object]) -> list[Row]:
    rows = proteins()
    change(rows)
    return rows


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], r"data\.csv: no column 'sequence'; there are id"),
        (broken(lambda r: r[3].update(id="p1")), "id 'p1' stands on more than one row"),
        (broken(lambda r: r[3].update(target="")), "entry p3: label '' is not a number"),
        (broken(lambda r: r[3].update(target="nan")), "entry p3: label 'nan' is not a finite"),
        (broken(lambda r: r[3].update(target="warm")), "entry p3: label 'warm' is not a number"),
        (broken(lambda r: r[3].update(split="dev")), "entry p3: 'dev' in column 'split' is not"),
        (
            broken(lambda r: r[3].update(sequence="MK*")),
            r"entry p3: letter '\*' in sequence at res",
        ),
        (broken(lambda r: r[3].update(sequence="")), "entry p3: sequence is empty"),
        (broken(lambda r: [x.update(split="test") for x in r]), "puts no entry into train"),
        (broken(lambda r: [x.pop("target") for x in r]), "no column 'target'; there are id, seq"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_row(
    tmp_path: Path, rows: list[Row], told: str
) -> None:
    with pytest.raises(EvaluationError, match=told) as caught:
        load_task(write_task(tmp_path / "t", rows))
    assert str(tmp_path / "t") in str(caught.value)


def test_what_is_wrong_with_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"no task\.json in it"):
        load_task(tmp_path)
    folder = write_task(tmp_path / "t", proteins(), "regresion")
    with pytest.raises(EvaluationError, match=r"task_type = 'regresion'"):
        load_task(folder)
    folder = write_task(tmp_path / "t", proteins(), table="data.parquet")
    with pytest.raises(EvaluationError, match=r"several tables, data\.csv, data\.parquet"):
        load_task(folder)
    (folder / "data.csv").unlink()
    (folder / "data.parquet").write_bytes(b"PAR1")
    with pytest.raises(EvaluationError, match="not a Parquet file"):
        load_task(folder)
    (folder / "data.parquet").rename(folder / "data.csv.gz")
    (folder / "data.csv.gz").write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises((FileFormatError, EvaluationError), match=r"data\.csv\.gz"):
        load_task(folder)
    (folder / "task.json").write_text("{", encoding="utf-8")
    with pytest.raises(EvaluationError, match="not JSON"):
        load_task(folder)


def specification(kind: str, **more: object) -> TaskSpecification:
    tree = {"name": "t", "task_type": kind, "primary_metric": "accuracy"} | more
    return TaskSpecification.model_validate(tree)


@settings(deadline=None)
@given(st.lists(st.text("HEC-", min_size=1, max_size=9), min_size=1, max_size=6))
def test_every_residue_has_its_label(texts: list[str]) -> None:
    ids = [f"p{i}" for i in range(len(texts))]
    kind = specification("residue_multiclass", ignore_label="-", class_names=["C", "E", "H"])
    labels = parse_labels(kind, texts, ids)
    names = np.array([*labels.names])
    for entry, text in enumerate(texts):
        rows = labels.rows(np.array([entry]))
        assert "".join(names[labels.values[rows]]) == text.replace("-", "")
    assert int(labels.scored.sum()) == sum(len(t) - t.count("-") for t in texts)
    assert [texts[e] for e in np.unique(labels.entries())] == texts


@settings(deadline=None)
@given(st.lists(st.sets(st.sampled_from(["a", "b", "c c", "10", "9"])), min_size=1, max_size=6))
def test_sets_of_labels_come_back(sets: list[set[str]]) -> None:
    texts = ["; ".join(sorted(s)) for s in sets]
    labels = parse_labels(
        specification("pair_multilabel"), texts, [str(i) for i in range(len(sets))]
    )
    assert [{labels.names[k] for k in np.flatnonzero(row)} for row in labels.values] == sets
    assert list(labels.names) == sorted(labels.names, key=lambda t: (not t.isdigit(), t.zfill(9)))


def test_bits_of_residues() -> None:
    labels = parse_labels(specification("residue_multilabel"), ["0142", "7"], ["p", "q"])
    assert labels.values.astype(int).tolist() == [
        [0, 0, 0],
        [1, 0, 0],
        [0, 0, 1],
        [0, 1, 0],
        [1, 1, 1],
    ]


def test_numbers_of_residues_and_those_without() -> None:
    kind = specification("residue_regression", ignore_label="nan", label_separator=" ")
    labels = parse_labels(kind, ["1 nan -2.5", "nan"], ["p", "q"])
    np.testing.assert_array_equal(labels.values[labels.rows(np.array([0, 1]))], [1, -2.5])
    assert labels.offsets.tolist() == [0, 3, 4]


@pytest.mark.parametrize(
    ("kind", "more", "value", "told"),
    [
        ("binary", {}, "2", "entry p: label '2' is not 0, 1, false or true"),
        (
            "multiclass",
            {"class_names": ["a", "b"]},
            "c",
            "entry p: label 'c' is not one of class_na",
        ),
        ("multilabel", {"class_names": ["a"]}, "a;x", "label 'x' is not among class_names"),
        ("residue_multiclass", {"class_names": ["a"]}, "ab", "entry p, residue 2: label 'b'"),
        ("residue_multilabel", {}, "0x", "entry p, residue 2: label 'x' is not a whole number"),
        (
            "residue_multilabel",
            {"class_names": ["a"]},
            "02",
            "residue 2: label '2' is not made of the 1",
        ),
        (
            "residue_regression",
            {"label_separator": " "},
            "1 inf",
            "residue 2: label 'inf' is not a fin",
        ),
    ],
)
def test_labels_that_cannot_be(kind: str, more: dict[str, object], value: str, told: str) -> None:
    with pytest.raises(EvaluationError, match=told):
        parse_labels(specification(kind, **more), [value], ["p"])


def test_as_many_labels_as_residues(tmp_path: Path) -> None:
    rows = proteins(target=lambda n: "HEC")
    with pytest.raises(EvaluationError, match="entry p0: 3 labels for 13 residues"):
        load_task(write_task(tmp_path / "t", rows, "residue_multiclass"))


def test_real_tasks(shared: Path) -> None:
    """Sizes as the data's own task.json counts them."""
    import json

    for folder in sorted((shared / "data" / "downstream").iterdir()):
        if not folder.is_dir():
            continue
        counts = json.loads((folder / "task.json").read_bytes())["counts"]
        task = load_task(folder)
        for split in ("train", "valid", *task.test_splits):
            assert len(task.entries(split)) == counts[split], (folder.name, split)
