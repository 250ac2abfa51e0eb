"""Inner steps that the outer loss sees through: against finite differences and closed forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as functional
from lightning.pytorch import LightningModule, Trainer
from pydantic import ValidationError
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from multiprot.encoders.contract import Layout
from multiprot.encoders.plugin import EncoderPlugin
from multiprot.encoders.reference.plugins import residue_transformer
from multiprot.errors import TrainingError
from multiprot.proteins import ProteinRecord
from multiprot.student.plugin import student
from multiprot.training.bilevel import (
    BilevelLoss,
    Loss,
    bilevel_loss,
    keep_adapted,
    trainable_names,
)
from multiprot.training.settings import BilevelConfig

Order = Literal["first", "second"]
ORDERS: tuple[Order, ...] = ("first", "second")


class Pair(nn.Module):
    """An encoder that takes inner steps (θ), and all that does not (w)."""

    def __init__(self, dtype: torch.dtype = torch.float64, encoder: nn.Module | None = None):
        super().__init__()
        torch.manual_seed(3)
        self.encoder = encoder or nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
        self.structure = nn.Linear(2, 3)
        self.critic = nn.Linear(3, 3)
        self.head = nn.Linear(3, 1)
        self.to(dtype)
        self.sequences = torch.randn(6, 4, dtype=dtype)
        self.structures = torch.randn(6, 2, dtype=dtype)
        self.answers = torch.randn(6, 1, dtype=dtype)

    def inner(self) -> Tensor:
        scores = self.scores(self.encoder(self.sequences), self.structure(self.structures))
        return functional.softplus(-scores[:3]).mean() + functional.softplus(scores[3:]).mean()

    def outer(self) -> Tensor:
        fused = self.encoder(self.sequences) * torch.sigmoid(self.structure(self.structures))
        return (self.head(fused) - self.answers).cosh().log().mean()

    def scores(self, sequences: Tensor, structures: Tensor) -> Tensor:
        products: Tensor = self.critic(sequences) * structures
        return products.sum(dim=1)

    @property
    def theta(self) -> tuple[str, ...]:
        return trainable_names(self, "encoder")

    def bilevel(self, options: BilevelConfig) -> BilevelLoss:
        return bilevel_loss(self, self.theta, self.inner, self.outer, options)


class AttentivePair(Pair):
    """Its encoder is a transformer layer over residues."""

    def __init__(self, dtype: torch.dtype = torch.float64, dropout: float = 0.0) -> None:
        torch.manual_seed(2)
        layer = nn.TransformerEncoderLayer(4, 2, 6, dropout, batch_first=True)
        super().__init__(dtype, nn.Sequential(layer, nn.Linear(4, 3)))
        self.sequences = torch.randn(6, 7, 4, dtype=dtype)

    def inner(self) -> Tensor:
        scores = self.scores(self._pooled(), self.structure(self.structures))
        return functional.softplus(-scores).mean()

    def outer(self) -> Tensor:
        found: Tensor = self.head(self._pooled() * self.structure(self.structures))
        return (found - self.answers).square().mean()

    def _pooled(self) -> Tensor:
        pooled: Tensor = self.encoder(self.sequences).mean(dim=1)
        return pooled


def options(
    steps: int = 1,
    learning_rate: float = 0.3,
    order: Order = "second",
    adapted: Literal["discard", "keep"] = "discard",
) -> BilevelConfig:
    return BilevelConfig(steps=steps, learning_rate=learning_rate, order=order, adapted=adapted)


def gradients(module: nn.Module) -> dict[str, Tensor]:
    return {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}


def central_differences(
    module: nn.Module, loss: Callable[[], Tensor], width: float = 1e-5
) -> Iterator[tuple[str, Tensor]]:
    """The gradient of each parameter, one entry after another."""
    for name, parameter in module.named_parameters():
        entries, slopes = parameter.data.view(-1), []
        for i in range(len(entries)):
            was, ends = float(entries[i]), []
            for end in (was + width, was - width):
                entries[i] = end
                ends.append(loss().detach())
            entries[i] = was
            slopes.append((ends[0] - ends[1]) / (2 * width))
        yield name, torch.stack(slopes).view_as(parameter)


@pytest.mark.parametrize("make", [Pair, AttentivePair])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_second_order_is_the_slope_of_the_outer_loss(make: type[Pair], steps: int) -> None:
    pair = make()
    pair.bilevel(options(steps)).loss.backward()
    slopes = dict(central_differences(pair, lambda: pair.bilevel(options(steps)).loss))
    torch.testing.assert_close(gradients(pair), slopes, rtol=1e-6, atol=1e-9)
    assert gradients(pair)["critic.weight"].abs().max() > 1e-4  # only the inner loss reads it


def test_fused_attention_has_no_second_derivative(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason to leave it out; first order keeps it."""
    monkeypatch.setattr("multiprot.training.bilevel.sdpa_kernel", lambda kernels: nullcontext())
    with pytest.raises(RuntimeError, match=r"derivative for .*attention.* is not implemented"):
        AttentivePair().bilevel(options()).loss.backward()
    AttentivePair().bilevel(options(order="first")).loss.backward()


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("plugin", [residue_transformer, student])
def test_second_order_goes_through_encoders(plugin: EncoderPlugin[Any], layout: Layout) -> None:
    torch.manual_seed(4)
    encoder: Any = plugin.build(plugin.config.model_validate(plugin.tiny_options)).eval()
    critic = nn.Linear(encoder.token_dim, 1, bias=False)
    pair = nn.ModuleDict({"encoder": encoder, "critic": critic})
    records = [ProteinRecord(id=letters, sequence=letters) for letters in ("MKVL", "ACDEFGH")]
    features = encoder.featurizer(records, layout)

    def vector() -> Tensor:
        tokens = encoder(features)
        mean: Tensor = tokens.values[tokens.mask].mean(dim=0)
        return mean

    def loss() -> Tensor:
        names = trainable_names(pair, "encoder")
        inner: Loss = lambda: critic(vector()).tanh().sum()  # noqa: E731
        return bilevel_loss(pair, names, inner, lambda: vector().cosh().sum(), options()).loss

    loss().backward()
    slope = critic.weight.grad
    assert slope is not None
    (_, around), *_ = central_differences(critic, loss, width=1e-2)
    # Turns by rotary positions are in float32.
    torch.testing.assert_close(slope, around, rtol=0.02, atol=0.02 * float(slope.abs().max()))


