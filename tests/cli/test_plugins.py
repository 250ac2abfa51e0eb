"""`multiprot plugins list`."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest

from multiprot.cli.main import main
from multiprot.encoders.registry import GROUPS, Registry


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "list"]) == 0
    out = capsys.readouterr().out
    assert all(f"{group}\n" in out for group in GROUPS)
    assert "  residue-transformer" in out
    assert "multiprot 0.1.0" in out
    assert "\033" not in out, "no colours unless a terminal reads them"


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    keys = {"group", "name", "distribution", "version", "summary", "error"}
    assert all(set(row) == keys for row in rows)
    assert "term-table" in {row["name"] for row in rows}


@pytest.mark.parametrize("terminal", [False, True])
def test_a_broken_plugin_is_a_red_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    broken = EntryPoint("broken", "no_such_module:x", GROUPS[0])
    monkeypatch.setattr(Registry, "discover", classmethod(lambda cls: cls([broken])))
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    assert main(["plugins", "list"]) == 0
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if "broken" in line)
    assert "ModuleNotFoundError" in row
    assert row.startswith("\033[31m") == terminal
    assert out.count("  none") == len(GROUPS) - 1
