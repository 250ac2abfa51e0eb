"""Sizes of the models, and everything as a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from benchmarks.massa_plain.model import PlainMassa
from benchmarks.massa_plain.step import count_parameters
from benchmarks.massa_training.ours import OurStep


def parameters(ours: OurStep, plain: PlainMassa) -> dict[str, dict[str, int]]:
    """Parameters that are trained by block, heads with "protein_go", and "total", of both."""
    mine = {name: sum(map(trained, modules)) for name, modules in ours.blocks().items()}
    return {"plain": count_parameters(plain), "ours": {**mine, "total": trained(ours)}}


def trained(module: nn.Module) -> int:
    """Parameters of a module that an optimizer moves."""
    return sum(each.numel() for each in module.parameters() if each.requires_grad)


def learning(module: nn.Module, gradients: Callable[[], object]) -> dict[str, Any]:
    """How many parameters a step gives a gradient, and the others' names.

    Parameters
    ----------
    module
        Model, and objectives.
    gradients
        Leaves the gradients of a step on them; they are removed again.
    """
    gradients()
    silent = [
        (name, each.numel())
        for name, each in module.named_parameters()
        if each.requires_grad and (each.grad is None or not bool(each.grad.any()))
    ]
    module.zero_grad()
    total = trained(module)
    without = sum(count for _, count in silent)
    return {
        "with_gradient": total - without,
        "share": round((total - without) / total, 4),
        "without": sorted({".".join(name.split(".")[:3]) for name, _ in silent}),
    }


def print_figures(figures: dict[str, Any]) -> None:
    """Sizes, times, operators."""
    sizes, learn = figures["parameters"], figures["learning"]
    print(f"{'million parameters':20} {'plain':>8} {'ours':>8}")
    for block in sizes["ours"]:
        millions = (sizes[side].get(block, 0) / 1e6 for side in ("plain", "ours"))
        print(f"{block:20} " + " ".join(f"{each:>8.2f}" for each in millions))
    told = (learn[side]["with_gradient"] / 1e6 for side in ("plain", "ours"))
    print(f"{'with a gradient':20} " + " ".join(f"{each:>8.2f}" for each in told))
    for side in ("plain", "ours"):
        print(f"without, {side}: {', '.join(learn[side]['without']) or 'none'}")
    print(f"\n{'':34} {'s/protein':>10} {'CPU s':>8} {'x as fast':>10} {'by CPU':>7}")
    for name, each in figures["variants"].items():
        clock, processor = each["seconds_per_protein"], each["cpu_seconds_per_protein"]
        fast, by_processor = each["times_as_fast"], each["times_as_fast_by_cpu_time"]
        print(f"{name:34} {clock:>10.3f} {processor:>8.3f} {fast:>10.2f} {by_processor:>7.2f}")
    for name, operators in figures.get("operators", {}).items():
        print(f"\n{name}")
        for operator, share in operators.items():
            print(f"  {operator:48} {share:>6.1%}")
