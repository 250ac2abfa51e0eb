"""The weighted sum of objectives, and building it from settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from multiprot.encoders import ObjectiveSection, Registry
from multiprot.encoders.contract import Objective
from multiprot.encoders.plugin import ObjectivePlugin
from multiprot.errors import ConfigError, PluginError
from multiprot.objectives import TotalObjective, build_objectives, plugins
from tests.fusion.fakes import make_batch, make_context, make_model

ALL: tuple[ObjectivePlugin[Any], ...] = (
    plugins.masked_residue,
    plugins.go_contrast,
    plugins.go_annotation,
    plugins.token_alignment,
)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def objectives() -> dict[str, Objective]:
    torch.manual_seed(0)
    context = make_context()
    return {each.name: each.build(each.config(), context) for each in ALL}


def test_loss_is_the_weighted_sum() -> None:
    built = objectives()
    weights = {name: 0.5 + number for number, name in enumerate(built)}
    total = TotalObjective(built, weights)
    batch = total.corrupt(make_batch(), rng())
    outputs = make_model()(batch)
    result = total(outputs, batch)
    expected = sum(weights[name] * each(outputs, batch).loss for name, each in built.items())
    torch.testing.assert_close(result.loss, expected)
    assert result.results.keys() == built.keys()


def test_some_objectives_are_a_part_of_all() -> None:
    built = objectives()
    total = TotalObjective(built, {name: 0.5 + number for number, name in enumerate(built)})
    batch = total.corrupt(make_batch(), rng())
    outputs = make_model()(batch)
    one, others = ("go-contrast",), [name for name in built if name != "go-contrast"]
    parts = [total.some(names, outputs, batch) for names in (one, others)]
    assert [list(part.results) for part in parts] == [list(one), others]
    together = parts[0].loss + parts[1].loss
    torch.testing.assert_close(together, total(outputs, batch).loss)


def test_metrics_are_named_after_their_objective_and_detached() -> None:
    total = TotalObjective(objectives(), dict.fromkeys(objectives(), 1.0))
    batch = total.corrupt(make_batch(), rng())
    metrics = total(make_model()(batch), batch).metrics
    assert {"loss", "masked-residue/accuracy", "go-contrast/weight", "go-annotation/loss"} <= set(
        metrics
    )
    assert not any(value.requires_grad for value in metrics.values())


@pytest.mark.parametrize("name", [each.name for each in ALL])
def test_a_weight_of_zero_leaves_no_gradient(name: str) -> None:
    built = objectives()
    total = TotalObjective(built, {n: 0.0 if n == name else 1.0 for n in built})
    model, batch = make_model(), total.corrupt(make_batch(), rng())
    total(model(batch), batch).loss.backward()
    assert not any(p.grad.any() for p in built[name].parameters() if p.grad is not None)


def test_every_parameter_gets_a_gradient_even_from_an_empty_batch() -> None:
    total = TotalObjective(objectives(), dict.fromkeys(objectives(), 1.0))
    model = make_model().train()
    batch = replace(make_batch(has_structure=(False,) * 4), structure=None, go=None)
    total(model(batch), batch).loss.backward()
    for name, parameter in (*model.named_parameters(), *total.named_parameters()):
        assert parameter.grad is not None, name


def test_corruption_is_reproducible() -> None:
    total = TotalObjective(objectives(), dict.fromkeys(objectives(), 1.0))
    first, second = (total.corrupt(make_batch(), rng(9)).masked_residues for _ in range(2))
    assert first is not None
    assert second is not None
    assert torch.equal(first, second)
    assert not torch.equal(first, total.corrupt(make_batch(), rng(10)).masked_residues)  # type: ignore[arg-type]


def test_weights_must_fit_the_objectives() -> None:
    built = objectives()
    with pytest.raises(ConfigError, match="one weight"):
        TotalObjective(built, {"masked-residue": 1.0})
    with pytest.raises(ConfigError, match="no positive weight"):
        TotalObjective(built, dict.fromkeys(built, 0.0))


def test_built_from_settings() -> None:
    sections = [
        ObjectiveSection(name="masked-residue", weight=2.0, options={"rate": 0.3}),
        ObjectiveSection(name="go-annotation"),
    ]
    total = build_objectives(sections, Registry.discover(), make_context())
    assert total.weights == {"masked-residue": 2.0, "go-annotation": 1.0}
    assert total.objectives["masked-residue"].config.rate == 0.3


@pytest.mark.parametrize(
    ("sections", "error", "told"),
    [
        ([], ConfigError, "empty"),
        ([{"name": "go-contrast"}, {"name": "go-contrast"}], ConfigError, "more than once"),
        ([{"name": "go-contrst"}], PluginError, "go-contrast"),
        (
            [{"name": "masked-residue", "options": {"rate": 2}}],
            ConfigError,
            r"objectives\.0\.options\.rate",
        ),
    ],
)
def test_bad_settings_are_named(
    sections: list[dict[str, object]], error: type[Exception], told: str
) -> None:
    chosen = [ObjectiveSection.model_validate(section) for section in sections]
    with pytest.raises(error, match=told):
        build_objectives(chosen, Registry.discover(), make_context())
