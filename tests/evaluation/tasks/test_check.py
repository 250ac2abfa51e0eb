"""What a check of a task folder warns of, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from multiprot.cli.main import app
from multiprot.errors import EvaluationError
from multiprot.evaluation.tasks import Severity, check_task, task_folders
from tests.evaluation.tasks.folders import Row, proteins, write_task

needs_mmseqs = pytest.mark.skipif(shutil.which("mmseqs") is None, reason="mmseqs2 not installed")


def kinds(folder: Path) -> dict[str, Severity]:
    return {f.kind: f.severity for f in check_task(folder, identity=None).findings}


def test_a_sound_task_has_nothing_to_tell(tmp_path: Path) -> None:
    report = check_task(write_task(tmp_path / "t", proteins()), identity=None)
    assert report.findings == ()
    assert report.passes(strict=True)
    assert report.summary["entries"] == {"train": 20, "valid": 10, "test": 10}


@pytest.mark.parametrize(
    ("change", "kind", "found", "severity"),
    [
        (
            lambda r: r[3].update(sequence=r[0]["sequence"]),
            "regression",
            "identical-sequences",
            "warning",
        ),
        (lambda r: [x.update(target="1") for x in r], "regression", "constant-target", "error"),
        (lambda r: [x.update(target="1") for x in r], "binary", "constant-target", "error"),
        (lambda r: [x.update(target="1") for x in r], "multilabel", "constant-target", "error"),
        (lambda r: r.__delitem__(slice(20, None)), "regression", "few-entries", "error"),
        (lambda r: r[3].update(target="odd"), "multiclass", "unseen-class", "warning"),
        (
            lambda r: r[0].update(sequence=r[1]["sequence"]),
            "regression",
            "contradicting-labels",
            "note",
        ),
        (lambda r: r[3].update(target="x"), "regression", "unreadable", "error"),
    ],
)
def test_what_is_found(
    tmp_path: Path,
    change: Callable[[list[Row]], object],
    kind: str,
    found: str,
    severity: str,
) -> None:
    rows = proteins()
    if kind == "multiclass":
        for number, row in enumerate(rows):
            row["target"] = "ab"[number // 4 % 2]
    change(rows)
    assert kinds(write_task(tmp_path / "t", rows, kind))[found] == severity


def test_a_pair_is_the_same_pair_the_other_way_round(tmp_path: Path) -> None:
    rows = []
    for number, row in enumerate(proteins()):
        other = proteins()[(number * 3 + 1) % 40]["sequence"]
        first = row.pop("sequence")
        rows.append(row | {"sequence_a": first, "sequence_b": other})
    rows[3].update(sequence_a=rows[0]["sequence_b"], sequence_b=rows[0]["sequence_a"])
    report = check_task(write_task(tmp_path / "t", rows, "pair_regression"), identity=None)
    told = [f.message for f in report.findings if f.kind == "identical-sequences"]
    assert told[0] == "1 of 10 entries of test are in train, too"
    assert "proteins of test are in train, in other entries" in told[1]


@needs_mmseqs
def test_similar_sequences_are_found(tmp_path: Path) -> None:
    """A real protein and itself with a tenth of its residues changed."""
    rows = proteins()
    real = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVVHSLAKWKR"
    rows[0]["sequence"] = real
    rows[3]["sequence"] = "".join("A" if i % 10 == 5 else c for i, c in enumerate(real))
    report = check_task(write_task(tmp_path / "t", rows), identity=0.8)
    assert [f.kind for f in report.findings] == ["similar-sequences"]
    assert report.findings[0].message.startswith(
        "1 of 10 further proteins of test are at least 80%"
    )


def test_without_mmseqs_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    report = check_task(write_task(tmp_path / "t", proteins()), identity=0.5)
    assert [f.kind for f in report.findings] == ["not-checked"]


def test_folders_of_tasks(tmp_path: Path) -> None:
    second = write_task(tmp_path / "all" / "b", proteins())
    first = write_task(tmp_path / "all" / "a", proteins())
    assert task_folders([tmp_path / "all"]) == [first, second]
    assert task_folders([second]) == [second]
    with pytest.raises(EvaluationError, match="no such folder"):
        task_folders([tmp_path / "none"])
    with pytest.raises(EvaluationError, match="neither it nor a folder in it"):
        task_folders([tmp_path])


def test_the_verb(tmp_path: Path) -> None:
    rows = proteins()
    rows[3]["sequence"] = rows[0]["sequence"]
    leaky = write_task(tmp_path / "leaky", rows)
    arguments = ["tasks", "check", "--identical-only", str(leaky)]
    relaxed = CliRunner().invoke(app, arguments)
    assert relaxed.exit_code == 0
    assert "warning: 1 of 10 entries of test are in train, too" in relaxed.stdout
    assert CliRunner().invoke(app, [*arguments, "--strict"]).exit_code == 2
    told = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert told[0]["findings"][0]["kind"] == "identical-sequences"
    listed = CliRunner().invoke(app, ["tasks", "list", str(tmp_path)])
    assert listed.stdout == "leaky: regression, spearman; 20 train, 10 valid, 10 test\n"
