"""`multiprot inspect`: accounts on stdout, problems on stderr, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from multiprot.cli.main import main
from multiprot.proteins import read_structure_file

KEYS = [
    *("id", "residues", "resolved", "unresolved", "modified", "unknown", "altlocs"),
    *("breaks", "models", "chains"),
]


@pytest.fixture
def whole(shared: Path) -> Path:
    return shared / "data/structures_whole"


def as_json(capsys: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["inspect", "--json", *map(str, arguments)]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_json_is_the_account(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [whole / "bp_1A8O.pdb.gz", whole / "1igy.bcif.gz"]
    found = as_json(capsys, *paths)
    assert [list(account) for account in found] == [KEYS] * 5
    expected = [r.account.to_json() for path in paths for r in read_structure_file(path)]
    assert found == expected
    assert found[0]["modified"][1] == {"position": 35, "component": "MSE", "parent": "M"}


def test_three_formats_print_the_same(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = [as_json(capsys, whole / f"1o1z.{form}.gz") for form in ("pdb", "cif", "bcif")]
    assert found[0] == found[1] == found[2]
    assert (found[0][0]["unresolved"], len(found[0][0]["altlocs"])) == (8, 13)


def test_chains_can_be_chosen(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys, whole / "1igy.cif.gz", "--chain", "D", "--chain", "A")
    assert [account["id"] for account in found] == ["1igy_D", "1igy_A"]


def test_the_table_shows_every_record(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(whole / "1f2n.pdb.gz"), str(whole / "bp_1A8O.cif.gz")]) == 0
    captured = capsys.readouterr()
    head, *rows = [line.split() for line in captured.out.splitlines()]
    assert head[:4] == ["id", "residues", "resolved", "unresolved"]
    assert [row[:4] for row in rows] == [
        ["1f2n_A", "238", "189", "49"],
        ["1f2n_B", "238", "189", "49"],
        ["1f2n_C", "238", "212", "26"],
        ["bp_1A8O", "70", "70", "0"],
    ]
    assert "4 MSE→M (1, 35, 64, 65)" in captured.out
    assert captured.err == ""


def test_what_is_left_out_is_told_on_stderr(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", "--json", str(whole / "5ugo.cif.gz")]) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 1
    assert [line.split(": ")[-1] for line in captured.err.splitlines()] == [
        f"chain {chain} (DNA) is left out" for chain in "TPD"
    ]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_bad_file_does_not_hide_the_others(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    empty = tmp_path / "empty.pdb"
    empty.touch()
    paths = [
        empty,
        whole / "1aki.pdb.gz",
        tmp_path / "missing.cif",
        whole / "1dix.cif.gz",
        tmp_path,
    ]
    assert main(["inspect", *options, *map(str, paths)]) == 2
    captured = capsys.readouterr()
    assert "1aki" in captured.out
    assert "1dix" in captured.out
    errors = captured.err.splitlines()
    assert [
        line.startswith(f"error: {paths[i]}") for line, i in zip(errors, (0, 2, 4), strict=True)
    ]
    assert all(line.startswith("error: ") for line in errors)


def test_nothing_readable_prints_no_table_and_an_empty_array(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "missing.pdb")
    assert main(["inspect", path]) == 2
    assert capsys.readouterr().out == ""
    assert main(["inspect", "--json", path]) == 2
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("chain", "message"), [("T", "chain T is DNA"), ("Z", "no polymer chain 'Z'")]
)
def test_wrong_chains(
    whole: Path, capsys: pytest.CaptureFixture[str], chain: str, message: str
) -> None:
    assert main(["inspect", str(whole / "5ugo.cif.gz"), "--chain", chain]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["x.fasta", "x.unknown"])
def test_fasta(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = tmp_path / name
    path.write_text(">a\nMKXX\n>b\nM1\n>c\nGG\n")
    assert main(["inspect", "--json", str(path)]) == 2
    captured = capsys.readouterr()
    found = [
        (a["id"], a["residues"], a["unresolved"], a["unknown"]) for a in json.loads(captured.out)
    ]
    assert found == [("a", 4, 4, 2), ("c", 2, 2, 0)]
    assert captured.err.startswith(f"error: {path}: line 4 column 2: record 'b' holds '1'")
    assert main(["inspect", str(path), "--chain", "A"]) == 2
    assert "no chains" in capsys.readouterr().err


def test_names_are_no_markup(
    tmp_path: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "[red]x.pdb.gz"
    path.write_bytes((whole / "1aki.pdb.gz").read_bytes())
    assert main(["inspect", str(path)]) == 0
    assert "[red]x" in capsys.readouterr().out


def test_files_are_required(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect"]) == 2
    assert "FILE" in capsys.readouterr().err
