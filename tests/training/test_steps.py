"""STEPS' recipes: that they are what they say, and that all modes learn, on a tiny scale."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import torch
import yaml

from multiprot.cli.recipes import resolve_recipe
from multiprot.config import ResolvedConfig
from multiprot.data import Corpus
from multiprot.encoders.registry import Registry
from multiprot.training.config import PretrainConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.parts import build_parts
from multiprot.training.run import pretrain
from multiprot.training.session import build_module
from multiprot.training.token_cache import cached_rows

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]

RECIPES: Final = Path(__file__).parents[2] / "configs" / "pretrain"
MODES: Final = {
    "alternating": (),
    "legacy": ("bilevel.adapted=discard",),
    "joint": ("bilevel=null", "optimizer.encoder_lr.sequence=0.1"),
}
WEIGHTS: Final = {
    "both": (),
    "global": ("objectives.1.weight=0",),
    "local": ("objectives.0.weight=0",),
}


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["steps.yaml", "steps-cpu.yaml"])
def test_recipes_are_valid_in_every_mode(name: str, mode: str, weights: str) -> None:
    overrides = (*MODES[mode], *WEIGHTS[weights])
    config = resolve_recipe([str(RECIPES / name), *overrides]).value
    objectives = {each.name: each.weight for each in config.objectives}
    assert list(objectives) == ["pairwise-distance", "dihedral", "mutual-information"]
    assert (config.bilevel is None) == (mode == "joint")
    assert bool(objectives["pairwise-distance"]) == (weights != "local")
    assert bool(objectives["dihedral"]) == (weights != "global")
    structure: Any = config.model.structure
    assert structure.options["sequence_tokens"] == "joined"
    assert config.model.fusion.layers == 0
    assert config.batch.structure_share == 1.0


@pytest.fixture
def tiny(recipe: Recipe) -> Callable[..., ResolvedConfig[PretrainConfig]]:
    """steps-cpu.yaml on the tiny corpus, with a language model made from scratch."""
    own: dict[str, Any] = {}
    for name in ("steps.yaml", "steps-cpu.yaml"):
        text = yaml.safe_load((RECIPES / name).read_text(encoding="utf-8"))
        own |= {key: text[key] for key in ("objectives", "bilevel") if key in text}
        own["model"] = merged(own.get("model", {}), text["model"])
    own["model"]["sequence"] = {
        "name": "student",
        "options": {"width": 64, "layers": 2, "freeze": 1},
    }
    own["model"] = merged(own["model"], {"structure": {"options": {"width": 16}}})
    own["model"] = merged(own["model"], {"fusion": {"width": 16, "shared_dim": 16}})
    sections = [f"{key}={json.dumps(value)}" for key, value in own.items()]
    share = ("batch.structure_share=1.0", "batch.structure_dropout=0", "batch.sequence_dropout=0")
    return lambda *overrides: recipe(*sections, *share, *overrides)


def merged(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    both = {k: merged(lower[k], upper[k]) for k in lower.keys() & upper.keys() if _nested(upper[k])}
    return {**lower, **upper, **both}


def _nested(value: Any) -> bool:
    return isinstance(value, dict)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_learns(tiny: Recipe, tmp_path: Path, mode: str) -> None:
    config = tiny(*MODES[mode], "trainer.max_steps=12")
    rows = {row.name: row for row in pretrain(config, tmp_path / "run").rows}
    for name in ("pairwise-distance/loss", "dihedral/loss"):
        assert rows[name].start is not None
        assert rows[name].end is not None
        assert rows[name].end < rows[name].start  # type: ignore[operator]


def test_weight_zero_teaches_nothing_and_is_told_all_the_same(tiny: Recipe, corpus: Corpus) -> None:
    config = tiny("objectives.1.weight=0").value
    parts = build_parts(config, corpus, Registry.discover())
    module: Any = build_module(config, parts).train()
    module.training_step(PretrainData(parts, config.batch, seed=2).train_batches()[0], 0).backward()
    heads = module.objectives.objectives
    assert not any(p.grad.any() for p in heads["dihedral"].parameters())
    assert any(p.grad.any() for p in heads["pairwise-distance"].parameters())
    assert module._take_means()["dihedral/loss"] > 0


def test_cache_holds_what_is_sampled(tiny: Recipe, corpus: Corpus) -> None:
    """Where only proteins with structure are sampled, tokens of no other train protein are made."""
    train, valid = corpus.rows("train"), set(corpus.rows("valid").tolist())
    expected = {
        "1.0": train[corpus.has_structure[train]],
        "0.0": train[~corpus.has_structure[train]],
        "null": train,
        "0.5": train,
    }
    for share, rows in expected.items():
        found = cached_rows(tiny(f"batch.structure_share={share}").value, corpus)
        assert set(found.tolist()) == set(rows.tolist()) | valid
    assert len(expected["1.0"]) < len(train)


def test_no_batch_asks_for_more(tiny: Recipe, corpus: Corpus) -> None:
    config = tiny().value
    parts = build_parts(config, corpus, Registry.discover())
    batches = PretrainData(parts, config.batch, seed=2).train_batches()
    held = {corpus.ids[row] for row in cached_rows(config, corpus).tolist()}
    seen = [protein for number in range(8) for protein in batches[number].ids]
    assert set(seen) <= held
    assert torch.stack([batches[number].has_structure.all() for number in range(8)]).all()
