"""The Lightning module: losses, guards and what it reports."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from multiprot.config import ResolvedConfig
from multiprot.encoders.contract import ProteinBatch
from multiprot.encoders.registry import Registry
from multiprot.errors import TrainingError
from multiprot.training.config import PretrainConfig
from multiprot.training.datamodule import PretrainData
from multiprot.training.module import PretrainModule
from multiprot.training.parts import TrainingParts, build_parts
from multiprot.training.session import build_module

Recipe = Callable[..., ResolvedConfig[PretrainConfig]]


@pytest.fixture
def module(recipe: Recipe, parts: TrainingParts) -> PretrainModule:
    return build_module(recipe().value, parts)


@pytest.fixture
def batch(recipe: Recipe, parts: TrainingParts) -> ProteinBatch:
    return PretrainData(parts, recipe().value.batch, seed=5).train_batches()[0]


def test_loss_reaches_every_parameter(module: PretrainModule, batch: ProteinBatch) -> None:
    module.training_step(batch, 0).backward()
    without = [name for name, p in module.named_parameters() if p.grad is None]
    assert without == []


def test_dropout_follows_from_the_number_of_the_batch(
    module: PretrainModule, batch: ProteinBatch
) -> None:
    def loss(number: int) -> float:
        torch.rand(17)
        module.on_train_batch_start(batch, number)
        return float(module.training_step(batch, number).detach())

    module.train()
    assert loss(3) == loss(3)
    assert loss(3) != loss(4)


def test_total_is_the_weighted_sum_of_what_is_reported(
    module: PretrainModule, batch: ProteinBatch
) -> None:
    module.eval()
    expected = float(module.training_step(batch, 0).detach())
    metrics = module._take_means()
    assert metrics["loss"] == pytest.approx(expected, rel=1e-5)
    weights = module.objectives.weights
    parts = {name: metrics[f"{name}/loss"] for name in weights}
    assert metrics["loss"] == pytest.approx(sum(weights[name] * parts[name] for name in weights))


def test_validation_leaves_the_train_means_alone(
    module: PretrainModule, batch: ProteinBatch
) -> None:
    module.eval()
    module.training_step(batch, 0)
    module.on_validation_epoch_start()
    module.validation_step(batch, 0)
    module.validation_step(batch, 1)
    module.on_validation_epoch_end()
    assert module._take_means() == pytest.approx(module.valid)


def test_step_with_a_bad_gradient_is_refused_before_it_is_taken(
    module: PretrainModule, batch: ProteinBatch
) -> None:
    optimizer = module.configure_optimizers()["optimizer"]
    (module.training_step(batch, 0) * float("nan")).backward()
    with pytest.raises(TrainingError, match=batch.ids[0]):
        module.configure_gradient_clipping(optimizer)


def test_weights_follow_from_the_seed(recipe: Recipe, parts: TrainingParts) -> None:
    same = build_parts(recipe().value, parts.corpus, Registry.discover())
    other = build_parts(recipe("seed=6").value, parts.corpus, Registry.discover())
    weights = [
        torch.cat([w.reshape(-1) for w in p.model.parameters()]) for p in (parts, same, other)
    ]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
