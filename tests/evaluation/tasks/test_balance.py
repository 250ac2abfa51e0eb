"""What a check says of labels that cannot be learnt or scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks import Finding, Severity, check_task, load_task
from multiprot.evaluation.tasks.balance import FEWEST_ENTRIES, balance
from tests.evaluation.tasks.folders import Row, proteins, write_task

Change = Callable[[list[Row]], object]


def findings(
    folder: Path, kind: str, rows: list[Row], metric: str = "spearman", **more: Any
) -> list[Finding]:
    return list(balance(load_task(write_task(folder, rows, kind, metric, **more))))


def told(found: list[Finding], kind: str) -> list[str]:
    return [finding.message for finding in found if finding.kind == kind]


def of_split(rows: list[Row], split: str) -> list[Row]:
    return [row for row in rows if row["split"] == split]


def labelled(kind: str, count: int = 40) -> list[Row]:
    """Labels that vary in each split."""
    if kind == "regression":
        return proteins(count)
    texts = {
        "binary": ("0", "1"),
        "multiclass": ("a", "b"),
        "multilabel": ("a", "b;c"),
    }[kind]
    return proteins(count, target=lambda n: texts[n // 4 % 2])


KINDS = ("regression", "binary", "multiclass", "multilabel")


@pytest.mark.parametrize("kind", KINDS)
def test_labels_that_vary_are_nothing_to_tell(tmp_path: Path, kind: str) -> None:
    assert findings(tmp_path / "t", kind, labelled(kind)) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_split_of_one_label_is_an_error(tmp_path: Path, kind: str, split: str) -> None:
    """Of train nothing is learnt, by valid nothing is chosen, of test nothing is told."""
    rows = labelled(kind)
    first = of_split(rows, split)[0]["target"]
    for row in of_split(rows, split):
        row["target"] = first
    found = findings(tmp_path / "t", kind, rows)
    errors = [f for f in found if f.severity is Severity.ERROR]
    assert [error.kind for error in errors] == ["constant-target"]
    assert split in errors[0].message


@pytest.mark.parametrize("count", [1, FEWEST_ENTRIES - 1, FEWEST_ENTRIES])
@pytest.mark.parametrize("split", ["train", "test", "test_hard"])
def test_fewer_than_ten_entries(tmp_path: Path, split: str, count: int) -> None:
    rows = [row for row in proteins(80) if row["split"] != split]
    more = proteins(200)[100 : 100 + count]
    rows += [row | {"split": split} for row in more]
    few = told(findings(tmp_path / "t", "regression", rows), "few-entries")
    expected = [] if count == FEWEST_ENTRIES else [f"{count} entries in {split}, 10 are needed"]
    assert few == expected


def test_a_task_without_valid_entries_is_told(tmp_path: Path) -> None:
    rows = [row | {"split": row["split"].replace("valid", "train")} for row in proteins()]
    (finding,) = findings(tmp_path / "t", "regression", rows)
    assert (finding.kind, finding.severity) == ("no-valid", Severity.NOTE)


def test_a_rare_class_is_told_with_the_most_frequent(tmp_path: Path) -> None:
    rows = proteins(400, target=lambda n: "rare" if n == 0 else "often")
    for row in of_split(rows, "test")[:2] + of_split(rows, "valid")[:2]:
        row["target"] = "rare"
    (message,) = told(findings(tmp_path / "t", "multiclass", rows), "class-balance")
    assert message == "class 'rare' is 1 of 200 training labels, 'often' is 199"


def test_a_hundredth_is_not_rare(tmp_path: Path) -> None:
    rows = proteins(400, target=lambda n: str(int(n in (0, 4))))
    for row in of_split(rows, "test")[:2] + of_split(rows, "valid")[:2]:
        row["target"] = "1"
    assert findings(tmp_path / "t", "binary", rows) == []


def test_classes_that_training_lacks_are_counted(tmp_path: Path) -> None:
    rows = labelled("multiclass")
    tests = of_split(rows, "test")
    for row, name in zip(tests, ("new", "new", "newer"), strict=False):
        row["target"] = name
    (finding,) = (
        f for f in findings(tmp_path / "t", "multiclass", rows) if f.kind == "unseen-class"
    )
    assert finding.severity is Severity.WARNING
    assert finding.message == "3 labels of test are of 2 classes that train lacks, as 'new'"


def test_a_listed_class_without_an_example_is_no_warning(tmp_path: Path) -> None:
    found = findings(tmp_path / "t", "multiclass", labelled("multiclass"), class_names=list("abc"))
    assert {finding.severity for finding in found} == {Severity.NOTE}


def test_labels_that_do_not_vary_are_counted(tmp_path: Path) -> None:
    rows = proteins(target=lambda n: "always;" + ("a" if n // 4 % 2 else "b"))
    notes = told(findings(tmp_path / "t", "multilabel", rows), "class-balance")
    assert notes == [f"1 of 3 labels do not vary in {s}" for s in ("train", "test", "valid")]


def test_residues_are_counted_not_proteins(tmp_path: Path) -> None:
    rows = proteins(target=lambda n: "H" * 12 + ("E" if n % 8 < 4 else "H"))
    assert findings(tmp_path / "t", "residue_multiclass", rows) == []
    constant = proteins(target=lambda n: "-" * 12 + "H")
    found = findings(tmp_path / "u", "residue_multiclass", constant, ignore_label="-")
    assert told(found, "constant-target") == [
        f"all labels of {split} are 'H'; a task needs more than one value"
        for split in ("train", "test", "valid")
    ]


def test_a_split_without_a_scored_residue(tmp_path: Path) -> None:
    rows = proteins(target=lambda n: ("0" * 12 + "1") if n % 4 != 3 else "-" * 13)
    found = findings(tmp_path / "t", "residue_binary", rows, ignore_label="-")
    assert told(found, "constant-target") == ["test has no label that is scored"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_sequence_with_two_labels(tmp_path: Path, kind: str) -> None:
    rows = labelled(kind)
    rows[4]["sequence"] = rows[0]["sequence"]
    rows[5]["sequence"] = rows[1]["sequence"]
    rows[5]["target"] = rows[1]["target"]
    notes = told(findings(tmp_path / "t", kind, rows), "contradicting-labels")
    assert notes == ["1 sequences stand in several entries with different labels"]


def test_errors_stand_before_warnings_and_notes(tmp_path: Path) -> None:
    rows = proteins(40, target=lambda n: "ab"[n // 4 % 2])
    rows[3]["sequence"] = rows[0]["sequence"]
    rows[7]["target"] = "new"
    folder = write_task(tmp_path / "t", rows[:38], "multiclass", "accuracy")
    severities = [f.severity for f in check_task(folder, identity=None).findings]
    assert severities == sorted(severities, key=list(Severity).index)
    assert len(set(severities)) == 3


def test_a_sound_check_means_a_task_that_can_be_scored(tmp_path: Path) -> None:
    """And an error of the check one that cannot: the two know the same."""
    from multiprot.evaluation.comparison import EvaluateOptions
    from tests.evaluation.comparison.sources import DrawnSource, cell_of

    changes: dict[str, Change] = {
        "sound": lambda rows: None,
        "one-class": lambda rows: [row.update(target="1") for row in rows],
        "one-class-of-test": lambda rows: [r.update(target="0") for r in of_split(rows, "test")],
        "one-class-of-valid": lambda rows: [r.update(target="0") for r in of_split(rows, "valid")],
        "few-of-train": lambda rows: [r.update(split="drop") for r in of_split(rows, "train")[5:]],
    }
    options = EvaluateOptions(resamples=10)
    for name, change in changes.items():
        rows = labelled("binary", 80)
        change(rows)
        folder = write_task(tmp_path / name, rows, "binary", "auroc")
        sound = check_task(folder, identity=None).passes(strict=False)
        assert sound == (name == "sound")
        try:
            cell = cell_of(load_task(folder), tmp_path / f"cell-{name}", DrawnSource(), options)
            scored = cell["runs"][0]["splits"]["test"]["auroc"]["value"] is not None
        except EvaluationError:
            scored = False
        assert scored == sound, name
