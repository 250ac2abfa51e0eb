"""What every objective must do; a concrete class says only which one it is."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, ClassVar

import pytest
import torch

from multiprot.encoders.contract import (
    FusionOutputs,
    Objective,
    ObjectiveResult,
    ProteinBatch,
    ResidueTokens,
)
from multiprot.encoders.plugin import Modality, ObjectivePlugin
from multiprot.fusion.model import FusionModel
from tests.fusion.fakes import make_batch, make_context, make_model


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def detached(outputs: FusionOutputs) -> FusionOutputs:
    """The same outputs as leaves that collect gradients."""

    def leaf(part: Any) -> Any:
        if isinstance(part, ResidueTokens):
            return ResidueTokens(leaf(part.values), part.mask)
        if isinstance(part, torch.Tensor) and part.is_floating_point():
            return part.detach().clone().requires_grad_()
        return part

    return FusionOutputs(**{f.name: leaf(getattr(outputs, f.name)) for f in fields(outputs)})


class ObjectiveCase:
    """Shared properties; `plugin` is the objective under test."""

    plugin: ClassVar[ObjectivePlugin[Any]]

    @pytest.fixture
    def objective(self) -> Objective:
        torch.manual_seed(1)
        return self.plugin.build(self.plugin.config(), make_context())

    @pytest.fixture
    def model(self) -> FusionModel:
        return make_model().train()

    def batch(self) -> ProteinBatch:
        return make_batch((9, 5, 12, 7), has_structure=(True, True, False, True))

    def lacking(self, batch: ProteinBatch, modality: str) -> ProteinBatch:
        nobody = torch.zeros(len(batch.ids), dtype=torch.bool)
        if modality == Modality.SEQUENCE:
            return replace(batch, sequence=None, has_sequence=nobody)
        if modality == Modality.STRUCTURE:
            return replace(batch, structure=None, has_structure=nobody)
        return replace(batch, go=None)

    def step(
        self, objective: Objective, model: FusionModel, batch: ProteinBatch
    ) -> ObjectiveResult:
        corrupted = objective.corrupt(batch, rng())
        return objective(model(corrupted), corrupted)

    def test_is_named_as_its_plugin(self, objective: Objective) -> None:
        assert objective.name == self.plugin.name
        assert objective.needs

    def test_loss_is_a_positive_finite_scalar(
        self, objective: Objective, model: FusionModel
    ) -> None:
        result = self.step(objective, model, self.batch())
        assert result.loss.shape == result.weight.shape == ()
        assert result.loss.isfinite()
        assert result.loss > 0
        assert result.weight > 0
        for name, value in result.metrics.items():
            assert value.shape == (), name
            assert value.isfinite(), name
            assert not value.requires_grad, name

    def test_gradient_reaches_every_head_and_the_model(
        self, objective: Objective, model: FusionModel
    ) -> None:
        self.step(objective, model, self.batch()).loss.backward()
        for name, parameter in objective.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.any(), name
        assert any(p.grad is not None and p.grad.any() for p in model.parameters())

    def test_without_what_it_needs_it_weighs_nothing_yet_is_attached(
        self, objective: Objective, model: FusionModel
    ) -> None:
        for modality in objective.needs:
            result = self.step(objective, model, self.lacking(self.batch(), modality))
            assert result.loss == 0
            assert result.weight == 0
            assert result.loss.requires_grad
            result.loss.backward()
            for parameter in (*objective.parameters(), *model.parameters()):
                assert parameter.grad is None or not parameter.grad.any()
            names = self.step(objective, model, self.batch()).metrics.keys()
            assert result.metrics.keys() == names

    def test_finite_in_half_precision_and_close_to_full(
        self, objective: Objective, model: FusionModel
    ) -> None:
        batch = objective.corrupt(self.batch(), rng())
        full = objective(model(batch), batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = objective(model(batch), batch)
        half.loss.backward()
        assert half.loss.dtype == torch.float32
        torch.testing.assert_close(half.loss, full.loss, rtol=0.1, atol=0.05)
        assert all(p.grad is None or p.grad.isfinite().all() for p in objective.parameters())

    def test_corruption_is_decided_by_the_generator(self, objective: Objective) -> None:
        first, second = (objective.corrupt(self.batch(), rng(5)) for _ in range(2))
        for field in ("masked_residues", "residues"):
            one, other = getattr(first, field), getattr(second, field)
            assert (one is None and other is None) or torch.equal(one, other)

    def test_corruption_leaves_the_batch_and_its_targets_alone(self, objective: Objective) -> None:
        batch, untouched = self.batch(), self.batch()
        corrupted = objective.corrupt(batch, rng())
        assert torch.equal(batch.sequence.letters, untouched.sequence.letters)  # type: ignore[union-attr]
        assert batch.masked_residues is None
        assert torch.equal(corrupted.residues, untouched.residues)

    def test_order_of_proteins_does_not_matter(
        self, objective: Objective, model: FusionModel
    ) -> None:
        from tests.fusion.fakes import take

        batch = objective.corrupt(self.batch(), rng())
        shuffled = take(batch, [2, 0, 3, 1])
        torch.testing.assert_close(
            objective(model(shuffled), shuffled).loss,
            objective(model(batch), batch).loss,
            rtol=1e-4,
            atol=1e-5,
        )

    def test_a_step_along_the_gradient_helps(
        self, objective: Objective, model: FusionModel
    ) -> None:
        batch = objective.corrupt(self.batch(), rng())
        parameters = [*model.parameters(), *objective.parameters()]
        optimizer = torch.optim.AdamW(parameters, lr=1e-3)
        before = objective(model(batch), batch).loss
        for _ in range(10):
            optimizer.zero_grad()
            objective(model(batch), batch).loss.backward()
            optimizer.step()
        assert objective(model(batch), batch).loss < before

    def test_state_survives(self, objective: Objective, model: FusionModel) -> None:
        batch = objective.corrupt(self.batch(), rng())
        with torch.no_grad():
            for parameter in objective.parameters():
                parameter.mul_(0.9)
        copy = self.plugin.build(self.plugin.config(), make_context())
        copy.load_state_dict(objective.state_dict())
        outputs = model.eval()(batch)
        assert torch.equal(copy(outputs, batch).loss, objective(outputs, batch).loss)
