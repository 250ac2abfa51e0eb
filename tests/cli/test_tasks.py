"""`multiprot tasks list` and `check`: what they print, and with which exit code they end."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from multiprot.cli.main import app
from multiprot.data.build import build_corpus
from multiprot.data.build_options import CorpusBuildOptions
from multiprot.evaluation.tasks import Severity
from tests.evaluation.tasks.folders import proteins, write_task


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["tasks", *map(str, arguments)])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A sound task, a leaky one, one that cannot be read, and one cut short."""
    write_task(tmp_path / "sound", proteins())
    leaky = proteins()
    leaky[3]["sequence"] = leaky[0]["sequence"]
    write_task(tmp_path / "leaky", leaky)
    write_task(tmp_path / "unreadable", proteins(target=lambda n: "warm"))
    cut = write_task(tmp_path / "cut", proteins())
    (cut / "data.csv.gz").write_bytes(gzip.compress((cut / "data.csv").read_bytes())[:-40])
    (cut / "data.csv").unlink()
    (tmp_path / "not-a-task").mkdir()
    (tmp_path / "notes.txt").write_text("of no matter")
    return tmp_path


def test_a_task_that_cannot_be_read_does_not_hide_the_others(place: Path) -> None:
    result = run("list", place)
    assert result.exit_code == 2
    assert result.stdout.splitlines() == [
        f"{name}: regression, spearman; 20 train, 10 valid, 10 test" for name in ("leaky", "sound")
    ]
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 2
    assert "label 'warm' is not a number" in failed[1]
    assert "cut short or damaged" in failed[0]


def test_a_list_as_json_is_json_whatever_failed(place: Path) -> None:
    told = json.loads(run("list", place, "--json").stdout)
    assert [task["name"] for task in told] == ["leaky", "sound"]
    assert told[0]["entries"] == {"train": 20, "valid": 10, "test": 10}
    assert run("list", place / "sound", "--json").exit_code == 0


def test_all_are_checked_and_the_worst_decides(place: Path) -> None:
    result = run("check", place, "--identical-only")
    assert result.exit_code == 2
    verdicts = dict(
        line.rsplit(": ", 1) for line in result.stdout.splitlines() if not line.startswith("  ")
    )
    assert {Path(name).name: verdict for name, verdict in verdicts.items()} == {
        "cut": "FAILED",
        "leaky": "ok",
        "sound": "ok",
        "unreadable": "FAILED",
    }


@pytest.mark.parametrize(
    ("name", "strict", "code"),
    [
        ("sound", False, 0),
        ("sound", True, 0),
        ("leaky", False, 0),
        ("leaky", True, 2),
        ("unreadable", False, 2),
        ("cut", True, 2),
    ],
)
def test_exit_codes(place: Path, name: str, strict: bool, code: int) -> None:
    strictly = ["--strict"] if strict else []
    result = run("check", place / name, "--identical-only", *strictly)
    assert result.exit_code == code
    assert ("FAILED" in result.stdout) == (code == 2)


def test_findings_as_json(place: Path) -> None:
    result = run("check", place, "--identical-only", "--json")
    told = {Path(report["folder"]).name: report for report in json.loads(result.stdout)}
    kinds = [finding["kind"] for finding in told["leaky"]["findings"]]
    assert kinds == ["identical-sequences", "contradicting-labels"]
    assert told["unreadable"]["summary"] == {}
    assert told["cut"]["findings"][0]["kind"] == "unreadable"
    assert told["sound"]["findings"] == []
    assert {f["severity"] for r in told.values() for f in r["findings"]} == set(Severity)


def test_another_column_of_splits(tmp_path: Path) -> None:
    rows = proteins(fold=lambda n: ("train", "test", "drop")[n % 3])
    write_task(tmp_path / "t", rows)
    result = run("list", tmp_path, "--split-column", "fold")
    assert result.stdout == "t[fold]: regression, spearman; 14 train, 13 test\n"
    assert run("list", tmp_path, "--split-column", "no").exit_code == 2
    checked = run("check", tmp_path, "--split-column", "no", "--json")
    assert "no column 'no'" in json.loads(checked.stdout)[0]["findings"][0]["message"]


def test_several_folders_in_the_order_given(tmp_path: Path) -> None:
    for name in ("b", "a", "c/d"):
        write_task(tmp_path / name, proteins())
    result = run("list", tmp_path / "c", tmp_path / "b", tmp_path / "a")
    assert [line.split(":")[0] for line in result.stdout.splitlines()] == ["d", "b", "a"]


@pytest.mark.parametrize("verb", ["list", "check"])
def test_no_task_is_an_error(tmp_path: Path, verb: str) -> None:
    result = run(verb, tmp_path)
    assert result.exit_code != 0
    assert "holds a task.json" in str(result.exception)


@pytest.mark.parametrize("identity", ["0", "1.5", "much"])
def test_an_identity_is_a_share(tmp_path: Path, identity: str) -> None:
    write_task(tmp_path / "t", proteins())
    assert run("check", tmp_path, "--identity", identity).exit_code == 2


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two train proteins and one of the test split; one train protein is tested on."""
    rows = proteins()
    tested = next(row for row in rows if row["split"] == "test")
    sequences = {"held": tested["sequence"], "free": "MKVLAAGHWE" * 5, "out": "MWWHHEEKRT" * 5}
    fasta, splits = tmp_path / "in.fasta", tmp_path / "splits.tsv"
    fasta.write_text("".join(f">{name}\n{letters}\n" for name, letters in sequences.items()))
    splits.write_text("protein_id\tsplit\nheld\ttrain\nfree\ttrain\nout\ttest\n")
    options = CorpusBuildOptions(sequences=fasta, splits=splits)
    return build_corpus(options, tmp_path / "corpus").path


def test_screening_refuses_and_what_it_writes_mends(corpus: Path, tmp_path: Path) -> None:
    task = write_task(tmp_path / "sound", proteins())
    refused = run("screen", corpus, task, "--identity", 1)
    assert refused.exit_code == 2
    assert refused.stdout.splitlines()[1].split() == ["sound", "1", "0", "0"]
    assert "1 train, 0 valid, 0 test" in refused.stdout
    assert "--exclude FILE" in refused.stdout
    table = tmp_path / "found.tsv"
    assert run("screen", corpus, task, "--identity", 1, "--out", table).exit_code == 0
    options = CorpusBuildOptions(
        sequences=tmp_path / "in.fasta", splits=tmp_path / "splits.tsv", exclude=table
    )
    mended = build_corpus(options, tmp_path / "mended").path
    assert run("screen", mended, task, "--identity", 1).exit_code == 0


@pytest.mark.parametrize("verb", ["list", "check", "screen", "from-corpus"])
def test_every_option_has_a_line_of_help(verb: str) -> None:
    text = CliRunner().invoke(app, ["tasks", verb, "--help"]).stdout
    options = {
        "list": ("--split-column", "--json"),
        "check": ("--split-column", "--strict", "--identity", "--identical-only", "--json"),
        "screen": ("--out", "--identity", "--split-column"),
        "from-corpus": ("--out", "--name", "--namespace", "--least-examples"),
    }[verb]
    shown = dict(re.findall(r"(--[a-z-]+) +(?:-h +)?<[^>]+> +([^│]+)", text))
    for option in options:
        assert shown[option].strip(), f"{option} has no help"
    assert set(shown) == {*options, "--help"}
