"""A third party's whole way: copied out, renamed, built, installed in a clean environment, used."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.packaging.test_wheel import ROOT, run

MODALITIES = ("sequence", "structure", "go")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean environment with multiprot's wheel and its trainer."""
    place = tmp_path_factory.mktemp("clean")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place, ROOT)
    (wheel,) = place.glob("multiprot-*.whl")
    run(sys.executable, "-m", "venv", place / "venv")
    python = place / "venv" / "bin" / "python"
    constraints = ROOT / "constraints.txt"
    run(python, "-m", "pip", "install", "--quiet", "-c", constraints, f"{wheel}[train]")
    return place / "venv"


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("modality", MODALITIES)
def test_from_template_to_bundle(environment: Path, modality: str, tmp_path: Path) -> None:
    python, multiprot = (environment / "bin" / program for program in ("python", "multiprot"))
    name = f"a-{modality}-of-mine"
    run(multiprot, "plugins", "new", name, "--modality", modality, "--out", "mine", cwd=tmp_path)
    built = tmp_path / "built"
    run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", built, tmp_path / "mine")
    (wheel,) = built.glob("*.whl")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    assert name in run(multiprot, "plugins", "list", cwd=tmp_path)
    assert "0.1.0" in run(multiprot, "plugins", "show", name, cwd=tmp_path)
    assert "tests passed" in run(multiprot, "plugins", "check", name, cwd=tmp_path)
    recipe, out = tmp_path / "mine" / "recipe.yaml", tmp_path / "run"
    run(multiprot, "pretrain", recipe, "trainer.max_steps=2", "--out", out, cwd=tmp_path)
    card = (out / "bundle" / "card.md").read_text()
    assert name in card
