"""`multiprot plugins check|show`: the suite from the command line, and what a plugin says."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint

import pytest

from multiprot.cli.main import main
from multiprot.encoders.registry import GROUPS, Registry


def test_check_prints_a_line_for_each_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "check", "term-table", "width=16"]) == 0
    out = capsys.readouterr().out
    assert "passed  binds once" in out
    assert "FAILED" not in out
    assert out.strip().endswith("tests passed, 0 skipped")


def test_a_fault_is_told_with_its_remedy(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = EntryPoint("term-table", "tests.cli.spoilt_plugin:spoilt", GROUPS[2])
    monkeypatch.setattr(Registry, "discover", classmethod(lambda cls: cls([spoilt])))
    assert main(["plugins", "check", "term-table"]) == 2
    printed = capsys.readouterr()
    assert "FAILED  gradients reach every parameter" in printed.out
    assert "To mend it: " in printed.out
    assert "error: term-table: 1 of " in printed.err


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "check", "token-alignment", "dim=8", "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert {"test", "claim", "problem", "skipped", "seconds"} == set(results[0])
    assert all(result["problem"] is None for result in results)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check", "term-tabel"], "did you mean 'term-table'"),
        (["check", "term-table", "widht=8"], "widht"),
        (["show", "nothing-like-it"], "installed: "),
        (["show", "term-table", "--group", GROUPS[0]], "name of another kind"),
        (["show", "term-table", "--group", "no.group"], "no.group"),
    ],
)
def test_mistakes_are_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["plugins", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_show_tells_capabilities_for_the_options_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", "residue-transformer", "max_residues=99"]) == 0
    out = capsys.readouterr().out
    assert "multiprot 0.1.0" in out
    assert "max_residues       99" in out
    assert "weights_license    none" in out
    assert "feed_forward_width (default none)" in out


def test_show_tells_options_inside_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", "esm2", "lora.rank=4"]) == 0
    out = capsys.readouterr().out
    assert "adapters           yes" in out
    assert "  lora.rank (required)\n      Rank of the update" in out


def test_show_without_what_an_encoder_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", "go-text"]) == 0
    out = capsys.readouterr().out
    assert "Capabilities: not known without options: " in out
    assert "  max_tokens (" in out
    assert main(["plugins", "show", "go-text", "width=0"]) == 2


def test_show_as_json_has_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plugins", "show", "masked-residue", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["capabilities"] is None
    assert told["options"]["properties"]["rate"]["type"] == "number"


def test_one_name_in_two_groups_asks_which(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = "multiprot.encoders.reference.plugins:"
    points = [
        EntryPoint("same", home + "residue_transformer", GROUPS[0]),
        EntryPoint("same", home + "residue_geometry", GROUPS[1]),
    ]
    monkeypatch.setattr(Registry, "discover", classmethod(lambda cls: cls(points)))
    assert main(["plugins", "show", "same"]) == 2
    err = capsys.readouterr().err
    assert all(group in err for group in GROUPS[:2])
    assert "--group" in err
