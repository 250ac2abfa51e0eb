"""`multiprot plugins new`: what it writes passes at once; what cannot be a name is refused."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from multiprot.cli.main import main
from multiprot.testing.template import PLACEHOLDER, template_folder, write_template

MODALITIES = ("sequence", "structure", "go")


@pytest.mark.parametrize("modality", MODALITIES)
def test_its_tests_pass_at_once(modality: str, tmp_path: Path) -> None:
    folder = write_template("very-first", modality, tmp_path / "mine")
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.parametrize("modality", MODALITIES)
def test_every_spelling_is_renamed(modality: str, tmp_path: Path) -> None:
    folder = write_template("very-first", modality, tmp_path / "mine")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == len([p for p in (template_folder() / modality).rglob("*") if p.is_file()])
    spellings = (PLACEHOLDER, "template_encoder", "TemplateEncoder")
    for path in files:
        text = str(path.relative_to(folder)) + path.read_text()
        assert not any(spelling in text for spelling in spellings), path
    assert "class VeryFirst(" in (folder / "src/multiprot_very_first/encoder.py").read_text()
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"] == {
        f"multiprot.{modality}_encoders": {"very-first": "multiprot_very_first.plugin:very_first"}
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["My Encoder"], "lower-case words"),
        (["class"], "lower-case words"),
        (["../escape"], "lower-case words"),
        (["fine", "--modality", "smell"], "sequence, structure, go"),
        (["residue-transformer"], "installed already"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", "new", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", "new", "first", "--modality", "go"]) == 0
    assert "multiprot plugins check first" in capsys.readouterr().out
    kept = tmp_path / "multiprot-first" / "README.md"
    kept.write_text("mine")
    assert main(["plugins", "new", "first", "--modality", "go"]) == 2
    assert "multiprot-first" in capsys.readouterr().err
    assert kept.read_text() == "mine"
