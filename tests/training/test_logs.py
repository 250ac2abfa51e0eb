"""CSV logs that a crash and a resumption leave as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from multiprot.training.logs import StepTables, read_table


def write(folder: Path, steps: range, resume_step: int = -1) -> None:
    tables = StepTables(folder, resume_step=resume_step)
    for step in steps:
        tables.log_metrics({"train/loss": 1 / (step + 1), "valid/loss": 2.0 * step}, step=step)


@pytest.mark.parametrize("resume_step", [0, 3, 9])
def test_resumed_log_equals_the_uninterrupted_one(tmp_path: Path, resume_step: int) -> None:
    write(tmp_path / "straight", range(10))
    write(tmp_path / "broken", range(10))
    write(tmp_path / "broken", range(resume_step + 1, 10), resume_step=resume_step)
    for table in ("train.csv", "valid.csv"):
        straight = (tmp_path / "straight" / table).read_bytes()
        assert (tmp_path / "broken" / table).read_bytes() == straight


def test_new_run_forgets_the_old_rows(tmp_path: Path) -> None:
    write(tmp_path, range(5))
    write(tmp_path, range(2))
    assert [row["step"] for row in read_table(tmp_path / "train.csv")] == ["0", "1"]


def test_row_cut_by_a_crash_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, range(3))
    path = tmp_path / "train.csv"
    path.write_text(path.read_text() + "3,0.2")
    assert [row["step"] for row in read_table(path)] == ["0", "1", "2"]


def test_numbers_come_back_exactly(tmp_path: Path) -> None:
    StepTables(tmp_path).log_metrics({"train/loss": 1 / 3}, step=1)
    assert float(read_table(tmp_path / "train.csv")[0]["loss"]) == 1 / 3


def test_late_column_keeps_the_early_rows(tmp_path: Path) -> None:
    tables = StepTables(tmp_path)
    tables.log_metrics({"train/a": 1.0}, step=1)
    tables.log_metrics({"train/a": 2.0, "train/b": 3.0}, step=2)
    tables.log_metrics({"train/b": 4.0}, step=3)
    rows = read_table(tmp_path / "train.csv")
    assert [(row["a"], row["b"]) for row in rows] == [("1.0", ""), ("2.0", "3.0"), ("", "4.0")]


def test_metrics_of_no_table_write_nothing(tmp_path: Path) -> None:
    StepTables(tmp_path).log_metrics({"other/a": 1.0}, step=1)
    assert list(tmp_path.iterdir()) == []
