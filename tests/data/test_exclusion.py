from __future__ import annotations

from pathlib import Path

import pytest

from multiprot.data.exclusion import Exclusion
from multiprot.errors import DataError, FileFormatError
from multiprot.files import sha256

LINES = (
    "protein_id\ttask\tidentity\tcoverage_of_shorter",
    "P1\tstability\t0.9\t1.0",
    "P1\tsolubility\t0.8\t0.9",
    "P2\tsolubility\t0.6\t0.7",
    "P3\tother\t0.5\t0.5",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "screen.tsv"
    target.write_text("\n".join(LINES) + "\n")
    return target


def test_all_tasks_by_default(path: Path) -> None:
    exclusion = Exclusion.read(path)
    assert exclusion.tasks == ("other", "solubility", "stability")
    assert not exclusion.narrowed
    assert exclusion.leaves_out("P1", "train") == ("solubility", "stability")
    assert exclusion.leaves_out("P4", "train") == ()


def test_only_chosen_tasks(path: Path) -> None:
    exclusion = Exclusion.read(path, ["stability", "other"])
    assert exclusion.tasks == ("other", "stability")
    assert exclusion.leaves_out("P1", "train") == ("stability",)
    assert exclusion.leaves_out("P2", "train") == ()
    assert exclusion.leaves_out("P3", "test") == ("other",)


def test_ids_are_told_apart_by_case(path: Path) -> None:
    assert Exclusion.read(path).leaves_out("p1", "train") == ()


def test_the_summary_counts_what_was_left_out(path: Path) -> None:
    exclusion = Exclusion.read(path, ["solubility", "other"])
    for protein, split in (("P1", "train"), ("P2", "train"), ("P3", None), ("P9", "test")):
        exclusion.leaves_out(protein, split)
    assert exclusion.summary() == {
        "file": "screen.tsv",
        "sha256": sha256(path),
        "tasks": ["other", "solubility"],
        "narrowed": True,
        "listed": 3,
        "left_out": {"train": 2, "valid": 0, "test": 0, "unassigned": 1},
        "left_out_by_task": {"other": 1, "solubility": 2},
    }


def test_an_unknown_task_names_the_nearest(path: Path) -> None:
    with pytest.raises(DataError, match="no task 'stabilty'; did you mean 'stability'"):
        Exclusion.read(path, ["stabilty"])


def test_a_file_without_tasks_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_text("protein_id\nP1\n")
    with pytest.raises(FileFormatError, match="no column 'task'"):
        Exclusion.read(path)


def test_the_real_screen(shared: Path) -> None:
    exclusion = Exclusion.read(shared / "data/pretrain/downstream_screen.tsv.gz")
    assert len(exclusion.of_protein) == 13_978
    assert "secondary_structure_q3" in exclusion.tasks
