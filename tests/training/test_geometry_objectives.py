"""Distances, dihedrals and 3Di states of a corpus, from a recipe to the losses of a batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import torch

from multiprot.config import ResolvedConfig
from multiprot.data import Corpus
from multiprot.encoders.registry import Registry
from multiprot.training.config import PretrainConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.parts import TrainingParts, build_parts

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]

STEPS = 120

BOTH: dict[str, dict[str, Any]] = {"pairwise-distance": {"pairs": 200}, "dihedral": {}}


def made(
    recipe: Recipe, corpus: Corpus, objectives: dict[str, dict[str, Any]], *others: str
) -> tuple[TrainingParts, PretrainConfig]:
    sections = [{"name": name, "options": options} for name, options in objectives.items()]
    config = recipe(f"objectives={json.dumps(sections)}", *others).value
    return build_parts(config, corpus, Registry.discover()), config


def test_geometry_is_made_where_an_objective_asks_for_it(recipe: Recipe, corpus: Corpus) -> None:
    for names in (["pairwise-distance"], ["dihedral"], ["masked-residue", "dihedral"]):
        parts, _ = made(recipe, corpus, {name: {} for name in names})
        assert parts.targets.geometry
        assert parts.targets.spans is None
    parts, config = made(recipe, corpus, {"masked-residue": {}})
    assert not parts.targets.geometry
    assert PretrainData(parts, config.batch, seed=1).train_batches()[0].geometry is None


def test_train_and_valid_batches_teach_both(recipe: Recipe, corpus: Corpus) -> None:
    parts, config = made(recipe, corpus, BOTH)
    data = PretrainData(parts, config.batch, seed=1)
    hide = parts.objectives.corrupt
    valid = hide(next(data.clean_valid_batches()), torch.Generator().manual_seed(0))
    for batch in (data.train_batches()[0], valid):
        assert batch.geometry is not None
        assert batch.hidden_geometry is not None
        assert not (batch.hidden_geometry & ~batch.has_structure[:, None]).any()
        result = parts.objectives(parts.model(batch), batch)
        for name, each in result.results.items():
            assert each.weight > 0, name
            assert each.loss.isfinite(), name
            assert each.loss > 0, name


def test_a_resumed_run_draws_the_same(recipe: Recipe, corpus: Corpus) -> None:
    parts, config = made(recipe, corpus, BOTH)
    first, second = (PretrainData(parts, config.batch, seed=1).train_batches()[7] for _ in range(2))
    assert first.geometry is not None
    assert second.geometry is not None
    assert first.hidden_geometry is not None
    assert second.hidden_geometry is not None
    assert torch.equal(first.geometry.draws, second.geometry.draws)
    assert torch.equal(first.hidden_geometry, second.hidden_geometry)


def test_a_model_of_sequences_alone_learns_distances(recipe: Recipe, corpus: Corpus) -> None:
    parts, config = made(recipe, corpus, BOTH, "model.structure=null")
    batch = PretrainData(parts, config.batch, seed=1).train_batches()[0]
    results = parts.objectives(parts.model(batch), batch).results
    assert results["pairwise-distance"].weight > 0
    assert results["dihedral"].weight == 0


def test_states_are_made_where_an_objective_asks_for_them(recipe: Recipe, corpus: Corpus) -> None:
    parts, config = made(recipe, corpus, {"fold-state": {}, "pairwise-distance": {}})
    assert parts.targets.fold_states
    assert PretrainData(parts, config.batch, seed=1).train_batches()[0].fold_states is not None
    parts, config = made(recipe, corpus, BOTH)
    assert not parts.targets.fold_states
    assert PretrainData(parts, config.batch, seed=1).train_batches()[0].fold_states is None


def test_proteins_whose_structure_dropout_withheld_teach_their_states(
    recipe: Recipe, corpus: Corpus
) -> None:
    for share, some in ((0.5, True), (0.0, False)):
        dropout = f"batch.structure_dropout={share}"
        parts, config = made(recipe, corpus, {"fold-state": {}}, dropout)
        batch = PretrainData(parts, config.batch, seed=1).train_batches()[0]
        assert batch.fold_states is not None
        counted = (batch.fold_states >= 0) & ~batch.has_structure[:, None]
        weight = parts.objectives(parts.model(batch), batch).results["fold-state"].weight
        assert weight == counted.sum()
        assert bool(weight > 0) is some


def test_a_model_of_sequences_alone_learns_states(recipe: Recipe, corpus: Corpus) -> None:
    """Of proteins it has not seen, better than by the most frequent state."""
    torch.manual_seed(0)
    others = ("model.structure=null", "model.sequence.options={width: 32, layers: 1, heads: 2}")
    parts, config = made(recipe, corpus, {"fold-state": {}}, *others)
    data = PretrainData(parts, config.batch, seed=1)
    batches = data.train_batches()
    module = torch.nn.ModuleList([parts.model, parts.objectives])
    optimizer = torch.optim.AdamW(module.parameters(), lr=5e-3)
    valid = next(data.clean_valid_batches())
    first = parts.objectives(parts.model(valid), valid).results["fold-state"]
    for step in range(STEPS):
        batch = batches[step]
        optimizer.zero_grad()
        parts.objectives(parts.model(batch), batch).loss.backward()
        optimizer.step()
    result = parts.objectives(parts.model.eval()(valid), valid).results["fold-state"]
    told = result.metrics
    assert result.weight > 100
    assert first.metrics["accuracy"] < told["baseline_accuracy"] < told["accuracy"] - 0.05
    assert result.loss < told["baseline_loss"] - 0.05
