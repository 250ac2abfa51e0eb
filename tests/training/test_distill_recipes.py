"""The recipes of distillation: what they are made of, and that they learn, on a tiny scale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
import torch
import yaml

from multiprot.bundle import load_bundle
from multiprot.cli.distill import resolve_distillation
from multiprot.cli.main import main
from multiprot.data import SyntheticOptions, make_synthetic_corpus
from multiprot.encoders.registry import Registry
from multiprot.fusion import build_model
from tests.tiny_model import save_tiny_bundle

RECIPES: Final = Path(__file__).parents[2] / "configs" / "distill"
SELECTOR: Final = "objectives.0.options.weighting=selector"


@pytest.mark.parametrize("weighting", [(), (SELECTOR,)])
def test_mtdp_is_the_published_student(weighting: tuple[str, ...]) -> None:
    """6 layers of 512 channels and a vector of 1,280: 19,603,456 parameters."""
    config = resolve_distillation([str(RECIPES / "mtdp.yaml"), *weighting]).value
    with torch.device("meta"):
        model = build_model(config.model, Registry.discover())
    assert model.sequence is not None
    assert sum(p.numel() for p in model.sequence.parameters()) == 18_946_816
    assert sum(p.numel() for p in model.parameters()) == 19_603_456
    assert set(config.teachers) == {"esm2", "prott5"}


@pytest.fixture(scope="module")
def tiny_mtdp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe with two small teachers and a small student, their vectors written."""
    folder = tmp_path_factory.mktemp("mtdp")
    options = SyntheticOptions(families=4, proteins_per_family=6)
    make_synthetic_corpus(folder / "corpus", options=options)
    bundle = save_tiny_bundle(folder / "bundle")
    written: dict[str, Any] = yaml.safe_load((RECIPES / "mtdp.yaml").read_text())
    written["corpus"]["path"] = str(folder / "corpus")
    teachers = {"esm2": {"space": "protein"}, "prott5": {"space": "shared"}}
    written["teachers"] = {
        name: {"model": str(bundle), "store": str(folder / name), "teach_crops": True} | more
        for name, more in teachers.items()
    }
    small = {"layers": 1, "width": 16, "heads": 2, "feed_forward_width": 32}
    written["model"]["sequence"]["options"] |= small
    written["model"]["fusion"] |= {"width": 24, "heads": 2}
    written["batch"] = {"tokens_per_batch": 1000, "crop_residues": 100}
    written["optimizer"]["peak_lr"] = 5e-3
    written["schedule"]["warmup_steps"] = 5
    written["trainer"] = {"max_steps": 30, "validate_every": 15, "accelerator": "cpu"}
    path = folder / "mtdp.yaml"
    path.write_text(yaml.safe_dump(written))
    assert main(["teach", str(path)]) == 0
    return path


@pytest.mark.parametrize("weighting", ["uniform", "selector", "uncertainty"])
def test_mtdp_learns_both_teachers(tiny_mtdp: Path, tmp_path: Path, weighting: str) -> None:
    run = tmp_path / "run"
    command = ["distill", str(tiny_mtdp), "--out", str(run)]
    assert main([*command, f"objectives.0.options.weighting={weighting}"]) == 0
    rows = {row["name"]: row for row in json.loads((run / "results.json").read_text())["rows"]}
    for teacher in ("esm2", "prott5"):
        loss = rows[f"distill-kl/{teacher}/loss"]
        assert loss["end"] < loss["start"]
    bundle = load_bundle(run / "bundle")
    assert bundle.load_objectives() is not None
    assert bundle.model.config.width == 24
