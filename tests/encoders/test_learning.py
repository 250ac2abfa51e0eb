"""What of a transformer learns, and what stays as in use."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from multiprot.encoders.learning import LearningOptions, LearningParts, arrange_learning
from multiprot.encoders.lora import LoraOptions
from multiprot.errors import PluginError


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.drop = nn.Linear(4, 4), nn.Dropout(0.5)

    def forward(self, values: Tensor) -> Tensor:
        return self.drop(self.query(values))  # type: ignore[no-any-return]


class Trunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(5, 4)
        self.layers = nn.ModuleList(Layer() for _ in range(3))
        self.norm = nn.LayerNorm(4)


def arranged(**options: Any) -> tuple[Trunk, Any]:
    torch.manual_seed(0)
    trunk = Trunk()
    parts = LearningParts(
        trunk=trunk,
        before=[trunk.embeddings],
        layers=list(trunk.layers),
        lora_targets=("query",),
    )
    return trunk, arrange_learning(LearningOptions(**options), parts, "guest")


def learning(trunk: nn.Module) -> set[str]:
    return {name for name, part in trunk.named_parameters() if part.requires_grad}


def test_none_is_frozen_by_default() -> None:
    trunk, arrangement = arranged()
    assert learning(trunk) == {name for name, _ in trunk.named_parameters()}
    assert not arrangement.frozen
    assert not arrangement.adapters


@pytest.mark.parametrize("last", [1, 2, 3])
def test_some_last_layers_learn_and_the_final_norm(last: int) -> None:
    trunk, arrangement = arranged(freeze=last)
    layers = {f"layers.{n}.query.{part}" for n in range(3 - last, 3) for part in ("weight", "bias")}
    assert learning(trunk) == layers | {"norm.weight", "norm.bias"}
    trunk.train()
    arrangement.train(True)
    assert [layer.training for layer in trunk.layers] == [n >= 3 - last for n in range(3)]


def test_all_is_frozen_and_stays_in_use_mode() -> None:
    trunk, arrangement = arranged(freeze="all")
    trunk.train()
    arrangement.train(True)
    assert learning(trunk) == set()
    assert not any(module.training for module in trunk.modules())


def test_adapters_learn_alone_and_change_nothing_yet() -> None:
    plain, _ = arranged()
    trunk, arrangement = arranged(lora=LoraOptions(rank=2, dropout=0.1))
    assert learning(trunk) == arrangement.adapters
    assert len(arrangement.adapters) == 6
    values = torch.randn(3, 4)
    assert torch.equal(trunk.layers[0].query(values), plain.layers[0].query(values))
    trunk.train()
    arrangement.train(True)
    awake = {name.split(".")[3] for name, part in trunk.named_modules() if part.training}
    assert awake >= {"lora_A", "lora_B", "lora_dropout"}
    assert not trunk.layers[0].drop.training


def test_mistakes_are_named() -> None:
    with pytest.raises(PluginError, match=r"freeze 4 would let 4 layers learn, .* only 3"):
        arranged(freeze=4)
    with pytest.raises(PluginError, match=r"'value', but no layer .* own choice is query"):
        arranged(lora=LoraOptions(rank=2, targets=("value",)))
    with pytest.raises(ValidationError, match="leave one of them out"):
        LearningOptions(freeze="all", lora=LoraOptions(rank=2))
