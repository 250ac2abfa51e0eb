"""What must hold of all: prefixes, names of teachers, what is not known, precision."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from multiprot.encoders.contract import ResidueTokens, Teachings
from multiprot.errors import ConfigError
from multiprot.objectives.distillation import plugins
from multiprot.objectives.distillation.configs import DistillationConfig
from multiprot.objectives.distillation.teachers import ChannelStatistics
from tests.objectives.distillation.scenes import (
    ALL,
    NAMES,
    WIDTH,
    alone,
    changed,
    context,
    objective,
    run,
    scene,
)

HEADED = tuple(p for p in ALL if "head" in p.config.model_fields)
COMPANY = (plugins.distill_relations, plugins.distill_neighbours)
each_plugin = pytest.mark.parametrize("plugin", ALL, ids=lambda plugin: plugin.name)
headed_plugin = pytest.mark.parametrize("plugin", HEADED, ids=lambda plugin: plugin.name)


def short(outputs: Any, width: int) -> Any:
    """The same with a student's vectors and tokens of the first `width` channels."""
    tokens = outputs.fused_tokens
    return replace(
        outputs,
        protein=outputs.protein[:, :width],
        fused_tokens=ResidueTokens(tokens.values[..., :width], tokens.mask),
    )


def cut(head: nn.Module, width: int) -> nn.Module:
    """The head of a shorter vector: the first columns of its first map, or of each of several."""
    if isinstance(head, nn.ModuleDict):
        for part in head.values():
            cut(part, width)
        return head
    first = head[0] if isinstance(head, nn.Sequential) else getattr(head, "first", head)
    assert isinstance(first, nn.Linear)
    first.weight = nn.Parameter(first.weight.detach()[:, :width].clone())
    return head


@each_plugin
@pytest.mark.parametrize("head", ["linear", "mlp"])
def test_loss_is_the_mean_over_prefixes_as_if_the_student_were_shorter(
    plugin: Any, head: str
) -> None:
    options = {"head": head} if plugin in HEADED else {}
    outputs, batch = scene(big=(1,))
    chosen = objective(plugin, prefixes=(4, 2), **options)
    assert chosen.widths == (2, 4, WIDTH)
    losses = []
    for width in chosen.widths:
        narrow = objective(plugin, replace(context(), width=WIDTH), **options)
        for one in getattr(narrow, "heads", ()):
            cut(one, width)
        narrow.widths = (width,)
        losses.append(run(narrow, short(outputs, width), batch).loss)
    result = run(chosen, outputs, batch)
    torch.testing.assert_close(result.loss, torch.stack(losses).mean())
    # Metrics of a teacher are those of the whole vector; its prefixes have their own.
    for width, loss in zip(chosen.widths[:-1], losses, strict=False):
        alone = objective(plugin, teachers=["wee"], prefixes=(width,), **options)
        found = run(alone, outputs, batch).metrics
        assert f"wee/first_{width}/loss" in found
        assert loss.isfinite()


@each_plugin
def test_a_prefix_that_is_too_wide_is_refused(plugin: Any) -> None:
    with pytest.raises(ConfigError, match=rf"{plugin.name}: prefixes 7, 9: .* has 6 channels"):
        objective(plugin, prefixes=(2, 7, 9))


