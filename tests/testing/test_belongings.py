"""What an object carries is found however deep it lies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from multiprot.testing.belongings import left_behind, parameters_inside

META = torch.device("meta")


@dataclass(frozen=True, slots=True)
class Pair:
    first: Any
    second: Any = None


HERE = torch.zeros(2, 3)
THERE = torch.zeros(2, 3, device=META)


@pytest.mark.parametrize(
    "thing",
    [Pair(HERE), Pair([THERE, HERE]), Pair({"a": (HERE,)}), Pair(Pair(HERE)), nn.Linear(3, 2)],
)
def test_a_tensor_left_behind_is_found(thing: Any) -> None:
    assert any("[2, 3]" in place for place in left_behind(thing))


def test_what_moved_is_not() -> None:
    assert left_behind(Pair([THERE, {"a": THERE}], 7)) == []
    assert left_behind(nn.Linear(3, 2).to(META)) == []


def test_unregistered_tensors_of_modules_are_found() -> None:
    module = nn.Sequential(nn.Linear(3, 2)).to(META)
    module[0].table = [HERE]
    assert left_behind(module) == ["Sequential._modules.0.table.0 [2, 3]"]


def test_parameters_are_found_in_closures_of_objects() -> None:
    assert parameters_inside(Pair([1], {"deep": nn.Linear(2, 2)})) == ["Linear"]
    assert parameters_inside(Pair([1], "two")) == []
