"""What must hold of any objective."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import torch
from safetensors.torch import load, save

from multiprot.encoders.contract import Objective, ObjectiveResult, ProteinBatch
from multiprot.encoders.plugin import Modality, ObjectivePlugin
from multiprot.fusion.model import FusionModel
from multiprot.testing.demand import demand, demand_close, demand_same
from multiprot.testing.standard import PluginSuite
from multiprot.testing.trial_model import reordered, trial_batch, trial_context, trial_model

_ORDER = (2, 0, 4, 1, 6, 3, 5)


def _rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class ObjectiveSuite(PluginSuite):
    """Subclass it with `plugin`, and with `tiny_config` if need be; pytest does the rest."""

    plugin: ClassVar[ObjectivePlugin[Any]]

    def objective(self, seed: int = 1) -> Objective:
        """The objective, its heads drawn from `seed`."""
        torch.manual_seed(seed)
        return self.plugin.build(self.tiny_config(), trial_context())

    def model(self) -> FusionModel:
        """A small fusion model in training mode."""
        return trial_model()

    def batch(self, model: FusionModel) -> ProteinBatch:
        """Seven proteins; some lack structure or annotation."""
        return trial_batch(model)

    def step(
        self, objective: Objective, model: FusionModel, batch: ProteinBatch
    ) -> ObjectiveResult:
        """The result on a corrupted batch."""
        corrupted = objective.corrupt(batch, _rng())
        result: ObjectiveResult = objective(model(corrupted), corrupted)
        return result

    def test_is_named_as_its_plugin(self) -> None:
        """Logs and weights go by one name, and it says what it needs."""
        objective = self.objective()
        demand(
            objective.name == self.plugin.name,
            f"the objective calls itself {objective.name!r}, its plugin {self.plugin.name!r}",
            "give both the same name",
        )
        demand(objective.needs, "needs is empty", "name the modalities without which it rests")

    def test_loss_is_a_finite_scalar(self) -> None:
        """Loss and weight are positive scalars, metrics scalars without gradient."""
        model, objective = self.model(), self.objective()
        result = self.step(objective, model, self.batch(model))
        for name, part in {"loss": result.loss.detach(), "weight": result.weight}.items():
            demand(part.shape == (), f"the {name} has shape {list(part.shape)}", "return a scalar")
            demand(
                part.isfinite() and part > 0,
                f"the {name} is {float(part)} on a batch that has all it needs",
                "a loss is a positive mean; weight says of how many items",
            )
        for name, part in result.metrics.items():
            demand(
                part.shape == () and part.isfinite() and not part.requires_grad,
                f"metric {name} is {part}",
                "metrics are finite detached scalars",
            )

    def test_gradients_reach_heads_and_model(self) -> None:
        """Every head learns, and so does the model."""
        model, objective = self.model(), self.objective()
        self.step(objective, model, self.batch(model)).loss.backward()  # type: ignore[no-untyped-call]
        idle = [
            name
            for name, part in objective.named_parameters()
            if part.requires_grad and (part.grad is None or not part.grad.any())
        ]
        demand(not idle, f"no gradient reaches {', '.join(idle)}", "remove what is never used")
        demand(
            any(part.grad is not None and part.grad.any() for part in model.parameters()),
            "no gradient reaches the model",
            "compute the loss from `outputs` without detaching them",
        )

    def test_without_what_it_needs_it_rests(self) -> None:
        """A batch without a needed modality weighs nothing, yet stays attached to the graph."""
        mend = (
            "return loss (outputs.protein.sum() * 0), weight 0 and the usual metrics as zeros: on "
            "several devices every process must take part in the backward pass"
        )
        for modality in sorted(self.objective().needs):
            model, objective = self.model(), self.objective()
            whole = self.batch(model)
            result = self.step(objective, model, _lacking(whole, modality))
            problem = f"without {modality}"
            demand(
                result.loss.item() == 0 and result.weight.item() == 0,
                f"{problem} the loss is {result.loss.item()}, its weight {result.weight.item()}",
                mend,
            )
            demand(result.loss.requires_grad, f"{problem} the loss has no gradient", mend)
            result.loss.backward()  # type: ignore[no-untyped-call]
            learned = (*objective.parameters(), *model.parameters())
            demand(
                not any(p.grad is not None and p.grad.any() for p in learned),
                f"{problem} something learns",
                mend,
            )
            usual = set(self.step(objective, model, whole).metrics)
            demand(
                set(result.metrics) == usual,
                f"{problem} the metrics are {sorted(result.metrics)}, else {sorted(usual)}",
                mend,
            )

    def test_corruption_is_decided_by_the_generator(self) -> None:
        """The same generator hides the same; a resumed run goes on as an uninterrupted one."""
        model, objective = self.model(), self.objective()
        batch = self.batch(model)
        first, second = (objective.corrupt(batch, _rng(5)) for _ in range(2))
        one, other = objective(model(first), first), objective(model(second), second)
        mend = "draw with rng alone, never with torch.rand() without generator="
        problem = "corruption differs between two generators of the same seed"
        demand_same(one.loss, other.loss, problem, mend)

    def test_corruption_leaves_the_batch_alone(self) -> None:
        """Other objectives look at the same batch; targets stay as they are."""
        model, objective = self.model(), self.objective()
        batch, untouched = self.batch(model), self.batch(model)
        corrupted = objective.corrupt(batch, _rng())
        mend = "make a new batch with dataclasses.replace and features.mask_residues"
        before, after = model.eval()(untouched).protein, model(batch).protein
        demand_same(after, before, "corrupt changed the batch it was given", mend)
        demand(batch.masked_residues is None, "corrupt changed the batch it was given", mend)
        demand_same(
            corrupted.residues,
            untouched.residues,
            "corrupt changed the targets `residues`",
            "corrupt what the encoders see, `sequence` and `structure`; targets stay",
        )

    def test_residues_are_hidden_by_those_that_say_so(self) -> None:
        """Tokens of a sequence encoder are cached beside an objective that hides no residues."""
        objective = self.objective()
        if objective.hides_residues:
            return
        batch = self.batch(self.model())
        corrupted = objective.corrupt(batch, _rng())
        demand(
            corrupted.sequence is batch.sequence and corrupted.masked_residues is None,
            "corrupt hides residues, and hides_residues is False",
            "leave hides_residues as it is, True",
        )

    def test_order_of_proteins_does_not_matter(self) -> None:
        """The loss is a mean over items, whatever their order."""
        model, objective = self.model(), self.objective()
        batch = objective.corrupt(self.batch(model), _rng())
        outputs = model.eval()(batch)
        found = objective(*reordered(outputs, batch, _ORDER)).loss
        mend = "use no position in the batch; pair proteins by what they are"
        problem = "the loss changes with the order of the proteins"
        demand_close(found, objective(outputs, batch).loss, 1e-4, problem, mend)

    def test_finite_in_half_precision(self) -> None:
        """Under bf16 autocast the loss is float32, close to the full one, gradients finite."""
        model, objective = self.model(), self.objective()
        batch = objective.corrupt(self.batch(model), _rng())
        full = objective(model(batch), batch).loss
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = objective(model(batch), batch).loss
        half.backward()
        mend = "compute logits and loss in float32: .float() before softmax or logsumexp"
        demand(half.dtype == torch.float32, f"the loss is {half.dtype} under autocast", mend)
        demand_close(half, full, 0.1, "the loss under bf16 autocast", mend)
        grads = [p.grad for p in objective.parameters() if p.grad is not None]
        demand(all(g.isfinite().all() for g in grads), "a gradient is not finite", mend)

    def test_a_step_along_the_gradient_helps(self) -> None:
        """Ten small steps lower the loss on their own batch."""
        model, objective = self.model(), self.objective()
        batch = objective.corrupt(self.batch(model), _rng())
        optimizer = torch.optim.AdamW([*model.parameters(), *objective.parameters()], lr=1e-3)
        before = objective(model(batch), batch).loss.item()
        for _ in range(10):
            optimizer.zero_grad()
            objective(model(batch), batch).loss.backward()
            optimizer.step()
        after = objective(model(batch), batch).loss.item()
        demand(after < before, f"ten steps took the loss from {before} to {after}", "see its sign")

    def test_state_travels_in_safetensors(self) -> None:
        """Saved and loaded into another instance, it gives the same loss."""
        model, objective, other = self.model(), self.objective(1), self.objective(2)
        with torch.no_grad():
            for parameter in objective.parameters():
                parameter.add_(0.05)
        batch = objective.corrupt(self.batch(model), _rng())
        outputs = model.eval()(batch)
        other.load_state_dict(load(save(dict(objective.state_dict()))))
        losses = [each.eval()(outputs, batch).loss for each in (objective, other)]
        mend = "keep what is drawn or learned in parameters or persistent buffers"
        demand_same(losses[0], losses[1], "loaded state gives another loss", mend)


def _lacking(batch: ProteinBatch, modality: str) -> ProteinBatch:
    nobody = torch.zeros(len(batch.ids), dtype=torch.bool)
    if modality is Modality.SEQUENCE:
        return replace(batch, sequence=None, has_sequence=nobody)
    if modality is Modality.STRUCTURE:
        return replace(batch, structure=None, has_structure=nobody)
    if modality == "spans":
        return replace(batch, spans=None)
    if modality == "geometry":
        return replace(batch, geometry=None)
    if modality == "fold-states":
        return replace(batch, fold_states=None)
    if modality == "teachers":
        return replace(batch, taught=None)
    return replace(batch, go=None, go_set=None)