class Quadratic(nn.Module):
    """L_in = θᵀAθ/2 - θᵀBw and L_out = |θ_k - c|²/2 + |w|²/2, with A symmetric."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.theta = nn.Parameter(torch.randn(3, dtype=torch.float64))
        self.w = nn.Parameter(torch.randn(2, dtype=torch.float64))
        root, self.b = torch.randn(3, 3).double(), torch.randn(3, 2).double()
        self.a, self.c = root @ root.T, torch.randn(3).double()

    def inner(self) -> Tensor:
        return self.theta @ self.a @ self.theta / 2 - self.theta @ self.b @ self.w

    def outer(self) -> Tensor:
        return (self.theta - self.c).square().sum() / 2 + self.w.square().sum() / 2

    def expected(self, steps: int, rate: float, order: Order) -> tuple[Tensor, Tensor, Tensor]:
        """θ_k, ∂L_out/∂w and ∂L_out/∂θ_0.

        θ_{t+1} = Mθ_t + ηBw with M = 1 - ηA, so θ_k = M^k θ_0 + η Σ_{i<k} M^i Bw, and
        ∂L_out/∂w = w + η Σ_{i<k} BᵀM^i (θ_k - c), ∂L_out/∂θ_0 = M^k (θ_k - c).
        First order lacks the Jacobians: w and θ_k - c.
        """
        theta, w = self.theta.detach(), self.w.detach()
        m = torch.eye(3, dtype=torch.float64) - rate * self.a
        powers = [torch.linalg.matrix_power(m, i) for i in range(steps + 1)]
        toward = rate * sum(powers[:steps], torch.zeros_like(m)) @ self.b
        adapted = powers[steps] @ theta + toward @ w
        if order == "first":
            return adapted, w, adapted - self.c
        return adapted, w + toward.T @ (adapted - self.c), powers[steps] @ (adapted - self.c)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_quadratic_has_its_closed_form(steps: int, order: Order) -> None:
    module = Quadratic()
    found = bilevel_loss(module, ["theta"], module.inner, module.outer, options(steps, 0.05, order))
    found.loss.backward()
    adapted, of_w, of_theta = module.expected(steps, 0.05, order)
    torch.testing.assert_close(found.adapted, {"theta": adapted})
    torch.testing.assert_close(gradients(module), {"theta": of_theta, "w": of_w})
    assert found.inner_losses.shape == (steps,)
    torch.testing.assert_close(found.inner_losses[0], module.inner().detach())


@pytest.mark.parametrize("order", ORDERS)
def test_without_inner_learning_rate_it_is_the_joint_step(order: Order) -> None:
    pair = AttentivePair(torch.float32)
    found = pair.bilevel(options(2, 0.0, order))
    found.loss.backward()
    stepped = gradients(pair)
    pair.zero_grad()
    joint = pair.outer()
    joint.backward()
    assert torch.equal(found.loss, joint)
    for name, gradient in gradients(pair).items():
        assert torch.equal(stepped.pop(name), gradient), name
    assert not any(gradient.any() for gradient in stepped.values())  # of the critic


def test_both_orders_take_the_same_steps() -> None:
    first, second = (Pair().bilevel(options(3, order=order)) for order in ORDERS)
    torch.testing.assert_close(first.adapted, second.adapted, rtol=0, atol=0)
    assert torch.equal(first.loss, second.loss)


@pytest.mark.parametrize("order", ORDERS)
def test_inner_steps_are_those_of_sgd(order: Order) -> None:
    pair, other = Pair(), Pair()
    found = pair.bilevel(options(3, 0.3, order))
    sgd = torch.optim.SGD(other.encoder.parameters(), lr=0.3)
    for _ in range(3):
        sgd.zero_grad()
        other.inner().backward()
        sgd.step()
    torch.testing.assert_close(found.loss, other.outer(), rtol=1e-12, atol=0)
    assert found.inner_losses.diff().max() < 0
    expected = {name: other.get_parameter(name).detach() for name in found.adapted}
    torch.testing.assert_close(found.adapted, expected)


@pytest.mark.parametrize("order", ORDERS)
def test_module_stays_bit_for_bit_until_told_otherwise(order: Order) -> None:
    pair = Pair(torch.float32)
    before = {name: parameter.detach().clone() for name, parameter in pair.named_parameters()}
    found = pair.bilevel(options(2, order=order))
    found.loss.backward()
    for name, parameter in pair.named_parameters():
        assert torch.equal(parameter, before[name]), name
    keep_adapted(pair, found.adapted)
    for name, parameter in pair.named_parameters():
        assert parameter.is_leaf
        assert torch.equal(parameter, found.adapted.get(name, before[name])), name
    assert not torch.equal(pair.get_parameter("encoder.0.weight"), before["encoder.0.weight"])


def test_writing_before_the_backward_pass_is_refused_by_torch() -> None:
    pair = Pair()
    found = pair.bilevel(options())
    keep_adapted(pair, found.adapted)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        found.loss.backward()


def test_parameters_that_are_frozen_take_steps_and_get_no_gradient() -> None:
    free, frozen = Pair(), Pair()
    names = frozen.theta
    frozen.encoder.requires_grad_(False)
    found = [
        bilevel_loss(pair, names, pair.inner, pair.outer, options(2)) for pair in (free, frozen)
    ]
    for each in found:
        each.loss.backward()
    torch.testing.assert_close(found[1].adapted, found[0].adapted)
    others = {name: g for name, g in gradients(free).items() if name not in names}
    torch.testing.assert_close(gradients(frozen), others)


@pytest.mark.parametrize("order", ORDERS)
def test_parameters_beyond_the_inner_loss_take_no_step(order: Order) -> None:
    pair = Pair(encoder=nn.ModuleDict({"read": nn.Linear(4, 3), "unread": nn.Linear(4, 3)}))

    def encode() -> Tensor:
        encoded: Tensor = pair.encoder["read"](pair.sequences)  # type: ignore[index]
        return encoded

    def inner() -> Tensor:
        return encode().square().mean()

    def outer() -> Tensor:
        unread = pair.encoder["unread"](pair.sequences)  # type: ignore[index]
        return (encode() * unread).square().mean()

    found = bilevel_loss(pair, pair.theta, inner, outer, options(2, order=order))
    found.loss.backward()
    for name in ("encoder.unread.weight", "encoder.unread.bias"):
        assert torch.equal(found.adapted[name], pair.get_parameter(name)), name
        assert gradients(pair)[name].any()
    assert not torch.equal(found.adapted["encoder.read.bias"], pair.encoder["read"].bias)  # type: ignore[index]
    assert set(gradients(pair)) == {name for name, _ in pair.named_parameters()}


@pytest.mark.parametrize("order", ORDERS)
def test_every_trainable_parameter_gets_a_gradient(order: Order) -> None:
    pair = Pair()
    pair.bilevel(options(order=order)).loss.backward()
    assert set(gradients(pair)) == {name for name, _ in pair.named_parameters()}
    assert bool(gradients(pair)["critic.weight"].any()) == (order == "second")


@pytest.mark.parametrize("order", ORDERS)
def test_what_the_inner_steps_leave_alone_may_be_computed_once(order: Order) -> None:
    found = []
    for shared in (False, True):
        pair = Pair()
        once = pair.structure(pair.structures) if shared else None

        def structure(pair: Pair = pair, once: Tensor | None = once) -> Tensor:
            tokens: Tensor = pair.structure(pair.structures) if once is None else once
            return tokens

        def inner(pair: Pair = pair, structure: Callable[[], Tensor] = structure) -> Tensor:
            return functional.softplus(
                pair.scores(pair.encoder(pair.sequences), structure())
            ).mean()

        def outer(pair: Pair = pair, structure: Callable[[], Tensor] = structure) -> Tensor:
            return (pair.encoder(pair.sequences) * structure()).square().mean()

        bilevel_loss(pair, pair.theta, inner, outer, options(2, order=order)).loss.backward()
        found.append(gradients(pair))
    torch.testing.assert_close(found[0], found[1])


@pytest.mark.parametrize("order", ORDERS)
def test_running_statistics_count_a_batch_once(order: Order) -> None:
    pair = Pair(encoder=nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)))
    pair.bilevel(options(3, order=order)).loss.backward()
    norm = pair.encoder[1]  # type: ignore[index]
    assert int(norm.num_batches_tracked) == 1
    assert norm.running_mean.any()
    assert gradients(pair)["encoder.0.weight"].isfinite().all()


@pytest.mark.parametrize("order", ORDERS)
def test_dropout_follows_from_the_seed(order: Order) -> None:
    pair = AttentivePair(dropout=0.5)

    def draw(seed: int) -> tuple[Tensor, dict[str, Tensor]]:
        torch.manual_seed(seed)
        pair.zero_grad()
        found = pair.bilevel(options(2, order=order))
        found.loss.backward()
        return found.loss.detach(), gradients(pair)

    torch.testing.assert_close(draw(1), draw(1), rtol=0, atol=0)
    assert draw(1)[0] != draw(2)[0]


def test_second_order_goes_through_dropout() -> None:
    pair = AttentivePair(dropout=0.5)

    def loss() -> Tensor:
        torch.manual_seed(1)
        return pair.bilevel(options(2)).loss

    loss().backward()
    slopes = dict(central_differences(pair, loss))
    torch.testing.assert_close(gradients(pair), slopes, rtol=1e-6, atol=1e-9)


def test_tied_parameters_move_together() -> None:
    pair = Pair(encoder=nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 3)))
    pair.encoder[2].weight = pair.encoder[0].weight  # type: ignore[index]
    assert "encoder.2.weight" not in pair.theta
    pair.bilevel(options(2)).loss.backward()
    slopes = dict(central_differences(pair, lambda: pair.bilevel(options(2)).loss))
    torch.testing.assert_close(gradients(pair), slopes, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("order", ORDERS)
def test_bfloat16_is_near_float32(order: Order) -> None:
    found = []
    for mixed in (False, True):
        pair = AttentivePair(torch.float32)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            result = pair.bilevel(options(2, order=order))
        result.loss.backward()
        assert all(value.dtype == torch.float32 for value in result.adapted.values())
        found.append(torch.cat([g.flatten() for g in gradients(pair).values()]))
        assert found[-1].dtype == torch.float32
    assert functional.cosine_similarity(found[0], found[1], dim=0) > 0.999
    torch.testing.assert_close(found[1].norm(), found[0].norm(), rtol=0.03, atol=0)


@pytest.mark.parametrize("order", ORDERS)
def test_float32_is_near_float64(order: Order) -> None:
    found = []
    for dtype in (torch.float32, torch.float64):
        pair, double = AttentivePair(dtype), AttentivePair()
        pair.load_state_dict(double.state_dict())
        for name in ("sequences", "structures", "answers"):
            setattr(pair, name, getattr(double, name).to(dtype))
        pair.bilevel(options(3, order=order)).loss.backward()
        found.append({name: gradient.double() for name, gradient in gradients(pair).items()})
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-6)


class Trained(LightningModule):  # type: ignore[misc]
    """As a training module uses it: automatic optimisation, θ outside of the optimizer."""

    def __init__(self, options: BilevelConfig) -> None:
        super().__init__()
        self.pair = Pair(torch.float32)
        self.options = options
        self.theta = trainable_names(self, "pair.encoder")
        self.pair.encoder.requires_grad_(False)
        self.seen: list[float] = []

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        found = bilevel_loss(self, self.theta, self.pair.inner, self.pair.outer, self.options)
        self.adapted = found.adapted
        self.seen.append(float(found.loss.detach()))
        return found.loss

    def on_train_batch_end(self, *given: Any) -> None:
        if self.options.adapted == "keep":
            keep_adapted(self, self.adapted)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam([p for p in self.parameters() if p.requires_grad], lr=0.01)


@pytest.mark.parametrize("adapted", ["discard", "keep"])
def test_lightning_module_learns_with_it(adapted: Literal["discard", "keep"]) -> None:
    module = Trained(options(2, 0.01, adapted=adapted))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    trainer = Trainer(
        max_steps=20,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, torch.utils.data.DataLoader(range(20)))  # type: ignore[arg-type]
    assert module.seen[-1] < module.seen[0]
    changed = {n for n, value in module.state_dict().items() if not torch.equal(value, before[n])}
    others = set(before) - set(module.theta)
    assert changed == (others if adapted == "discard" else set(before))


def test_losses_are_called_as_often_as_promised() -> None:
    pair, calls = Pair(), []

    def said(which: str, loss: Callable[[], Tensor]) -> Callable[[], Tensor]:
        return lambda: calls.append(which) or loss()  # type: ignore[func-returns-value]

    bilevel_loss(pair, pair.theta, said("inner", pair.inner), said("outer", pair.outer), options(3))
    assert calls == ["inner"] * 3 + ["outer"]


def test_module_is_itself_again_after_an_error() -> None:
    pair = Pair()
    parameters = dict(pair.named_parameters())

    def outer() -> Tensor:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        bilevel_loss(pair, pair.theta, pair.inner, outer, options())
    assert all(pair.get_parameter(name) is value for name, value in parameters.items())


def refused(match: str, pair: Pair, **given: Any) -> None:
    usual = {"names": pair.theta, "inner": pair.inner, "outer": pair.outer, "options": options()}
    call: dict[str, Any] = usual | given
    with pytest.raises(TrainingError, match=match):
        bilevel_loss(pair, **call)


def test_inner_loss_that_reaches_nothing_is_refused() -> None:
    pair = Pair()
    match = r"reaches none of the 4 parameters .*\(encoder.0.weight, …\)"
    refused(match, pair, inner=lambda: torch.zeros(()))
    refused(match, pair, inner=lambda: pair.head.bias.sum())
    refused(match, pair, inner=lambda: pair.inner().detach())


def test_wrong_names_and_shapes_are_refused() -> None:
    pair = Pair()
    refused(r"Pair has no parameters named \['encoder.9'\]", pair, names=["encoder.9"])
    refused(r"no parameters named \[\]", pair, names=[])
    refused(r"inner loss has the shape \[1\]", pair, inner=lambda: pair.inner()[None])
    refused(r"outer loss has the shape \[6, 1\]", pair, outer=lambda: pair.answers)


def test_without_gradients_there_are_no_inner_steps() -> None:
    with torch.no_grad():
        refused("need gradients, which are off here", Pair())


def test_part_that_does_not_learn_is_refused() -> None:
    pair = Pair()
    pair.encoder.requires_grad_(False)
    with pytest.raises(TrainingError, match="encoder: none of its 4 parameters learns"):
        _ = pair.theta


class Recomputed(nn.Linear):
    """A layer that transformers would mark so."""

    gradient_checkpointing = True

    def forward(self, rows: Tensor) -> Tensor:
        result: Tensor = checkpoint(super().forward, rows, use_reentrant=False)
        return result.sin()


def test_recomputed_activations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(encoder=nn.Sequential(Recomputed(4, 4), Recomputed(4, 3)))
    refused("encoder.0 checkpoints activations", pair)
    monkeypatch.setattr("multiprot.training.bilevel.refuse_recomputation", lambda module: None)
    pair.bilevel(options(order="first")).loss.backward()
    wrong = gradients(pair)
    pair.zero_grad()
    monkeypatch.setattr(Recomputed, "forward", lambda self, x: nn.Linear.forward(self, x).sin())
    pair.bilevel(options(order="first")).loss.backward()
    with pytest.raises(AssertionError):  # the reason for the refusal
        torch.testing.assert_close(gradients(pair), wrong)


def test_settings_are_bounded() -> None:
    for wrong in ({"steps": 0}, {"learning_rate": -1.0}, {"order": "third"}, {"adapted": "drop"}):
        with pytest.raises(ValidationError):
            BilevelConfig.model_validate(wrong)