@pytest.mark.parametrize(
    "options",
    [{"prefixes": (0,)}, {"prefixes": (4, 4)}, {"teachers": ()}, {"teachers": ("a", "a")}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DistillationConfig.model_validate(options)


@each_plugin
def test_an_unknown_teacher_is_named_beside_those_there_are(plugin: Any) -> None:
    with pytest.raises(ConfigError, match=r"no teacher is called esm9; there are big\.v1, wee"):
        objective(plugin, teachers=["wee", "esm9"])
    with pytest.raises(ConfigError, match=plugin.name):
        objective(plugin, replace(context(), teachers={}))


@each_plugin
def test_one_teacher_of_two_may_be_chosen(plugin: Any) -> None:
    outputs, batch = scene()
    chosen = objective(plugin, teachers=["wee"])
    result = run(chosen, outputs, batch)
    assert chosen.names == ("wee",)
    assert not any(name.startswith("big") for name in result.metrics)
    assert batch.taught is not None
    without = replace(batch, taught=Teachings({"wee": batch.taught["wee"]}))
    torch.testing.assert_close(run(chosen, outputs, without).loss, result.loss)


@each_plugin
@pytest.mark.parametrize("weighting", ["uniform", "uncertainty", "selector"])
@pytest.mark.parametrize("case", ["no teachings", "none known", "no token"])
def test_nothing_known_weighs_nothing(plugin: Any, weighting: str, case: str) -> None:
    chosen = objective(plugin, weighting=weighting)
    outputs, batch = scene()
    if case == "no teachings":
        batch = replace(batch, taught=None)
    elif case == "none known":
        batch = changed(batch, known=torch.zeros_like, tokens_known=torch.zeros_like)
    else:
        tokens = outputs.fused_tokens
        nothing = ResidueTokens(tokens.values, torch.zeros_like(tokens.mask))
        outputs = replace(outputs, fused_tokens=nothing)
    result = run(chosen, outputs, batch)
    assert result.loss == result.weight == 0
    assert not any(result.metrics.values())
    result.loss.backward()  # type: ignore[no-untyped-call]
    learned = [p.grad for p in (*chosen.parameters(), outputs.protein)]
    assert all(slope is not None and not slope.any() for slope in learned)


@each_plugin
@pytest.mark.parametrize("rubbish", [7.0, math.nan, math.inf])
def test_rubbish_in_what_is_not_known_changes_nothing(plugin: Any, rubbish: float) -> None:
    outputs, batch = scene(big=(0, 2), wee=(0,))
    chosen = objective(plugin, weighting="selector").eval()

    def spoilt(taught: Any) -> Any:
        return replace(
            taught,
            vectors=torch.where(taught.known[:, None], taught.vectors, rubbish),
            tokens=torch.where(taught.tokens_known[..., None], taught.tokens, rubbish),
        )

    assert batch.taught is not None
    other = Teachings({name: spoilt(taught) for name, taught in batch.taught.items()})
    found = []
    for each in (batch, replace(batch, taught=other)):
        chosen.zero_grad()
        outputs.protein.grad = None
        result = run(chosen, outputs, each)
        result.loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        slopes = [p.grad for p in chosen.parameters() if p.grad is not None]
        found.append([result.loss.detach(), *result.metrics.values(), *slopes])
    for one, same in zip(*found, strict=True):
        assert torch.equal(one, same)
        assert one.isfinite().all()


@headed_plugin
def test_the_loss_is_a_mean_over_proteins_in_any_company(plugin: Any) -> None:
    outputs, batch = scene(wee=(3,))
    chosen = objective(plugin)
    together = run(chosen, outputs, batch)
    losses = [run(chosen, *alone(outputs, batch, row)).loss for row in range(len(batch.ids))]
    torch.testing.assert_close(together.loss, torch.stack(losses).mean())


@each_plugin
def test_an_answer_that_knows_the_mean_alone_has_the_loss_of_the_baseline(plugin: Any) -> None:
    """Of heads by their bias; of similarities by a student to whom all are alike."""
    outputs, batch = scene()
    chosen = objective(plugin)
    with torch.no_grad():
        for number, head in enumerate(getattr(chosen, "heads", ())):
            if isinstance(head, nn.ModuleDict):
                nn.utils.vector_to_parameters(torch.zeros(10_000), head.parameters())
                continue
            head.weight.zero_()
            plain = plugin in (plugins.distill_kl, plugins.distill_go)
            mean = chosen.statistics[number].mean
            head.bias.copy_(mean if plain else torch.zeros_like(mean))
    alike = replace(outputs, protein=outputs.protein * 0)
    metrics = run(chosen, alike, batch)
    torch.testing.assert_close(metrics.loss.detach(), metrics.metrics["baseline_loss"])


@each_plugin
def test_a_constant_teacher_gives_finite_losses_and_slopes(plugin: Any) -> None:
    outputs, batch = scene()
    constant = changed(batch, vectors=torch.ones_like, tokens=torch.ones_like)
    zeros = changed(batch, vectors=torch.zeros_like, tokens=torch.zeros_like)
    for each in (constant, zeros):
        for alike in (outputs, replace(outputs, protein=torch.zeros(5, WIDTH).requires_grad_())):
            result = run(objective(plugin), alike, each)
            result.loss.backward(retain_graph=True)  # type: ignore[no-untyped-call]
            assert result.loss.isfinite()
            assert alike.protein.grad.isfinite().all()  # type: ignore[union-attr]


@each_plugin
@pytest.mark.parametrize("weighting", ["uniform", "selector"])
def test_all_is_float32_under_autocast(plugin: Any, weighting: str) -> None:
    outputs, batch = scene()
    chosen = objective(plugin, weighting=weighting).eval()
    full = run(chosen, outputs, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = run(chosen, outputs, batch)
    torch.testing.assert_close(half.loss, full.loss)
    assert all(metric.dtype == torch.float32 for metric in half.metrics.values())
    bits = replace(outputs, protein=outputs.protein.bfloat16())
    assert run(chosen, bits, batch).loss.dtype == torch.float32


@pytest.mark.parametrize("teacher", NAMES)
def test_what_is_known_of_a_teacher_is_not_part_of_the_state(teacher: str) -> None:
    for plugin in ALL:
        state = objective(plugin, teachers=[teacher]).state_dict()
        assert all(name.startswith("heads.") for name in state), plugin.name


def test_statistics_do_not_take_rounding_for_a_direction() -> None:
    mean = torch.tensor([100.0, -3.0, 0.1])
    statistics = ChannelStatistics(mean, torch.tensor([1.0, 1e-6, 0.0]))
    assert statistics.varies.tolist() == [True, False, False]
    nearly: Tensor = mean * (1 + 1e-7)
    assert float(statistics.direction(nearly).norm()) < 0.05
    assert float(statistics.direction(mean + 0.5).norm()) == pytest.approx(1)
    assert statistics.standardised(mean + 2).tolist() == pytest.approx([2.0, 0, 0])
