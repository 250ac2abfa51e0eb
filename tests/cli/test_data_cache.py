"""`multiprot data cache`: an estimate, then the work, then nothing more to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from multiprot.cli.main import main
from multiprot.encoders.registry import Registry
from tests.frozen_encoders import registry_with_guests

RECIPE = {
    "name": "frozen",
    "corpus": {"synthetic": {"families": 3, "proteins_per_family": 5}},
    "model": {
        "sequence": {"name": "frozen-letters", "options": {"width": 8}},
        "structure": {"name": "residue-geometry", "options": {"width": 8, "layers": 1}},
    },
    "objectives": [{"name": "token-alignment"}],
    "trainer": {"accelerator": "cpu"},
}


@pytest.fixture(autouse=True)
def _guests(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = registry_with_guests()
    monkeypatch.setattr(Registry, "discover", classmethod(lambda cls: registry))


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    path = tmp_path / "frozen.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    return str(path)


def test_estimate_work_and_rest(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "cache", recipe, f"token_cache.path={tmp_path}/cache"]
    assert main([*command, "--estimate"]) == 0
    assert "residues x 8 channels in fp32" in capsys.readouterr().out
    assert not (tmp_path / "cache").exists()
    assert main([*command, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["modality"], told["encoder"]) == ("sequence", "frozen-letters")
    folder = Path(told["folder"])
    written = sum(path.stat().st_size for path in folder.glob("tokens-*"))
    assert told["proteins"] > 0
    assert told["bytes"] <= written
    assert main(command) == 0
    assert capsys.readouterr().out == f"0 proteins encoded; all are in {folder}\n"
    assert main([*command, "--estimate"]) == 0
    assert "has every protein encoded already" in capsys.readouterr().out


def test_recipe_without_a_cache_is_told_what_to_add(
    recipe: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "cache", recipe]) == 2
    assert "add token_cache.path=FOLDER" in capsys.readouterr().err


def test_recipe_whose_encoders_learn_is_refused(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learning = "model.sequence.options.frozen=false"
    assert main(["data", "cache", recipe, learning, f"token_cache.path={tmp_path}/cache"]) == 2
    assert "'frozen-letters' (sequence) and 'residue-geometry'" in capsys.readouterr().err
    assert not (tmp_path / "cache").exists()
