"""Scenarios under DistributedDataParallel over gloo; imported by the children."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

PROCESSES = 2


def outcome(step: Any, module: nn.Module, batch: Any) -> dict[str, Any]:
    """Loss, metrics and every gradient of one forward and backward pass."""
    step.zero_grad()
    loss = module(batch)
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in step.named_parameters()}
    return {
        "loss": loss.detach(),
        "metrics": step.metrics,
        "gradients": {k: None if g is None else g.clone() for k, g in gradients.items()},
    }


def run_scenarios(
    rank: int,
    folder: str,
    scenarios: Mapping[str, Any],
    make_step: Callable[[], Any],
    own_batch: Callable[[Any, int], Any],
    bucket_cap_mb: float | None = None,
) -> None:
    """Child: outcomes of every scenario, by its name, into `folder`.

    With a small `bucket_cap_mb` gradients are averaged in many exchanges, as those of a large model
    are, and these come between the exchanges of the losses.
    """
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=PROCESSES
    )
    try:
        results = {}
        for name, scenario in scenarios.items():
            step = make_step()
            # No find_unused_parameters: an unused one would stop the next step.
            parallel = DistributedDataParallel(step, bucket_cap_mb=bucket_cap_mb)
            outcome(step, parallel, own_batch(scenario, rank))
            results[name] = outcome(step, parallel, own_batch(scenario, rank))
        torch.save(results, Path(folder) / f"rank{rank}.pt")
    finally:
        dist.destroy_process_group()
